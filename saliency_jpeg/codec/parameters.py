"""The numbers that change the bytes of a file, by name, or where they stand.

The :class:`Tuning` of each ``tune=`` was fitted: ``scripts/tune_encoder.py`` finds the numbers on one set of
photographs and reports on another. They are means of its search distribution after some hundred trials, in runs that
each began where the one before had ended; chroma and the steps of ``"psnr"`` were then set by hand so that colour is
not given up for a metric that does not see it.

The other numbers stand below with where they were measured. These stand elsewhere, beside what they belong to:

- the levels of effort and the variants they try: :mod:`.effort` (``benchmarks/effort.py``);
- the chroma filter (``kInner``, ``kOuter`` in ``csrc/codec/color.cc``), the light that the compensation keeps
  (``kAmbient`` in ``compensation.cc``), the overshoot (``kMaxOvershoot``, ``kRounds`` in ``overshoot.cc``) and the
  divisions into bands that scans are chosen from (``csrc/codec/bands.h``); what each gained is in docs/decisions.md;
- the numbers of maps: ``weights/presets.json``, with the cards beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

__all__ = [
    "BT601_LUMA",
    "HEADER_BYTES",
    "QUALITY_KNOTS",
    "SIZE_SEARCH",
    "TUNINGS",
    "SizeSearch",
    "TableShape",
    "Tune",
    "Tuning",
]

Tune = Literal["default", "ssimulacra2", "psnr", "hvs", "machine", "restore"]

QUALITY_KNOTS: Final = (0.0, 1, 5, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 95, 98, 100)


@dataclass(frozen=True)
class TableShape:
    """One component's quantization table.

    Attributes:
        steps: six, at radial frequencies ``FREQUENCY_KNOTS`` for scale 1, in coefficient units; the mean (of
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
        whole_chroma: factor of the chroma steps in 4:4:4, where four times as many blocks share the bits of a picture;
            its square root where chroma is averaged in one direction.
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
    whole_chroma: float = 1.0


_DEFAULT: Final = Tuning(
    luma=TableShape((2.892, 3.453, 6.055, 7.509, 11.46, 10.27), 0.9238, (0.02399, 0.06256)),
    cb=TableShape((3.763, 4.19, 6.344, 8.882, 10.77, 14.89), 0.6965, (-0.5367, -0.5367)),
    cr=TableShape((5.135, 5.265, 8.094, 8.129, 8.161, 7.75), 0.6965, (-0.5367, -0.5367)),
    lmbda=0.06319,
    masking_exponent=0.2804,
    masking_floor=4293.0,
    light_exponent=0.2293,
    luma_tilt=0.015,
    chroma_tilt=-0.1452,
    compensation=0.6457,
    whole_chroma=1.25,
    scales=(1000.0, 240, 61.2, 26.8, 11.5, 6.93, 4.97, 3.96, 3.3, 2.53, 2.17, 1.81, 1.44, 1.04, 0.653, 0.3, 0.05),
)

TUNINGS: Final[dict[Tune, Tuning]] = {
    "default": _DEFAULT,
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
        luma=TableShape((2.657, 3.437, 8.028, 8.005, 11.45, 9.13), 0.9919, (0.04519, 0.1022)),
        cb=TableShape((2.922, 3.167, 4.83, 6.38, 7.16, 8.393), 0.7247, (-0.2945, -0.2945)),
        cr=TableShape((5.761, 5.772, 8.772, 8.439, 7.958, 6.399), 0.7247, (-0.2945, -0.2945)),
        lmbda=0.07329,
        masking_exponent=0.4122,
        masking_floor=2185.0,
        light_exponent=0.5476,
        luma_tilt=0.2775,
        chroma_tilt=0.01062,
        compensation=1.0,
        whole_chroma=1.25,
        scales=(1000.0, 180, 44.7, 20.2, 9.01, 5.78, 4.34, 3.52, 2.9, 2.26, 1.99, 1.67, 1.36, 1.01, 0.657, 0.3, 0.05),
    ),
    "machine": replace(_DEFAULT, masking_exponent=0.16),
    "restore": _DEFAULT,  # the closed loop does the rest
}

