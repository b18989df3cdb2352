"""JPEG to JPEG on the file's own DCT coefficients: no second generation of colour conversion and chroma resampling."""

from __future__ import annotations

from . import _core, segments
from .errors import InputError

__all__ = ["lossless"]


def lossless(
    jpeg: bytes,
    *,
    progressive: bool = True,
    restart_interval: int = 0,
    metadata: list[segments.Segment] | None = None,
) -> bytes:
    """The same picture, level for level, with optimal Huffman codes and scans.

    Args:
        jpeg: a file as :func:`_core.read_jpeg` reads it; what stands behind its first picture is left out.
        progressive: progressive or baseline.
        restart_interval: MCUs between restart markers.
        metadata: the APPn and COM segments; by default all that the file has.

    Raises:
        InputError: damaged, or a kind of JPEG that is not read.
    """
    image = _core.read_jpeg(jpeg)
    try:
        return _core.write_jpeg(
            image.levels,
            image.tables,
            image.size,
            image.sampling,
            progressive=progressive,
            restart_interval=restart_interval,
            segments=image.segments if metadata is None else metadata,
            component_tables=image.component_tables,
            component_ids=image.component_ids,
        )
    except ValueError as error:
        raise InputError(f"this JPEG file cannot be written again: {error}") from error
