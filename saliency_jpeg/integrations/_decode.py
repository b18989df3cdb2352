"""What front doors that read share: a picture with the number of channels that the foreign call asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..enhance import DecodeOptions, Decoder
from ..enhance.options import DECODE_OPTION_NAMES
from ..options import check_names

__all__ = ["Channels", "decode_channels", "make_decoder"]

Channels = Literal[0, 1, 3]


def make_decoder(caller: str, options: Mapping[str, Any], **fixed: Any) -> Decoder:
    """Returns a decoder for the keywords of a call.

    Args:
        caller: name of the call, for messages.
        options: fields of :class:`saliency_jpeg.DecodeOptions`.
        **fixed: further fields, which the call sets by arguments of its own and takes from no keyword.

    Raises:
        OptionError: a keyword is unknown or out of range.
    """
    check_names(caller, options, sorted({*DECODE_OPTION_NAMES} - {*fixed}))
    return Decoder(DecodeOptions(**options, **fixed))


def decode_channels(decoder: Decoder, jpeg: bytes, channels: Channels) -> NDArray[Any]:
    """Decodes a file.

    Args:
        decoder: with the options of the call.
        jpeg: the file.
        channels: 1 for the luma, 3 for RGB, 0 for what the file has.

    Returns:
        (H, W) or (H, W, 3) RGB.

    Raises:
        InputError: as :meth:`saliency_jpeg.Decoder.decode`.
    """
    pixels = decoder.decode_luma(jpeg) if channels == 1 else decoder.decode(jpeg)
    return np.repeat(pixels[..., None], 3, axis=2) if channels == 3 and pixels.ndim == 2 else pixels
