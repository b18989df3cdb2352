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
unchanged. A damaged JPEG file that browsers may still show is stored without its metadata where ``metadata`` is
``"safe"`` or ``"strip"``, and refused with ``InputError`` where that cannot be done. The trailing images of MPO, Ultra
HDR and motion photo files are kept unless ``trailing_images`` is ``"drop"``.

Raises ``OptionError`` when the storage is created with a wrong option, and ``InputError`` or ``TargetError`` when a
file cannot be encoded as asked; nothing is stored then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..options import Options
from ._compat import OPTION_NAMES, check_names, missing_dependency
from ._optimizer import optimize_jpeg

try:
    from django.core.files.base import ContentFile
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
        """Returns the smaller file, or ``content``, rewound, where there is none."""
        content.seek(0)
        start = content.read(len(_START))
        content.seek(0)
        if start != _START:
            return content
        data = content.read()
        jpeg = optimize_jpeg(data, self._saliency_options)
        content.seek(0)
        return content if jpeg == data else ContentFile(jpeg, name=getattr(content, "name", None))


class SaliencyFileSystemStorage(SaliencyStorageMixin, FileSystemStorage):  # type: ignore[misc, unused-ignore]
    """``FileSystemStorage`` with smaller JPEG files."""
