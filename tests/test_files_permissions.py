"""Who owns and may read what is written: files that are replaced, new ones, and temporary ones meanwhile."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import encoded, photo
from processes import NONE, Capture, run

import saliency_jpeg
from saliency_jpeg import io
from saliency_jpeg.io import FileChangedError, files, version, write

ACL = "system.posix_acl_access"
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may set owners")


def access_list(*entries: tuple[int, int, int]) -> bytes:
    """A POSIX access control list: tag, permissions, id."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


#: The owner may read and write, user 4321 may read, the group nothing, with a mask that allows to read.
LIST = access_list((1, 6, 0xFFFFFFFF), (2, 4, 4321), (4, 0, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.fixture
def jpeg(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(photo(), quality=98))
    return path


@as_root
@pytest.mark.parametrize("how", ["in place", "library"])
def test_owner_and_group_stay(how: str, jpeg: Path) -> None:
    jpeg.chmod(0o640)
    os.chown(jpeg, 1234, 4321)
    if how == "library":
        saliency_jpeg.Encoder(quality=60, saliency=None).compress(jpeg).save(jpeg)
    else:
        assert run("compress", jpeg, "--in-place", "--quality", 60, *NONE) == 0
    status = jpeg.stat()
    assert (status.st_uid, status.st_gid, mode(jpeg)) == (1234, 4321, 0o640)


@as_root
@pytest.mark.parametrize(("before", "after"), [(0o664, 0o644), (0o640, 0o600), (0o660, 0o600), (0o604, 0o604)])
def test_a_group_that_cannot_be_kept_gives_its_permissions_up(
    before: int, after: int, jpeg: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    os.chown(jpeg, -1, 4321)
    jpeg.chmod(before)
    monkeypatch.setattr(os, "chown", refuse)
    write(str(jpeg), b"new")
    assert mode(jpeg) == after


def test_attributes_and_access_lists_stay(jpeg: Path) -> None:
    try:
        os.setxattr(jpeg, "user.rating", b"5")
        os.setxattr(jpeg, ACL, LIST)
    except OSError as error:
        pytest.skip(f"no attributes here: {error}")
    assert run("compress", jpeg, "--in-place", "--quality", 60, *NONE) == 0
    assert os.getxattr(jpeg, "user.rating") == b"5"
    assert os.getxattr(jpeg, ACL) == LIST


def test_a_list_of_the_folder_is_not_added(jpeg: Path, tmp_path: Path) -> None:
    everyone = access_list(
        (1, 6, 0xFFFFFFFF), (2, 6, 4321), (4, 4, 0xFFFFFFFF), (16, 6, 0xFFFFFFFF), (32, 4, 0xFFFFFFFF)
    )
    try:
        os.setxattr(tmp_path, "system.posix_acl_default", everyone)
    except OSError as error:
        pytest.skip(f"no lists here: {error}")
    jpeg.chmod(0o640)
    write(str(jpeg), b"new")
    assert ACL not in os.listxattr(jpeg)
    assert mode(jpeg) == 0o640


@pytest.mark.parametrize("is_new", [True, False])
def test_permissions_go_to_no_file_that_takes_the_name(is_new: bool, jpeg: Path, monkeypatch: Any) -> None:
    """In a folder of strangers a temporary file may be renamed, and a link to another's file put in its place."""
    secret, output = jpeg.with_name("secret"), jpeg.with_name("new.jpg") if is_new else jpeg
    secret.write_bytes(b"secret")
    secret.chmod(0o600)
    jpeg.chmod(0o666)
    real = files._set_permissions

    def swapped(*arguments: Any) -> None:
        (temporary,) = jpeg.parent.glob("*.tmp")
        temporary.rename(jpeg.with_name("taken"))
        temporary.symlink_to(secret)
        real(*arguments)

    monkeypatch.setattr(files, "_set_permissions", swapped)
    write(str(output), b"new")
    assert mode(secret) == 0o600
    assert mode(jpeg.with_name("taken")) == (0o644 if is_new else 0o666)


@pytest.mark.parametrize("target", [None, 0o644, 0o666])
def test_a_temporary_file_is_private(
    target: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: Callable[[int], int]
) -> None:
    umask(0)
    path = tmp_path / "x.jpg"
    if target is not None:
        path.write_bytes(b"old")
        path.chmod(target)
    seen: list[int] = []
    real = os.open

    def watched(name: str | Path, flags: int, *rest: int) -> int:
        file = real(name, flags, *rest)
        if str(name).endswith(".tmp"):
            seen.append(stat.S_IMODE(os.fstat(file).st_mode))
        return file

    monkeypatch.setattr(os, "open", watched)
    write(str(path), b"new")
    assert seen == [0o600]
    assert mode(path) == (target or 0o666)


@pytest.mark.parametrize(
    ("mask", "source", "output"),
    [(0o022, 0o600, 0o600), (0o022, 0o640, 0o640), (0o022, 0o444, 0o644), (0o022, 0o755, 0o644), (0o077, 0o644, 0o600)],
)
@pytest.mark.parametrize("command", ["compress", "batch", "map", "bits", "page"])
def test_an_output_is_as_private_as_its_source(
    command: str, mask: int, source: int, output: int, jpeg: Path, tmp_path: Path, umask: Callable[[int], int]
) -> None:
    gray = tmp_path / "map.png"
    gray.write_bytes(encoded(photo()[..., 0], "PNG"))
    jpeg.chmod(source)
    umask(mask)
    out = tmp_path / "out"
    words: dict[str, tuple[object, ...]] = {
        "compress": ("compress", jpeg, "-o", out / "a.jpg", *NONE),
        "batch": ("compress", jpeg, "-o", f"{out}/", *NONE),
        "map": ("map", jpeg, "-o", out / "a.png", "--saliency", gray),
        "bits": ("info", jpeg, "--bits", out / "a.png"),
        "page": ("compare", gray, jpeg, "-o", out / "a.html", "--no-butteraugli", *NONE),
    }
    out.mkdir()
    assert run(*words[command]) == 0
    (written,) = out.glob("a.*")
    assert mode(written) == output


def test_a_read_only_file_is_refused(jpeg: Path, capsys: Capture) -> None:
    before = jpeg.read_bytes()
    jpeg.chmod(0o444)
    assert run("compress", jpeg, "--in-place", "--quality", 60, *NONE) == 1
    assert "read-only" in capsys.readouterr().err
    with pytest.raises(PermissionError):
        saliency_jpeg.Encoder(quality=60, saliency=None).compress(jpeg).save(jpeg)
    assert run("compress", jpeg, "-o", jpeg.with_name("b.jpg"), *NONE) == 0
    jpeg.with_name("b.jpg").chmod(0o400)
    assert run("compress", jpeg, "-o", jpeg.with_name("b.jpg"), "--quality", 20, *NONE) == 1
    assert jpeg.read_bytes() == before
    assert not list(jpeg.parent.glob("*.tmp"))


def test_states_of_a_file(jpeg: Path) -> None:
    first = version(str(jpeg))
    assert first is not None
    os.link(jpeg, jpeg.with_name("second name.jpg"))
    assert first.is_same(version(str(jpeg)))  # another name is no change
    status, data = jpeg.stat(), jpeg.read_bytes()
    jpeg.write_bytes(data[::-1])
    os.utime(jpeg, ns=(status.st_atime_ns, status.st_mtime_ns))
    jpeg.with_name("second name.jpg").unlink()
    assert not first.is_same(version(str(jpeg)))  # the old time was set again
    with pytest.raises(FileChangedError):
        write(str(jpeg), b"new", unless_changed=first)
    jpeg.unlink()
    with pytest.raises(FileChangedError):
        write(str(jpeg), b"new", unless_changed=first)
    assert not jpeg.exists()
    assert io.version(str(jpeg)) is None
