"""Decodes JPEG files with one set of options: :class:`Decoder` and :func:`decode`."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from typing import IO, Any, Final, Literal, TypeAlias, Union, Unpack, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..batch.in_order import work_in_order
from ..codec import _core
from ..codec.layers import layers_in, with_detail
from ..codec.parameters import BT601_LUMA
from ..errors import InputError
from ..image.load import icc_fits, load_jpeg
from ..image.orientation import rotate
from ..image.read import read_bytes
from ..io import available_cpus
from ..metadata import exif, refresh
from ..metadata.jpeg_header import JpegHeader
from ..metadata.jpeg_source import JpegSource, is_jpeg
from ..metadata.layers import Layers
from ..metadata.limits import DEFAULT_MAX_PIXELS, check_pixels
from ..metadata.model import Metadata
from ..options import Orientation, check_names
from . import loading
from .enlarging import enlarge, half_size
from .options import DECODE_OPTION_NAMES, DecodeKeywords, DecodeOptions, Enhancement
from .planes import OutputForm, decode_planes, sampling_factors

__all__ = ["Decoded", "Decoder", "JpegInput", "decode"]

Array = NDArray[Any]
JpegInput: TypeAlias = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, IO[bytes]]

_MOST_NETWORKS: Final = 2  # pictures that are restored at a time by default: TensorFlow uses all processors for one


@dataclass(frozen=True, eq=False)
class Decoded:
    """A decoded picture.

    Attributes:
        pixels: (H, W) gray or (H, W, 3) RGB of the dtype that was asked for.
        metadata: of the file, without what says that other images follow; the orientation is 1 where it was applied.
        enhanced: the network that restored the picture, ``None`` where it was decoded plainly.
    """

    pixels: Array
    metadata: Metadata
    enhanced: str | None


class Decoder:
    """Decodes JPEG files with one set of options. A decoder may be used from several threads at once.

    The network is loaded with the first picture that needs it, and kept.

    Attributes:
        options: the options of every picture.
    """

    def __init__(self, options: DecodeOptions | None = None, **changes: Unpack[DecodeKeywords]) -> None:
        """Takes options, or the defaults, with changes to single fields.

        >>> decoder = Decoder(enhance=None, dtype=np.uint16)

        Args:
            options: of every picture; ``None`` for the defaults.
            changes: fields of :class:`DecodeOptions`.

        Raises:
            OptionError: an option is out of range, or there is none of that name.
        """
        check_names("Decoder()", changes, DECODE_OPTION_NAMES)
        self.options = replace(options or DecodeOptions(), **changes)

    def decode(self, jpeg: JpegInput) -> Array:
        """Decodes one file.

        Args:
            jpeg: path, bytes or binary file object of a JPEG file; of several images the primary one is decoded.

        Returns:
            (H, W) gray or (H, W, 3) RGB.

        Raises:
            InputError: not a JPEG file, damaged, truncated, over a limit, of a kind that is not read (arithmetic
                coding, 12 bits); or ``enhance`` names a network that does not apply to it.
            PresetError: the weights of the network are missing or damaged.
            OSError: a path cannot be read.
        """
        return self._decode(self._source(jpeg))[0]

    def decode_luma(self, jpeg: JpegInput) -> Array:
        """Decodes one file to its luma, (H, W), as libjpeg's grayscale output; else as :meth:`decode`."""
        return self._decode(self._source(jpeg), luma=True)[0]

    def decode_picture(self, jpeg: JpegInput) -> Decoded:
        """Decodes one file and its metadata; arguments and errors are those of :meth:`decode`."""
        source = self._source(jpeg)
        pixels, enhanced = self._decode(source)
        is_cmyk = source.header is not None and source.header.colour == "cmyk"
        metadata = source.primary().metadata
        if not icc_fits(metadata, "CMYK" if is_cmyk else "", pixels.ndim):
            metadata = replace(metadata, icc=None)
        is_turned = self.options.orientation == "apply" and metadata.orientation != 1
        if is_turned:
            metadata = refresh.refresh_orientation(metadata)
        if is_turned or sorted(source.size or ()) != sorted(pixels.shape[:2]):
            has_thumbnail = metadata.exif is not None and exif.thumbnail(metadata.exif) is not None
            small = _as_bytes(pixels) if has_thumbnail else np.broadcast_to(np.uint8(0), pixels.shape)
            metadata = refresh.refresh(metadata, small)
        return Decoded(pixels, metadata, enhanced)

    @overload
    def decode_many(
        self, jpegs: Iterable[JpegInput], *, workers: int | None = ..., errors: Literal["raise"] = ...
    ) -> Generator[Array, None, None]: ...

    @overload
    def decode_many(
        self, jpegs: Iterable[JpegInput], *, workers: int | None = ..., errors: Literal["return"]
    ) -> Generator[Array | Exception, None, None]: ...

    def decode_many(
        self,
        jpegs: Iterable[JpegInput],
        *,
        workers: int | None = None,
        errors: Literal["raise", "return"] = "raise",
    ) -> Generator[Array | Exception, None, None]:
        """Decodes many files in a few threads; the results have the order of the files and are those of :meth:`decode`.

        Files are read from ``jpegs`` as room is made, in the thread that asks for results, so it may be a generator
        without end. At most ``2 * workers`` files are held at a time, and as many results.

        Args:
            jpegs: files, each as for :meth:`decode`.
            workers: threads; ``None`` for :attr:`workers`.
            errors: ``"raise"`` the first error where its file stands in the order, or ``"return"`` the exception
                there in place of an array and go on.

        Raises:
            OptionError: an argument is out of range.
        """
        threads = self.workers if workers is None else workers
        return work_in_order(self.decode, jpegs, hold=read_bytes, workers=threads, errors=errors)

    def load_network(self) -> None:
        """Loads the network now, where there is one, and not with the first picture.

        Raises:
            PresetError: its weights are missing or damaged.
        """
        if self.options.enhance is not None:
            loading.load(loading.preset_name(self.options.enhance), self.options.device)

    @property
    def workers(self) -> int:
        """Threads for many files: one for each processor, or two for a network, which uses several itself."""
        return available_cpus() if self.options.enhance is None else min(_MOST_NETWORKS, available_cpus())

    def _source(self, jpeg: JpegInput) -> JpegSource:
        """The file, its limits checked by its header."""
        data = read_bytes(jpeg)
        if not is_jpeg(data):
            raise InputError(f"only a JPEG file can be decoded; these {len(data)} bytes are none")
        source = JpegSource(data)
        source.check_limits(self.options.max_pixels)
        return source

    def _decode(self, source: JpegSource, *, luma: bool = False) -> tuple[Array, str | None]:
        """Pixels, turned as the options ask, and the network that restored them."""
        if source.header is None:
            raise InputError("the header of this JPEG file is damaged")
        pixels, network = self._pixels(source, source.header, luma=luma)
        if luma and pixels.ndim == 3:
            pixels = _luma(pixels)
        if self.options.orientation == "apply":
            pixels = np.ascontiguousarray(rotate(pixels, source.metadata.orientation))
        return pixels, network

    def _pixels(self, source: JpegSource, header: JpegHeader, *, luma: bool) -> tuple[Array, str | None]:
        """Pixels as they are stored, and the network that restored them."""
        options, network = self.options, loading.choose(self.options.enhance, header)
        if options.amount == 0:
            network = None
        image = _core.read_jpeg(source.data, options.max_pixels)
        if header.colour == "cmyk":
            del image  # Pillow decodes it, and would fill in what is damaged
            pixels = load_jpeg(source, max_pixels=options.max_pixels).pixels
            return _from_bytes(pixels, np.dtype(options.dtype)), None
        if len(image.levels) not in (1, 3):
            raise InputError(f"a JPEG file of {len(image.levels)} components is not supported")
        layers = layers_in(image)
        if layers.detail is not None:
            image = with_detail(image, layers.detail)
        form = OutputForm(is_ycc=header.colour == "ycc", luma=luma and header.colour == "ycc", dtype=options.dtype)
        if network is not None:
            return self._enlarged(image, layers, network, form)
        planes, factors, size = decode_planes(image), sampling_factors(image), image.size
        del image  # its levels are free while pixels are made
        return form.pixels(planes, factors, size), None

    def _enlarged(self, image: _core.JpegImage, layers: Layers, network: str, form: OutputForm) -> tuple[Array, str]:
        """Pixels of a picture that is restored, and at its own size where the file has half of it; and the network."""
        size = layers.size
        if size is None or half_size(size) != image.size:
            return self._restored(image, layers, network, form)
        check_pixels(size[1], size[0], self.options.max_pixels)
        pixels, network = self._restored(image, layers, network, replace(form, dtype=np.float32))
        return _from_float(enlarge(pixels, size), np.dtype(form.dtype)), network

    def _restored(self, image: _core.JpegImage, layers: Layers, network: str, form: OutputForm) -> tuple[Array, str]:
        """Pixels of a picture that is restored tile by tile, so that no whole component is held; and the network.

        Layers of the file say how far its coefficients may move, and which network its encoder had in mind.
        """
        options = self.options
        recommended = layers.preset if options.enhance == "auto" else None
        restorer, network = loading.load_recommended(recommended, network, options.device)
        if layers.latent is not None:
            from .latent_layer import restored_with  # loads OpenCV

            planes = restored_with(image, layers, restorer, options)
            if planes is not None:
                return form.pixels(planes, [(1, 1)] * len(planes), image.size), network
        pixels = form.empty(image.size, len(image.levels))
        for tile in restorer.tiles(
            image, amount=float(options.amount), fidelity=float(options.fidelity), widths=layers.widths
        ):
            factors = [(1, 1)] * len(tile.planes)
            pixels[tile.rows, tile.cols] = form.pixels(tile.planes, factors, tile.planes[0].shape)
        return pixels, network


