"""PyTorch's door, mostly without PyTorch: tensors by DLPack and by NumPy's array interface."""

from __future__ import annotations

import importlib
import io
from typing import Any

import numpy as np
import pytest
from doors import PHOTO, describe
from helpers import pillow_pixels
from PIL import Image
from processes import needs, python

from saliency_jpeg import InputError, OptionError, TargetError, compress
from saliency_jpeg.integrations.torch import encode_jpeg

CHW = np.ascontiguousarray(np.moveaxis(PHOTO, -1, 0))
EXPECTED = compress(PHOTO, saliency=None, subsampling="4:2:0", progressive=False)


class Lent:
    """A tensor that supports only DLPack, on a device of choice."""

    def __init__(self, array: Any, device: int = 1) -> None:
        self.array, self.device = array, device

    def __dlpack__(self, **arguments: Any) -> Any:
        return self.array.__dlpack__(**arguments)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device, 0


class Shown:
    """A tensor that supports only NumPy's array interface."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.__array_interface__ = array.__array_interface__


@pytest.mark.parametrize("kind", [np.asarray, Lent, Shown])
def test_every_way_to_lend_memory(kind: Any) -> None:
    data = encode_jpeg(kind(CHW), saliency=None)
    assert isinstance(data, np.ndarray)
    assert data.dtype == np.uint8
    assert data.tobytes() == EXPECTED


def test_strides_and_one_channel() -> None:
    view = np.moveaxis(PHOTO.copy(), -1, 0)[:, ::-1, 2:-3]  # NumPy before 2.1 lends no read-only array
    assert encode_jpeg(Lent(view), saliency=None).tobytes() == encode_jpeg(view.copy(), saliency=None).tobytes()
    gray = describe(encode_jpeg(Lent(CHW[1:2]), 60, saliency=None).tobytes())
    assert (gray.mode, gray.size) == ("L", (88, 120))


def test_lists_and_options() -> None:
    files = encode_jpeg([CHW, Lent(CHW[:, :64])], target_kb=3, saliency=None, progressive=True)
    assert all(2800 < len(data) <= 3000 and describe(data.tobytes()).progressive for data in files)
    assert [Image.open(io.BytesIO(data.tobytes())).size for data in files] == [(88, 120), (88, 64)]
    assert encode_jpeg([]) == []


@pytest.mark.parametrize(
    "tensor",
    [
        PHOTO,
        CHW.astype(np.float32),
        CHW[0],
        CHW[:2],
        CHW[:, :0],
        Lent(CHW.astype(np.int8)),
        [[1]],
        "x.jpg",
        None,
        Image.fromarray(PHOTO),
    ],
    ids=lambda tensor: type(tensor).__name__,
)
def test_other_things_are_refused(tensor: Any) -> None:
    with pytest.raises(InputError):
        encode_jpeg(tensor, saliency=None)


def test_errors() -> None:
    with pytest.raises(InputError, match=r"call \.cpu\(\) first, got DLPack device 2"):
        encode_jpeg(Lent(CHW, device=2))
    with pytest.raises(OptionError, match=r"quality .* got 101"):
        encode_jpeg(CHW, 101)
    assert len(encode_jpeg(CHW, target_kb=12, saliency=None, subsampling="4:4:4")) > 11_000
    with pytest.raises(OptionError, match="no keyword 'qualty'"):
        encode_jpeg(CHW, qualty=5)
    with pytest.raises(TargetError):
        encode_jpeg(CHW, target_kb=0.1, saliency=None)

    class Broken(Lent):
        def __dlpack__(self, **arguments: Any) -> Any:
            raise RuntimeError("needs its gradient")

    with pytest.raises(InputError, match="needs its gradient"):
        encode_jpeg(Broken(CHW))


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # importing it is an error
import numpy
from saliency_jpeg.integrations.torch import encode_jpeg
print(len(encode_jpeg(numpy.zeros((3, 9, 9), numpy.uint8), saliency=None)) > 100)
"""


def test_pytorch_is_not_imported() -> None:
    assert python("-c", WITHOUT_TORCH) == "True\n"


def test_tensors_of_pytorch() -> None:
    needs("torch")
    import torch

    tensor = torch.from_numpy(CHW)
    data = encode_jpeg(tensor, saliency=None)
    assert isinstance(data, torch.Tensor)
    assert data.dtype == torch.uint8
    assert bytes(data.tolist()) == EXPECTED
    channels_last = torch.from_numpy(PHOTO.copy()).permute(2, 0, 1)
    assert torch.equal(encode_jpeg(channels_last, saliency=None), data)
    assert isinstance(encode_jpeg(CHW, saliency=None), np.ndarray)
    with pytest.raises(InputError, match="float32"):
        encode_jpeg(tensor.float())
    with pytest.raises(InputError):
        encode_jpeg(tensor.float().requires_grad_())
    with pytest.raises(InputError, match="memory cannot be read"):
        encode_jpeg(torch.zeros((3, 8, 8), dtype=torch.uint8, device="meta"))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_same_call_to_torchvision(channels: int) -> None:
    needs("torchvision")
    import torch

    theirs_encode = importlib.import_module("torchvision.io").encode_jpeg
    tensor = torch.from_numpy(CHW[:channels].copy())
    theirs, ours = theirs_encode(tensor, quality=60), encode_jpeg(tensor, quality=60, saliency=None)
    assert (ours.dtype, ours.ndim) == (theirs.dtype, theirs.ndim)
    assert describe(bytes(ours.tolist())) == describe(bytes(theirs.tolist()))
    assert len(ours) < len(theirs)
    assert pillow_pixels(bytes(ours.tolist())).shape == pillow_pixels(bytes(theirs.tolist())).shape
