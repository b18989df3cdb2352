"""What a kind of head declares: its graph, what its maps mean, and how it is trained.

A kind is one module with one frozen dataclass. The fields of the dataclass are the sizes that ``presets.json`` gives
under ``architecture``; ``outputs`` are the named outputs of the preset and their constants.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...errors import OptionError, PresetError
from ..maps import Evidence, MapOptions, Reals

__all__ = ["Head", "MaskHead", "Outputs"]

#: Constants by name, by output; the order of the outputs is that of the channels.
Outputs: TypeAlias = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class Head(ABC):
    """A head on the backbone: a small network from features and class activations to maps.

    Class attributes:
        stride: pixels of the network's input per cell of the head's maps.
        evidence: the evidence that its maps give: ``"learned"`` beside that of the backbone's classes, or
            ``"classes"`` instead of it.
        targets: what it is trained by: the number of axes of each target, batch included, by name.
        class_arrays: its weights whose last axis counts classes, by ``"layer/index"``.

    Attributes:
        outputs: the preset's outputs and their constants.
    """

    stride: ClassVar[int]
    evidence: ClassVar[Evidence]
    targets: ClassVar[Mapping[str, int]]
    class_arrays: ClassVar[tuple[str, ...]] = ()

    outputs: Outputs

    @abstractmethod
    def graph(self, fine: Any, middle: Any, coarse: Any, classes: Any) -> Any:
        """Adds the layers to a graph; imports Keras.

        Args:
            fine: features at stride 8.
            middle: features at stride 16.
            coarse: features at stride 32.
            classes: the backbone's class activations at stride 32, or one map with the sum of the positive ones.

        Returns:
            Keras tensor (n, rows, cols, channels) at ``stride``, not bounded.
        """

    @abstractmethod
    def to_evidence(self, maps: NDArray[np.float32], options: MapOptions) -> Reals:
        """Computes the evidence of each cell.

        Args:
            maps: float32 (rows, cols, channels), the head's output for one image.
            options: how a map is made; the head reads those that concern it.

        Returns:
            float64 (rows, cols): in [0, 1] for ``"learned"``, in the network's units for ``"classes"``.
        """

    @abstractmethod
    def losses(self, maps: Any, targets: Mapping[str, Any]) -> list[Any]:
        """Computes the losses of a batch as scalar tensors, whose sum is minimized; imports TensorFlow.

        Args:
            maps: the head's output (n, rows, cols, channels).
            targets: tensors by the names in ``targets``.
        """

    def build(self, channels: Sequence[int]) -> Any:
        """Builds the head with fresh weights.

        Args:
            channels: number of channels of the features at strides 8, 16 and 32.

        Returns:
            ``keras.Model`` from a list of the features and the class activations, as ``network.build(...,
            features=True)`` returns them, to maps (n, rows, cols, channels) at ``stride``.
        """
        import keras

        inputs = [keras.Input((None, None, count)) for count in (*channels, None)]
        return keras.Model(inputs, self.graph(*inputs), name=f"{type(self).__name__.lower()}_head")

    def resize(self, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Self:
        """Returns the head for weights with another number of classes; most kinds have no classes of their own."""
        return self

    def count_classes(self, count: int) -> int:
        """Returns the number of class activation maps of a network whose backbone has ``count``."""
        return count

    def is_pretrained(self, variable: Any) -> bool:
        """Returns whether a ``keras.Variable`` starts from pretrained weights and so learns at a rate of its own."""
        return False

    def constant(self, output: str, name: str) -> float:
        """Returns a constant of an output.

        Args:
            output: name of the output.
            name: of the constant.

        Raises:
            PresetError: the preset does not give it.
        """
        try:
            return float(self.outputs[output][name])
        except KeyError:
            raise PresetError(f"the preset gives no constant {name!r} for its output {output!r}") from None

    def _check_positive(self, *names: str) -> None:
        for name in names:
            if not getattr(self, name) > 0:
                raise OptionError(f"{name} must be positive, got {getattr(self, name)!r}")


class MaskHead(Head):
    """A head that can be trained with images and masks alone (:mod:`saliency_jpeg.training`)."""

    @abstractmethod
    def mask_targets(self, mask: NDArray[np.float16]) -> dict[str, NDArray[np.float16]]:
        """Returns the targets that a mask gives, by the names in ``targets``.

        Args:
            mask: float16 (rows, cols) in [0, 1] on the head's grid, NaN where unknown.
        """
