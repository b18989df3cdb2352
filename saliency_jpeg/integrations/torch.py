"""Tensors, of PyTorch or of anything else that speaks DLPack or NumPy's array interface; PyTorch is not imported.

::

    from saliency_jpeg.integrations.torch import encode_jpeg
    data = encode_jpeg(image, quality=80)  # uint8 (3, H, W), as for torchvision.io.encode_jpeg
    data = encode_jpeg(batch, target_kb=50)  # a list gives a list
"""

from __future__ import annotations

import sys
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..encoder.encoder import Encoder
from ..errors import InputError
from ..image.load import MAX_SIDE
from ..options import Options
from ._compat import OPTION_NAMES, check_names

__all__ = ["encode_jpeg"]

_DEFAULTS: Final = {"subsampling": "4:2:0", "progressive": False}
_CPU_DEVICES: Final = (1, 3)  # kDLCPU and kDLCUDAHost of DLPack: memory that the processor can read


def encode_jpeg(input: Any, quality: float | None = None, **options: Any) -> Any:
    """``torchvision.io.encode_jpeg``.

    Args:
        input: a uint8 tensor (1, H, W) gray or (3, H, W) RGB in main memory, or a list of such.
        quality: 0 to 100, by default 75; with a target, the highest that is used, by default 100.
        options: fields of :class:`saliency_jpeg.Options`; without them 4:2:0 and baseline, as torchvision writes.

    Returns:
        The file, uint8 (n,): a tensor for a PyTorch tensor, else a NumPy array.  A list of them for a list.

    Raises:
        InputError: another type, shape or device.
        OptionError: an option is out of range.
        TargetError: the target is too small for this image.
    """
    check_names("encode_jpeg", options, OPTION_NAMES)
    encoder = Encoder(Options(**{**_DEFAULTS, "quality": quality, **options}))
    if isinstance(input, list | tuple):
        return [_encoded(encoder, tensor) for tensor in input]
    return _encoded(encoder, input)


def _encoded(encoder: Encoder, tensor: Any) -> Any:
    data = np.frombuffer(bytearray(encoder.compress(_pixels(tensor)).jpeg), np.uint8)
    torch = sys.modules.get("torch")  # there already, if this is one of its tensors
    return torch.from_numpy(data) if torch is not None and isinstance(tensor, torch.Tensor) else data


def _pixels(tensor: Any) -> NDArray[np.uint8]:
    """(H, W) or (H, W, 3), C-contiguous."""
    array = _array(tensor)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[0] not in (1, 3):
        raise InputError(f"a tensor must be uint8 (1, H, W) or (3, H, W), got {array.dtype} {array.shape}")
    if not all(1 <= side <= MAX_SIDE for side in array.shape[1:]):
        raise InputError(f"the sides of a tensor must be 1 to {MAX_SIDE}, got {array.shape}")
    return np.ascontiguousarray(array[0] if array.shape[0] == 1 else np.moveaxis(array, 0, -1))


def _array(tensor: Any) -> NDArray[Any]:
    """A view of the tensor, without a copy where its memory can be read."""
    if isinstance(tensor, np.ndarray):
        return tensor
    if hasattr(tensor, "__dlpack__") and hasattr(tensor, "__dlpack_device__"):
        device = _from(lambda lender: lender.__dlpack_device__()[0], tensor)
        if device not in _CPU_DEVICES:
            raise InputError(f"a tensor must be in main memory, move it there first; got DLPack device {int(device)}")
        return np.asarray(_from(np.from_dlpack, tensor))
    if hasattr(tensor, "__array_interface__") or hasattr(tensor, "__array__"):
        return np.asarray(_from(np.asarray, tensor))
    raise InputError(f"a tensor must have __dlpack__ or NumPy's array interface, got {type(tensor).__name__}")


def _from(question: Any, tensor: Any) -> Any:
    """The answer; producers raise what they like, for a sparse tensor or a type that DLPack does not know."""
    try:
        return question(tensor)
    except Exception as error:
        raise InputError(f"the tensor's memory cannot be read: {error}") from error
