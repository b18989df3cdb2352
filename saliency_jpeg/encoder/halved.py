"""Files with half of a picture's resolution, where a reader that restores and enlarges them shows more of it.

Below about 0.15 bits a pixel, blocks are coarser than half of the pixels would be. The file then has these, its layer
the size of the picture, and :func:`saliency_jpeg.decode` returns the picture at its own size. DSSLIC's compact image
(M. Akbari, J. Liang, J. Han, ICASSP 2019) is the same at any rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ..enhance.enlarging import half_size
from ..errors import TargetError
from ..image.picture import Picture
from ..options import Options
from ..rate_control import Judge
from ..saliency.lazy_map import SaliencyMap
from .coding import Coding
from .restored_score import RestoredScore, Restoring
from .result import Compressed
from .single import PictureEncoding

__all__ = ["encode_whole_or_half"]

_MOST_RATE: Final = 0.25  # bits a pixel; above, half of the pixels never show more
_LEAST_SIDE: Final = 16

#: Bits a pixel from which a file is also tried whose loop lowers what the enlarged picture lacks; below it seldom pays.
_RATE_OF_WHOLE: Final = 0.1


def encode_whole_or_half(
    options: Options, picture: Picture, saliency: SaliencyMap | None, coding: Coding
) -> Compressed | None:
    """Encodes a picture with layers at its own resolution and at half of it, and returns what is shown better.

    Args:
        options: with a target size.
        picture: with the metadata to write.
        saliency: of the picture, or ``None`` for no preference.
        coding: what a front door asks for beyond that.

    Returns:
        The file; ``None`` where the target is too small for both.
    """
    whole = PictureEncoding(options, picture, saliency, coding)
    files = [_encoded(whole)]
    is_plain = picture.trailing is None and coding.tables is None and not coding.keep_rgb
    is_large = min(picture.pixels.shape[:2]) >= _LEAST_SIDE
    if is_plain and is_large and Judge.takes(picture.pixels) and whole.rate < _MOST_RATE:
        files += map(_encoded, _halves(options, picture, saliency, coding, whole.rate))
    found = [file for file in files if file is not None]
    return found[0] if len(found) == 1 else _better(found, options, picture)


def _halves(
    options: Options, picture: Picture, saliency: SaliencyMap | None, coding: Coding, rate: float
) -> Iterator[PictureEncoding]:
    """Encodings of half of a picture: by what the small one lacks of it, and of the whole picture when enlarged."""
    height, width = size = picture.pixels.shape[:2]
    smaller = picture.shrunk(half_size(size))
    half = replace(options, layers=None, tune="restore" if options.tune == "default" else options.tune)
    of_half = None if saliency is None else saliency.shrunk(half_size(size))
    coding = replace(coding, whole_size=(height, width))
    yield PictureEncoding(half, smaller, of_half, coding)
    if rate >= _RATE_OF_WHOLE and half.tune == "restore":
        yield PictureEncoding(half, smaller, of_half, replace(coding, whole_pixels=picture.pixels))


def _encoded(encoding: PictureEncoding) -> Compressed | None:
    try:
        return encoding.compressed()
    except TargetError:
        return None


def _better(files: list[Compressed], options: Options, picture: Picture) -> Compressed | None:
    """The file whose restored picture has the highest SSIMULACRA2; ``None`` of none."""
    score = RestoredScore(Judge(picture.pixels), Restoring(options.device))
    return max(files, key=lambda file: score(file.jpeg), default=None)
