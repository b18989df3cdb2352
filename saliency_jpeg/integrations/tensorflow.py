"""TensorFlow: ``encode_jpeg`` and ``decode_jpeg``, eagerly and inside ``tf.function`` and ``tf.data``.

Replaces ``tf.io.encode_jpeg`` and ``tf.io.decode_jpeg``::

    from saliency_jpeg.integrations.tensorflow import decode_jpeg, encode_jpeg
    jpeg = encode_jpeg(image, quality=80)
    dataset = dataset.map(lambda image: encode_jpeg(image, target_kb=50), num_parallel_calls=2)
    image = decode_jpeg(jpeg)  # restored; enhance=None decodes plainly

Honours all arguments of ``tf.io.encode_jpeg`` with their defaults, and the fields of :class:`saliency_jpeg.Options`
that these arguments do not set. ``optimize_size`` changes nothing: Huffman tables are always optimal. ``decode_jpeg``
honours ``channels`` and the fields of :class:`saliency_jpeg.DecodeOptions`; ``dct_method`` changes nothing, since the
DCT is in float. Other values of its arguments than the defaults of TensorFlow are refused: smaller scales, plain
upsampling, truncated files.

Raises ``OptionError``, ``InputError``, ``SegmentError`` and ``TargetError`` when called eagerly or while a graph is
built. An error while a graph runs is raised by TensorFlow as ``tf.errors.InvalidArgumentError`` or ``UnknownError``
with the same message.

In a graph encoder and decoder are called as Python functions (``tf.numpy_function``): the graph runs in a process that
has this package, and cannot be saved to run without it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, Literal, ParamSpec, TypeVar, cast

import numpy as np
import tensorflow as tf

from ..checks import check_flag, check_integer, check_number, check_one_of, is_integer, shown
from ..codec.subsampling import Subsampling
from ..errors import InputError, OptionError, SaliencyJpegError
from ..image.load import load
from ..metadata.model import Metadata
from ..options import Options
from ._compat import OPTION_NAMES, EncodeRequest, check_names, encode
from ._decode import Channels, decode_channels, make_decoder

__all__ = ["decode_jpeg", "encode_jpeg"]

P = ParamSpec("P")
T = TypeVar("T")

_CHANNELS: Final = {"": (1, 3), "grayscale": (1,), "rgb": (3,)}
_DEFAULT_QUALITY: Final = 95
_DENSITY_UNITS: Final = {"in": 1, "cm": 2}  # JFIF's codes
_SET_BY_ARGUMENTS: Final = {"quality", "progressive", "subsampling", "metadata", "background"}


def _outside_autograph(function: Callable[P, T]) -> Callable[P, T]:
    """Keeps AutoGraph from rewriting a function, and from wrapping this library's errors in its own."""

    @functools.wraps(function)
    def unconverted(*arguments: P.args, **keywords: P.kwargs) -> T:
        try:
            return function(*arguments, **keywords)
        except SaliencyJpegError as error:
            error.ag_pass_through = True  # type: ignore[attr-defined]
            raise

    return cast(Callable[P, T], tf.autograph.experimental.do_not_convert(unconverted))


@_outside_autograph
def encode_jpeg(
    image: Any,
    format: Literal["", "grayscale", "rgb"] = "",
    quality: int = _DEFAULT_QUALITY,
    progressive: bool = False,
    optimize_size: bool = False,
    chroma_downsampling: bool = True,
    density_unit: Literal["in", "cm"] = "in",
    x_density: int = 300,
    y_density: int = 300,
    xmp_metadata: str | bytes = "",
    name: str | None = None,
    **options: Any,
) -> Any:
    """Encodes an image, as ``tf.io.encode_jpeg`` does.

    Args:
        image: uint8 tensor or array (H, W, 1) or (H, W, 3).
        format: ``"grayscale"`` (1 channel), ``"rgb"`` (3 channels) or ``""`` (either).
        quality: 0 to 100. With ``target_kb`` it is the upper limit; omit it with ``target_score``.
        progressive: write a progressive file.
        optimize_size: no effect; Huffman tables are always optimal.
        chroma_downsampling: 4:2:0, else 4:4:4.
        density_unit: unit of the densities, ``"in"`` or ``"cm"``.
        x_density: horizontal pixels per unit, 1 to 65535.
        y_density: vertical pixels per unit, 1 to 65535.
        xmp_metadata: an XMP packet.
        name: of the operation.
        **options: other fields of :class:`saliency_jpeg.Options`.

    Returns:
        The file, a scalar string tensor.

    Raises:
        InputError: another dtype or shape.
        OptionError: an option is unknown or out of range.
        SegmentError: the XMP packet is too large.
        TargetError: no encoding meets the target.
    """
    check_names("encode_jpeg", options, set(OPTION_NAMES) - _SET_BY_ARGUMENTS)
    check_one_of("format", format, tuple(_CHANNELS))
    check_flag("optimize_size", optimize_size)
    check_flag("chroma_downsampling", chroma_downsampling)
    if quality is not None:
        check_number("quality", quality, 0, 100)
    metadata = _build_metadata(xmp_metadata, density_unit, x_density, y_density)
    max_quality = None if quality == _DEFAULT_QUALITY and options.get("target_score") is not None else quality
    subsampling: Subsampling = "4:2:0" if chroma_downsampling else "4:4:4"
    request = EncodeRequest(
        options=Options(quality=max_quality, progressive=progressive, subsampling=subsampling, **options)
    )

    def run(pixels: Any) -> bytes:
        return encode(load(_drop_single_channel(pixels))._replace(metadata=metadata), request)

    return _run_or_trace(run, _to_tensor(image), _CHANNELS[format], name)


