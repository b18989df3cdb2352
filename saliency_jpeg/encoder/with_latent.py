"""Files with a latent: what a network says of the original, beside what restoration makes of the file."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Final

from ..codec import _core
from ..codec.effort import EFFORTS
from ..codec.layers import layers_in
from ..enhance.latent_layer import THRESHOLDS, code_latents
from ..enhance.restoration import can_restore
from ..errors import TargetError
from ..image.picture import Picture
from ..metadata.layer_kinds import latent_layer
from ..options import BYTES_PER_KB, Options
from ..rate_control import Judge
from ..recompression.detail import with_layer
from .result import Compressed

__all__ = ["LatentEncoding"]

_WORTH: Final = 40.0  # points of SSIMULACRA2 that log(size) is worth at 0.2 to 0.6 bits a pixel
_CLOSE: Final = 0.3  # points behind that a smaller file with a latent may make up for
_FAR: Final = 2.0  # points behind that no other threshold makes up for
_SEARCHES: Final = 3
_ENOUGH: Final = 0.985  # of a target
_AIM: Final = 0.994  # of a target


@dataclass(frozen=True)
class LatentEncoding:
    """The encodings of one colour picture with a latent.

    Attributes:
        options: what is asked for.
        picture: as it is to be stored.
        judge: of pixels against the picture's.
        score: of a file, restored.
        encode: makes the file without a latent, for a target in KB.
    """

    options: Options
    picture: Picture
    judge: Judge
    score: Callable[[bytes], float]
    encode: Callable[[float], Compressed]

    def added(self, result: Compressed) -> Compressed:
        """Returns a file with a latent, with a target in its bytes, by making the file smaller.

        Args:
            result: the file without a latent.

        Returns:
            The file; ``result`` where none restores as well for its bytes, by SSIMULACRA2.
        """
        target, plain = self.options.target_bytes, self.score(result.jpeg)
        least = plain - _WORTH * math.log(len(result.jpeg)) - _FAR
        found, score, threshold = self._best(result, THRESHOLDS, least)
        gain = score - plain - _WORTH * math.log(len(found.jpeg) / len(result.jpeg))
        if target is None or gain < -_CLOSE:
            return found if gain > 0 else result
        best, base = result, result
        for _ in range(_SEARCHES):
            room = math.floor(len(base.jpeg) + _AIM * target - len(found.jpeg))
            try:
                base = self.encode(max(room, 1) / BYTES_PER_KB)
            except TargetError:
                break
            found, score, threshold = self._best(base, [threshold])
            if len(found.jpeg) <= target and score > plain:
                best, plain = found, score
            if _ENOUGH * target <= len(found.jpeg) <= target:
                break
        return best

    def _best(
        self, result: Compressed, thresholds: Sequence[float], least: float = -math.inf
    ) -> tuple[Compressed, float, float]:
        """The file with the latent of the best of some thresholds, its score, and the threshold.

        One whose score, less what its bytes are worth, is below ``least`` is the last that is tried.
        """
        image = _core.read_jpeg(result.jpeg, None)
        pixels = self.picture.pixels
        if len(image.levels) != 3 or not can_restore(image):
            return result, -math.inf, thresholds[0]
        widths = layers_in(image, "widths").widths
        found = []
        for coded in code_latents(image, pixels, widths, self.options.device, thresholds):
            score, count = self.judge.of_pixels(coded.pixels), len(result.jpeg) + len(coded.latent.code)
            merit = score - _WORTH * math.log(count)
            found.append((merit, score, coded))
            if merit < least:
                break
        _, score, coded = max(found, key=itemgetter(0))
        effort, threads = EFFORTS[self.options.effort], self.options.threads_for(*pixels.shape[:2])
        layer = latent_layer(len(image.levels), coded.latent)
        jpeg = with_layer(result.jpeg, layer, choice_blocks=effort.choice_blocks, threads=threads)
        return replace(result, jpeg=jpeg), score, coded.threshold
