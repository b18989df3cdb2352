"""TensorFlow's ``tf.io.encode_jpeg``, eagerly and inside ``tf.function`` and ``tf.data``.

::

    from saliency_jpeg.integrations.tensorflow import encode_jpeg
    data = encode_jpeg(image, quality=80)
    dataset = dataset.map(lambda image: encode_jpeg(image, target_kb=50), num_parallel_calls=2)

In a graph the encoder is called as a Python function: the graph runs where this package is installed and cannot be
saved without it. Errors found while a graph is built are those named below; those found while it runs come out as
``tf.errors.InvalidArgumentError`` or ``UnknownError`` with the same message.
"""

from __future__ import annotations

import functools
from typing import Any, Final

import numpy as np
import tensorflow as tf

from ..codec.subsampling import Subsampling
from ..errors import InputError, OptionError, SaliencyJpegError
from ..image.load import load
from ..metadata.model import Metadata
from ..options import Options
from ._compat import OPTION_NAMES, Recipe, check_names, encode

__all__ = ["encode_jpeg"]

_CHANNELS: Final = {"": (1, 3), "grayscale": (1,), "rgb": (3,)}
_QUALITY: Final = 95
_UNITS: Final = {"in": 1, "cm": 2}  # of JFIF
_SAID_OTHERWISE: Final = {"quality", "progressive", "subsampling", "metadata", "background"}


def _as_it_is(function: Any) -> Any:
    """Keeps AutoGraph from rewriting a function, and from wrapping this library's errors into its own."""

    @functools.wraps(function)
    def unconverted(*arguments: Any, **keywords: Any) -> Any:
        try:
            return function(*arguments, **keywords)
        except SaliencyJpegError as error:
            error.ag_pass_through = True  # type: ignore[attr-defined]
            raise

    return tf.autograph.experimental.do_not_convert(unconverted)


@_as_it_is
def encode_jpeg(
    image: Any,
    format: str = "",
    quality: int = _QUALITY,
    progressive: bool = False,
    optimize_size: bool = False,
    chroma_downsampling: bool = True,
    density_unit: str = "in",
    x_density: int = 300,
    y_density: int = 300,
    xmp_metadata: str | bytes = "",
    name: str | None = None,
    **options: Any,
) -> Any:
    """``tf.io.encode_jpeg``.

    Args:
        image: uint8 tensor or array (H, W, 1) or (H, W, 3).
        format: ``""``, ``"grayscale"`` (1 channel) or ``"rgb"`` (3).
        quality: 0 to 100; with ``target_kb`` the highest that is used. With ``target_score`` it is to be left out.
        progressive: a progressive file.
        optimize_size: changes nothing: Huffman tables are always optimal.
        chroma_downsampling: 4:2:0, else 4:4:4.
        density_unit: of the density: ``"in"`` or ``"cm"``.
        x_density: pixels a unit across, 1 to 65535.
        y_density: the same down.
        xmp_metadata: an XMP packet.
        name: of the operation.
        options: further fields of :class:`saliency_jpeg.Options`.

    Returns:
        A scalar string tensor, the file.

    Raises:
        InputError: another type or shape.
        OptionError: a value is out of range.
        SegmentError: the XMP packet is too large.
        TargetError: the target is too small for this image.
    """
    check_names("encode_jpeg", options, set(OPTION_NAMES) - _SAID_OTHERWISE)
    if format not in _CHANNELS:
        raise OptionError(f"format must be '', 'grayscale' or 'rgb', got {format!r}")
    if density_unit not in _UNITS:
        raise OptionError(f"density_unit must be 'in' or 'cm', got {density_unit!r}")
    subsampling: Subsampling = "4:2:0" if chroma_downsampling else "4:4:4"
    wanted = None if quality == _QUALITY and options.get("target_score") is not None else quality
    recipe = Recipe(options=Options(quality=wanted, progressive=progressive, subsampling=subsampling, **options))
    metadata = Metadata(
        xmp=(xmp_metadata.encode() if isinstance(xmp_metadata, str) else xmp_metadata) or None,
        density=(_UNITS[density_unit], _density("x_density", x_density), _density("y_density", y_density)),
    )

    def run(pixels: Any) -> bytes:
        return encode(load(_plane(pixels))._replace(metadata=metadata), recipe)

    return _apply(run, tf.convert_to_tensor(image), _CHANNELS[format], name)


def _density(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= 65535:
        raise OptionError(f"{name} must be an integer from 1 to 65535, got {value!r}")
    return int(value)


def _plane(pixels: Any) -> Any:
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def _apply(run: Any, image: Any, channels: tuple[int, ...], name: str | None) -> Any:
    """Calls ``run`` now, or puts the call into the graph; what is known of the image is checked in either case."""
    _check(image.dtype, image.shape, channels)
    if tf.executing_eagerly():
        return tf.constant(run(image.numpy()), tf.string)

    def checked(pixels: Any) -> bytes:
        _check(tf.uint8, tf.TensorShape(pixels.shape), channels)
        return bytes(run(pixels))

    data = tf.numpy_function(checked, [image], tf.string, name=name)
    data.set_shape([])
    return data


def _check(dtype: Any, shape: Any, channels: tuple[int, ...]) -> None:
    known = shape.rank is not None
    if dtype != tf.uint8 or (known and (shape.rank != 3 or shape[2] not in (None, *channels))):
        wanted = " or ".join(f"(H, W, {count})" for count in channels)
        raise InputError(f"an image must be uint8 {wanted}, got {dtype.name} {shape}")
