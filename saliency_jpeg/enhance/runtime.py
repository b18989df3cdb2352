"""The network of restoration as a function on arrays, run by TensorFlow."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, PresetError
from ..io.files import write
from ..saliency import forks, litert, weights_file
from ..saliency.network import Arrays, set_arrays
from ..saliency.tensorflow_runtime import check_device, load_tensorflow
from . import network
from .traced import Traced

__all__ = ["Exportable", "LiteRunner", "Runner", "has_fast_bfloat16", "write_exported"]


class Runner:
    """A network with its weights on a device, traced once for all sizes. Safe to call from several threads.

    Args:
        architecture: its size.
        arrays: its weights by ``"layer/index"``.
        device: such as ``"gpu"``; None for TensorFlow's choice.
        bfloat16: compute the convolutions in bfloat16; None for where that is faster, see :func:`has_fast_bfloat16`.

    Raises:
        PresetError: the weights do not fit.
        OptionError: TensorFlow is missing or cannot be used, or there is no such device.
    """

    def __init__(
        self,
        architecture: network.Architecture,
        arrays: Arrays,
        device: str | None = None,
        bfloat16: bool | None = None,
    ) -> None:
        self._tensorflow = load_tensorflow()
        forks.mark_in_use()
        self._architecture, self._arrays = architecture, arrays
        self._device = check_device(device)
        is_short = self._runs_on_cpu() and has_fast_bfloat16() if bfloat16 is None else bfloat16
        dtype = "mixed_bfloat16" if is_short else "float32"
        with self._tensorflow.device(self._device):
            self._model = network.build(architecture, dtype)
            set_arrays(self._model, arrays)
        self._run = Traced.of_model(self._tensorflow, self._model, self._device)

    def run_one(self, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Runs the network on one tile.

        Args:
            inputs: of the network, float32, without the axis of the batch.

        Returns:
            Its output, float32 (rows, cols, channels).

        Raises:
            OptionError: this process was forked from one that had used TensorFlow.
            MemoryError: there is not enough memory.
        """
        return self._run(*inputs)

    def _runs_on_cpu(self) -> bool:
        if self._device is not None:
            return "CPU" in self._device
        return not self._tensorflow.config.list_physical_devices("GPU")

    def export(self) -> bytes:
        """Converts the network, in float32, to LiteRT."""
        model = network.build(self._architecture)
        set_arrays(model, self._arrays)
        signature = [self._tensorflow.TensorSpec(part.shape, self._tensorflow.float32) for part in model.inputs]
        return litert.convert(self._tensorflow, lambda *inputs: model(list(inputs), training=False), signature)


class LiteRunner(litert.LiteNetwork):
    """An exported network with the method :meth:`run_one` of :class:`Runner`."""

    @classmethod
    def from_file(cls, path: Path, preset: str) -> LiteRunner:
        """Reads a file that :meth:`Restorer.export <.restoration.Restorer.export>` wrote.

        Raises:
            PresetError: it cannot be read, or was exported from another preset.
        """
        exported = litert.unpack(weights_file.read_bytes(path), str(path))
        if exported.preset != preset:
            raise PresetError(f"{path} must hold the network of preset {preset!r}, got that of {exported.preset!r}")
        return cls(exported.network, path.name)

    def run_one(self, inputs: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """Runs the network on one tile, as :meth:`Runner.run_one` does."""
        result: NDArray[np.float32] = self.run([array[None] for array in inputs])[0][0]
        return result


class Exportable(Protocol):
    """A network that TensorFlow runs."""

    def export(self) -> bytes:
        """Converts the network to LiteRT."""


def write_exported(path: str | os.PathLike[str], runner: Exportable | LiteRunner, preset: str) -> None:
    """Writes a network as a file for LiteRT.

    Args:
        path: of the file; :mod:`saliency_jpeg.saliency.litert` says where it is looked for.
        runner: holds the network.
        preset: that it is the network of.

    Raises:
        OptionError: it runs on LiteRT itself.
        OSError: the file cannot be written.
    """
    if isinstance(runner, LiteRunner):
        raise OptionError("a network is exported where TensorFlow is installed, got one that runs on LiteRT")
    write(str(Path(path).absolute()), litert.pack(litert.Exported(runner.export(), preset, ())))


@functools.cache
def has_fast_bfloat16() -> bool:
    """Returns whether the processor multiplies bfloat16 (AMX, AVX-512), which halves the time of the network."""
    try:
        flags = Path("/proc/cpuinfo").read_text("ascii", "replace")
    except OSError:  # another system than Linux
        return False
    return any(name in flags for name in ("amx_bf16", "avx512_bf16"))
