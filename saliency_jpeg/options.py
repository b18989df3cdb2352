"""The options of one encoding: a frozen dataclass that checks itself, and the same fields as typed keywords."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, TypedDict, get_args

import numpy as np

from .checks import check_flag, check_integer, check_number, check_one_of, is_integer, shown
from .codec.effort import DEFAULT_EFFORT, EFFORTS
from .codec.parameters import Tune
from .codec.subsampling import Subsampling
from .errors import OptionError
from .io import available_cpus
from .metadata.jpeg_metadata import MetadataMode
from .metadata.limits import DEFAULT_MAX_PIXELS
from .metadata.segments import SegmentPattern
from .rate_control.by_score import SALIENT_METRICS, TargetMetric
from .saliency.sources import Saliency, has_preset

__all__ = [
    "BYTES_PER_KB",
    "DEFAULT_BASE_FLOOR",
    "NAMED_SCORES",
    "OPTION_NAMES",
    "LayersMode",
    "OptionKeywords",
    "Options",
    "TargetScore",
    "check_names",
]

Orientation = Literal["keep", "apply"]
TrailingMode = Literal["keep", "drop"]
LayersMode = Literal["widths", "detail", "latent", "auto"]
NamedScore = Literal["visually-lossless"]
TargetScore = float | NamedScore

BYTES_PER_KB: Final = 1000

#: Scores by name. At 90 people hardly tell a picture from its original side by side (J. Sneyers, SSIMULACRA2).
NAMED_SCORES: Final[dict[NamedScore, float]] = {"visually-lossless": 90.0}

#: Points of SSIMULACRA2 that a reader without this library may miss in a file with detail.
DEFAULT_BASE_FLOOR: Final = 6.0

_SMALLEST_KB: Final = 0.001  # a byte
_LARGEST_KB: Final = 1e9

_LONGEST_SIDE: Final = 65535
_MOST_PIXELS: Final = _LONGEST_SIDE**2  # of a JPEG file, T.81 B.2.2

_MOST_THREADS: Final = 1024
_PIXELS_A_THREAD: Final = 2**17  # with fewer, starting a thread costs more than it saves


def _segment_names(value: Any) -> None:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise OptionError(f"keep_segments must be a sequence of names such as 'APP11', got {shown(value)}")
    for name in value:
        SegmentPattern.from_name(name)


def _color(name: str, value: Any) -> None:
    good = isinstance(value, tuple | list) and len(value) == 3 and all(is_integer(v, 0, 255) for v in value)
    if not good:
        raise OptionError(f"{name} must be three integers from 0 to 255, got {shown(value)}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Options:
    """How to encode. Every field is also a keyword of :func:`saliency_jpeg.compress`.

    Attributes:
        target_kb: largest size of the file in units of 1000 bytes, metadata included. It is never exceeded.
        quality: 0 to 100 on Pillow's scale, fractions allowed. Without a target and a quality: 75. With both, the
            target limits the size and the quality is the highest that is used.
        target_score: score, 0 to 100, that the file reaches at about the smallest size: 90 is visually lossless, 70
            high quality, 50 medium. ``"visually-lossless"`` is 90. It excludes ``target_kb`` and ``quality`` and takes
            about five times as long.
        target_metric: what ``target_score`` is a score of: ``"ssimulacra2"``, ``"perceptual"`` (a deep network that
            reads alike, run by TensorFlow, see :func:`saliency_jpeg.perceptual_score`), or either with ``"_s"`` for
            the salient part: errors count as much as the map says, and all of them where it marks nothing.
        saliency: what matters in the image: a preset's name, a ``SaliencyModel``, its ``SaliencyMap``, a map or mask
            (H, W) as array or PIL image, a sequence of boxes ``(left, top, right, bottom)`` in pixels, a function,
            several of these by :func:`saliency_jpeg.saliency.combine`, or ``None`` for no preference. Maps and masks
            have the image's size and are bool, uint8 from 0 to 255, or floats from 0 to 1. Like boxes they follow the
            pixels as they are stored. A function gets the upright image, uint8 (H, W, 3) RGB, and returns a map, a mask
            or boxes for it; ``Encoder.compress_many`` calls it from several threads.
        strength: 0 (the map is not used) to 1: how much of the bytes moves to what matters. Where bytes are scarce, or
            the map marks a bit of everything, it acts less; where they are plenty somewhat more.
        tune: ``"default"`` for all metrics at once, or one to favour: ``"ssimulacra2"``, ``"psnr"``, ``"hvs"``
            (PSNR-HVS-M); or ``"machine"`` for files that networks look at, not people. ``"restore"`` is for readers
            that restore the picture, as ``decode()`` does: the encoder sees what they see and improves the file by it,
            as at effort 8, in 2 s a megapixel or more. Other readers lose nothing against ``"default"``. It needs
            TensorFlow; ``target_score`` then means the restored picture. ``layers="auto"`` does the same by itself.
        effort: 1 (fast) to 9 (small). Levels up to 5 learn on more of a large image; level 1 makes no corrections.
            Levels 6 and 7 make 3 and 5 encodings of about the same size and keep the one that SSIMULACRA2 prefers.
            Levels 8 and 9 improve the encoding by what perceptual metrics say of it; they need TensorFlow and take
            seconds a megapixel. In ``recompress()`` and with a door's own tables levels above 5 act like level 5, with
            ``target_score`` levels 6 and 7 do.
        subsampling: of the chroma: ``"4:4:4"``, ``"4:2:2"``, ``"4:2:0"``, ``"4:4:0"`` or ``"4:1:1"``; ``"auto"`` keeps
            that of a JPEG source, and otherwise chooses by image and rate.
        progressive: write a progressive file (smaller) or a baseline one.
        metadata: ``"keep"``, ``"safe"`` (colour and orientation, nothing personal) or ``"strip"``.
        keep_segments: segments that ``"safe"`` and ``"strip"`` leave in: ``"APP11"``, ``"COM"``, or with the first
            bytes of the payload, ``"APP1:http://ns.adobe.com/xap/1.0/"``.
        orientation: ``"keep"`` leaves the pixels as they are stored and the EXIF orientation as a tag; ``"apply"``
            rotates the pixels and sets the tag to 1. Maps, masks and boxes always follow the stored pixels.
        trailing_images: what to do with data after the primary image of a JPEG source (MPO, Ultra HDR, motion photos):
            ``"keep"`` copies them behind the new primary image, ``"drop"`` leaves them out.
        layers: data for readers that know this library, which others skip and ``target_kb`` counts. ``"widths"`` says
            in some 140 bytes how far the coefficients of the original lie from the levels of the file, so that a
            restoration repairs as much as it may and no more. ``"detail"`` moves high frequencies to where they take
            fewer bytes; other readers see a softer picture, see ``base_floor``. ``"latent"`` adds to a colour picture
            what a network says of the original beside the restored file, where that is worth its bytes; it needs
            TensorFlow, and a target score is that of the file without it. ``"auto"`` makes files without layers and
            with each, and keeps the one that restores best. A JPEG source that comes back with its own levels keeps
            the layers that it has, and gets none.
        base_floor: how many points of SSIMULACRA2 a reader without this library may miss in a file with detail; 0 to
            100. A target score is that of the picture with its detail.
        never_enlarge: return a JPEG source unchanged, or its scans with other metadata, where the encoding would not be
            smaller or the source already meets ``target_kb``.
        background: colour under transparent pixels, (red, green, blue), 0 to 255 each.
        restart_interval: MCUs between restart markers (T.81 E.1.4); 0: none.
        max_width: most pixels across, as a viewer shows the picture, so behind an EXIF orientation; ``None`` for no
            limit. A wider picture is shrunk in linear light before anything else, and keeps its shape; none is
            enlarged. Maps, masks and boxes are given for the picture as it came, and are shrunk with it. A function
            and a model get the shrunk picture, and ``target_score`` is measured against it.
        max_height: most pixels from top to bottom, likewise.
        allow_downscale: lower the resolution where the picture then looks better at ``target_kb``, shown at the size of
            the original and at 1600 pixels. ``Compressed.width`` and ``height`` tell. With ``layers="auto"`` it is
            halved where the picture that ``decode()`` makes is then better, below about 0.15 bits a pixel; the file
            says how large the picture is, and ``decode()`` returns it at its own size.
        max_pixels: most pixels of an image from a file, checked by its header before it is decoded; ``None`` for no
            limit. Arrays and PIL images that are decoded already have none. With the default, a lower
            ``PIL.Image.MAX_IMAGE_PIXELS`` of the application holds too, where Pillow decodes.
        device: where TensorFlow runs a preset's network, by its name (``"cpu"``, ``"gpu:0"``); ``None``: LiteRT on the
            processor where it is installed and the network ships for it, else TensorFlow's choice.
        threads: that work on one picture at once; ``None`` for as many as there are processors, which
            ``Encoder.compress_many`` divides among its workers. The file is the same for any number.

    Raises:
        OptionError: a value is out of range or of the wrong kind.
    """

    target_kb: float | None = None
    quality: float | None = None
    target_score: TargetScore | None = None
    target_metric: TargetMetric = "ssimulacra2"
    saliency: Saliency = "default"
    strength: float = 0.5
    tune: Tune = "default"
    effort: int = DEFAULT_EFFORT
    subsampling: Subsampling = "auto"
    progressive: bool = True
    metadata: MetadataMode = "keep"
    keep_segments: Sequence[str] = ()
    orientation: Orientation = "keep"
    trailing_images: TrailingMode = "keep"
    layers: LayersMode | None = None
    base_floor: float = DEFAULT_BASE_FLOOR
    never_enlarge: bool = True
    background: tuple[int, int, int] = (255, 255, 255)
    restart_interval: int = 0
    max_width: int | None = None
    max_height: int | None = None
    allow_downscale: bool = False
    max_pixels: int | None = DEFAULT_MAX_PIXELS
    device: str | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.generic):  # which would overflow, or round, in a computation
                object.__setattr__(self, field.name, value.item())
        if self.target_kb is not None:
            check_number("target_kb", self.target_kb, _SMALLEST_KB, _LARGEST_KB, "positive number")
        if self.quality is not None:
            check_number("quality", self.quality, 0, 100)
        self._check_score()
        check_number("strength", self.strength, 0, 1)
        check_one_of("tune", self.tune, get_args(Tune))
        check_integer("effort", self.effort, min(EFFORTS), max(EFFORTS))
        check_one_of("subsampling", self.subsampling, get_args(Subsampling))
        check_flag("progressive", self.progressive)
        check_one_of("metadata", self.metadata, get_args(MetadataMode))
        _segment_names(self.keep_segments)
        check_one_of("orientation", self.orientation, get_args(Orientation))
        check_one_of("trailing_images", self.trailing_images, get_args(TrailingMode))
        if self.layers is not None:
            check_one_of("layers", self.layers, get_args(LayersMode))
        self._check_floor()
        check_flag("never_enlarge", self.never_enlarge)
        _color("background", self.background)
        check_integer("restart_interval", self.restart_interval, 0, 65535)
        check_integer("max_width", self.max_width, 1, _LONGEST_SIDE, none="no limit")
        check_integer("max_height", self.max_height, 1, _LONGEST_SIDE, none="no limit")
        check_flag("allow_downscale", self.allow_downscale)
        if self.allow_downscale and self.target_kb is None:
            raise OptionError("allow_downscale needs a target_kb, got None")
        check_integer("max_pixels", self.max_pixels, 1, _MOST_PIXELS, none="no limit")
        check_integer("threads", self.threads, 1, _MOST_THREADS, none="all CPUs")
        if self.device is not None and not isinstance(self.device, str):
            raise OptionError(f"device must be a string or None, got {shown(self.device)}")
        if self.device is not None and self.tune != "restore" and not has_preset(self.saliency):
            raise OptionError(f"device is for the network of a preset, and saliency names none, got {self.device!r}")
        if self.tune == "restore" and self.subsampling == "4:1:1":
            raise OptionError("tune='restore' is for files that decode() restores, got subsampling='4:1:1'")
        if self.layers == "latent" and self.subsampling == "4:1:1":
            raise OptionError("layers='latent' is for files that decode() restores, got subsampling='4:1:1'")

    def _check_floor(self) -> None:
        check_number("base_floor", self.base_floor, 0, 100)
        if self.base_floor != DEFAULT_BASE_FLOOR and self.layers not in ("detail", "auto"):
            raise OptionError(
                f"base_floor={self.base_floor!r} needs layers='detail' or layers='auto', got {self.layers!r}"
            )

    def _check_score(self) -> None:
        check_one_of("target_metric", self.target_metric, get_args(TargetMetric))
        if self.target_score is None:
            if self.target_metric != "ssimulacra2":
                raise OptionError(f"target_metric={self.target_metric!r} needs a target_score, got None")
            return
        if isinstance(self.target_score, str):
            check_one_of("target_score", self.target_score, tuple(NAMED_SCORES))
        else:
            check_number("target_score", self.target_score, 0, 100)
        if self.target_kb is not None or self.quality is not None:
            raise OptionError(f"target_score goes with neither target_kb nor quality, got {self.target_score!r}")
        if self.saliency is None and self.target_metric in SALIENT_METRICS:
            raise OptionError(f"target_metric={self.target_metric!r} needs a saliency map, got saliency=None")

    @property
    def wanted_score(self) -> float | None:
        """The score that is asked for, as a number."""
        score = self.target_score
        return NAMED_SCORES[score] if isinstance(score, str) else score

    @property
    def kept_segments(self) -> list[SegmentPattern]:
        """The segments that stay in every metadata mode."""
        return [SegmentPattern.from_name(name) for name in self.keep_segments]

    @property
    def target_bytes(self) -> int | None:
        """The target in bytes, rounded down."""
        return None if self.target_kb is None else int(self.target_kb * BYTES_PER_KB)

    def threads_for(self, height: int, width: int) -> int:
        """Returns how many threads are to work on a picture of this size at once; small ones are worth only one."""
        worth = max(1, height * width // _PIXELS_A_THREAD)
        return min(available_cpus() if self.threads is None else self.threads, worth)


class OptionKeywords(TypedDict, total=False):
    """The fields of :class:`Options` as keywords (PEP 692)."""

    target_kb: float | None
    quality: float | None
    target_score: TargetScore | None
    target_metric: TargetMetric
    saliency: Saliency
    strength: float
    tune: Tune
    effort: int
    subsampling: Subsampling
    progressive: bool
    metadata: MetadataMode
    keep_segments: Sequence[str]
    orientation: Orientation
    trailing_images: TrailingMode
    layers: LayersMode | None
    base_floor: float
    never_enlarge: bool
    background: tuple[int, int, int]
    restart_interval: int
    max_width: int | None
    max_height: int | None
    allow_downscale: bool
    max_pixels: int | None
    device: str | None
    threads: int | None


OPTION_NAMES: Final = tuple(field.name for field in fields(Options))


def check_names(caller: str, given: Iterable[str], known: Collection[str] = OPTION_NAMES) -> None:
    """Checks the names of keywords.

    Args:
        caller: whose keywords they are, for the message.
        given: names.
        known: names that are allowed.

    Raises:
        OptionError: a name is not known; the message suggests the nearest one.
    """
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))};"
            raise OptionError(f"{caller} has no keyword {name!r}; {hint} got {name!r}")
