"""What the channels of the network stand for, and class activation maps that know their names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, OptionError

__all__ = ["Activations", "ClassEvidence", "parse_names"]


@dataclass(frozen=True)
class ClassEvidence:
    """One class of an image: its name, its channel, its logit and its map (rows, cols), float32."""

    name: str
    index: int
    logit: float
    map: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Activations:
    """Multi-class activation map of one image.

    Attributes:
        maps: float32 (rows, cols, classes), natural units of the network: the mean of a class's map over rows and
            cols is that class's logit. Negative values speak against the class.
        names: one name per class, in the order of the last axis.
    """

    maps: NDArray[np.float32]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.maps.ndim != 3 or self.maps.shape[2] != len(self.names):
            raise InputError(f"maps must have shape (rows, cols, {len(self.names)}), got {self.maps.shape}")

    @property
    def logits(self) -> NDArray[np.float32]:
        """Evidence for each class over the whole image, float32 (classes,)."""
        logits: NDArray[np.float64] = self.maps.mean(axis=(0, 1), dtype=np.float64)
        return logits.astype(np.float32)

    def ranked(self, count: int) -> NDArray[np.intp]:
        """Channels of the ``count`` classes with the largest logits, best first.

        Raises:
            OptionError: ``count`` is below 1.
        """
        if count < 1:
            raise OptionError(f"the number of classes must be at least 1, got {count!r}")
        return np.argsort(-self.logits, kind="stable")[:count]

    def top(self, count: int = 5) -> list[ClassEvidence]:
        """The ``count`` classes with the largest logits, best first, each with its map."""
        logits = self.logits
        return [ClassEvidence(self.names[i], int(i), float(logits[i]), self.maps[:, :, i]) for i in self.ranked(count)]

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """The map (rows, cols) of the class called ``name``."""
        if name not in self.names:
            raise KeyError(name)
        return self.maps[:, :, self.names.index(name)]


def parse_names(text: str) -> tuple[str, ...]:
    """Class names out of a text file with one name a line."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())
