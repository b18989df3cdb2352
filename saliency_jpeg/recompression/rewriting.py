"""Writes the levels of a file again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..codec import _core
from ..errors import InputError
from ..metadata import segments

__all__ = ["write_levels"]


def write_levels(image: _core.JpegImage, extra: Sequence[segments.Segment], **form: Any) -> bytes:
    """Writes the levels of a file again.

    Args:
        image: the file.
        extra: its APPn and COM segments.
        form: further arguments of :func:`_core.write_jpeg`.

    Raises:
        InputError: a kind of file that cannot be written.
    """
    try:
        return _core.write_jpeg(
            image.levels,
            image.tables,
            image.size,
            image.sampling,
            segments=extra,
            component_tables=image.component_tables,
            component_ids=image.component_ids,
            **form,
        )
    except ValueError as error:
        raise InputError(f"this JPEG file cannot be written again: {error}") from error
