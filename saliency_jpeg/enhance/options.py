"""The options of decoding: a frozen dataclass that checks itself, and the same fields as typed keywords."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final, Literal, TypedDict, get_args

import numpy as np
from numpy.typing import DTypeLike

from ..checks import check_number, check_one_of, shown
from ..errors import OptionError
from ..metadata.limits import DEFAULT_MAX_PIXELS
from ..options import Options, Orientation

__all__ = ["DECODE_OPTION_NAMES", "DecodeKeywords", "DecodeOptions", "Enhancement"]

Enhancement = Literal["auto", "restore", "restore-fast", "fine"]

_DTYPES: Final = ("uint8", "uint16", "float32")


@dataclass(frozen=True, kw_only=True)
class DecodeOptions:
    """How to decode. Every field is also a keyword of :func:`saliency_jpeg.decode`.

    Attributes:
        enhance: ``None`` decodes and does no more. ``"restore"`` and ``"restore-fast"`` undo what quantization did to
            the picture by a network, as far as the file allows. ``"fine"`` is told what is seen where, and makes detail
            as strong as the original's where little is left of it: it looks sharper at low rates, and is further from
            the original by squared error. ``"auto"`` is ``"restore"`` where that applies, and
            plain decoding elsewhere; see :func:`saliency_jpeg.enhance.loading.is_restorable`.
        amount: 0 to 1, factor of the network's correction, before it is kept to the intervals.
        fidelity: 1 keeps every coefficient inside the interval that its level stands for, 0 lets it go anywhere;
            between, the intervals widen. That holds for luma, and for chroma at the resolution at which it is stored,
            before detail between its samples is added and samples are rounded. The intervals are those that a layer of
            the file gives, or wide enough for files of any encoder, wider than those of one that rounds.
        dtype: of the array: ``np.uint8``; ``np.uint16``, where 65535 is white; or ``np.float32``, where 1 is.
        device: where the network runs, as TensorFlow names it (``"cpu"``, ``"gpu:0"``); ``None``: TensorFlow's choice.
        orientation: ``"apply"`` rotates the pixels as the EXIF orientation asks, ``"keep"`` returns them as they are
            stored. An array has no tag, so the default is not that of :class:`saliency_jpeg.Options`.
        max_pixels: most pixels by the header of the file, checked before it is decoded; ``None`` for no limit.

    Raises:
        OptionError: a value is out of range or of the wrong kind.
    """

    enhance: Enhancement | None = "auto"
    amount: float = 1.0
    fidelity: float = 1.0
    dtype: DTypeLike = np.uint8
    device: str | None = None
    orientation: Orientation = "apply"
    max_pixels: int | None = DEFAULT_MAX_PIXELS

    def __post_init__(self) -> None:
        if self.enhance is not None:
            check_one_of("enhance", self.enhance, get_args(Enhancement), ", or None")
        check_number("amount", self.amount, 0, 1)
        check_number("fidelity", self.fidelity, 0, 1)
        if not _is_dtype(self.dtype):
            raise OptionError(f"dtype must be one of {', '.join(_DTYPES)}, got {shown(self.dtype)}")
        Options(device=self.device, orientation=self.orientation, max_pixels=self.max_pixels)  # checks these
        for name, default in (("amount", 1.0), ("fidelity", 1.0), ("device", None)):
            value = getattr(self, name)
            if self.enhance is None and value != default:
                raise OptionError(f"{name} is for a picture that is enhanced, and enhance is None, got {shown(value)}")


def _is_dtype(value: Any) -> bool:
    try:
        return value is not None and np.dtype(value) in map(np.dtype, _DTYPES)
    except Exception:  # of NumPy, for what names no dtype, or of a class of the caller's
        return False


#: Names of the fields of :class:`DecodeOptions`.
DECODE_OPTION_NAMES: Final = tuple(field.name for field in fields(DecodeOptions))


class DecodeKeywords(TypedDict, total=False):
    """The fields of :class:`DecodeOptions` as keywords (PEP 692)."""

    enhance: Enhancement | None
    amount: float
    fidelity: float
    dtype: DTypeLike
    device: str | None
    orientation: Orientation
    max_pixels: int | None
