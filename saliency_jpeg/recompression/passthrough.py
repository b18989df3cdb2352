"""JPEG sources: which of their own bytes may be returned instead of an encoding."""

from __future__ import annotations

from ..codec import _core
from ..codec.subsampling import SUBSAMPLINGS
from ..errors import InputError, SegmentError
from ..image.picture import Picture
from ..metadata import jpeg_metadata
from ..metadata.content_credentials import without_credentials
from ..metadata.jpeg_header import JpegHeader
from ..metadata.jpeg_source import JpegSource
from ..metadata.layers import are_layers, layer_segments
from ..metadata.multi_picture import refusal, without_listing
from ..options import Options
from .detail import merge_layers
from .recompress import lossless

__all__ = ["check_trailing", "original", "within_target"]


def check_trailing(picture: Picture, options: Options) -> None:
    """Refuses what would change the trailing images of a file, which are only copied.

    Args:
        picture: loaded image.
        options: of the encoding.

    Raises:
        InputError: metadata are to be removed, which trailing images have as well, or the picture is to be rotated or
            shrunk.
    """
    if picture.trailing is None:
        return
    if options.metadata != "keep":
        raise refusal(f"metadata={options.metadata!r}")
    if _is_rotated(picture, options):
        raise refusal("orientation='apply'")
    for name, limits in (("max_width", (options.max_width, None)), ("max_height", (None, options.max_height))):
        if picture.exceeds(*limits):
            raise refusal(f"{name}={getattr(options, name)}")


def original(picture: Picture, options: Options) -> bytes | None:
    """Returns the source as the options would have the file, its pixels untouched; ``None`` where that cannot be.

    With ``metadata="keep"`` these are its very bytes. Otherwise its APPn and COM segments are replaced, and trailing
    bytes, such as a camera's preview with metadata of its own, are cut off. Where a baseline file or restart markers
    are asked for, the same levels are written again; that is done once for each source. Layers stay valid, as the
    levels are the same; without metadata they stay where the options ask for layers.

    Args:
        picture: loaded image.
        options: of the encoding.
    """
    source = picture.source
    if source is None or not options.never_enlarge or _is_rotated(picture, options):
        return None
    header = source.header
    if header is None or header.colour == "cmyk" or not _has_sampling(header, options):
        return None
    is_form = header.has_form(options.progressive, options.restart_interval)
    if options.metadata == "keep" and is_form:
        return source.data
    if picture.trailing is not None:
        return None
    form = (options.progressive, options.restart_interval)
    key = (options.metadata, tuple(options.keep_segments), options.layers, *form)
    if key not in source.rewrites:
        source.rewrites[key] = _rewritten(source, header, options, is_form)
    return source.rewrites[key]


def within_target(picture: Picture, options: Options) -> bytes | None:
    """Returns :func:`original` where it is small enough already, so that nothing need be encoded; else ``None``.

    Args:
        picture: loaded image.
        options: of the encoding; with a quality, only the encoding can show whether it would be smaller.
    """
    if options.target_bytes is None or options.quality is not None:
        return None
    jpeg = original(picture, options)
    return jpeg if jpeg is not None and len(jpeg) <= options.target_bytes else None


def _rewritten(source: JpegSource, header: JpegHeader, options: Options, is_form: bool) -> bytes | None:
    """The source with other metadata, and in another form where need be; ``None`` if it is damaged."""
    try:
        if options.metadata != "keep" and options.layers is None and any(are_layers(source.segments)):
            source = JpegSource(merge_layers(source.data))  # detail is no metadata
        if options.metadata == "keep":
            own = without_credentials(without_listing(source.segments), options.kept_segments)
        else:
            own = jpeg_metadata.build_for_scans(source.metadata, options.metadata, options.kept_segments, header)
            own += [] if options.layers is None else layer_segments(source.segments)
        if not is_form or (options.metadata != "keep" and _core.read_jpeg(source.data, None).unread):
            interval = options.restart_interval
            jpeg = lossless(source.data, progressive=options.progressive, restart_interval=interval, metadata=own)
            return jpeg + (source.metadata.notes or b"") if options.metadata == "keep" else jpeg
        jpeg = source.with_segments(own)
    except (InputError, SegmentError):
        return None
    return jpeg


def _is_rotated(picture: Picture, options: Options) -> bool:
    return options.orientation == "apply" and picture.metadata.orientation != 1


def _has_sampling(header: JpegHeader, options: Options) -> bool:
    if header.colour == "gray" or options.subsampling == "auto":
        return True
    return header.subsampling == SUBSAMPLINGS[options.subsampling]
