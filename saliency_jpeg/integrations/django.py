"""A storage for Django that makes the JPEG files saved through it smaller: uploads, ImageKit's and others' renditions.

In Django's settings::

    STORAGES = {
        "default": {
            "BACKEND": "saliency_jpeg.integrations.django.SaliencyFileSystemStorage",
            "OPTIONS": {"saliency_jpeg": {"target_kb": 200, "metadata": "safe", "allow_downscale": True}},
        },
        ...
    }

For a storage of another kind, S3 say, put the mixin in front::

    class Storage(SaliencyStorageMixin, S3Storage): ...

Without a target and a quality nothing is lost: the same picture, level for level, in fewer bytes. What is not a JPEG
file passes unchanged, and so does one that would not get smaller. The further pictures of MPO, Ultra HDR and motion
photographs are kept unless ``trailing_images`` says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..options import Options
from ._optimize import optimized
from ._optional import missing

try:
    from django.core.files.base import ContentFile
    from django.core.files.storage import FileSystemStorage
except ImportError as error:
    raise missing("Django") from error

__all__ = ["SaliencyFileSystemStorage", "SaliencyStorageMixin"]

_START = b"\xff\xd8\xff"  # of a JPEG file


class SaliencyStorageMixin:
    """In front of a storage class: JPEG files are encoded again on their way in."""

    def __init__(self, *arguments: Any, saliency_jpeg: Mapping[str, Any] | None = None, **keywords: Any) -> None:
        """As the storage, with the fields of ``Options`` in ``saliency_jpeg``.

        Raises:
            OptionError: one of them is wrong.
        """
        super().__init__(*arguments, **keywords)
        self._saliency_jpeg = Options(**(saliency_jpeg or {}))

    def _save(self, name: str, content: Any) -> str:
        """Saves a file.

        Raises:
            InputError: further pictures stand in the way of an option; nothing is saved.
            TargetError: the target is too small; nothing is saved.
        """
        stored: str = super()._save(name, self._smaller(content))  # type: ignore[misc]
        return stored

    def _smaller(self, content: Any) -> Any:
        content.seek(0)
        start = content.read(len(_START))
        content.seek(0)
        if start != _START:
            return content
        data = content.read()
        jpeg = optimized(data, self._saliency_jpeg)
        content.seek(0)
        return content if jpeg == data else ContentFile(jpeg, name=getattr(content, "name", None))


class SaliencyFileSystemStorage(SaliencyStorageMixin, FileSystemStorage):  # type: ignore[misc, unused-ignore]
    """``FileSystemStorage`` with smaller JPEG files."""
