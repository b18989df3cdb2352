"""Rows of a batch: an image on its way, and the result of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias, TypedDict

from ..encoder.result import Compressed
from ..errors import InputError, SaliencyJpegError
from ..image.load import ImageSource
from ._dataframes import ColumnType

__all__ = ["COLUMNS", "SPARK_SCHEMA", "BatchImage", "ResultRow", "Status", "make_row", "without_rivals"]

Status: TypeAlias = Literal["written", "encoded", "skipped", "failed"]

COLUMNS: Final[dict[str, ColumnType]] = {
    "name": "string",
    "output": "string",
    "status": "string",
    "error": "string",
    "bytes_in": "long",
    "bytes_out": "long",
    "bits_per_pixel": "double",
    "quality": "double",
    "score": "double",
    "warning": "string",
    "done": "string",
}  # of the result, with Spark's names of the types
SPARK_SCHEMA: Final = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())


class ResultRow(TypedDict):
    """The result for one image.

    Attributes:
        name: of the image.
        output: path of the file.
        status: ``"written"``; ``"encoded"`` (without an output folder); ``"skipped"``; or ``"failed"``.
        error: why it failed, one line.
        bytes_in: size of the source.
        bytes_out: size of the file; 0 where it was skipped or failed.
        bits_per_pixel: as in :class:`saliency_jpeg.encoder.Compressed`.
        quality: likewise.
        score: likewise.
        warning: that the target leaves few bits a pixel, see :class:`saliency_jpeg.LowRateWarning`.
        done: a digest; a later run that is given it skips the image.
        jpeg: the file; only without an output folder.
    """

    name: str
    output: str
    status: Status
    error: str | None
    bytes_in: int
    bytes_out: int
    bits_per_pixel: float | None
    quality: float | None
    score: float | None
    warning: str | None
    done: str | None
    jpeg: bytes | None


class BatchImage(NamedTuple):
    """One image of a batch.

    Attributes:
        name: of the image.
        path: of its file below the output folder; empty without one.
        output: path or address of its file; empty without an output folder.
        source: bytes of a file, or its path.
        size: bytes of the source.
        fingerprint: digest of the bytes, or size and modification time of the path.
        packed_map: the saliency map where :class:`BatchMapper` made one.
        row: the result where nothing is left to do.
    """

    name: str
    path: str
    output: str
    source: ImageSource
    size: int
    fingerprint: str
    packed_map: bytes | None
    row: ResultRow | None


def without_rivals(images: Sequence[BatchImage]) -> list[BatchImage]:
    """Returns the images of a batch; of two that would get the same output file both fail."""
    counts = Counter(image.path for image in images if image.path and image.row is None)
    rivals = {path: [image.name for image in images if image.path == path] for path in counts if counts[path] > 1}

    def checked(image: BatchImage) -> BatchImage:
        if image.row is not None or image.path not in rivals:
            return image
        first, second, *_ = rivals[image.path]
        error = InputError(f"{first} and {second} would both become {image.path}; rename one of them")
        return image._replace(row=make_row(image, "failed", error=error))

    return [checked(image) for image in images]


def make_row(
    image: BatchImage,
    status: Status,
    *,
    error: Exception | None = None,
    result: Compressed | None = None,
    done: str | None = None,
    jpeg: bytes | None = None,
) -> ResultRow:
    """Returns the row of an image."""
    return {
        "name": image.name,
        "output": image.output,
        "status": status,
        "error": None if error is None else _describe_error(error),
        "bytes_in": image.size,
        "bytes_out": 0 if result is None else len(result.jpeg),
        "bits_per_pixel": None if result is None else result.bits_per_pixel,
        "quality": None if result is None else result.quality,
        "score": None if result is None else result.score,
        "warning": None if result is None else " ".join(result.warnings) or None,
        "done": done,
        "jpeg": jpeg,
    }


def _describe_error(error: Exception) -> str:
    """Returns the message in one line, with the error's type where it is not one of this library's."""
    message = " ".join(str(error).split())
    if isinstance(error, SaliencyJpegError | OSError) and message:
        return message
    return f"{type(error).__name__} {message}".strip()
