"""The numbers that were fitted: shape of the tables, Lagrange multiplier, masking, the scale of quality.

``scripts/tune_encoder.py`` finds them on one set of photographs and reports on another.  The numbers below are means of
its search distribution after a few hundred trials, in runs that each began where the one before had ended; chroma and
the steps of ``"psnr"`` were then set by hand so that colour is not given up for a metric that does not see it.
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
        steps: six, at radial frequencies ``tables.FREQUENCY_KNOTS`` for scale 1, in coefficient units; the mean (of
            logarithms) of those on the axes and on the diagonal.
        bend: exponent of the scale at DC; 1 from the third frequency on, linear between.
        diagonal: logarithm of the ratio between steps on the diagonal and on the axes, at the first and at the last
            knot; linear between.
    """

    steps: tuple[float, ...]
    bend: float
    diagonal: tuple[float, float] = (0.0, 0.0)


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
        compensation: share of the change of lightness by coded chroma that the luma takes back, 0 to 1.
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
    compensation: float
    scales: tuple[float, ...]


TUNINGS: Final[dict[str, Tuning]] = {
    "default": Tuning(
        luma=TableShape((2.579, 4.028, 4.892, 7.375, 11.99, 11.37), 0.8772, (0.2932, -0.1421)),
        cb=TableShape((4.42, 4.85, 7.115, 9.834, 11.72, 15.56), 0.6572, (-0.256, -0.256)),
        cr=TableShape((5.787, 5.837, 8.777, 8.637, 8.46, 7.72), 0.6572, (-0.256, -0.256)),
        lmbda=0.05054,
        masking_exponent=0.4248,
        masking_floor=3884.0,
        light_exponent=0.3389,
        luma_tilt=-0.09436,
        chroma_tilt=-0.1638,
        compensation=0.4314,
        scales=(1000.0, 280, 72.5, 30.8, 12.6, 7.29, 5.25, 4.14, 3.28, 2.55, 2.15, 1.78, 1.41, 1.01, 0.623, 0.3, 0.05),
    ),
    "psnr": Tuning(
        luma=TableShape((5.0, 6.0, 6.0, 6.0, 6.5, 7.0), 1.0),
        cb=TableShape((6.0, 6.5, 8.0, 9.0, 10.0, 11.0), 0.9),
        cr=TableShape((5.5, 6.0, 7.5, 8.0, 9.0, 10.0), 0.9),
        lmbda=0.11,
        masking_exponent=0.0,
        masking_floor=2600.0,
        light_exponent=0.0,
        luma_tilt=0.0,
        chroma_tilt=0.0,
        compensation=0.0,
        scales=(400.0, 100, 24.9, 12.9, 6.76, 4.44, 3.64, 2.96, 2.52, 2.07, 1.84, 1.6, 1.29, 0.942, 0.573, 0.3, 0.05),
    ),
    "hvs": Tuning(
        luma=TableShape((2.739, 3.038, 2.787, 3.524, 9.334, 10.42), 0.6177),
        cb=TableShape((6.4, 7.2, 10.3, 14.2, 17.2, 23.1), 0.5124),
        cr=TableShape((8.5, 9.5, 13.7, 13.6, 13.5, 12.3), 0.5124),
        lmbda=0.05998,
        masking_exponent=0.3314,
        masking_floor=2636.0,
        light_exponent=0.2274,
        luma_tilt=-0.2802,
        chroma_tilt=0.1527,
        compensation=0.0,
        scales=(1000.0, 450, 146, 74.6, 21.1, 10.1, 6.85, 4.75, 3.59, 2.67, 2.17, 1.78, 1.37, 0.912, 0.501, 0.2, 0.02),
    ),
    "ssimulacra2": Tuning(
        luma=TableShape((2.827, 4.34, 5.735, 7.266, 10.9, 4.975), 0.7382),
        cb=TableShape((3.147, 3.489, 5.634, 7.561, 8.676, 10.73), 0.5736),
        cr=TableShape((4.017, 4.134, 6.527, 6.48, 6.34, 5.372), 0.5736),
        lmbda=0.05557,
        masking_exponent=0.4573,
        masking_floor=4938.0,
        light_exponent=0.8067,
        luma_tilt=0.1383,
        chroma_tilt=0.5999,
        compensation=0.7,
        scales=(1000.0, 320, 106, 39.1, 14.2, 8.02, 5.9, 4.56, 3.66, 2.85, 2.47, 2.06, 1.63, 1.19, 0.755, 0.35, 0.05),
    ),
}
