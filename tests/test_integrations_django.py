"""Django's storage, with uploads of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django_settings
import pytest
from doors import EXIF, PHOTO, describe
from helpers import encoded
from processes import needs

needs("django")
django_settings.configure()

from django.core.files.base import ContentFile, File  # noqa: E402
from django.core.files.storage import InMemoryStorage  # noqa: E402
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile  # noqa: E402

from saliency_jpeg import InputError, OptionError, Options  # noqa: E402
from saliency_jpeg.integrations._optimizer import optimize_jpeg  # noqa: E402
from saliency_jpeg.integrations.django import SaliencyFileSystemStorage, SaliencyStorageMixin  # noqa: E402

OPTIONS = {"target_kb": 3, "saliency": None}


def photo(format: str = "JPEG", **keywords: Any) -> bytes:
    return encoded(PHOTO, format, **keywords)


SMALL = optimize_jpeg(photo(quality=20), Options())
LARGE = photo(quality=95, exif=b"Exif\0\0" + EXIF)


def temporary(data: bytes) -> TemporaryUploadedFile:
    file = TemporaryUploadedFile("x.jpg", "image/jpeg", len(data), None)
    file.write(data)
    file.flush()
    return file


@pytest.fixture
def storage(tmp_path: Path) -> SaliencyFileSystemStorage:
    return SaliencyFileSystemStorage(location=tmp_path, saliency_jpeg=OPTIONS)


@pytest.mark.parametrize("kind", ["upload", "temporary", "content", "open file"])
def test_uploads_get_smaller(storage: SaliencyFileSystemStorage, kind: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(LARGE)
    with source.open("rb") as opened, temporary(LARGE) as spooled:
        makers = {
            "upload": SimpleUploadedFile("x.jpg", LARGE),
            "temporary": spooled,
            "content": ContentFile(LARGE),
            "open file": File(opened),
        }
        name = storage.save("photos/x.jpg", makers[kind])
    data = (tmp_path / name).read_bytes()
    assert 2800 < len(data) <= 3000
    assert describe(data) == describe(LARGE)._replace(progressive=True)


@pytest.mark.parametrize("data", [b"text", b"", photo("PNG"), SMALL, b"\xff\xd8\xff broken"])
def test_all_else_passes(storage: SaliencyFileSystemStorage, data: bytes, tmp_path: Path) -> None:
    name = storage.save("x.bin", SimpleUploadedFile("x.bin", data))
    assert (tmp_path / name).read_bytes() == data
    with temporary(data) as file:
        assert (tmp_path / storage.save("x.bin", file)).read_bytes() == data


@pytest.mark.parametrize("stray", [b"\0", b"\xff\0", b"bytes"])
def test_stray_bytes_behind_soi_hide_no_metadata(stray: bytes, tmp_path: Path) -> None:
    storage = SaliencyFileSystemStorage(location=tmp_path, saliency_jpeg={"metadata": "safe"})
    jpeg = photo(quality=95, comment=b"a place", exif=b"Exif\0\0" + EXIF)
    for data in (jpeg, jpeg[:-200]):
        stored = (tmp_path / storage.save("x.jpg", ContentFile(data[:2] + stray + data[2:]))).read_bytes()
        assert b"a place" not in stored
        assert describe(photo())[:2] == describe(stored)[:2] if data is jpeg else stored.startswith(b"\xff\xd8\xff")


def test_text_passes(storage: SaliencyFileSystemStorage, tmp_path: Path) -> None:
    assert (tmp_path / storage.save("x.txt", ContentFile("text"))).read_text() == "text"


def test_other_storages() -> None:
    class Storage(SaliencyStorageMixin, InMemoryStorage):  # type: ignore[misc]
        pass

    storage = Storage(saliency_jpeg=OPTIONS)
    with storage.open(storage.save("x.jpg", ContentFile(LARGE))) as file:
        assert len(file.read()) <= 3000


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="'strenght'"):
        SaliencyFileSystemStorage(location=tmp_path, saliency_jpeg={"strenght": 0.5})
    with pytest.raises(OptionError, match="strength"):
        SaliencyFileSystemStorage(location=tmp_path, saliency_jpeg={"strength": 5})
    storage = SaliencyFileSystemStorage(location=tmp_path, saliency_jpeg={"target_kb": 3, "metadata": "safe"})
    with pytest.raises(InputError, match="truncated JPEG file"):
        storage.save("x.jpg", ContentFile(b"\xff\xd8\xff\xe1\0\x10Exif"))
    assert list(tmp_path.iterdir()) == []


def test_what_fails_is_stored_as_it_came(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hopeless = SaliencyFileSystemStorage(location=tmp_path, saliency_jpeg={"target_kb": 0.1, "saliency": None})
    assert (tmp_path / hopeless.save("x.jpg", ContentFile(LARGE))).read_bytes() == LARGE
    assert "more than the target" in caplog.text


def test_every_failure_of_ours_is_logged_and_leaves_metadata_removed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise MemoryError("of the network")

    monkeypatch.setattr("saliency_jpeg.integrations.django.optimize_jpeg", broken)
    storage = SaliencyFileSystemStorage(location=tmp_path, saliency_jpeg={**OPTIONS, "metadata": "strip"})
    given = photo(quality=95, comment=b"by me")
    stored = (tmp_path / storage.save("x.jpg", ContentFile(given, name="x.jpg"))).read_bytes()
    assert describe(stored) == describe(given)._replace(comment=None)
    assert "x.jpg is stored as it came" in caplog.text
    assert "of the network" in caplog.text


@pytest.mark.parametrize(("options", "loaded"), [({"target_kb": 3}, True), ({}, False)])
def test_warming_up(options: dict[str, Any], loaded: bool, tmp_path: Path) -> None:
    asked: list[tuple[int, ...]] = []

    def saliency(rgb: Any) -> Any:
        asked.append(rgb.shape)
        return [(0, 0, 9, 9)]

    class Model:
        predict = predict_batch = staticmethod(lambda rgb: saliency(rgb) and rgb[..., 0])

    storage = SaliencyFileSystemStorage(location=tmp_path, saliency_jpeg={**options, "saliency": Model()})
    storage.warm_up()
    assert bool(asked) is loaded
