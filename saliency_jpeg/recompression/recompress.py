"""JPEG to JPEG on the file's own DCT coefficients: no second generation of colour conversion and chroma resampling.

The levels of a file times its tables are coefficients that lie on a grid; :class:`saliency_jpeg.codec.steps.KeptSteps`
says what that means for new tables.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from ..allocation import saliency_and_masking, strength_at
from ..checks import check_flag
from ..codec import _core, parameters, tables
from ..codec.coefficients import Coefficients
from ..codec.effort import DEFAULT_EFFORT, EFFORTS
from ..codec.jpeg import JpegEncoding, JpegHeaderPolicy
from ..codec.layers import whole_image
from ..codec.parameters import TUNINGS, Tune
from ..codec.steps import KeptSteps, TunedSteps
from ..errors import InputError, OptionError
from ..image.load import load_jpeg
from ..image.read import read_bytes
from ..metadata import jpeg_metadata, multi_picture, segments
from ..metadata.content_credentials import without_credentials
from ..metadata.jpeg_metadata import MetadataMode
from ..metadata.jpeg_source import JpegSource, is_jpeg
from ..metadata.layers import layer_segments, without_layers
from ..metadata.limits import DEFAULT_MAX_PIXELS
from ..options import OPTION_NAMES, Options, TrailingMode
from ..rate_control import AtScale, BySize
from ..rate_control.by_size import likely_scale
from ..saliency.lazy_map import SaliencyMap
from ..saliency.sources import Saliency, resolve
from .detail import merge_layers
from .rewriting import write_levels

__all__ = ["lossless", "recompress", "recompress_source"]

_LOW: Final = list(_core.ZIGZAG[1:16])  # the frequencies that hold most of the bits


def recompress(
    jpeg: str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes],
    *,
    target_kb: float | None = None,
    quality: float | None = None,
    saliency: Saliency = "default",
    strength: float = 0.5,
    tune: Tune = "default",
    effort: int = DEFAULT_EFFORT,
    progressive: bool = True,
    metadata: MetadataMode = "keep",
    keep_segments: Sequence[str] = (),
    restart_interval: int = 0,
    trailing_images: TrailingMode = "keep",
    keep_layers: bool = True,
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
    device: str | None = None,
    threads: int | None = None,
) -> bytes:
    """Makes a JPEG file smaller without decoding it to pixels; without a target and a quality, without any loss.

    The levels, and so the pixels, stay what they are unless a target or a quality asks for fewer bytes than that takes.
    Sampling and colour space never change, and the file never becomes larger than it was in the form that is asked for.
    The keywords are fields of :class:`saliency_jpeg.Options`, except ``keep_layers``.

    >>> smaller = recompress("photo.jpg")  # doctest: +SKIP

    Args:
        jpeg: path, bytes or binary file object of a JPEG file: baseline or progressive, 8 bits, Huffman codes.
        target_kb: largest size of the file in units of 1000 bytes.
        quality: 0 to 100.
        saliency: what matters. Without a target and a quality no map is made.
        strength: 0 to 1, how much of the bytes moves to what matters.
        tune: ``"default"``, the metric to favour, or ``"machine"``.
        effort: 1 (fast) to 9 (small).
        progressive: progressive or baseline.
        metadata: ``"keep"``, ``"safe"`` or ``"strip"``.
        keep_segments: segments that stay in every metadata mode.
        restart_interval: MCUs between restart markers; 0: none.
        trailing_images: ``"keep"`` or ``"drop"`` the data behind the primary image.
        keep_layers: keep the layers of a file whose levels stay the same, in every metadata mode; with other levels
            they are always left out. Detail that a layer holds goes back among the levels then.
        max_pixels: most pixels of the file, checked by its header; ``None`` for no limit.
        device: where a preset's network runs.
        threads: that work on the file at once; ``None`` for as many as there are processors.

    Returns:
        The file.

    Raises:
        InputError: not a JPEG file, damaged, over a limit, arithmetic coding, 12 bits; CMYK or RGB or a sampling that
            the quantizer does not support, if a target or a quality asks for loss; or the map cannot be used.
        OptionError: an option is out of range.
        TargetError: the target is too small for this picture; ``.best`` is the nearest file.
        OSError: a path cannot be read.
    """
    check_flag("keep_layers", keep_layers)
    given = {name: value for name, value in locals().items() if name in OPTION_NAMES}
    options, data = Options(**given), read_bytes(jpeg)
    if not is_jpeg(data):
        raise InputError(f"only a JPEG file can be recompressed; these {len(data)} bytes are none")
    return recompress_source(JpegSource(data), options, keep_layers=keep_layers)


def recompress_source(
    source: JpegSource,
    options: Options,
    *,
    keep_layers: bool = True,
    keep_below: float = parameters.KEEP_TABLE_BELOW,
) -> bytes:
    """Makes a JPEG file smaller, as :func:`recompress` does; options that ask for other pixels are not looked at.

    Args:
        source: the file.
        options: of the new file.
        keep_layers: as for :func:`recompress`.
        keep_below: ratio of wanted to own quantization step below which the own one stays.

    Raises:
        InputError, TargetError: as :func:`recompress`.
        OptionError: the options ask for layers, which need the original.
    """
    if options.layers is not None:
        raise OptionError(f"recompress() cannot make layers, which need the original picture, got {options.layers!r}")
    if options.tune == "restore":
        raise OptionError("tune='restore' needs the original picture; pass another tune to recompress(), got 'restore'")
    source.check_limits(options.max_pixels)
    if options.trailing_images == "drop":
        source = source.primary(options.kept_segments)
    return _Recompression(source, options, keep_layers, keep_below).file()


def lossless(
    jpeg: bytes,
    *,
    progressive: bool = True,
    restart_interval: int = 0,
    metadata: Sequence[segments.Segment] | None = None,
) -> bytes:
    """Returns the same picture, level for level, with optimal Huffman codes and scans.

    Args:
        jpeg: a file as :func:`_core.read_jpeg` reads it, of any size; trailing images are left out.
        progressive: progressive or baseline.
        restart_interval: MCUs between restart markers.
        metadata: the APPn and COM segments; by default all of the file but the list of trailing images, and Content
            Credentials, whose signature does not match other bytes.

    Raises:
        InputError: damaged, or a kind of JPEG that is not read.
    """
    image = _core.read_jpeg(jpeg, None)
    if metadata is None:
        metadata = without_credentials(multi_picture.without_listing(image.segments))
    return write_levels(image, metadata, progressive=progressive, restart_interval=restart_interval)


class _Recompression:
    """One file to be made smaller.

    Raises:
        InputError: it cannot be read, or has trailing images whose metadata would have to go.
    """

    def __init__(self, source: JpegSource, options: Options, keep_layers: bool, keep_below: float) -> None:
        if not keep_layers:
            source = JpegSource(merge_layers(source.data))
        self._image = _core.read_jpeg(source.data, options.max_pixels)
        if source.header is None:
            raise InputError("the header of this JPEG file is damaged")
        self._source, self._options, self._header = source, options, source.header
        self._effort, self._tuning = EFFORTS[options.effort], TUNINGS[options.tune]
        self._keep_below = keep_below
        self._trailing = source.trailing_bytes
        own = without_credentials(self._image.segments, options.kept_segments)
        if options.metadata != "keep":
            if source.trailing is not None:
                raise multi_picture.refusal(f"metadata={options.metadata!r}")
            self._trailing = None
            own = jpeg_metadata.build_for_scans(source.metadata, options.metadata, options.kept_segments, source.header)
            own += layer_segments(self._image.segments)
        self._plain_segments = without_layers(own)
        self._segments = own if keep_layers else self._plain_segments
        self._keeps_all = options.metadata == "keep" and self._segments == own

    def file(self) -> bytes:
        """The file that the options ask for."""
        same, target = self._same_levels, self._options.target_bytes
        if self._options.quality is None and (target is None or len(same) <= target):
            return same
        smaller = self._requantized()
        return smaller if len(smaller) < len(same) else same

    @cached_property
    def _same_levels(self) -> bytes:
        """The smallest file of the same levels."""
        form = {
            "progressive": self._options.progressive,
            "restart_interval": self._options.restart_interval,
            "choice_blocks": self._effort.choice_blocks,
            "threads": self._options.threads_for(*self._image.size),
        }
        rewritten = write_levels(self._image, self._segments, **form)
        candidates = [self._with_trailing(rewritten)]
        is_own = self._options.metadata == "keep" or not self._image.unread
        if is_own and self._header.has_form(self._options.progressive, self._options.restart_interval):
            candidates.append(self._source.data if self._keeps_all else self._with_own_scans())
        return min(candidates, key=len)

    def _with_own_scans(self) -> bytes:
        return self._with_trailing(self._source.with_segments(self._segments))

    def _with_trailing(self, primary: bytes) -> bytes:
        return primary if self._trailing is None else self._trailing.append_to(primary)

    def _requantized(self) -> bytes:
        """Fewer levels, by the same steps 3, 4, 6 and 7 as an encoding."""
        quality, budget, encoding = self._options.quality, self._options.target_bytes, self._encoding()
        asked = 0.0 if quality is None else tables.quality_to_scale(float(quality), self._tuning)
        if budget is None:
            return AtScale(asked)(encoding).jpeg
        finest = max(asked, self._finest_scale())
        return BySize(budget, finest, encoding.header.overhead)(encoding).jpeg

    @property
    def _own_tables(self) -> NDArray[np.uint16]:
        """The tables of the file, a row for each component."""
        return self._image.tables[self._image.component_tables]

    def _finest_scale(self) -> float:
        """The scale below which the file stays about as it is; a search need not go there."""
        scales = np.exp(np.linspace(np.log(0.01), np.log(1000), 400))
        low = self._own_tables[0, _LOW]
        ratios = [np.log(tables.ideal_steps(scale, self._tuning)[0, _LOW] / low).mean() for scale in scales]
        return parameters.RECOMPRESS_FLAT * float(scales[np.argmin(np.abs(ratios))])

    def _encoding(self) -> JpegEncoding:
        threads = self._options.threads_for(*self._image.size)
        levels = whole_image(self._image).levels
        coefficients = Coefficients.from_levels(levels, self._own_tables, self._sampling(), threads=threads)
        strength = strength_at(self._expected_scale(), self._options.strength)
        tuning = tables.for_sampling(self._tuning, coefficients.sampling)
        weights = saliency_and_masking(coefficients, self._saliency(), strength=strength, tuning=tuning)
        steps = KeptSteps(TunedSteps(tuning, len(self._image.levels)), self._own_tables, self._keep_below)
        header = JpegHeaderPolicy(
            size=self._image.size,
            segments=self._plain_segments,
            trailing=self._trailing,
            progressive=self._options.progressive,
            restart_interval=self._options.restart_interval,
        )
        return JpegEncoding.create(coefficients, weights, steps, header, tuning=tuning, effort=self._effort)

    def _expected_scale(self) -> float:
        """About the scale that the file will have."""
        quality, target = self._options.quality, self._options.target_bytes
        asked = 0.0 if quality is None else tables.quality_to_scale(float(quality), self._tuning)
        if target is None:
            return asked
        trailing = 0 if self._trailing is None else len(self._trailing.tail)
        return likely_scale(target, segments.encoded_size(self._plain_segments[1:]) + trailing, self._image.size, asked)

    def _sampling(self) -> tuple[int, int]:
        if self._header.colour == "gray" and len(self._image.levels) == 1:
            return 1, 1
        if self._header.colour == "ycc" and self._header.subsampling is not None:
            return self._header.subsampling
        kind = {"rgb": "RGB", "cmyk": "CMYK"}.get(self._header.colour, f"sampling {self._header.sampling}")
        raise InputError(f"this JPEG file ({kind}) can be recompressed without loss only; compress() encodes it anew")

    def _saliency(self) -> SaliencyMap | None:
        if self._options.saliency is None:
            return None
        picture = load_jpeg(self._source, max_pixels=self._options.max_pixels)
        orientation = picture.metadata.orientation
        return resolve(self._options.saliency, picture.pixels, orientation, device=self._options.device)
