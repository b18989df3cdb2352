"""Makes an existing JPEG file smaller; shared by the Django, Scrapy and Willow doors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from ..codec import _core
from ..encoder.encoder import Encoder
from ..errors import InputError, SegmentError
from ..image.load import load_jpeg
from ..metadata import jpeg_metadata, jpeg_source
from ..metadata.jpeg_source import JpegSource
from ..metadata.limits import DEFAULT_MAX_PIXELS
from ..metadata.multi_picture import refusal
from ..metadata.segments import Segment
from ..options import Options
from ..recompression.recompress import lossless, recompress_source

__all__ = ["is_jpeg", "optimize_jpeg", "remove_metadata", "warm_up"]

_PIXEL_OPTIONS: Final = (
    "subsampling",
    "orientation",
    "layers",
    "base_floor",
    "never_enlarge",
    "allow_downscale",
    "target_score",
    "target_metric",
)  # a value other than the default needs the decoded pixels
_DEFAULTS: Final = Options()
_NO_TARGET: Final[dict[str, Any]] = {
    name: getattr(_DEFAULTS, name)
    for name in ("target_kb", "quality", "target_score", "target_metric", "allow_downscale", "layers", "base_floor")
}


def is_jpeg(data: bytes, max_pixels: int | None = DEFAULT_MAX_PIXELS) -> bool:
    """Returns whether ``data`` is a JPEG file that can be decoded.

    Raises:
        InputError: it has more pixels than ``max_pixels``, or more scans than encoders write.
    """
    return _open_jpeg(data, max_pixels) is not None


def _open_jpeg(data: bytes, max_pixels: int | None) -> JpegSource | None:
    if not jpeg_source.is_jpeg(data):
        return None
    try:
        source = JpegSource(data)
    except InputError:
        return None
    source.check_limits(max_pixels)
    try:
        _core.read_jpeg(data, max_pixels)
    except InputError:
        return None
    return source


def optimize_jpeg(data: bytes, options: Options) -> bytes:
    """Encodes a JPEG file in fewer bytes.

    Without a target and a quality the rewrite is lossless: all levels stay the same. Otherwise the file's own
    coefficients are quantized again. The image is decoded and encoded anew only where an option needs pixels, such as
    ``subsampling`` or ``allow_downscale``, and where it is larger than ``max_width`` or ``max_height``. Other CMYK and
    RGB files, and files with unusual sampling factors, are only ever rewritten losslessly, even if they then exceed the
    target.

    Args:
        data: a file of any kind. Anything but a decodable JPEG file is returned unchanged, save that a damaged or
            unsupported JPEG file loses its metadata where they are to be removed.
        options: how to encode.

    Returns:
        The smaller file, or ``data`` where no smaller one was made. Trailing images are kept unless
        ``options.trailing_images`` is ``"drop"``.

    Raises:
        InputError: the file is over a limit (``options.max_pixels``, scans), the saliency map does not fit the image,
            an option does not support trailing images, or metadata cannot be removed since the file is too damaged.
        TargetError: no encoding meets the target; ``.best`` is the smallest file.
    """
    source = _open_jpeg(data, options.max_pixels)
    if source is None:
        return remove_metadata(data, options)
    if options.max_width is not None or options.max_height is not None:
        picture = load_jpeg(source, background=options.background, max_pixels=options.max_pixels)
        if picture.exceeds(options.max_width, options.max_height):
            return Encoder(options).compress_picture(picture).jpeg
    header = source.header
    if header is None or header.colour in ("rgb", "cmyk") or (header.colour == "ycc" and source.subsampling is None):
        options = replace(options, **_NO_TARGET)
    elif _needs_pixels(options):
        picture = load_jpeg(source, background=options.background, max_pixels=options.max_pixels)
        return Encoder(options).compress_picture(picture).jpeg
    return recompress_source(source, options)


def warm_up(options: Options) -> None:
    """Loads what :func:`optimize_jpeg` needs for the first file, where a server starts; nothing for lossless rewrites.

    Raises:
        PresetError: the saliency preset is unknown or damaged.
        OptionError: the network cannot be run.
    """
    if any(limit is not None for limit in (options.target_kb, options.quality, options.target_score)):
        Encoder(options).warm_up()


def remove_metadata(data: bytes, options: Options) -> bytes:
    """Returns a file with its scans as they are, and without the metadata that are to be removed.

    It does not matter whether the scans can be read. Where they can, and hold bytes behind their last block, the levels
    are written anew.

    Args:
        data: a file of any kind; anything but a JPEG file is returned unchanged.
        options: of them ``metadata``, ``keep_segments`` and ``trailing_images``.

    Raises:
        InputError: the file is too damaged for that, or has trailing images.
    """
    if options.metadata == "keep" or not jpeg_source.is_jpeg(data):
        return data
    source = JpegSource(data)
    if source.trailing is not None and options.trailing_images == "keep":
        raise refusal(f"metadata={options.metadata!r}")
    try:
        if source.header is None:
            raise SegmentError("it has no frame header")
        own = jpeg_metadata.build_for_scans(source.metadata, options.metadata, options.kept_segments, source.header)
        return _rewritten(source, own, options) or source.with_segments(own)
    except SegmentError as error:
        raise InputError(f"the metadata of this damaged JPEG file cannot be removed: {error}") from error


def _rewritten(source: JpegSource, own: list[Segment], options: Options) -> bytes | None:
    """The same levels in new scans, where the file's own hold more than those and can be read; else ``None``."""
    try:
        source.check_limits(options.max_pixels)
        image = _core.read_jpeg(source.data, options.max_pixels)
        if not image.unread:
            return None
        interval = image.restart_interval
        return lossless(source.data, progressive=image.progressive, restart_interval=interval, metadata=own)
    except InputError:
        return None


def _needs_pixels(options: Options) -> bool:
    return any(getattr(options, name) != getattr(_DEFAULTS, name) for name in _PIXEL_OPTIONS)
