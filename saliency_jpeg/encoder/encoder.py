"""Encodes images with one set of options: :class:`Encoder` and :func:`compress`."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from typing import Literal, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from ..batch import threads
from ..batch.in_order import checked_workers
from ..batch.threads import BATCH_SIZE
from ..codec.effort import DEFAULT_EFFORT
from ..codec.parameters import Tune
from ..codec.subsampling import Subsampling
from ..errors import LowRateWarning, TargetError, caller_level
from ..image.load import ImageSource, load
from ..image.picture import Picture
from ..io import available_cpus
from ..metadata.jpeg_metadata import MetadataMode
from ..metadata.limits import DEFAULT_MAX_PIXELS
from ..options import (
    DEFAULT_BASE_FLOOR,
    LayersMode,
    OptionKeywords,
    Options,
    Orientation,
    TargetScore,
    TrailingMode,
    check_names,
)
from ..rate_control.by_score import TargetMetric
from ..recompression import passthrough
from ..recompression.detail import whole_picture
from ..saliency.lazy_map import SaliencyMap
from ..saliency.sources import Saliency, has_network, resolve
from .coding import Coding
from .resolution import encode_picture
from .result import Compressed

__all__ = ["Encoder", "compress"]

_IDENTICAL = 100.0  # SSIMULACRA2 of a picture against itself


class Encoder:
    """Encodes images with one set of options. An encoder may be used from several threads at once.

    Attributes:
        options: the options of every image.
    """

    def __init__(
        self, options: Options | None = None, *, coding: Coding | None = None, **changes: Unpack[OptionKeywords]
    ) -> None:
        """Takes options, or the defaults, with changes to single fields.

        >>> encoder = Encoder(target_kb=50, metadata="safe")

        Args:
            options: of every image; ``None`` for the defaults.
            coding: what :class:`Options` has no word for: tables of your own, other block weights, segments that are
                computed from the levels.
            changes: fields of :class:`Options`.

        Raises:
            OptionError: an option is out of range, or there is none of that name.
        """
        check_names("Encoder()", changes)
        self.options = replace(options or Options(), **changes)
        self._coding = coding or Coding()

    def compress(self, image: ImageSource | Picture) -> Compressed:
        """Encodes one image.

        Args:
            image: path, bytes, binary file object, PIL image, uint8 array (H, W), (H, W, 3) RGB or (H, W, 4), or a
                picture that is loaded already.

        Raises:
            InputError: the image or the map cannot be used.
            TargetError: the target is too small for this image; ``.best`` is the nearest file.
            PresetError: the saliency preset is unknown or damaged.
        """
        picture = load(image, background=self.options.background, max_pixels=self.options.max_pixels)
        return self.compress_picture(picture)

    def warm_up(self) -> None:
        """Loads what the first image would load, such as the network, by encoding a small one.

        For servers, where they start: before they take requests, and in each process behind a fork.

        Raises:
            PresetError: the saliency preset is unknown or damaged.
            OptionError: the network cannot be run.
        """
        options = replace(self.options, target_kb=None, allow_downscale=False)
        ramp = np.arange(64 * 64 * 3, dtype=np.uint32).reshape(64, 64, 3) // 48
        if has_network(options.saliency):
            resolve(options.saliency, ramp.astype(np.uint8), 1, device=options.device, threads=options.threads)
        Encoder(replace(options, saliency=None, device=None), coding=self._coding).compress(ramp.astype(np.uint8))

    def compress_picture(self, picture: Picture) -> Compressed:
        """Encodes an image that is loaded already, with the metadata that are to go into the file."""
        picture = self._prepared(picture)
        done = self.passed(picture)
        if done is not None:
            return done
        orientation = picture.metadata.orientation
        saliency = resolve(
            self.options.saliency,
            picture.pixels,
            orientation,
            device=self.options.device,
            given_size=picture.given_size,
            threads=self.options.threads,
        )
        return self.encode(picture, saliency)

    def load(self, image: ImageSource | Picture) -> Picture:
        """Loads an image, step 1, with these options."""
        return self._prepared(load(image, background=self.options.background, max_pixels=self.options.max_pixels))

    def _prepared(self, picture: Picture) -> Picture:
        """The picture no larger than asked for, without what is to be left out; what cannot be met is refused."""
        if self.options.trailing_images == "drop":
            picture = picture.without_trailing(self.options.kept_segments)
        passthrough.check_trailing(picture, self.options)
        picture = whole_picture(picture, self.options.max_pixels)
        return picture.within(self.options.max_width, self.options.max_height)

    def passed(self, picture: Picture) -> Compressed | None:
        """Returns the source JPEG with its own levels if it already meets ``target_kb``, else ``None``."""
        jpeg = None if self._coding.changes_file else passthrough.within_target(picture, self.options)
        return None if jpeg is None else _passed_through(jpeg, picture)

    def encode(self, picture: Picture, saliency: SaliencyMap | NDArray[np.float32] | None) -> Compressed:
        """Encodes a loaded image with its map, steps 3 to 8.

        Args:
            picture: as :meth:`load` returns it.
            saliency: map or float32 (H, W) in [0, 1] as the pixels are stored, or ``None`` for no preference.

        Raises:
            TargetError: the target is too small for this image; ``.best`` is the nearest file.
        """
        result, failure = None, None
        given = stored = None if saliency is None else SaliencyMap.of(saliency)
        to_encode = picture
        if self.options.orientation == "apply":
            to_encode, stored = picture.upright(), given and given.rotated(picture.metadata.orientation)
        try:
            result = encode_picture(self.options, to_encode, stored, self._coding)
        except TargetError as error:
            if self.options.target_score is None:
                raise
            failure = error
        # Only now: a lossless rewrite takes time.
        original = None if self._coding.changes_file else passthrough.original(picture, self.options)
        if original is not None and (result is None or len(original) <= len(result.jpeg)):
            score = None if self.options.target_score is None else _IDENTICAL
            return replace(_passed_through(original, picture), saliency_map=given, score=score)
        if result is None:
            raise failure or AssertionError("unreachable")
        for warning in result.warnings:
            warnings.warn(warning, LowRateWarning, stacklevel=caller_level())
        return result

    @overload
    def compress_many(
        self,
        sources: Iterable[ImageSource],
        *,
        workers: int | None = ...,
        batch_size: int = ...,
        errors: Literal["raise"] = ...,
    ) -> Generator[Compressed, None, None]: ...

    @overload
    def compress_many(
        self,
        sources: Iterable[ImageSource],
        *,
        workers: int | None = ...,
        batch_size: int = ...,
        errors: Literal["return"],
    ) -> Generator[Compressed | Exception, None, None]: ...

    def compress_many(
        self,
        sources: Iterable[ImageSource],
        *,
        workers: int | None = None,
        batch_size: int = BATCH_SIZE,
        errors: Literal["raise", "return"] = "raise",
    ) -> Generator[Compressed | Exception, None, None]:
        """Encodes many images, in order: decoding, the network in batches, and coding overlap in a few threads.

        Images are read from ``sources`` as room is made, in the thread that asks for results, so it may be a generator
        without end. Each result shows the image as it was when it was taken: files are read, PIL images decoded and
        arrays copied before the next one is asked for. So ``sources`` may reuse an array, turn the frames of one PIL
        image, close its files, or write one temporary file again and again. Files are decoded by several threads at
        once, PIL images by the caller's alone. At most ``2 * workers`` images are held at a time; while the network
        makes the maps, ``2 * batch_size`` more, or as many as have 32 megapixels. As many results at most wait for an
        earlier one. Closing the iterator drops what has not begun.

        The files are those of :meth:`compress` with any number of workers, and with a map of your own or none always.
        TensorFlow may round differently for a batch (see :meth:`SaliencyModel.predict_batch`), LiteRT does not: about
        one map in a hundred then differs by a hair. Batches follow the order of the images, so the same call gives the
        same files; ``batch_size=1`` gives those of :meth:`compress`.

        Args:
            sources: images, each as for :meth:`compress`.
            workers: threads; ``None`` for as many as there are processors.
            batch_size: images that go through the network together.
            errors: ``"raise"`` the first error where its image stands in the order, or ``"return"`` the exception
                there in place of a result and go on. Errors of the options, and of ``sources`` itself, are raised.

        Raises:
            OptionError: an argument is out of range.
        """
        count = checked_workers(workers, errors)
        encoder = self._for_workers(count)
        return threads.compress_many(encoder, sources, workers=count, batch_size=batch_size, errors=errors)

    def _for_workers(self, workers: int) -> Encoder:
        """This encoder, with as many threads for one picture as there are processors for each worker."""
        if self.options.threads is not None:
            return self
        shared = copy.copy(self)  # of the same class, which may be the caller's
        shared.options = replace(self.options, threads=max(1, available_cpus() // workers))
        return shared


def _passed_through(jpeg: bytes, picture: Picture) -> Compressed:
    """A result that holds the source's own levels."""
    header = None if picture.source is None else picture.source.header
    height, width = picture.pixels.shape[:2]
    return Compressed(jpeg, width, height, 0.0 if header is None else header.quality, 0.0, 0, None)


