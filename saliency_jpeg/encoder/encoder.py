"""The straight line from an image to a JPEG file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from ..batch import threads
from ..batch.threads import BATCH_SIZE
from ..codec.effort import DEFAULT_EFFORT
from ..errors import TargetError
from ..image.load import ImageSource, Picture, load
from ..image.orientation import turned
from ..image.resize import resized
from ..options import Options
from ..recompression import passthrough
from ..saliency.sources import Saliency, resolve
from .result import Compressed, passed_through
from .single import Encoding

__all__ = ["Compressed", "Encoder", "compress"]

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

    def compress(self, image: ImageSource) -> Compressed:
        """Encodes one image.

        Args:
            image: path, bytes, binary file object, PIL image, or uint8 array (H, W), (H, W, 3) RGB or (H, W, 4).

        Raises:
            InputError: the image or the map cannot be used.
            TargetError: the target is too small for this image; ``.best`` is the smallest file.
            PresetError: the saliency preset is unknown or damaged.
        """
        return self.compress_picture(load(image, background=self.options.background))

    def compress_picture(self, picture: Picture) -> Compressed:
        """The same for an image that is loaded already, with the metadata that is to go into the file."""
        picture = self._checked(picture)
        found = self.passed(picture)
        if found is not None:
            return found
        orientation = picture.metadata.orientation
        saliency = resolve(self.options.saliency, picture.pixels, orientation, device=self.options.device)
        return self.encode(picture, saliency)

    def load(self, image: ImageSource) -> Picture:
        """Step 1, with these options."""
        return self._checked(load(image, background=self.options.background))

    def _checked(self, picture: Picture) -> Picture:
        """The picture without what is to be left out; what cannot be kept is refused."""
        if self.options.further_images == "drop":
            picture = picture.alone()
        passthrough.check_further(picture, self.options)
        return picture

    def passed(self, picture: Picture) -> Compressed | None:
        """The source's own file where that will do without a look at the picture, else ``None``."""
        if self.options.target_bytes is None or self.options.quality is not None:
            return None  # the encoding has to show whether the original is smaller
        original = passthrough.original(picture, self.options)
        if original is not None and passthrough.suffices(original, self.options):
            return passed_through(original, picture, None)
        return None

    def encode(self, picture: Picture, saliency: NDArray[np.float32] | None) -> Compressed:
        """Steps 3 to 8: encodes a loaded image with its map, float32 (H, W) in [0, 1] as stored, or ``None`` for none.

        Raises:
            TargetError: the target is too small for this image; ``.best`` is the smallest file.
        """
        original = passthrough.original(picture, self.options)
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
        sources: Iterable[ImageSource],
        *,
        workers: int | None = ...,
        batch_size: int = ...,
        errors: Literal["raise"] = ...,
    ) -> Iterator[Compressed]: ...

    @overload
    def compress_many(
        self,
        sources: Iterable[ImageSource],
        *,
        workers: int | None = ...,
        batch_size: int = ...,
        errors: Literal["return"],
    ) -> Iterator[Compressed | Exception]: ...

    def compress_many(
        self,
        sources: Iterable[ImageSource],
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
        return threads.compress_many(self, sources, workers=workers, batch_size=batch_size, errors=errors)

    def _encode(self, picture: Picture, saliency: NDArray[np.float32] | None) -> Compressed:
        return Encoding(self.options, picture, saliency).compressed()

    def _encode_smaller(self, picture: Picture, saliency: NDArray[np.float32] | None) -> Compressed:
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


def compress(
    image: ImageSource,
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
