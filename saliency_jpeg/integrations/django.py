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
unchanged. The content need not be able to seek; of such a stream only a JPEG file is read into memory. The trailing
images of MPO, Ultra HDR and motion photo files are kept unless ``trailing_images`` is ``"drop"``.

From Django 5.1 on an ``ImageField`` fills its ``width_field`` and ``height_field`` from the upload. Where options
change the size (``max_width``, ``max_height``, ``allow_downscale``, ``orientation="apply"``), assign the name once more
after saving, ``photo.image = photo.image.name``, which reads the stored file, and save these fields.

The first file with a map waits until the network is loaded, unless ``default_storage.warm_up()`` in
``AppConfig.ready`` has done so. Where worker processes are forked afterwards, call it in each.

A file that cannot be encoded as asked, whatever the error is, is logged by the logger ``saliency_jpeg`` and stored as
it came, without its metadata where ``metadata`` is ``"safe"`` or ``"strip"``.

Raises ``OptionError`` when the storage is created with a wrong option, and ``InputError`` where metadata are to be
removed and the file is too damaged for that; nothing is stored then.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from ..options import Options
from ._compat import OPTION_NAMES, check_names, missing_dependency
from ._optimizer import optimize_jpeg, remove_metadata, warm_up

try:
    from django.core.files.base import ContentFile, File
    from django.core.files.storage import FileSystemStorage
except ImportError as error:
    raise missing_dependency("Django") from error

__all__ = ["SaliencyFileSystemStorage", "SaliencyStorageMixin"]

_logger = logging.getLogger("saliency_jpeg")
_START = b"\xff\xd8"  # SOI; stray bytes may follow, which readers skip


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
            InputError: the file is too damaged to remove the metadata that are to be removed; nothing is saved.
        """
        saved: str = super()._save(name, self._optimize_jpeg(content))  # type: ignore[misc]
        return saved

    def warm_up(self) -> None:
        """Loads what the first file would load, such as the network."""
        warm_up(self._saliency_options)

    def _optimize_data(self, data: bytes, name: str | None) -> bytes:
        """Returns the smaller file; where that fails the file itself, without metadata that are to be removed."""
        try:
            return optimize_jpeg(data, self._saliency_options)
        except Exception:  # the host's own file is better than none
            _logger.exception("%s is stored as it came", name)
            return remove_metadata(data, self._saliency_options)

    def _optimize_jpeg(self, content: Any) -> Any:
        """Returns the smaller file, or what reads as ``content`` from its beginning, where there is none."""
        _rewind(content)
        start = _read_start(content)
        can_rewind = _rewind(content)
        if start != _START:
            return content if can_rewind else _Continued(start, content)
        data = _read_rest(content, b"" if can_rewind else start)
        jpeg = self._optimize_data(data, getattr(content, "name", None))
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
    """Returns the first bytes, or characters, of which a stream may give fewer than it is asked for, or ``None``."""
    start = content.read(len(_START))
    while start and len(start) < len(_START) and (more := content.read(len(_START) - len(start))):
        start += more
    return b"" if start is None else start


def _read_rest(content: Any, start: Any) -> Any:
    """Returns what is left of a file behind what was read; a stream may give it in parts, as Django reads it."""
    parts = [start]
    while part := content.read():
        parts.append(part)
    return start[:0].join(parts)


class _Continued(File):  # type: ignore[misc, unused-ignore]
    """A file that cannot seek, together with what was already read of it."""

    def __init__(self, start: Any, content: Any) -> None:
        super().__init__(content, getattr(content, "name", None))
        self._start = start

    def read(self, size: int = -1) -> Any:
        """Reads up to ``size`` bytes, or all."""
        if size is None or size < 0:
            size = len(self._start)
            data = _read_rest(self.file, self._start)
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