def _from_bytes(pixels: NDArray[np.uint8], dtype: np.dtype[Any]) -> Array:
    """8-bit pixels in the range of another dtype."""
    if dtype == np.uint16:
        return pixels * np.uint16(257)
    return pixels / np.float32(255) if dtype == np.float32 else pixels


def _from_float(pixels: NDArray[np.float32], dtype: np.dtype[Any]) -> Array:
    """Floats from 0 to 1 in the range of another dtype."""
    if dtype == np.float32:
        return pixels
    return np.asarray(np.rint(pixels * np.float32(np.iinfo(dtype).max)), dtype)


def _luma(pixels: Array) -> Array:
    """The luma of RGB pixels, in their dtype."""
    luma = pixels @ np.array(BT601_LUMA, np.float32)
    return luma if pixels.dtype == np.float32 else np.rint(luma).astype(pixels.dtype)


def _as_bytes(pixels: Array) -> NDArray[np.uint8]:
    """Pixels of any dtype with 8 bits, for thumbnails."""
    if pixels.dtype == np.uint16:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return np.rint(pixels * np.float32(255)).astype(np.uint8) if pixels.dtype == np.float32 else pixels


def decode(
    jpeg: JpegInput,
    *,
    enhance: Enhancement | None = "auto",
    amount: float = 1.0,
    fidelity: float = 1.0,
    dtype: DTypeLike = np.uint8,
    device: str | None = None,
    orientation: Orientation = "apply",
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
) -> Array:
    """Decodes a JPEG file of any encoder, and restores what its quantization took from the picture.

    The keywords are the fields of :class:`saliency_jpeg.DecodeOptions`, which says more about each.
    :class:`saliency_jpeg.Decoder` does the same for many files.

    >>> pixels = decode("photo.jpg", enhance=None, dtype=np.uint16)  # doctest: +SKIP

    Args:
        jpeg: path, bytes or binary file object of a JPEG file: baseline or progressive, 8 bits, Huffman codes.
        enhance: ``"auto"``, ``"restore"``, ``"restore-fast"``, ``"fine"``, or ``None`` for plain decoding, without
            TensorFlow.
        amount: 0 to 1, factor of the network's correction before it is kept to the intervals; 0 is plain decoding.
        fidelity: 1 keeps every coefficient where the file allows it, 0 lets it go anywhere.
        dtype: ``np.uint8``, ``np.uint16`` (65535 is white) or ``np.float32`` (1 is white).
        device: where the network runs.
        orientation: ``"apply"`` the EXIF orientation to the pixels, or ``"keep"`` them as they are stored.
        max_pixels: most pixels of the file, checked by its header; ``None`` for no limit.

    Returns:
        (H, W) for gray files, else (H, W, 3) RGB. CMYK becomes sRGB as when encoding; no other profile is applied.

    Raises:
        InputError: not a JPEG file, damaged, over a limit, or of a kind that is not read or not restored.
        OptionError: an option is out of range.
        PresetError: the weights of the network are missing or damaged.
        OSError: a path cannot be read.
    """
    options = {name: value for name, value in locals().items() if name != "jpeg"}  # nothing may stand above this line
    return Decoder(DecodeOptions(**options)).decode(jpeg)
