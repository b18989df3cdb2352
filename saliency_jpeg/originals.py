"""When the source is a JPEG file: what of its own bytes may be handed back instead of an encoding."""

from __future__ import annotations

from . import segments, transcode
from .errors import InputError
from .frame import Frame, read_frame
from .images import Picture
from .options import SUBSAMPLINGS, Options

__all__ = ["check_further", "metadata_segments", "original", "suffices"]


def check_further(picture: Picture, options: Options) -> None:
    """Refuses what cannot be done to a file of several pictures without cutting it.

    Raises:
        InputError: the metadata are to go, which the further pictures have as well, or the picture is to be turned.
    """
    if picture.further is None:
        return
    wanted = f"metadata={options.metadata!r}" if options.metadata != "keep" else "orientation='apply'"
    if options.metadata != "keep" or _is_turned(picture, options):
        raise InputError(
            f"{wanted} cannot be done to the pictures or the clip behind the first picture of this file;"
            " further_images='drop' leaves them out"
        )


def original(picture: Picture, options: Options) -> bytes | None:
    """The source as the options would have the file, its pixels untouched; None where that cannot be.

    With ``metadata="keep"`` these are its very bytes. Else its APPn and COM segments are replaced, and where a baseline
    file or restart markers are asked for, the same levels are written again.
    """
    if picture.original is None or not options.never_enlarge or _is_turned(picture, options):
        return None
    frame = read_frame(picture.original)
    if frame is None or frame.colour == "cmyk" or not _is_sampled(frame, options):
        return None
    jpeg = picture.original
    if options.metadata != "keep":
        jpeg = segments.with_segments(jpeg, metadata_segments(picture, frame, options.metadata))
    interval = options.restart_interval
    if (options.progressive or not frame.progressive) and interval in (0, frame.restart_interval):
        return jpeg
    if picture.further is not None:
        return None
    try:
        return transcode.lossless(jpeg, progressive=options.progressive, restart_interval=interval)
    except InputError:
        return None


def suffices(jpeg: bytes, options: Options) -> bool:
    """Whether a source is small enough as it is: there is a target, and no quality that would make it smaller."""
    return options.target_bytes is not None and options.quality is None and len(jpeg) <= options.target_bytes


def metadata_segments(picture: Picture, frame: Frame, mode: str) -> list[segments.Segment]:
    """The segments of a metadata mode for the scans of an existing file.

    JFIF and Adobe segments name the colour transform of the scans, so the one is written only where it was and the
    other is kept.
    """
    built = segments.build(picture.metadata, mode)
    adobe = [] if frame.adobe is None else [(segments.APP14, frame.adobe)]
    return [*(built if frame.has_jfif else built[1:]), *adobe]


def _is_turned(picture: Picture, options: Options) -> bool:
    return options.orientation == "apply" and picture.metadata.orientation != 1


def _is_sampled(frame: Frame, options: Options) -> bool:
    if frame.colour == "gray" or options.subsampling == "auto":
        return True
    return frame.subsampling == SUBSAMPLINGS[options.subsampling]