def _to_tensor(value: Any, dtype: Any = None) -> Any:
    """Returns a value as a tensor.

    Raises:
        InputError: it can be none, such as rows of different lengths.
    """
    try:
        return tf.convert_to_tensor(value, dtype)
    except (TypeError, ValueError, tf.errors.OpError) as error:
        reason = (str(error) or type(error).__name__).partition("\n")[0]
        raise InputError(f"{type(value).__name__} is no tensor: {reason}") from error


def _build_metadata(xmp: Any, unit: str, x_density: Any, y_density: Any) -> Metadata:
    check_one_of("density_unit", unit, tuple(_DENSITY_UNITS))
    dots = _check_density("x_density", x_density), _check_density("y_density", y_density)
    return Metadata(xmp=_to_packet(xmp) or None, density=(_DENSITY_UNITS[unit], *dots))


def _to_packet(xmp: Any) -> bytes:
    try:
        packet = xmp.encode() if isinstance(xmp, str) else xmp or b""
    except ValueError:  # half of a pair of surrogates; or an array, which is neither true nor false
        packet = None
    if not isinstance(packet, bytes):
        raise OptionError(f"xmp_metadata must be bytes or a string, got {shown(xmp)}")
    return packet


def _check_density(name: str, value: Any) -> int:
    check_integer(name, value, 1, 65535)
    return int(value)


def _drop_single_channel(pixels: Any) -> Any:
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def _run_or_trace(run: Callable[[Any], bytes], image: Any, channels: tuple[int, ...], name: str | None) -> Any:
    """Calls ``run`` now, or adds the call to the graph; either way checks what is known of the image."""
    _check_image(image.dtype, image.shape, channels)
    if tf.executing_eagerly():
        return tf.constant(run(image.numpy()), tf.string)

    def check_and_run(pixels: Any) -> bytes:
        _check_image(tf.uint8, tf.TensorShape(pixels.shape), channels)
        return run(pixels)

    jpeg = tf.numpy_function(check_and_run, [image], tf.string, name=name)
    jpeg.set_shape([])
    return jpeg


def _check_image(dtype: Any, shape: Any, channels: tuple[int, ...]) -> None:
    known = shape.rank is not None
    if dtype != tf.uint8 or (known and (shape.rank != 3 or shape[2] not in (None, *channels))):
        expected = " or ".join(f"(H, W, {count})" for count in channels)
        raise InputError(f"an image must be uint8 {expected}, got {dtype.name} {shape}")


# Decoding -----------------------------------------------------------------------------------------------------------


@_outside_autograph
def decode_jpeg(
    contents: Any,
    channels: Channels = 0,
    ratio: int = 1,
    fancy_upscaling: bool = True,
    try_recover_truncated: bool = False,
    acceptable_fraction: float = 1,
    dct_method: Literal["", "INTEGER_FAST", "INTEGER_ACCURATE"] = "",
    name: str | None = None,
    **options: Any,
) -> Any:
    """Decodes a JPEG file, as ``tf.io.decode_jpeg`` does.

    Args:
        contents: the file, a scalar string tensor or bytes.
        channels: 1 (luma), 3 (RGB) or 0 for those of the file.
        ratio: 1; the picture is not made smaller.
        fancy_upscaling: True.
        try_recover_truncated: False; a truncated file is an error.
        acceptable_fraction: 1.
        dct_method: no effect; the DCT is in float.
        name: of the operation.
        **options: fields of :class:`saliency_jpeg.DecodeOptions`. Without ``orientation`` the pixels stay as they are
            stored, as TensorFlow leaves them.

    Returns:
        (H, W, channels) tensor of ``dtype``, uint8 by default.

    Raises:
        InputError: not a JPEG file, damaged, over a limit, or not scalar.
        OptionError: an option is unknown or out of range, or an argument is not supported.
    """
    _check_decoding(channels, dct_method)
    fixed: dict[str, tuple[float, float]] = {"ratio": (ratio, 1), "fancy_upscaling": (fancy_upscaling, True)}
    fixed |= {"try_recover_truncated": (try_recover_truncated, False), "acceptable_fraction": (acceptable_fraction, 1)}
    for argument, (value, supported) in fixed.items():
        if not isinstance(value, int | float | np.generic) or value != supported:
            raise OptionError(f"{argument} can only be {supported!r}, got {shown(value)}")
    decoder = make_decoder("decode_jpeg", {"orientation": "keep", **options})

    def run(jpeg: bytes) -> Any:
        pixels = decode_channels(decoder, jpeg, channels)
        return pixels[..., None] if pixels.ndim == 2 else pixels

    file = _to_tensor(contents, tf.string)
    if file.shape.rank not in (0, None):
        raise InputError(f"contents must be one file, a scalar, got a tensor of shape {file.shape}")
    if tf.executing_eagerly():
        return tf.convert_to_tensor(run(file.numpy()))
    image = tf.numpy_function(run, [file], tf.as_dtype(np.dtype(decoder.options.dtype)), name=name)
    image.set_shape([None, None, channels or None])
    return image


def _check_decoding(channels: int, dct_method: str) -> None:
    if not is_integer(channels, 0, 3) or channels == 2:
        raise OptionError(f"channels must be 0, 1 or 3, got {shown(channels)}")
    check_one_of("dct_method", dct_method, ("", "INTEGER_FAST", "INTEGER_ACCURATE"))