#: Of an image for which neither a quality nor a target is asked, on Pillow's scale; Pillow's own default.
DEFAULT_QUALITY: Final = 75.0

# Shape of the tables --------------------------------------------------------------------------------------------------

FREQUENCY_KNOTS: Final = (0.0, 1.0, 2.0, 3.5, 5.5, 9.9)  # radial frequency in half cycles a block; 0 is DC
BENT_BELOW: Final = 3.0  # frequency from which steps are proportional to the scale
TILT_MIDDLE: Final = 3.0  # frequency at which an error of one step costs 1
TILT_SPAN: Final = 6.0  # frequencies over which the cost grows by ``exp(tilt)``
UNSEEN_BITS: Final = 2.0  # above the longest code, the cost of a symbol that has no code yet

# Colour ---------------------------------------------------------------------------------------------------------------

#: Shares of red, green and blue in the luma of JFIF (ITU-R BT.601).
BT601_LUMA: Final = (0.299, 0.587, 0.114)

# Chroma subsampling: by which pictures averaged chroma is seen. Measured on text, drawings and photographs; see
# docs/decisions.md.
COLOURED_EDGE: Final = 96  # spread of red or blue less green in a 2x2 box that marks a coloured edge
FLAT_CHROMA: Final = 8  # the same up to which a box counts as flat
DITHERED_SHARE: Final = 0.1  # of coloured edges from which a picture may be dithered: its chroma is noise
CLEAN_SHARE: Final = 0.5  # of coloured boxes that are straight or beside a flat one; a dithered picture has fewer
WHOLE_CHROMA_SHARE: Final = 0.02  # of coloured edges in the picture from which whole chroma pays
DRAWN_SHARE: Final = 0.5  # of boxes of one colour from which a picture is drawn, not photographed
DRAWN_WHOLE_CHROMA_SHARE: Final = 0.001  # of coloured edges in a drawing from which whole chroma pays
CHROMA_DETAIL: Final = 32  # spread as above from which a box has detail that fine steps keep
DETAILED_SHARE: Final = 0.007  # of such boxes from which whole chroma pays at fine steps
FINE_QUALITY: Final = 93.0  # from here on steps are fine
FINE_SCALE: Final = 0.8  # the same for a target
TRELLIS_SHARE: Final = 0.905  # of the estimate for rounded levels that a file at this scale takes
ESTIMATE_BLOCKS: Final = 8192  # about how many luma blocks that estimate is made on
LOW_QUALITY: Final = 40.0  # below, the bytes are needed for the luma
LOW_RATE: Final = 0.5  # the same in bits a pixel, for a target
LOW_WHOLE_CHROMA_SHARE: Final = 0.3  # of coloured edges from which whole chroma pays even so
HIGH_QUALITY: Final = 97.0  # from here on the chroma is kept whole
HIGH_RATE: Final = 4.5  # the same in bits a pixel, for a target
ROOMY_RATE: Final = 0.8  # bits a pixel of a target from which steps may be fine, or the finest leave it unfilled
UNFILLED: Final = 1.03  # of a target: where averaged chroma is not estimated to fill more, it is kept whole

# Block weights --------------------------------------------------------------------------------------------------------

DARKEST: Final = 0.1  # light below which darkness makes errors no more visible; 1 is white

# Saliency: measured on pictures that no head has seen and no result is reported on (scripts/tune_allocation.py).
FULL_GAIN: Final = 500.0  # weight of the most salient block against the least at strength 1
SALIENCY_POWER: Final = 2.0  # half as salient as the most is a quarter of the way in the logarithm
USUAL_SCALE: Final = 3.0  # of a photograph at one bit a pixel
USUAL_EXPONENT: Final = 0.7  # of the strength that is asked for, there
SCARCITY: Final = 0.45  # by which the exponent grows with the logarithm of the scale
EXPONENTS: Final = (0.55, 2.0)  # bounds of it
RESTORED_EXPONENT: Final = 0.464  # of the strength for readers that restore: 0.5 becomes 0.725
TRUSTED: Final = 0.65  # confidence from which a map counts in full
LEAST_TRUST: Final = 0.3  # share of the strength that a map without any keeps

