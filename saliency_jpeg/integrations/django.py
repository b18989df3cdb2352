"""Django: a storage that makes JPEG files smaller as they are saved, such as uploads and ImageKit's renditions.

Replaces ``FileSystemStorage``. In Django's settings::

    STORAGES = {
        "default": {
            "BACKEND": "saliency_jpeg.integrations.django.SaliencyFileSystemStorage",
            "OPTIONS": {"saliency_jpeg": {"target_kb": 200, "metadata": "safe", "allow_downscale": True}},
        },
        ...
    }

For any other storage, such as S3, put the mixin first::

    class Storage(SaliencyStorageMixin, S3Storage): ...

Honours the storage's own options, and the fields of :class:`saliency_jpeg.Options` in ``saliency_jpeg``. Without a
target and a quality the rewrite is lossless. A file that is not a JPEG file, or does not get smaller, is stored
unchanged. The content need not be able to seek; of such a stream only a JPEG file is read into memory. A damaged JPEG
file that browsers may still show is stored without its metadata where ``metadata`` is ``"safe"`` or ``"strip"``, and
refused with ``InputError`` where that cannot be done. The trailing images of MPO, Ultra HDR and motion photo files are
kept unless ``trailing_images`` is ``"drop"``.

Raises ``OptionError`` when the storage is created with a wrong option, and ``InputError`` or ``TargetError`` when a
file cannot be encoded as asked; nothing is stored then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..options import Options
from ._compat import OPTION_NAMES, check_names, missing_dependency
from ._optimizer import optimize_jpeg

try:
    from django.core.files.base import ContentFile, File
    from django.core.files.storage import FileSystemStorage
except ImportError as error:
    raise missing_dependency("Django") from error

__all__ = ["SaliencyFileSystemStorage", "SaliencyStorageMixin"]

_START = b"\xff\xd8\xff"  # SOI and the first byte of the next marker


class SaliencyStorageMixin:
    """Encodes JPEG files again before the storage class behind it saves them."""

    def __init__(self, *arguments: Any, saliency_jpeg: Mapping[str, Any] | None = None, **keywords: Any) -> None:
        """Creates the storage.

        Args:
            *arguments: of the storage class.
            saliency_jpeg: fields of :class:`saliency_jpeg.Options`.
            **keywords: of the storage class.

        Raises:
            OptionError: an option in ``saliency_jpeg`` is unknown or out of range.
        """
        super().__init__(*arguments, **keywords)
        options = saliency_jpeg or {}
        check_names("the storage option saliency_jpeg", options, OPTION_NAMES)
        self._saliency_options = Options(**options)

    def _save(self, name: str, content: Any) -> str:
        """Saves a file.

        Args:
            name: of the file.
            content: a Django ``File``.

        Returns:
            The name under which the file was saved.

        Raises:
            InputError: an option does not support the file's trailing images; nothing is saved.
            TargetError: no encoding meets the target; nothing is saved.
        """
        saved: str = super()._save(name, self._optimize_jpeg(content))  # type: ignore[misc]
        return saved

    def _optimize_jpeg(self, content: Any) -> Any:
        """Returns the smaller file, or what reads as ``content`` from its beginning, where there is none."""
        _rewind(content)
        start = _read_start(content)
        can_rewind = _rewind(content)
        if start != _START:
            return content if can_rewind else _Continued(start, content)
        data = content.read() if can_rewind else start + content.read()
        jpeg = optimize_jpeg(data, self._saliency_options)
        if jpeg == data and _rewind(content):
            return content
        return ContentFile(jpeg, name=getattr(content, "name", None))


def _rewind(content: Any) -> bool:
    """Returns whether a file could be set to its beginning; what a stream raises is up to its library."""
    try:
        content.seek(0)
    except Exception:
        return False
    return True


def _read_start(content: Any) -> Any:
    """Returns the first bytes, or characters, of which a stream may give fewer than it is asked for."""
    start = content.read(len(_START))
    while start and len(start) < len(_START) and (more := content.read(len(_START) - len(start))):
        start += more
    return start


class _Continued(File):  # type: ignore[misc, unused-ignore]
    """A file that cannot seek, together with what was already read of it."""

    def __init__(self, start: Any, content: Any) -> None:
        super().__init__(content, getattr(content, "name", None))
        self._start = start

    def read(self, size: int = -1) -> Any:
        """Reads up to ``size`` bytes, or all."""
        if size is None or size < 0:
            size = len(self._start)
            data = self._start + self.file.read()
        else:
            data = self._start[:size] or self.file.read(size)
        self._start = self._start[size:]
        return data

    def chunks(self, chunk_size: int | None = None) -> Iterator[Any]:
        """Yields the contents in parts."""
        while data := self.read(chunk_size or self.DEFAULT_CHUNK_SIZE):
            yield data


class SaliencyFileSystemStorage(SaliencyStorageMixin, FileSystemStorage):  # type: ignore[misc, unused-ignore]
    """``FileSystemStorage`` with smaller JPEG files."""
