"""What each level of effort does: time against bytes.

Learning what symbols will cost and choosing the scans need not be done on a whole picture: low levels do both on a
part of the blocks. Levels 6 and 7 encode in several ways and let SSIMULACRA2 choose; levels 8 and 9 run the closed loop
(:mod:`saliency_jpeg.perceptual.closed_loop`). ``benchmarks/effort.py`` prints what each level takes and gains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT_EFFORT", "EFFORTS", "RESTORING_PASSES", "Effort", "Variant"]

DEFAULT_EFFORT: Final = 5

#: Passes of the closed loop for ``tune="restore"`` where the effort asks for none.
RESTORING_PASSES: Final = 3


@dataclass(frozen=True)
class Variant:
    """Another way to encode the same image.

    Attributes:
        factor: on the Lagrange multiplier.
        rounding: 0 to 1, added to the offsets by which steps are rounded.
    """

    factor: float
    rounding: float


@dataclass(frozen=True)
class Effort:
    """How hard the encoder tries.

    Attributes:
        learn_blocks: about how many luma blocks, with the chroma of their rows, the first costs are learned on.
        learn_passes: of the trellis over those blocks; each uses the costs of the one before, the first those of plain
            rounding.
        choice_blocks: about how many luma blocks, with the chroma of their rows, the scans are chosen by.
        variants: other ways that are tried and scored.
        loop_passes: of the closed loop.
        corrections: whether luma compensates for chroma, and samples at 0 and 255 may go beyond the range.
    """

    learn_blocks: int
    learn_passes: int
    choice_blocks: int
    variants: tuple[Variant, ...] = ()
    loop_passes: int = 0
    corrections: bool = True


_VARIANTS: Final = (
    Variant(1.18, 0.0),
    Variant(0.85, 0.0),
    Variant(1.0, 0.5),
    Variant(1.0, 0.25),
)

EFFORTS: Final[dict[int, Effort]] = {
    1: Effort(512, 0, 512, corrections=False),
    2: Effort(512, 1, 512),
    3: Effort(768, 1, 768),
    4: Effort(1024, 1, 1024),
    5: Effort(2048, 1, 2048),
    6: Effort(8192, 1, 8192, _VARIANTS[:2]),
    7: Effort(8192, 1, 8192, _VARIANTS),
    8: Effort(8192, 1, 8192, loop_passes=5),
    9: Effort(8192, 1, 8192, loop_passes=14),
}