# Rate control ---------------------------------------------------------------------------------------------------------

HEADER_BYTES: Final = 222  # of a colour file without metadata and scans: SOI, quantization tables, frame header, EOI
STUFFED: Final = 1.003  # bytes of scans with the zero bytes behind 0xFF (T.81 F.1.2.3), to those without
# The bits of a block are about proportional to BUSY_LEAST + ln(1 + amplitude / (BUSY_AMPLITUDE * scale)), its amplitude
# being the root of its AC energy. So a sample tells the size of an image to 2 to 5 % (standard deviation; 4 to 9 % if
# all blocks count alike). Fitted on 32 photographs that nothing is reported on.
BUSY_LEAST: Final = 0.3
BUSY_AMPLITUDE: Final = 20.0
SAMPLE_EXCESS: Final = 1.01  # of the bits of a sample, whose runs of empty blocks are cut short
COARSEST_SCALE: Final = 1e5  # at which nothing but the coarsest DC is left


@dataclass(frozen=True)
class SizeSearch:
    """How the search for a file size moves; sizes and slopes are means over photographs (``benchmarks/stages.py``).

    Attributes:
        passes: most passes of the quantizer.
        aim: of the bytes that are not fixed; what lies between aim and budget absorbs the estimate's error.
        enough: of the same; a file this full ends the search.
        slack: of the same; an estimate this far above the budget is still worth writing, before any file was written.
        close: of the same; a file this far above the budget was aimed well.
        caution: by which the aim falls for each file that came out slightly too large.
        far_enough: change of log(scale) from which two points say something about the slope.
        apart: difference of log(estimate) from which two files say how much of them is fixed.
        longest: longest step in log(scale).
        slope: d log(size) / d log(scale) before two points are known.
        typical_scale: of a photograph at one bit a pixel.
        typical_slope: d log(scale) / d log(size).
        least_free: of the budget, that the levels may fill at least.
        ratios: bounds of bytes written to bytes estimated between two files.
        slopes: bounds of the slope.
        inside: bounds of where a line between two passes may lead.
        least_share: of the bytes that follow the estimate.
        least_fall: of the estimate, in one step.
        trimmed: largest change of log(size) that is left to lambda, at the same tables.
        longest_trim: of log(lambda); so much is not seen (:mod:`.effort` has variants that differ by as much).
        lambda_step: of log(lambda), for its slope on the sample.
        lambda_slopes: bounds of d log(size) / d log(lambda).
        sample_share: of the luma blocks, on which the search begins.
        sample_blocks: bounds of their number.
        sample_passes: most passes over them in a row.
        sample_near: difference of log(estimate) from the one that is wanted on them, before the first pass.
        sample_close: the same later, when a pass has shown by how much the sample is off.
        sample_files: most files of them that are written to learn how far estimates are off.
        sample_step: shortest step in log(scale) that is worth a pass over them.
        sample_apart: difference of log(scale) from which two of those passes say something about the slope.
        same_bands: step in log(scale) up to which the bands of the scans stay.
    """

    passes: int = 8
    aim: float = 0.994
    enough: float = 0.985
    slack: float = 0.001
    close: float = 0.008
    caution: float = 0.004
    far_enough: float = 0.1
    apart: float = 0.03
    longest: float = 3.0
    slope: float = -0.9
    typical_scale: float = 3.0
    typical_slope: float = -1.1
    least_free: float = 0.1
    ratios: tuple[float, float] = (0.5, 2.0)
    slopes: tuple[float, float] = (-2.5, -0.1)
    inside: tuple[float, float] = (0.2, 0.8)
    least_share: float = 0.01
    least_fall: float = 0.05
    trimmed: float = 0.03
    longest_trim: float = 0.2
    lambda_step: float = 0.1
    lambda_slopes: tuple[float, float] = (-0.5, -0.04)
    sample_share: float = 0.0625
    sample_blocks: tuple[int, int] = (2048, 8192)
    sample_passes: int = 6
    sample_near: float = 0.02
    sample_close: float = 0.003
    sample_files: int = 3
    sample_step: float = 0.001
    sample_apart: float = 0.025
    same_bands: float = 0.3


SIZE_SEARCH: Final = SizeSearch()

