"""The straight line from an image to a JPEG file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from . import _core, images, originals, pipeline, rate, score, segments, tables
from .allocation import block_weights, strength_at
from .chroma import choose_subsampling
from .compressed import Compressed, passed_through
from .contest import best_of, encode_like
from .effort import DEFAULT_EFFORT, EFFORTS
from .errors import TargetError
from .further import Further
from .options import Options
from .orientation import turned
from .pipeline import BATCH_SIZE
from .quantizer import Levels, Quantizer
from .resize import resized
from .saliency.sources import Saliency, resolve
from .tuning import TUNINGS

__all__ = ["Compressed", "Encoder", "compress"]

DEFAULT_QUALITY = 75.0
_AVERAGED = (2, 2)  # 4:2:0
_UNFILLED = 1.03  # of the target: where averaged chroma is not estimated to fill more, it is kept whole
_ROOMY = 0.8  # bits a pixel of a target that the finest tables may leave unfilled
_HEADER_BYTES = 450  # of a file without metadata: quantization and Huffman tables, frame and scan headers
_LOW_QUALITY = 10.0  # below, the resolution is lowered where that is allowed
_DOWNSCALED_QUALITY = 20.0  # and then down to where at least this quality fits
_MAX_DOWNSCALINGS = 50
_IDENTICAL = 100.0  # SSIMULACRA2 of a picture against itself


class Encoder:
    """Encodes images with one set of options.  An encoder may be used from several threads at once."""

    def __init__(self, options: Options | None = None, **changes: Any) -> None:
        """Takes options, or the defaults, with ``changes`` to single fields.

        Raises:
            OptionError: an option is out of range.
        """
        self.options = replace(options or Options(), **changes)
        self._tuning = TUNINGS[self.options.tune]

    def compress(self, image: images.ImageSource) -> Compressed:
        """Encodes one image.

        Args:
            image: path, bytes, binary file object, PIL image, or uint8 array (H, W), (H, W, 3) RGB or (H, W, 4).

        Raises:
            InputError: the image or the map cannot be used.
            TargetError: the target is too small for this image; ``.best`` is the smallest file.
            PresetError: the saliency preset is unknown or damaged.
        """
        return self.compress_picture(images.load(image, background=self.options.background))

    def compress_picture(self, picture: images.Picture) -> Compressed:
        """The same for an image that is loaded already, with the metadata that is to go into the file."""
        picture = self._checked(picture)
        found = self.passed(picture)
        if found is not None:
            return found
        orientation = picture.metadata.orientation
        saliency = resolve(self.options.saliency, picture.pixels, orientation, device=self.options.device)
        return self.encode(picture, saliency)

    def load(self, image: images.ImageSource) -> images.Picture:
        """Step 1, with these options."""
        return self._checked(images.load(image, background=self.options.background))

    def _checked(self, picture: images.Picture) -> images.Picture:
        """The picture without what is to be left out; what cannot be kept is refused."""
        if self.options.further_images == "drop":
            picture = picture.alone()
        originals.check_further(picture, self.options)
        return picture

    def passed(self, picture: images.Picture) -> Compressed | None:
        """The source's own file where that will do without a look at the picture, else ``None``."""
        if self.options.target_bytes is None or self.options.quality is not None:
            return None  # the encoding has to show whether the original is smaller
        original = originals.original(picture, self.options)
        if original is not None and originals.suffices(original, self.options):
            return passed_through(original, picture, None)
        return None

    def encode(self, picture: images.Picture, saliency: NDArray[np.float32] | None) -> Compressed:
        """Steps 3 to 8: encodes a loaded image with its map, float32 (H, W) in [0, 1] as stored, or ``None`` for none.

        Raises:
            TargetError: the target is too small for this image; ``.best`` is the smallest file.
        """
        original = originals.original(picture, self.options)
        if self.options.orientation == "apply":
            orientation = picture.metadata.orientation
            picture = picture.upright()
            saliency = None if saliency is None else np.ascontiguousarray(turned(saliency, orientation))
        scalable = self.options.allow_downscale and picture.further is None
        try:
            found = self._encode_smaller(picture, saliency) if scalable else self._encode(picture, saliency)
        except TargetError:
            if original is None or self.options.target_score is None:
                raise
        else:
            if original is None or len(found.jpeg) < len(original):
                return found
        reached = None if self.options.target_score is None else _IDENTICAL
        return passed_through(original, picture, saliency)._replace(score=reached)

    @overload
    def compress_many(
        self,
        sources: Iterable[images.ImageSource],
        *,
        workers: int | None = ...,
        batch_size: int = ...,
        errors: Literal["raise"] = ...,
    ) -> Iterator[Compressed]: ...

    @overload
    def compress_many(
        self,
        sources: Iterable[images.ImageSource],
        *,
        workers: int | None = ...,
        batch_size: int = ...,
        errors: Literal["return"],
    ) -> Iterator[Compressed | Exception]: ...

    def compress_many(
        self,
        sources: Iterable[images.ImageSource],
        *,
        workers: int | None = None,
        batch_size: int = BATCH_SIZE,
        errors: Literal["raise", "return"] = "raise",
    ) -> Iterator[Compressed | Exception]:
        """Encodes many images, in order: decoding, the network in batches, and coding overlap in a few threads.

        Images are read from ``sources`` as room is made, in the thread that asks for results, so it may be a generator
        without end. At most ``2 * workers`` images are held at a time; while the network makes the maps,
        ``2 * batch_size`` more, or as many as have 32 megapixels. Closing the iterator drops what has not begun.

        The files are those of :meth:`compress` with any number of workers, and with a map of your own or none always.
        The network may round differently for a batch (see :meth:`SaliencyModel.predict_batch`): about one map in a
        hundred then differs by a hair. Batches follow the order of the images, so the same call gives the same files;
        ``batch_size=1`` gives those of :meth:`compress`.

        Args:
            sources: images, each as for :meth:`compress`.
            workers: threads; ``None`` for as many as there are processors.
            batch_size: images that go through the network together.
            errors: ``"raise"`` the first error where its image stands in the order, or ``"return"`` the exception
                there in place of a result and go on. Errors of the options, and of ``sources`` itself, are raised.

        Raises:
            OptionError: an argument is out of range.
        """
        return pipeline.compress_many(self, sources, workers=workers, batch_size=batch_size, errors=errors)

    def _encode(self, picture: images.Picture, saliency: NDArray[np.float32] | None) -> Compressed:
        """Steps 3 to 8 with the chroma as asked for, or as suits the picture and the size."""
        sampling = choose_subsampling(self.options, picture.pixels, self._quality, picture.subsampling)
        extra = segments.build(picture.metadata, self.options.metadata)
        if picture.further is not None:
            extra += picture.further.segments
        if self.options.target_score is not None:
            return self._encode_to_score(picture, saliency, sampling, extra)
        quantizer = self._quantizer(picture, saliency, sampling)
        if self.options.subsampling != "auto" or self.options.target_bytes is None or picture.pixels.ndim == 2:
            return self._encode_by(quantizer, picture, extra, saliency)
        if sampling != (1, 1) and picture.subsampling is None and self._leaves_room(quantizer, extra):
            quantizer = self._quantizer(picture, saliency, (1, 1))
        try:
            return self._encode_by(quantizer, picture, extra, saliency)
        except TargetError:
            if quantizer.sampling == _AVERAGED:
                raise
        return self._encode_by(self._quantizer(picture, saliency, _AVERAGED), picture, extra, saliency)

    def _encode_to_score(
        self,
        picture: images.Picture,
        saliency: NDArray[np.float32] | None,
        sampling: tuple[int, int],
        extra: list[segments.Segment],
    ) -> Compressed:
        """Steps 4 to 8 for a score; with whole chroma where averaged chroma never reaches it and we may choose."""
        judge = score.Judge(picture.pixels)
        try:
            quantizer = self._quantizer(picture, saliency, sampling)
            return self._encode_by(quantizer, picture, extra, saliency, judge)
        except TargetError:
            if self.options.subsampling != "auto" or sampling == (1, 1) or picture.subsampling is not None:
                raise
        return self._encode_by(self._quantizer(picture, saliency, (1, 1)), picture, extra, saliency, judge)

    @property
    def _quality(self) -> float:
        if self.options.target_score is not None:
            return score.likely_quality(self.options.target_score)
        return DEFAULT_QUALITY if self.options.quality is None else float(self.options.quality)

    @property
    def _finest(self) -> float:
        """The smallest scale that may be used."""
        quality = 100.0 if self.options.quality is None else self._quality
        return tables.quality_to_scale(quality, self._tuning)

    def _expected_scale(self, picture: images.Picture) -> float:
        """About the scale that the file will have."""
        target, (height, width) = self.options.target_bytes, picture.pixels.shape[:2]
        if target is None:
            return tables.quality_to_scale(self._quality, self._tuning)
        extra = segments.build(picture.metadata, self.options.metadata)[1:]  # the first one every file has
        metadata = _overhead(extra, picture.further) - _HEADER_BYTES
        return rate.likely_scale(target, metadata, (height, width), self._finest)

    def _quantizer(
        self, picture: images.Picture, saliency: NDArray[np.float32] | None, sampling: tuple[int, int]
    ) -> Quantizer:
        """Steps 3 and 5."""
        coefficients = _core.forward_dct(picture.pixels, *sampling)
        strength = strength_at(self._expected_scale(picture), self.options.strength)
        weights = block_weights(saliency, coefficients[0], strength, self._tuning)
        progressive = self.options.progressive
        return Quantizer(
            coefficients,
            weights,
            sampling,
            progressive=progressive,
            tuning=self._tuning,
            rgb=picture.pixels,
            effort=EFFORTS[self.options.effort],
        )

    def _leaves_room(self, quantizer: Quantizer, extra: list[segments.Segment]) -> bool:
        """Whether the finest tables leave a good part of the target empty; asked only where that may be."""
        target = self.options.target_bytes or 0
        if self.options.quality is not None or 8 * target < _ROOMY * quantizer.pixels:
            return False
        return _overhead(extra) + quantizer.plain_bits(self._finest) / 8 < _UNFILLED * target

    def _encode_by(
        self,
        quantizer: Quantizer,
        picture: images.Picture,
        extra: list[segments.Segment],
        saliency: NDArray[np.float32] | None,
        judge: score.Judge | None = None,
    ) -> Compressed:
        """Steps 4 and 6 to 8."""
        height, width = picture.pixels.shape[:2]
        write = partial(self._write, picture, quantizer.sampling, extra)
        budget = self.options.target_bytes
        coded: rate.Coded
        if judge is not None and self.options.target_score is not None:
            coded = score.search(quantizer, write, judge, self.options.target_score, self._tuning)
        elif budget is None:
            scale = tables.quality_to_scale(self._quality, self._tuning)
            coded = rate.encode_at(quantizer, write, scale)
            size = len(coded.jpeg)
            coded = self._best(coded, quantizer, picture, lambda other: encode_like(other, write, scale, size))
        else:
            fill = partial(
                rate.search, write=write, budget=budget, finest=self._finest, overhead=_overhead(extra, picture.further)
            )
            coded = self._best(fill(quantizer), quantizer, picture, fill)
        bits_per_pixel = 8 * len(coded.jpeg) / (height * width)
        quality = tables.scale_to_quality(coded.scale, self._tuning)
        reached = coded.score if isinstance(coded, score.Scored) else None
        return Compressed(coded.jpeg, bits_per_pixel, quality, self._tuning.lmbda, quantizer.passes, saliency, reached)

    def _best(
        self,
        coded: rate.Coded,
        quantizer: Quantizer,
        picture: images.Picture,
        encode: Callable[[Quantizer], rate.Coded],
    ) -> rate.Coded:
        """The file at hand or, with high effort and where files can be judged, a better one of its size."""
        variants = EFFORTS[self.options.effort].variants
        if not variants or not score.Judge.takes(picture.pixels):
            return coded
        judge = score.Judge(picture.pixels)
        return best_of(coded, quantizer, variants, encode, judge, counts_bytes=self.options.target_bytes is None)

    def _write(
        self, picture: images.Picture, sampling: tuple[int, int], extra: list[segments.Segment], levels: Levels
    ) -> bytes:
        """Steps 7 and 8."""
        height, width = picture.pixels.shape[:2]
        jpeg = _core.write_jpeg(
            levels.components,
            levels.tables,
            (height, width),
            [sampling, *[(1, 1)] * (len(levels.components) - 1)],
            progressive=self.options.progressive,
            restart_interval=self.options.restart_interval,
            segments=extra,
            choice_blocks=EFFORTS[self.options.effort].choice_blocks,
        )
        return jpeg if picture.further is None else picture.further.behind(jpeg)

    def _encode_smaller(self, picture: images.Picture, saliency: NDArray[np.float32] | None) -> Compressed:
        """Lowers the resolution step by step until the target leaves a quality worth looking at."""
        best: Compressed | None = None
        for factor in 0.8 ** np.arange(_MAX_DOWNSCALINGS):
            scaled, smaller = picture, saliency
            if factor < 1:
                scaled = picture.with_pixels(resized(picture.pixels, factor))
                smaller = None if saliency is None else resized(saliency, factor)
            try:
                found = self._encode(scaled, smaller)
            except TargetError as error:
                last = error
                continue
            if best is None or found.quality > best.quality:
                best = found
            if found.quality >= (_LOW_QUALITY if factor == 1 else _DOWNSCALED_QUALITY):
                return found
            if max(scaled.pixels.shape[:2]) == 1:
                break
        if best is None:
            raise last
        return best


