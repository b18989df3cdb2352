"""Faults while files are written: processes that are killed, edits meanwhile, damaged journals, names that command."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import encoded, photo
from processes import NONE, Capture, python, run, usage_error

from saliency_jpeg import compress, io
from saliency_jpeg.batch.resume import JOURNAL_NAME, options_digest
from saliency_jpeg.encoder import Encoder

TEMPORARY = re.compile(r"\.saliency-jpeg-.*\.tmp")

#: The command line, which stops while the first temporary file is written, until a file "go" is there.
HELD = """
import os, sys, time
from saliency_jpeg import cli
real = os.fsync
def held(file):
    open("held", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    real(file)
os.fsync = held
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, name in enumerate(("a.jpg", "b.jpg")):
        (folder / name).write_bytes(encoded(photo(64, 80, top=20 * i), quality=97))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def temporaries(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if TEMPORARY.fullmatch(path.name)]


def wait_for(path: Path) -> None:
    for _ in range(3000):
        if path.exists():
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} did not appear")


def held(folder: Path, *words: object, before: str = "") -> subprocess.Popen[bytes]:
    """The command line as a process that is in the middle of a write."""
    arguments = [sys.executable, "-c", before + HELD, *map(str, words)]
    process = subprocess.Popen(arguments, cwd=folder, stdout=subprocess.DEVNULL)
    wait_for(folder / "held")
    return process


# Processes that end -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("way", ["in place", "folder", "map", "bench"])
def test_a_signal_leaves_no_temporary_file(number: signal.Signals, way: str, photos: Path, tmp_path: Path) -> None:
    before = contents(photos)
    words: dict[str, tuple[object, ...]] = {
        "in place": ("compress", photos, "--in-place", "--quality", 50, *NONE),
        "folder": ("compress", photos, "-o", photos / "out", *NONE),
        "map": ("map", photos / "a.jpg", "-o", photos / "a.png", "--saliency", photos.parent / "map.png"),
        "bench": ("bench", "--from-json", tmp_path / "none.json", "--json", photos / "a.json"),
    }
    (tmp_path / "none.json").write_text("[]")
    (tmp_path / "map.png").write_bytes(encoded(photo(64, 80)[..., 0], "PNG"))
    not_ignored = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)"  # where the tests run under nohup
    process = held(tmp_path, *words[way], before=not_ignored)
    found = [path for path in photos.rglob("*.tmp") if TEMPORARY.fullmatch(path.name)]
    process.send_signal(number)
    assert process.wait(20) == -number
    assert len(found) == 1
    assert not list(photos.rglob("*.tmp"))
    assert {name: data for name, data in contents(photos).items() if name in before} == before if way != "folder" else 1


def test_an_ignored_signal_stays_ignored(photos: Path, tmp_path: Path) -> None:
    ignore = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"  # as nohup does
    process = held(tmp_path, "compress", photos, "--in-place", "--quality", 50, *NONE, before=ignore)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.1)
    (tmp_path / "go").touch()
    assert process.wait(20) == 0


def test_a_rerun_sweeps_what_a_killed_run_left_and_nothing_else(photos: Path, tmp_path: Path) -> None:
    process = held(tmp_path, "compress", photos, "--in-place", "--quality", 50, *NONE)
    (live,) = temporaries(photos)
    words = ("compress", photos / "b.jpg", "-o", photos / "c.jpg", *NONE)
    assert run(*words) == 0  # a second run, while the first one writes
    assert temporaries(photos) == [live]
    process.kill()
    process.wait(20)
    assert temporaries(photos) == [live]
    others = {".saliency-jpeg-notes.tmp": 0, f".saliency-jpeg-{'0' * 8}-{'1' * 16}.tmp": 0}
    for name in others:
        (photos / name).write_bytes(b"of another machine, or of the user")
    assert run(*words) == 0
    assert sorted(temporaries(photos)) == sorted(others)


SAVE = """
import os, signal, sys
import numpy as np
from saliency_jpeg import Encoder
if sys.argv[2] == "killed":
    os.fsync = lambda file: os.kill(os.getpid(), signal.SIGTERM)
Encoder(saliency=None).compress(np.zeros((8, 8), np.uint8)).save(sys.argv[1])
"""


