"""PyTorch: ``encode_jpeg`` for tensors that support DLPack or NumPy's array interface. PyTorch is not imported.

Replaces ``torchvision.io.encode_jpeg``::

    from saliency_jpeg.integrations.torch import encode_jpeg
    jpeg = encode_jpeg(image, quality=80)  # image: uint8 (3, H, W) or (1, H, W)
    jpegs = encode_jpeg([image, image], target_kb=50)  # a list for a list

Honours ``quality``, torchvision's defaults (4:2:0, baseline), and the fields of :class:`saliency_jpeg.Options`.

Raises ``OptionError`` for an unknown keyword, and ``InputError`` for tensors of another dtype or shape or outside main
memory: call ``.cpu()`` first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..encoder.encoder import Encoder
from ..errors import InputError
from ..metadata.limits import MAX_SIDE
from ..options import Options
from ._compat import OPTION_NAMES, check_names

__all__ = ["encode_jpeg"]

T = TypeVar("T")

_DEFAULTS: Final = {"subsampling": "4:2:0", "progressive": False}
_CPU_DEVICES: Final = (1, 3)  # DLPack's kDLCPU and kDLCUDAHost: memory that the processor can read


def encode_jpeg(input: Any, quality: float | None = None, **options: Any) -> Any:
    """Encodes a tensor, as ``torchvision.io.encode_jpeg`` does.

    Args:
        input: a uint8 tensor (1, H, W) gray or (3, H, W) RGB in main memory, or a list of them.
        quality: 0 to 100, by default 75. With a target it is the upper limit, by default 100.
        **options: fields of :class:`saliency_jpeg.Options`; by default 4:2:0 and baseline.

    Returns:
        The file, uint8 (n,): a tensor for a PyTorch tensor, else a NumPy array. A list for a list.

    Raises:
        InputError: another dtype, shape or device.
        OptionError: an option is unknown or out of range.
        TargetError: no encoding meets the target.
    """
    check_names("encode_jpeg", options, OPTION_NAMES)
    encoder = Encoder(Options(**{**_DEFAULTS, "quality": quality, **options}))
    if isinstance(input, list | tuple):
        return [_encode_tensor(encoder, tensor) for tensor in input]
    return _encode_tensor(encoder, input)


def _encode_tensor(encoder: Encoder, tensor: Any) -> Any:
    jpeg = np.frombuffer(bytearray(encoder.compress(_to_pixels(tensor)).jpeg), np.uint8)
    torch = sys.modules.get("torch")  # already imported if this is one of its tensors
    return torch.from_numpy(jpeg) if torch is not None and isinstance(tensor, torch.Tensor) else jpeg


def _to_pixels(tensor: Any) -> NDArray[np.uint8]:
    """Returns a C-contiguous array (H, W) or (H, W, 3)."""
    array = _to_array(tensor)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[0] not in (1, 3):
        raise InputError(f"a tensor must be uint8 (1, H, W) or (3, H, W), got {array.dtype} {array.shape}")
    if not all(1 <= side <= MAX_SIDE for side in array.shape[1:]):
        raise InputError(f"height and width of a tensor must be 1 to {MAX_SIDE}, got {array.shape}")
    return np.ascontiguousarray(array[0] if array.shape[0] == 1 else np.moveaxis(array, 0, -1))


def _to_array(tensor: Any) -> NDArray[Any]:
    """Returns a view of the tensor's memory where it can be shared, else a copy."""
    if isinstance(tensor, np.ndarray):
        return tensor
    if hasattr(tensor, "__dlpack__") and hasattr(tensor, "__dlpack_device__"):
        device = _call_producer(lambda producer: int(producer.__dlpack_device__()[0]), tensor)
        if device not in _CPU_DEVICES:
            raise InputError(f"a tensor must be in main memory; call .cpu() first, got DLPack device {device}")
        return np.asarray(_call_producer(np.from_dlpack, tensor))
    if hasattr(tensor, "__array_interface__") or hasattr(tensor, "__array__"):
        return np.asarray(_call_producer(np.asarray, tensor))
    raise InputError(f"a tensor must have __dlpack__ or NumPy's array interface, got {type(tensor).__name__}")


def _call_producer(function: Callable[[Any], T], tensor: Any) -> T:
    """Returns ``function(tensor)``.

    Producers raise errors of any kind, for a sparse tensor or a dtype that DLPack lacks; all become ``InputError``.
    """
    try:
        return function(tensor)
    except Exception as error:
        raise InputError(f"the tensor's memory cannot be read: {error}") from error
