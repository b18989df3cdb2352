"""Files with layers that have to be weighed: detail, a latent, and whichever layers restore best."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Final, NamedTuple

from ..codec.effort import EFFORTS
from ..codec.parameters import VARIANT_WORTH, Tune
from ..errors import TargetError
from ..image.picture import Picture
from ..options import BYTES_PER_KB, DEFAULT_BASE_FLOOR, LayersMode, Options
from ..rate_control import Judge
from ..recompression.detail import separate_detail
from .restored_score import RestoredScore, Restoring
from .result import Compressed

__all__ = ["Layered"]

#: Where detail may begin, in luma and in chroma, in zigzag order: the more is left out, the more bytes it saves and the
#: softer is what other readers show.
_CUTS: Final = (
    (45, 36), (36, 28), (28, 21), (24, 18), (21, 15), (18, 13), (16, 11), (14, 9), (12, 8), (11, 7), (10, 6), (9, 6),
    (8, 5), (7, 5), (6, 4), (5, 3), (4, 3), (3, 2), (2, 1), (1, 1),
)  # fmt: skip

_SEARCHES: Final = 4  # for the size of a file with detail
_ENOUGH: Final = 0.992  # of a target
_AIM: Final = 0.996  # of a target
_LEAST_WIDTHS_RATE: Final = 0.35  # bits a pixel from which layers="auto" tries them; below, their bytes buy more
_MOST_LATENT_RATE: Final = 0.6  # bits a pixel of a file to which layers="auto" adds one to see what it gives


class _Way(NamedTuple):
    """A way to encode.

    Attributes:
        tune: as the option.
        layers: likewise.
    """

    tune: Tune
    layers: LayersMode | None = None


class Layered:
    """The encodings of one picture with layers.

    Args:
        options: what is asked for, ``layers`` among it.
        picture: as it is to be stored.
        encode: makes a file by other options, without detail.
        restored: decodes one.
        may_tune: files may be made for readers that restore; with ``target_score`` they are not, since it is that of
            the picture without restoration.
    """

    def __init__(
        self,
        options: Options,
        picture: Picture,
        encode: Callable[[Options], Compressed],
        restored: Restoring,
        may_tune: bool = True,
    ) -> None:
        self._options, self._picture, self._encode, self._restored = options, picture, encode, restored
        is_free = options.tune == "default" and options.subsampling != "4:1:1" and options.target_score is None
        self._may_tune = may_tune and is_free

    def compressed(self) -> Compressed:
        """Returns the file that the options ask for.

        Raises:
            TargetError: the target is too small for this picture; ``.best`` is the nearest file.
        """
        way = _Way(self._options.tune)
        if self._options.layers == "detail":
            return self._with_detail(self._encoded(way), way)
        if self._options.layers == "latent":
            return self._with_latent(self._encoded(way), way)
        return self._best()

    def _best(self) -> Compressed:
        """The file that restores best: for all readers, for those that restore; with widths, detail or a latent."""
        way = _Way(self._options.tune)
        files = [(way, self._encoded(way))]
        rate = self._rate(files[0][1])
        if self._may_tune:
            way = _Way("restore")
            files.append((way, self._encoded(way)))
        if rate >= _LEAST_WIDTHS_RATE:
            way = way._replace(layers="widths")
            with contextlib.suppress(TargetError):  # no room for them
                files.append((way, self._encoded(way)))
        way, best = max(files, key=lambda each: self._merit(each[1]))
        others = [self._with_detail(best, way)]
        if self._picture.pixels.ndim == 3 and rate < _MOST_LATENT_RATE:
            others.append(self._with_latent(best, way))
        return max([best, *others], key=self._merit)

    def _rate(self, result: Compressed) -> float:
        """Bits a pixel."""
        height, width = self._picture.pixels.shape[:2]
        return float(8 * len(result.jpeg) / (height * width))

    def _merit(self, result: Compressed) -> float:
        """Points of SSIMULACRA2 of the restored picture, and what its bytes are worth where no target says how many."""
        score = self._score(result.jpeg)
        return score if self._options.target_bytes is not None else score - VARIANT_WORTH * math.log(len(result.jpeg))

    def _with_detail(self, result: Compressed, way: _Way) -> Compressed:
        """Moves detail of a file into a layer, and with a target fills the bytes that this saves."""
        target, best = self._options.target_bytes, self._separated(result)
        if target is None or best is result:
            return best
        room, size = float(target), len(best.jpeg)
        for _ in range(_SEARCHES):
            if len(best.jpeg) >= _ENOUGH * target:
                break
            room *= _AIM * target / size
            found = self._separated(self._encoded(way, target_kb=math.floor(room) / BYTES_PER_KB))
            size = len(found.jpeg)
            if len(best.jpeg) < size <= target:
                best = found
        return best

    def _with_latent(self, result: Compressed, way: _Way) -> Compressed:
        """Codes what restoration leaves of a picture, with a target in its bytes; as it is where that does not pay."""
        from .with_latent import LatentEncoding  # loads TensorFlow

        def encode(target_kb: float) -> Compressed:
            return self._encoded(way, target_kb)

        if self._picture.pixels.ndim == 2 or not Judge.takes(self._picture.pixels):
            return result
        return LatentEncoding(self._options, self._picture, self._judge, self._score, encode).added(result)

    def _encoded(self, way: _Way, target_kb: float | None = None) -> Compressed:
        """The file without detail in a layer, for the target that is asked for or another one."""
        target_kb = self._options.target_kb if target_kb is None else target_kb
        options = replace(
            self._options, tune=way.tune, layers=way.layers, base_floor=DEFAULT_BASE_FLOOR, target_kb=target_kb
        )
        return self._encode(options)

    def _separated(self, result: Compressed) -> Compressed:
        """The file with as much of its detail in a layer as its base may miss; as it is where that saves nothing."""
        jpeg = min(self._softest(result.jpeg), key=len, default=result.jpeg)
        return replace(result, jpeg=jpeg) if len(jpeg) < len(result.jpeg) else result

    def _softest(self, jpeg: bytes) -> Iterator[bytes]:
        """Files with more and more detail in a layer, as far as the floor allows, found by bisection."""
        if not Judge.takes(self._picture.pixels):
            return
        whole = self._judge(jpeg)
        low, high = 0, len(_CUTS)  # below low all are allowed, from high on none is
        while low < high:
            middle = (low + high) // 2
            separated = self._cut(jpeg, *_CUTS[middle])
            plain = whole - VARIANT_WORTH * math.log(len(jpeg) / len(separated))  # about, in as many bytes
            if self._judge(separated) >= plain - self._options.base_floor:
                low = middle + 1
                yield separated
            else:
                high = middle

    def _cut(self, jpeg: bytes, luma: int, chroma: int) -> bytes:
        firsts = (luma,) if self._picture.pixels.ndim == 2 else (luma, chroma, chroma)
        return separate_detail(jpeg, firsts, **self._scans())

    def _scans(self) -> dict[str, int]:
        """How the scans of a file are chosen."""
        height, width = self._picture.pixels.shape[:2]
        effort = EFFORTS[self._options.effort]
        return {"choice_blocks": effort.choice_blocks, "threads": self._options.threads_for(height, width)}

    @cached_property
    def _score(self) -> RestoredScore:
        return RestoredScore(self._judge, self._restored)

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self._picture.pixels)