def compress(
    image: ImageSource,
    *,
    target_kb: float | None = None,
    quality: float | None = None,
    target_score: TargetScore | None = None,
    target_metric: TargetMetric = "ssimulacra2",
    saliency: Saliency = "default",
    strength: float = 0.5,
    tune: Tune = "default",
    effort: int = DEFAULT_EFFORT,
    subsampling: Subsampling = "auto",
    progressive: bool = True,
    metadata: MetadataMode = "keep",
    keep_segments: Sequence[str] = (),
    orientation: Orientation = "keep",
    trailing_images: TrailingMode = "keep",
    layers: LayersMode | None = None,
    base_floor: float = DEFAULT_BASE_FLOOR,
    never_enlarge: bool = True,
    background: tuple[int, int, int] = (255, 255, 255),
    restart_interval: int = 0,
    max_width: int | None = None,
    max_height: int | None = None,
    allow_downscale: bool = False,
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
    device: str | None = None,
    threads: int | None = None,
) -> bytes:
    """Encodes an image as a JPEG file that any decoder opens, with more bytes where people look.

    The keywords are the fields of :class:`Options`, which says more about each. :class:`Encoder` does the same for many
    images and returns more than the file.

    >>> jpeg = compress("photo.png", target_kb=50)  # doctest: +SKIP

    Args:
        image: path, bytes, binary file object, PIL image, or uint8 array (H, W), (H, W, 3) RGB or (H, W, 4).
        target_kb: largest size of the file in units of 1000 bytes, metadata included; never exceeded.
        quality: 0 to 100 on Pillow's scale; 75 where there is no target either.
        target_score: score, 0 to 100, or ``"visually-lossless"``, to reach at about the smallest size.
        target_metric: of the score: ``"ssimulacra2"``, ``"perceptual"``, or ``"ssimulacra2_s"`` and ``"perceptual_s"``
            for the salient part.
        saliency: preset name, ``SaliencyModel``, map or mask (H, W), boxes, function, ``combine(...)``, or ``None``.
        strength: 0 to 1, how much of the bytes moves to what matters.
        tune: ``"default"``, the metric to favour, ``"ssimulacra2"``, ``"psnr"`` or ``"hvs"``, or ``"machine"``.
        effort: 1 (fast) to 9 (small).
        subsampling: of the chroma, ``"4:2:0"`` and so on; ``"auto"`` chooses by image and rate.
        progressive: progressive or baseline.
        metadata: ``"keep"``, ``"safe"`` (nothing personal) or ``"strip"``.
        keep_segments: segments that stay in every metadata mode, such as ``"APP11"``.
        orientation: ``"keep"`` the EXIF tag, or ``"apply"`` it to the pixels.
        trailing_images: ``"keep"`` or ``"drop"`` the data behind the primary image of a JPEG source.
        layers: for readers that know this library: ``"widths"``, ``"detail"``, ``"latent"`` or ``"auto"``, see
            docs/layers.md.
        base_floor: points of SSIMULACRA2 that the file may lose for other readers by detail that it leaves out.
        never_enlarge: return a JPEG source where its encoding would not be smaller.
        background: colour under transparent pixels, (red, green, blue).
        restart_interval: MCUs between restart markers; 0: none.
        max_width: most pixels across as displayed; a wider picture is shrunk, in linear light.
        max_height: most pixels from top to bottom, likewise.
        allow_downscale: lower the resolution where the picture then looks better at ``target_kb``.
        max_pixels: most pixels of an image from a file; ``None`` for no limit.
        device: where a preset's network runs, as TensorFlow names it.
        threads: that work on the picture at once; ``None`` for as many as there are processors.

    Returns:
        The file.

    Raises:
        InputError: the image or the map cannot be used.
        OptionError: an option is out of range.
        TargetError: the target is too small for this image; ``.best`` is the nearest file.
        PresetError: the saliency preset is unknown or damaged.
        OSError: a path cannot be read.
    """
    options = {name: value for name, value in locals().items() if name != "image"}  # nothing may stand above this line
    encoder = Encoder(Options(**options))
    return encoder.compress(image).jpeg
