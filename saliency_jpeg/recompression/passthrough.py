"""When the source is a JPEG file: what of its own bytes may be handed back instead of an encoding."""

from __future__ import annotations

from ..codec.subsampling import SUBSAMPLINGS
from ..errors import InputError, SegmentError
from ..image.load import Picture
from ..metadata import multi_picture, segments
from ..metadata.jpeg_header import Frame, read_frame
from ..options import Options
from .recompress import lossless, metadata_segments

__all__ = ["check_further", "original", "suffices"]


def check_further(picture: Picture, options: Options) -> None:
    """Refuses what cannot be done to a file of several pictures without cutting it.

    Raises:
        InputError: the metadata are to go, which the further pictures have as well, or the picture is to be turned.
    """
    multi_picture.check_metadata(picture.further, options.metadata)
    if picture.further is not None and _is_turned(picture, options):
        raise InputError(multi_picture.refusal("orientation='apply'"))


def original(picture: Picture, options: Options) -> bytes | None:
    """The source as the options would have the file, its pixels untouched; None where that cannot be.

    With ``metadata="keep"`` these are its very bytes. Else its APPn and COM segments are replaced, and what stands
    behind the picture, such as a camera's preview with metadata of its own, is cut off; and where a baseline file or
    restart markers are asked for, the same levels are written again.
    """
    if picture.original is None or not options.never_enlarge or _is_turned(picture, options):
        return None
    frame = read_frame(picture.original)
    if frame is None or frame.colour == "cmyk" or not _is_sampled(frame, options):
        return None
    interval = options.restart_interval
    is_form = (options.progressive or not frame.progressive) and interval in (0, frame.restart_interval)
    if options.metadata == "keep" and is_form:
        return picture.original
    if picture.further is not None:
        return None
    try:
        jpeg = _with_metadata(picture, picture.original, frame, options.metadata)
        return jpeg if is_form else lossless(jpeg, progressive=options.progressive, restart_interval=interval)
    except (InputError, SegmentError):
        return None


def _with_metadata(picture: Picture, jpeg: bytes, frame: Frame, mode: str) -> bytes:
    if mode == "keep":
        return jpeg
    own = metadata_segments(picture.metadata, frame, mode)
    return segments.with_segments(jpeg[: multi_picture.end_of_first(jpeg)], own)


def suffices(jpeg: bytes, options: Options) -> bool:
    """Whether a source is small enough as it is: there is a target, and no quality that would make it smaller."""
    return options.target_bytes is not None and options.quality is None and len(jpeg) <= options.target_bytes


def _is_turned(picture: Picture, options: Options) -> bool:
    return options.orientation == "apply" and picture.metadata.orientation != 1


def _is_sampled(frame: Frame, options: Options) -> bool:
    if frame.colour == "gray" or options.subsampling == "auto":
        return True
    return frame.subsampling == SUBSAMPLINGS[options.subsampling]