def test_a_later_save_sweeps_what_a_killed_process_left(tmp_path: Path) -> None:
    """The library sets no handlers of signals, which are the application's."""

    def save(name: str, how: str) -> int:
        return subprocess.run([sys.executable, "-c", SAVE, str(tmp_path / name), how], check=False).returncode

    assert save("a.jpg", "killed") == -signal.SIGTERM
    assert len(temporaries(tmp_path)) == 1
    assert save("b.jpg", "whole") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["b.jpg"]


def test_errors_name_what_was_named(photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    assert (
        run("compare", photos / "a.jpg", photos / "a.jpg", "-o", photos / "none" / "x.html", "--no-butteraugli", *NONE)
        == 1
    )
    assert f"{photos / 'none'}: No such file or directory" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError, match=re.escape(f"'{photos / 'none'}'")):
        Encoder(saliency=None).compress(photos / "a.jpg").save(photos / "none" / "x.jpg")

    def refuse(source: str, target: str) -> None:
        raise PermissionError(1, "Operation not permitted", str(source), None, str(target))

    monkeypatch.setattr(os, "replace", refuse)  # as in a sticky folder
    assert run("decode", photos / "a.jpg", "-o", photos / "x.png", "--enhance", "none") == 1
    assert f"{photos / 'x.png'}: Operation not permitted" in capsys.readouterr().err
    assert not temporaries(photos)


