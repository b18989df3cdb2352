"""Class activation maps with the names of their classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, OptionError

__all__ = ["Activations", "ClassEvidence", "rank_classes"]


@dataclass(frozen=True, eq=False)
class ClassEvidence:
    """The evidence for one class in an image.

    Attributes:
        name: of the class.
        index: of its channel.
        logit: mean of ``map``.
        map: float32 (rows, cols).
    """

    name: str
    index: int
    logit: float
    map: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Activations:
    """Multi-class activation map of one image.

    Attributes:
        maps: float32 (rows, cols, classes), in the network's units: the mean of a class's map over rows and cols is
            that class's logit. Negative values are evidence against the class.
        names: one name per class, in the order of the last axis.

    Raises:
        InputError: the shape of ``maps`` does not fit the names.
    """

    maps: NDArray[np.float32]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.maps.ndim != 3 or self.maps.shape[2] != len(self.names):
            raise InputError(f"maps must have shape (rows, cols, {len(self.names)}), got {self.maps.shape}")

    @property
    def logits(self) -> NDArray[np.float32]:
        """Evidence for each class over the whole image, float32 (classes,)."""
        return _logits(self.maps)

    def top(self, count: int = 5) -> list[ClassEvidence]:
        """Returns the ``count`` classes with the largest logits, best first.

        Raises:
            OptionError: ``count`` is below 1.
        """
        logits = self.logits
        ranked = rank_classes(self.maps, count)
        return [ClassEvidence(self.names[i], int(i), float(logits[i]), self.maps[:, :, i]) for i in ranked]

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """Returns the map (rows, cols) of the class called ``name``."""
        if name not in self.names:
            raise KeyError(name)
        return self.maps[:, :, self.names.index(name)]


def rank_classes(maps: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Returns the channels of the classes with the largest logits, best first.

    Args:
        maps: class activations (rows, cols, classes).
        count: how many classes; fewer if there are fewer.

    Raises:
        OptionError: ``count`` is below 1.
    """
    if count < 1:
        raise OptionError(f"the number of classes must be at least 1, got {count!r}")
    return np.argsort(-_logits(maps), kind="stable")[:count]


def _logits(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    logits: NDArray[np.float64] = maps.mean(axis=(0, 1), dtype=np.float64)
    return logits.astype(np.float32)
