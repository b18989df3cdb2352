"""JPEG to JPEG on the file's own DCT coefficients: no second generation of colour conversion and chroma resampling.

The levels of a file times its tables are coefficients that lie on a grid. Quantized again with steps a little larger
than those of the grid, most of them move and few become cheaper. So where a step that is wanted is less than ``_KEPT``
times the one in the file, the file's own stays and only the levels are decided anew, at the price that the wanted step
would set (``scripts/measure_recompress.py`` prints what this is worth).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import IO, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ..allocation.weights import block_weights, strength_at
from ..codec import _core, tables
from ..codec.effort import DEFAULT_EFFORT, EFFORTS
from ..codec.parameters import TUNINGS, Tuning
from ..codec.quantizer import Levels, Quantizer
from ..errors import InputError
from ..image.load import load, read_bytes
from ..metadata import multi_picture, segments
from ..metadata.jpeg_header import Frame, read_frame
from ..metadata.model import Metadata
from ..metadata.multi_picture import Further
from ..options import Options
from ..rate_control import by_size, by_size_bracket
from ..saliency.sources import Saliency, resolve

__all__ = ["lossless", "metadata_segments", "recompress"]

_KEPT: Final = 1.5
_LOW: Final = list(_core.ZIGZAG[1:16])  # the frequencies that hold most of the bits
_START: Final = 3.5  # times the finest scale: most files have shrunk by a tenth to a third there
_FLAT: Final = 0.4  # of the scale that suits a file's low frequencies; below it hardly a level changes


def recompress(
    jpeg: str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes],
    *,
    target_kb: float | None = None,
    quality: float | None = None,
    saliency: Saliency = "default",
    strength: float = 0.5,
    tune: str = "default",
    effort: int = DEFAULT_EFFORT,
    progressive: bool = True,
    metadata: Literal["keep", "safe", "strip"] = "keep",
    restart_interval: int = 0,
    device: str | None = None,
) -> bytes:
    """Makes a JPEG file smaller without decoding it to pixels; without a target and a quality, without any loss.

    The levels, that is the very pixels, stay what they are unless a target or a quality asks for fewer bytes than that
    takes. Sampling and colour space always stay. Whatever stands behind the picture in the file is carried along, and
    the file never becomes larger than it was in the form that is asked for.

    >>> smaller = recompress("photo.jpg")  # doctest: +SKIP

    Args:
        jpeg: path, bytes or binary file object of a JPEG file: baseline or progressive, 8 bits, Huffman codes.
        target_kb, quality, saliency, strength, tune, effort, progressive, metadata, restart_interval, device: as in
            :class:`saliency_jpeg.Options`. Without a target and a quality the map is not needed and not made.

    Returns:
        The file.

    Raises:
        InputError: no JPEG file, damaged, arithmetic coding, 12 bits; CMYK or RGB or a sampling the quantizer does not
            know, if there is a target or a quality that asks for loss; or the map cannot be used.
        OptionError: an option is out of range.
        TargetError: the target is too small for this picture; ``.best`` is the smallest file.
        OSError: a path cannot be read.
    """
    given = {name: value for name, value in locals().items() if name != "jpeg"}  # nothing may stand above this line
    return _Source(read_bytes(jpeg), Options(**given)).coded()


def lossless(
    jpeg: bytes,
    *,
    progressive: bool = True,
    restart_interval: int = 0,
    metadata: Sequence[segments.Segment] | None = None,
) -> bytes:
    """The same picture, level for level, with optimal Huffman codes and scans.

    Args:
        jpeg: a file as :func:`_core.read_jpeg` reads it; what stands behind its first picture is left out.
        progressive: progressive or baseline.
        restart_interval: MCUs between restart markers.
        metadata: the APPn and COM segments; by default all of the file but the list of further pictures.

    Raises:
        InputError: damaged, or a kind of JPEG that is not read.
    """
    image = _core.read_jpeg(jpeg)
    extra = multi_picture.unlisted(image.segments) if metadata is None else metadata
    return _written(image, extra, progressive=progressive, restart_interval=restart_interval)


def metadata_segments(metadata: Metadata, frame: Frame, mode: str) -> list[segments.Segment]:
    """The segments of a metadata mode for the scans of an existing file.

    JFIF and Adobe segments name the colour transform of the scans, so the one is written only where it was and the
    other is kept.
    """
    built = segments.build(metadata, mode)
    adobe = [] if frame.adobe is None else [(segments.APP14, frame.adobe)]
    return [*(built if frame.has_jfif else built[1:]), *adobe]


def _written(image: _core.JpegImage, extra: Sequence[segments.Segment], **form: Any) -> bytes:
    try:
        return _core.write_jpeg(
            image.levels,
            image.tables,
            image.size,
            image.sampling,
            segments=extra,
            component_tables=image.component_tables,
            component_ids=image.component_ids,
            **form,
        )
    except ValueError as error:
        raise InputError(f"this JPEG file cannot be written again: {error}") from error


class _Requantizer(Quantizer):
    """Quantizes coefficients that have been quantized before."""

    def __init__(self, *arguments: Any, own: NDArray[np.uint16], **keywords: Any) -> None:
        """Takes what :class:`Quantizer` takes and the tables of the file, a row for each component."""
        super().__init__(*arguments, **keywords)
        self._own = own

    def _steps(self, scale: float) -> tuple[NDArray[np.float64], NDArray[np.uint16]]:
        steps, table = super()._steps(scale)
        return steps, np.where(table < _KEPT * self._own, self._own, table)

    @property
    def finest(self) -> float:
        """The scale below which the file stays about as it is; a search need not go there."""
        scales = np.exp(np.linspace(np.log(0.01), np.log(1000), 400))
        ratios = [np.log(tables.ideal_steps(s, self.tuning)[0, _LOW] / self._own[0, _LOW]).mean() for s in scales]
        return _FLAT * float(scales[np.argmin(np.abs(ratios))])


class _Source:
    """One file to be made smaller."""

    def __init__(self, jpeg: bytes, options: Options) -> None:
        """Reads the file; InputError if it cannot be read, or has pictures behind the first that must not be cut."""
        if not jpeg.startswith(b"\xff\xd8\xff"):
            raise InputError(f"only a JPEG file can be recompressed; these {len(jpeg)} bytes are none")
        self._image = _core.read_jpeg(jpeg)
        frame = read_frame(jpeg)
        if frame is None:
            raise InputError("the header of this JPEG file is damaged")
        self._jpeg, self._options, self._frame = jpeg, options, frame
        self._metadata = segments.collect(segments.parse(jpeg))
        multi_picture.check_metadata(multi_picture.find(jpeg), options.metadata)
        self._further: Further | None = multi_picture.find(jpeg, everything=True)
        self._form: dict[str, Any] = {
            "progressive": options.progressive,
            "restart_interval": options.restart_interval,
            "choice_blocks": EFFORTS[options.effort].choice_blocks,
        }
        self._extra = self._image.segments
        if options.metadata != "keep":
            self._further = None
            self._extra = metadata_segments(self._metadata, frame, options.metadata)

    def coded(self) -> bytes:
        """The file that the options ask for."""
        same, target = self._same(), self._options.target_bytes
        if self._options.quality is None and (target is None or len(same) <= target):
            return same
        coded = self._requantized()
        return coded if len(coded) < len(same) else same

    def _same(self) -> bytes:
        """The smallest file of the same levels."""
        found = [self._whole(_written(self._image, self._extra, **self._form))]
        is_form = self._options.progressive or not self._frame.progressive
        if is_form and self._options.restart_interval in (0, self._frame.restart_interval):
            own = self._options.metadata == "keep"
            found.append(self._jpeg if own else segments.with_segments(self._jpeg[: self._image.end], self._extra))
        return min(found, key=len)

    def _whole(self, first: bytes) -> bytes:
        return first if self._further is None else self._further.behind(first)

    def _requantized(self) -> bytes:
        """Fewer levels, by the same steps 3, 4, 6 and 7 as an encoding."""
        quality, budget, quantizer = self._options.quality, self._options.target_bytes, self._quantizer()
        asked = 0.0 if quality is None else tables.quality_to_scale(float(quality), quantizer.tuning)
        write = partial(self._write, quantizer.sampling)
        if budget is None:
            return by_size.encode_at(quantizer, write, asked).jpeg
        finest = max(asked, quantizer.finest)

        def attempt(scale: float) -> bytes:
            levels = quantizer.at(scale)
            quantizer.learn(levels)
            return write(levels)

        return by_size_bracket.fill(attempt, budget, start=_START * finest, finest=finest)

    def _quantizer(self) -> _Requantizer:
        sampling, options, tuning = self._sampling(), self._options, TUNINGS[self._options.tune]
        own = self._image.tables[self._image.component_tables]
        coefficients = [
            levels * table.astype(np.float32) for levels, table in zip(self._image.levels, own, strict=True)
        ]
        strength = strength_at(self._expected_scale(tuning), options.strength)
        weights = block_weights(self._saliency(), coefficients[0], strength, tuning)
        form = {"progressive": options.progressive, "tuning": tuning, "effort": EFFORTS[options.effort]}
        return _Requantizer(coefficients, weights, sampling, own=own, **form)

    def _expected_scale(self, tuning: Tuning) -> float:
        """About the scale that the file will have."""
        quality, target = self._options.quality, self._options.target_bytes
        asked = 0.0 if quality is None else tables.quality_to_scale(float(quality), tuning)
        if target is None:
            return asked
        metadata = segments.size(self._extra[1:]) + (0 if self._further is None else len(self._further.tail))
        return by_size.likely_scale(target, metadata, self._image.size, asked)

    def _sampling(self) -> tuple[int, int]:
        if self._frame.colour == "gray" and len(self._image.levels) == 1:
            return 1, 1
        if self._frame.colour == "ycc" and self._frame.subsampling is not None:
            return self._frame.subsampling
        kind = {"rgb": "RGB", "cmyk": "CMYK"}.get(self._frame.colour, f"sampling {self._frame.sampling}")
        raise InputError(f"this JPEG file ({kind}) can be recompressed without loss only; compress() encodes it anew")

    def _saliency(self) -> NDArray[np.float32] | None:
        if self._options.saliency is None:
            return None
        picture = load(self._jpeg)
        orientation = picture.metadata.orientation
        return resolve(self._options.saliency, picture.pixels, orientation, device=self._options.device)

    def _write(self, sampling: tuple[int, int], levels: Levels) -> bytes:
        components = [sampling, *[(1, 1)] * (len(levels.components) - 1)]
        first = _core.write_jpeg(
            levels.components, levels.tables, self._image.size, components, segments=self._extra, **self._form
        )
        return self._whole(first)