# Search for a size on the coefficients of a file (``scripts/measure_recompress.py``).
BRACKET_PASSES: Final = 14
BRACKET_ENOUGH: Final = 0.988  # of the budget
BRACKET_AIM: Final = 0.995
BRACKET_STRIDE: Final = 0.4  # first step in log(scale) out of an open bracket; each is twice the one before
BRACKET_INSIDE: Final = 0.1  # of the bracket that an interpolation keeps away from its ends

# Search for a score (the curves that it follows are in ``rate_control/score_curves.py``).
SCORE_PASSES: Final = 4  # for photographs
SCORE_MOST_PASSES: Final = 10  # where none is near
SCORE_TOLERATED: Final = 1.5  # above the target, to end after as many passes as photographs need
SCORE_AIM: Final = 0.15  # above the target
SCORE_OPEN_AIM: Final = 0.25  # while no file is near
SCORE_NEAR: Final = 0.5  # above the target; what a file is to come within
SCORE_ENOUGH: Final = 0.3  # above the target, to end with fewer passes; about 0.5 % of the bytes
SCORE_MARGIN: Final = 0.01  # of what is missing to 100, by which a quality for the salient part aims higher
SCORE_BEND: Final = (1.0, 0.2)  # a score falls by a t + b t^2 with the logarithm t of the multiplier
SCORE_SALIENT_BEND: Final = (0.25, 1.25)  # the same of the salient part, whose own multipliers are small
SCORE_SALIENT_TILTS: Final = 70.0  # scores of the salient part up to which the multiplier is varied
SCORE_RANGE: Final = (-0.45, 0.55)  # of a t + b t^2 that is tried
SCORE_SALIENT_RANGE: Final = (0.0, 1.2)
SCORE_TILT_SLOPE: Final = 0.011  # points lost by a unit of it, times a power of what is missing to 100
SCORE_TILT_POWER: Final = 1.6
SCORE_TILT_BYTES: Final = 0.14  # share of the bytes that a unit of it saves
SCORE_INSIDE: Final = 0.03  # of the bracket that an interpolation keeps away from its ends

# Variants at high effort (``benchmarks/effort.py``).
VARIANT_CLOSE: Final = 0.004  # of the size that is wanted
VARIANT_PASSES: Final = 3
VARIANT_SLOPE: Final = -0.85  # d log(size) / d log(scale) of photographs
VARIANT_MOST_SAVED: Final = (
    0.02  # largest log-size saving credited; a bigger one means the size search did not converge
)
VARIANT_WORTH: Final = 25.0  # SSIMULACRA2 that log(size) is worth, on photographs at about a bit a pixel


@dataclass(frozen=True)
class Downscale:
    """The resolution that suits a target (``scripts/measure_downscale.py``).

    The factor of the sides is ``factor * rate**by_rate * complexity**by_complexity``, with the rate in bits a pixel of
    the original; see :func:`saliency_jpeg.encoder.resolution.complexity`.

    Attributes:
        factor: at one bit a pixel and a complexity of 1.
        by_rate: exponent.
        by_complexity: exponent.
        step: the DCT coefficient that counts one bit.
        least_rate: bits a pixel; fewer count as this.
        least_complexity: a lower one counts as this.
        smallest: factor that the rule chooses.
        retry: of the factor, from one try to the next, where the target cannot be met.
        enough: quality from which a higher resolution is tried; files of photographs stay below at the rule's factor.
        warn_below: bits a pixel that a warning calls few.
    """

    factor: float = 1.3
    by_rate: float = 0.54
    by_complexity: float = -0.37
    step: float = 4.0
    least_rate: float = 1e-3
    least_complexity: float = 0.05
    smallest: float = 0.16
    retry: float = 0.8
    enough: float = 90.0
    warn_below: float = 0.15


DOWNSCALE: Final = Downscale()

# Recompression (``scripts/measure_recompress.py``) --------------------------------------------------------------------

KEEP_TABLE_BELOW: Final = 1.5  # ratio of wanted to own step below which a file's own step stays
RECOMPRESS_FLAT: Final = 0.4  # of the scale that suits a file's low frequencies; below it hardly a level changes