def _overhead(extra: list[segments.Segment], further: Further | None = None) -> int:
    """About the bytes that hold no levels: metadata, tables, headers, further images."""
    tail = 0 if further is None else len(further.tail)
    return _HEADER_BYTES + segments.size(extra) + tail


def compress(
    image: images.ImageSource,
    *,
    target_kb: float | None = None,
    quality: float | None = None,
    target_score: float | None = None,
    saliency: Saliency = "default",
    strength: float = 0.5,
    tune: str = "default",
    effort: int = DEFAULT_EFFORT,
    subsampling: str = "auto",
    progressive: bool = True,
    metadata: Literal["keep", "safe", "strip"] = "keep",
    orientation: Literal["keep", "apply"] = "keep",
    further_images: Literal["keep", "drop"] = "keep",
    never_enlarge: bool = True,
    background: tuple[int, int, int] = (255, 255, 255),
    restart_interval: int = 0,
    allow_downscale: bool = False,
    device: str | None = None,
) -> bytes:
    """Encodes an image as a JPEG file that any decoder opens, with more bytes where people look.

    The keywords are the fields of :class:`Options`, which says what they mean.  ``Encoder`` does the same for many
    images and tells more about each.

    >>> jpeg = compress("photo.png", target_kb=50)  # doctest: +SKIP

    Args:
        image: path, bytes, binary file object, PIL image, or uint8 array (H, W), (H, W, 3) RGB or (H, W, 4).

    Returns:
        The file.

    Raises:
        InputError: the image or the map cannot be used.
        OptionError: an option is out of range.
        TargetError: the target is too small for this image; ``.best`` is the smallest file.
        PresetError: the saliency preset is unknown or damaged.
        OSError: a path cannot be read.
    """
    options = {name: value for name, value in locals().items() if name != "image"}  # nothing may stand above this line
    return Encoder(Options(**options)).compress(image).jpeg
