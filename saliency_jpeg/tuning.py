"""The numbers that were fitted: shape of the tables, Lagrange multiplier, masking, the scale of quality.

``scripts/tune_encoder.py`` finds them on one set of photographs and reports on another; nothing else in the package
holds a fitted number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["QUALITY_KNOTS", "TUNINGS", "TableShape", "Tuning"]

QUALITY_KNOTS: Final = (0.0, 1, 5, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 95, 98, 100)


@dataclass(frozen=True)
class TableShape:
    """One component's quantization table.

    Attributes:
        steps: at radial frequencies ``tables.FREQUENCY_KNOTS`` for scale 1, in coefficient units.
        bend: exponent of the scale at DC; 1 from the third frequency on, linear between.
    """

    steps: tuple[float, float, float, float, float, float]
    bend: float


@dataclass(frozen=True)
class Tuning:
    """What an encoding aims at.

    Attributes:
        luma, cb, cr: the tables.
        lmbda: squared quantization steps of error that one bit is worth, in a block of weight 1.
        masking_exponent: weight of a block = (AC energy + floor) ** -exponent.
        masking_floor: AC energy, in squared coefficient units, below which nothing is masked.
        light_exponent: weight of a block falls with this power of its mean sample value.
        luma_tilt, chroma_tilt: growth of the cost of an error, in steps, over six cycles of frequency, as a logarithm.
        scales: scale of the tables at ``QUALITY_KNOTS``.
    """

    luma: TableShape
    cb: TableShape
    cr: TableShape
    lmbda: float
    masking_exponent: float
    masking_floor: float
    light_exponent: float
    luma_tilt: float
    chroma_tilt: float
    scales: tuple[float, ...]


_SCALES: Final = (400.0, 150, 60, 30, 16, 11, 8.6, 7.2, 6.0, 4.8, 4.2, 3.5, 2.8, 2.0, 1.1, 0.5, 0.05)

TUNINGS: Final[dict[str, Tuning]] = {
    "default": Tuning(
        luma=TableShape((2.782, 3.727, 3.452, 4.917, 7.2, 9.425), 0.61),
        cb=TableShape((3.487, 3.983, 6.083, 8.93, 11.54, 18.28), 0.75),
        cr=TableShape((3.578, 3.757, 5.882, 6.148, 6.528, 7.112), 0.75),
        lmbda=0.05232,
        masking_exponent=0.36,
        masking_floor=3000.0,
        light_exponent=0.4,
        luma_tilt=-0.14,
        chroma_tilt=-0.06,
        scales=_SCALES,
    ),
}
