"""Django's storages with content that cannot seek, or only halfway."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import django_settings
import pytest
from helpers import encoded, photo
from processes import needs

needs("django")
django_settings.configure()
pytestmark = pytest.mark.filterwarnings("ignore")


from django.core.files import File  # noqa: E402
from django.core.files.base import ContentFile  # noqa: E402
from django.core.files.storage import FileSystemStorage  # noqa: E402

from saliency_jpeg.integrations.django import SaliencyFileSystemStorage  # noqa: E402

JPEG = encoded(photo(), quality=97)
CONTENTS = {"JPEG": JPEG, "PNG": encoded(photo(), "PNG"), "text": b"plain text", "two bytes": b"\xff\xd8", "empty": b""}


class Stream:
    """What a response of another server is: it has ``read`` and nothing else."""

    def __init__(self, data: bytes, step: int | None = None) -> None:
        self._inner, self._step = io.BytesIO(data), step

    def read(self, size: int | None = -1) -> bytes:
        """Some bytes, at most ``step`` of those asked for."""
        if self._step is not None and size is not None and size > 0:
            size = min(size, self._step)
        return self._inner.read(size)


class InParts(Stream):
    """Gives a part even where all is asked for."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(500 if size is None or size < 0 else min(size, 500))


class Unblocking(Stream):
    """Has no more bytes at its end, as a raw stream that does not wait: ``None``."""

    def read(self, size: int | None = -1) -> Any:
        return super().read(size) or None


class Refusing(Stream):
    """Has ``seek``, which raises, as in ``io.RawIOBase``."""

    def seekable(self) -> bool:
        return False

    def seek(self, position: int, whence: int = 0) -> int:
        raise io.UnsupportedOperation("seek")


class Forward(Stream):
    """Seeks, but not back, and raises an error of its own, as the members of a tar that is streamed."""

    def seek(self, position: int, whence: int = 0) -> int:
        if self._inner.tell():
            raise RuntimeError("seeking backwards is not allowed")
        return position


KINDS: dict[str, Any] = {
    "read only": Stream,
    "one byte at a time": lambda data: Stream(data, 1),
    "in parts": InParts,
    "refusing": Refusing,
    "unblocking": Unblocking,
    "forward": Forward,
}


def saved(kind: Any, folder: Path, content: Any) -> bytes:
    storage = kind(location=str(folder))
    name: str = storage.save("a.jpg", content)
    return (folder / name).read_bytes()


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_is_saved_as_django_saves_it(kind: str, name: str, tmp_path: Path) -> None:
    data = CONTENTS[name]
    if kind != "forward":  # Django's own chunks() lets that error out
        assert saved(FileSystemStorage, tmp_path, File(KINDS[kind](data), name="a.jpg")) == data
    ours = saved(SaliencyFileSystemStorage, tmp_path, File(KINDS[kind](data), name="a.jpg"))
    assert ours == saved(SaliencyFileSystemStorage, tmp_path, ContentFile(data))
    assert (len(ours) < len(data)) == (name == "JPEG")


def test_a_long_stream_that_is_no_jpeg_is_not_read_into_memory(tmp_path: Path) -> None:
    asked: list[int | None] = []

    class Watched(Refusing):
        def read(self, size: int | None = -1) -> bytes:
            asked.append(size)
            return super().read(size)

    data = b"no picture" * 50_000
    assert saved(SaliencyFileSystemStorage, tmp_path, File(Watched(data), name="a.mp4")) == data
    assert all(size is not None and 0 < size <= 65536 for size in asked)


def test_what_can_seek_is_handed_on_itself(tmp_path: Path) -> None:
    given: list[Any] = []

    class Storage(SaliencyFileSystemStorage):
        def _optimize_jpeg(self, content: Any) -> Any:
            given.append((content, super()._optimize_jpeg(content)))
            return given[-1][1]

    content = ContentFile(b"plain text")
    content.read(3)
    assert saved(Storage, tmp_path, content) == b"plain text"
    assert given[0][0] is given[0][1]
