"""How evidence is read from the outputs of a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import network
from .maps import Evidence, MapOptions, Reals, class_evidence
from .presets import Preset

__all__ = ["Reading", "readings"]


class Reading(NamedTuple):
    """How one kind of evidence is read.

    Attributes:
        output: method of a runner that gives the maps.
        stride: pixels of the network's input per cell of the maps.
        to_evidence: from the maps (rows, cols, channels) of one image and the options to evidence (rows, cols).
        contrast: least difference of evidence between 0 and 1 where the options name none.
    """

    output: Literal["classes", "head"]
    stride: int
    to_evidence: Callable[[NDArray[np.float32], MapOptions], Reals]
    contrast: float


def readings(preset: Preset) -> dict[Evidence, Reading]:
    """Returns how each kind of evidence that a preset's network gives is read.

    ``"classes"`` is always there: the backbone's class activations, or those of a head that gives them itself.
    """
    head = None if preset.head is None else preset.head.network
    by_name: dict[Evidence, Reading] = {
        "classes": Reading("classes", network.STRIDE, _sum_classes, _contrast(preset, "classes"))
    }
    if head is not None:
        by_name[head.evidence] = Reading("head", head.stride, head.to_evidence, _contrast(preset, head.evidence))
    return by_name


def _sum_classes(maps: NDArray[np.float32], options: MapOptions) -> Reals:
    return class_evidence(maps, options.classes)


def _contrast(preset: Preset, evidence: Evidence) -> float:
    """Returns the contrast of the output that is called like the evidence; learned evidence has none."""
    return float(preset.outputs.get(evidence, {}).get("contrast", 0.0))