@pytest.mark.parametrize("call", ["fsync", "chmod"])
@pytest.mark.parametrize("door", ["map", "save"])
def test_errors_of_an_open_file_name_it(
    call: str, door: str, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """The system knows the number of the open file, if that."""

    def fail(file: int | str, *rest: object) -> None:
        raise OSError(5, "Input/output error", *([file] if call == "chmod" else []))

    monkeypatch.setattr(os, call, fail)
    monkeypatch.setattr(os, "supports_fd", {*os.supports_fd, os.chmod})
    if door == "map":
        (photos / "m.png").write_bytes(encoded(photo(64, 80)[..., 0], "PNG"))
        assert run("map", photos / "a.jpg", "-o", photos / "x.png", "--saliency", photos / "m.png") == 1
        assert capsys.readouterr().err == f"saliency-jpeg: {photos / 'x.png'}: Input/output error\n"
    else:
        with pytest.raises(OSError, match=re.escape(f"'{photos / 'x.jpg'}'")):
            Encoder(saliency=None).compress(photos / "a.jpg").save(photos / "x.jpg")
    assert not temporaries(photos)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no such file")
def test_errors_of_a_read_name_the_file() -> None:
    """A file that is opened, and whose first bytes cannot be read."""
    with pytest.raises(OSError, match="'/proc/self/mem'"):
        compress("/proc/self/mem", saliency=None)
    with pytest.raises(OSError, match="'/proc/self/mem'"):
        io.read("/proc/self/mem")


INTERRUPTED = """
import os, sys
from pathlib import Path
from saliency_jpeg import io
def interrupt(*words, **options):
    Path.unlink = unlink
    raise KeyboardInterrupt
def fail(file):
    raise OSError(5, "no disk")
unlink, Path.unlink, os.fsync = Path.unlink, interrupt, fail
io.write(sys.argv[1], b"new")
"""


def test_an_interrupt_while_a_write_cleans_up(tmp_path: Path) -> None:
    words = [sys.executable, "-c", INTERRUPTED, str(tmp_path / "a.jpg")]
    done = subprocess.run(words, capture_output=True, check=False)
    assert b"KeyboardInterrupt" in done.stderr
    assert not list(tmp_path.iterdir())


def test_files_of_other_machines_and_of_earlier_versions_are_swept_when_they_are_old(tmp_path: Path) -> None:
    old = [tmp_path / f".saliency-jpeg-{'0' * 8}-{'1' * 16}.tmp", tmp_path / f".saliency-jpeg-{'2' * 16}.tmp"]
    for path in old:
        path.touch()
    link = tmp_path / f".saliency-jpeg-{'3' * 16}.tmp"
    link.symlink_to("elsewhere")
    io.sweep(tmp_path)
    assert all(path.exists() for path in old)
    for path in old:
        os.utime(path, (time.time() - 4000,) * 2)
    io.sweep(tmp_path)
    assert not any(path.exists() for path in old)
    assert link.is_symlink()
    io.sweep(tmp_path / "no such folder")


def test_a_run_that_was_held_up_ends_well(photos: Path, tmp_path: Path) -> None:
    process = held(tmp_path, "compress", photos, "--in-place", "--quality", 50, *NONE)
    io.sweep(photos)
    (tmp_path / "go").touch()
    assert process.wait(20) == 0
    assert not temporaries(photos)


# What is on the disk, and when --------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["in place", "file", "save"])
def test_file_before_the_rename_and_folder_after(way: str, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(file: int) -> None:
        path = str(Path(f"/proc/self/fd/{file}").readlink())
        events.append("folder" if path == str(photos) else "file" if path.endswith(".tmp") else path)
        fsync(file)

    def renamed(path: Path, target: Any) -> Path:
        events.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    if way == "save":
        Encoder(saliency=None).compress(photos / "a.jpg").save(photos / "c.jpg")
    else:
        end = ("--in-place",) if way == "in place" else ("-o", photos / "c.jpg")
        assert run("compress", photos / "a.jpg", *end, "--quality", 50, *NONE) == 0
    assert events == ["file", "rename", "folder"]


def test_a_disk_that_fails_keeps_the_old_file(photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def broken(file: int) -> None:
        raise OSError(5, "Input/output error")

    before = contents(photos)
    monkeypatch.setattr(os, "fsync", broken)
    assert run("compress", photos, "--in-place", "--quality", 50, *NONE) == 1
    assert contents(photos) == before
    assert "Input/output error" in capsys.readouterr().err


def test_a_file_system_without_fsync_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(file: int) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", unknown)
    io.write(str(tmp_path / "x"), b"new")
    assert contents(tmp_path) == {"x": b"new"}


# Edits meanwhile ----------------------------------------------------------------------------------------------------


def while_encoding(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Acts once, after the first picture was read and before it is written."""
    real = Encoder.compress

    def compress_and_act(self: Encoder, image: Any) -> Any:
        result = real(self, image)
        nonlocal act
        act, once = (lambda: None), act
        once()
        return result

    monkeypatch.setattr(Encoder, "compress", compress_and_act)


@pytest.mark.parametrize("edit", ["other size", "same size and time", "replaced", "deleted"])
def test_a_file_that_is_edited_meanwhile_is_left_alone(
    edit: str, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    path, other = photos / "a.jpg", encoded(photo(64, 80, top=60), quality=97)
    size, times = path.stat().st_size, path.stat()

    def act() -> None:
        if edit == "deleted":
            path.unlink()
        elif edit == "replaced":
            (photos / "new").write_bytes(other)
            (photos / "new").replace(path)
        else:
            path.write_bytes(other if edit == "other size" else bytes(size))
            if edit == "same size and time":
                os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    while_encoding(monkeypatch, act)
    assert run("compress", photos, "--in-place", "--quality", 50, "--jobs", 1, *NONE) == 1
    said = capsys.readouterr()
    assert f"cannot write {path}: it was changed meanwhile" in said.err
    assert said.out.splitlines()[-1].startswith("1 failed, 1 written")
    if edit == "deleted":
        assert not path.exists()
    else:
        assert path.read_bytes() == (bytes(size) if edit == "same size and time" else other)
    assert not temporaries(photos)
    if edit in ("other size", "replaced"):  # the rerun takes the edit
        assert run("compress", photos, "--in-place", "--quality", 50, *NONE) == 0
        assert capsys.readouterr().out.splitlines()[-1].startswith("1 skipped, 1 written")


def test_a_file_that_is_no_picture_any_more_does_not_stop_the_others(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """One that did not get smaller is looked at again, since it may be larger than what is asked for."""
    path = photos / "a.jpg"
    path.write_bytes(compress(path, quality=5, saliency=None))
    while_encoding(monkeypatch, lambda: path.write_bytes(b"no picture"))
    words = ("compress", photos, "--in-place", "--quality", 90, "--max-width", 9999, "--jobs", 1, *NONE)
    assert run(*words) == 1
    said = capsys.readouterr()
    assert f"cannot write {path}: it was changed meanwhile" in said.err
    assert said.out.splitlines()[-1].startswith("1 failed, 1 written")
    assert path.read_bytes() == b"no picture"


def test_a_kept_file_that_is_edited_meanwhile_is_not_noted_as_done(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    path = photos / "a.jpg"
    path.write_bytes(compress(path, quality=5, saliency=None))
    while_encoding(monkeypatch, lambda: path.write_bytes(encoded(photo(64, 80), quality=99)))
    assert run("compress", path, "--in-place", "--quality", 90, *NONE) == 0
    assert run("compress", path, "--in-place", "--quality", 90, *NONE) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 written")


def test_two_names_of_one_file(photos: Path) -> None:
    os.link(photos / "a.jpg", photos / "c.jpg")
    assert run("compress", photos, "--in-place", "--quality", 50, *NONE) == 0


# Journals -----------------------------------------------------------------------------------------------------------


LINES = {
    "deep list": b"[" * 100_000,
    "deep object": b'{"output":' * 50_000,
    "deep but whole": b"[" * 900 + b"]" * 900,
    "deep value": b'{"output": "c.jpg", "result": ' + b"[" * 900 + b"]" * 900 + b"}",
    "huge": b'{"output": "' + b"x" * 5_000_000 + b'"}',
    "huge number": b'{"output": ' + b"9" * 10_000 + b"}",
    "zero bytes": b"\0" * 100_000,
    "no UTF-8": b"\xff\xfe\xfd{",
    "UTF-16": '{"output": "c.jpg"}'.encode("utf-16"),
    "surrogate": b'{"output": "\\ud800"}',
    "number": b"17",
    "null": b"null",
    "other types": b'{"output": ["c.jpg"], "source": {}, "result": "x", "options": 3}',
    "output is null": b'{"output": null}',
    "entry without values": b'{"output": "c.jpg"}',
    "cut off": b'{"output": "a.j',
    "nothing": b"",
    "NaN": b'{"output": NaN, "result": [NaN, Infinity]}',
}


@pytest.mark.parametrize("name", LINES)
def test_a_journal_line_of_any_shape(name: str, photos: Path, tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / "out"
    words = ("compress", photos, "-o", output, *NONE)
    assert run(*words) == 0
    journal = output / JOURNAL_NAME
    whole = journal.read_bytes()
    journal.write_bytes(LINES[name] + b"\n" + whole + LINES[name])
    (output / "b.jpg").unlink()
    capsys.readouterr()
    assert run(*words) == 0
    assert "1 written" in capsys.readouterr().out.splitlines()[-1]
    assert run(*words) == 0  # what was added behind the last line counts
    assert "b.jpg" not in capsys.readouterr().out


def test_an_entry_without_a_result_is_not_done(photos: Path, tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / "out"
    output.mkdir()
    digest = options_digest(Encoder(saliency=None).options)
    status = (photos / "a.jpg").stat()
    entry = {"output": "a.jpg", "options": digest, "source": [status.st_size, status.st_mtime_ns], "result": None}
    (output / JOURNAL_NAME).write_text(json.dumps(entry))
    assert run("compress", photos / "a.jpg", "-o", f"{output}/", *NONE) == 0
    assert (output / "a.jpg").is_file()


@pytest.mark.parametrize("kind", ["pipe", "folder", "link"])
def test_a_journal_that_is_no_file(kind: str, photos: Path, tmp_path: Path, capsys: Capture) -> None:
    journal, victim = photos / JOURNAL_NAME, tmp_path / "victim"
    victim.write_text("of the user\n")
    if kind == "pipe":
        os.mkfifo(journal)
    elif kind == "folder":
        journal.mkdir()
    else:
        journal.symlink_to(victim)
    assert run("compress", photos, "--in-place", "--quality", 50, *NONE) == 0
    assert "cannot write the journal" in capsys.readouterr().err
    assert victim.read_text() == "of the user\n"


FULL_DISK = """
import resource, sys
from pathlib import Path
from saliency_jpeg.batch.plan import Job
from saliency_jpeg.batch.resume import Journal
from saliency_jpeg.io import version
path, *pictures = sys.argv[1:]
journal = Journal("digest", path=Path(path))
for picture, most in zip(pictures, (-1, 150, -1)):
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, -1))
    try:
        journal.add(Job(picture, picture), version(picture), version(picture))
    except OSError as error:
        print(error.strerror)
"""


def test_a_line_that_a_full_disk_cut_off_does_not_take_the_next_one_with_it(photos: Path) -> None:
    journal, a, b = photos / "journal", photos / "a.jpg", photos / "b.jpg"
    assert python("-c", FULL_DISK, journal, a, a, b) == "File too large\n"
    lines = journal.read_text().splitlines()
    assert [json.loads(line)["output"] for line in (lines[0], lines[-1])] == ["a.jpg", "b.jpg"]
    assert len(lines) == 3
    assert not lines[1].endswith("}")


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_links_that_lead_in_a_circle(photos: Path, tmp_path: Path, capsys: Capture) -> None:
    circle = photos / "circle.jpg"
    circle.symlink_to("circle.jpg")
    with pytest.raises(OSError, match="lead in a circle"):
        io.write(str(circle), b"new")
    assert run("compress", photos / "a.jpg", "-o", circle, *NONE) == 1
    assert "symbolic links lead in a circle" in capsys.readouterr().err
    assert run("compress", photos, "-o", tmp_path / "out", *NONE) == 1
    assert sorted(path.name for path in (tmp_path / "out").glob("*.jpg")) == ["a.jpg", "b.jpg"]
    assert run("compress", f"{photos}/*", "-o", tmp_path / "more", *NONE) == 1
    assert circle.is_symlink()


@pytest.mark.parametrize("kind", ["a photograph", "text"])
def test_a_file_that_is_no_journal_is_not_written_to(kind: str, photos: Path, tmp_path: Path, capsys: Capture) -> None:
    named = photos / "a.jpg" if kind == "a photograph" else tmp_path / "notes.txt"
    if kind == "text":
        named.write_text("of the user\n")
    before = named.read_bytes()
    assert run("compress", photos, "-o", tmp_path / "out", "--journal", named, *NONE) == 0
    assert f"{named}: it is no journal and is left as it is" in capsys.readouterr().err
    assert named.read_bytes() == before


@pytest.mark.parametrize("words", [("", "--in-place"), ("", "-o", "out.jpg"), ("a.jpg", "-o", "")])
def test_an_empty_name_is_no_folder(words: tuple[str, ...], photos: Path, monkeypatch: Any, capsys: Capture) -> None:
    """As of a variable of the shell that is not set."""
    monkeypatch.chdir(photos)
    before = {path: path.read_bytes() for path in photos.iterdir()}
    assert "is empty" in usage_error(capsys, "compress", *words, *NONE)
    assert {path: path.read_bytes() for path in photos.iterdir()} == before


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device")
def test_a_device_without_an_end_is_no_picture(tmp_path: Path, capsys: Capture) -> None:
    with pytest.raises(OSError, match="it is a device and no file"):
        compress("/dev/zero", saliency=None)
    assert run("compress", "/dev/zero", "-o", tmp_path / "out.jpg", *NONE) == 1
    assert run("info", "/dev/zero") == 1
    assert run("duel", "score", "/dev/zero", "/dev/zero") == 1
    assert run("bench", "--from-json", "/dev/zero") == 1
    assert capsys.readouterr().err.count("it is a device and no file") == 4


@pytest.mark.parametrize("way", ["in place", "folder", "one file"])
def test_a_journal_elsewhere(way: str, photos: Path, tmp_path: Path, capsys: Capture) -> None:
    journal, output = tmp_path / "notes.jsonl", tmp_path / "out"
    target: dict[str, tuple[object, ...]] = {
        "in place": (photos, "--in-place"),
        "folder": (photos, "-o", output),
        "one file": (photos / "a.jpg", "-o", tmp_path / "one.jpg"),
    }
    words = ("compress", *target[way], "--quality", 50, "--journal", journal, *NONE)
    assert run(*words) == 0
    count = 1 if way == "one file" else 2
    assert len(journal.read_text().splitlines()) == count
    assert not list(tmp_path.rglob(JOURNAL_NAME))
    capsys.readouterr()
    assert run(*words, "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["summary"]["skipped"] == count


def test_no_journal(photos: Path, tmp_path: Path, capsys: Capture) -> None:
    words = ("compress", photos, "-o", tmp_path / "out", "--journal", "none", *NONE)
    for _ in range(2):
        assert run(*words) == 0
        assert "2 written" in capsys.readouterr().out
    assert sorted(contents(tmp_path / "out")) == ["a.jpg", "b.jpg"]


def test_a_journal_that_cannot_be(photos: Path, tmp_path: Path, capsys: Capture) -> None:
    words = ("compress", photos, "-o", tmp_path / "out", *NONE, "--journal")
    assert usage_error(capsys, *words, photos).endswith(f"got {str(photos)!r}")
    assert "--journal must be none or a file" in usage_error(capsys, *words, tmp_path / "no" / "j")
    assert not (tmp_path / "out").exists()


def test_a_log_of_any_shape(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    from saliency_jpeg.batch.cluster_log import ClusterLog

    digest = "0123456789abcdef" * 2
    for i, values in enumerate(([digest, None, "xyz", digest[:-2], "zz" * 16], [1, 2], [[digest]], [b"\0"])):
        parquet.write_table(pyarrow.table({"done": values}), tmp_path / f"{i}.parquet")
    (tmp_path / "a.parquet").write_bytes(b"\0" * 100)
    (tmp_path / "b.parquet").mkdir()
    os.mkfifo(tmp_path / "c.parquet")
    assert len(ClusterLog(io.LocalFolder(tmp_path), None).done()) == 1


# Names on the terminal ----------------------------------------------------------------------------------------------


EVIL = "a\x1b[31m\nsaliency-jpeg: 9 failed\r\x07\x9b2J\u202egpj.x"
SHOWN = r"a\x1b[31m\nsaliency-jpeg: 9 failed\r\x07\x9b2J\u202egpj.x"
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    path = folder / f"{EVIL}.jpg"
    path.write_bytes(encoded(photo(64, 80), quality=97))
    return path


def said(capsys: Capture) -> str:
    shown = capsys.readouterr()
    return shown.out + shown.err


def check(text: str, lines: int) -> None:
    assert not CONTROLS.search(text)
    assert not [line for line in text.splitlines() if line.startswith("saliency-jpeg: 9 failed")]
    assert SHOWN in text
    assert len(text.splitlines()) == lines


def test_reports_show_names_as_text(evil: Path, tmp_path: Path, capsys: Capture) -> None:
    assert run("compress", evil.parent, "-o", tmp_path / "out", *NONE) == 0
    check(said(capsys), 2)
    assert run("compress", evil, "--in-place", "--quality", 50, *NONE) == 0
    check(said(capsys), 2)
    evil.write_bytes(b"\xff\xd8\xff\xe0 no picture")
    assert run("compress", evil.parent, "-o", tmp_path / "out", *NONE) == 1
    check(said(capsys), 4)
    assert run("compress", evil, "-o", evil.parent / "x.jpg", *NONE) == 1
    check(said(capsys), 1)


def test_json_escapes_as_json_does(evil: Path, tmp_path: Path, capsys: Capture) -> None:
    assert run("compress", evil.parent, "-o", tmp_path / "out", "--json", *NONE) == 0
    row, _ = map(json.loads, capsys.readouterr().out.splitlines())
    assert row["source"] == str(evil)
    evil.write_bytes(b"no picture")
    assert run("compress", evil.parent, "-o", tmp_path / "out", "--json", *NONE) == 1
    shown = capsys.readouterr()
    row, _ = map(json.loads, shown.out.splitlines())
    assert row["error"].startswith(str(evil))
    check(shown.err, 3)


def test_other_commands_show_names_as_text(evil: Path, capsys: Capture) -> None:
    assert run("info", evil) == 0
    text = said(capsys)
    check(text, len(text.split("\n")) - 1)
    assert run("compare", evil, evil, "--no-butteraugli", *NONE) == 0
    text = said(capsys)
    check(text, len(text.split("\n")) - 1)
    evil.write_bytes(b"no picture")
    assert run("info", evil) == 1
    check(said(capsys), 1)
    for words in (("compare", evil, evil, *NONE), ("map", evil, "-o", evil.parent / "x.png", "--saliency", evil)):
        assert run(*words) == 1
        text = said(capsys)
        assert not CONTROLS.search(text)
        assert text.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ("compress", "{0}", "{0}", "-o", "{1}/"),
        ("compress", "{0}", "-o", "{1}/no/{2}"),
        ("compress", "{0}", "--9\x1b[31mfailed"),
        ("info", "{0}", "--bits", "{0}"),
        ("compress", "{0}", "-o", "{1}/x", "--effort", "{2}"),
    ],
)
def test_usage_errors_show_names_as_text(words: tuple[str, ...], evil: Path, tmp_path: Path, capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        run(*(word.format(evil, tmp_path, EVIL) for word in words))
    text = said(capsys)
    assert not CONTROLS.search(text)
    assert "saliency-jpeg: 9 failed" not in text.splitlines()
    assert r"\x1b[31m" in text


def test_names_of_other_scripts_are_shown_as_they_are() -> None:
    for name in ("größe 日本.jpg", "עברית.jpg", "👩\u200d🚀.jpg", "a b\\n.jpg"):
        assert io.printable(name) == name
    assert io.printable("a\udc80\x7f\u2028") == r"a\udc80\x7f\u2028"
