"""Heads on the backbone, by kind: small networks from its features to maps.

:data:`KINDS` is the registry. A new kind is a module with a subclass of :class:`Head` and an entry here. Importing this
package loads neither TensorFlow nor Keras.

The network's input has sides of 32 n + 1 pixels: every layer of stride 2 then has its cells on every second cell of the
layer before, the outermost on the border, and nothing is shifted. Cell i of a map of stride s lies on pixel s i, so
doubling inserts means between neighbours, and left and right are treated alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import OptionError
from .base import Head, MaskHead, Outputs
from .msroi import MsRoi
from .pyramid import Pyramid

__all__ = ["KINDS", "Head", "MaskHead", "MsRoi", "Outputs", "Pyramid", "create"]

#: The kinds of head by the name that ``presets.json`` gives under ``kind``.
KINDS: dict[str, type[Head]] = {"pyramid": Pyramid, "msroi": MsRoi}


def create(kind: str, outputs: Outputs, architecture: Mapping[str, Any]) -> Head:
    """Creates a head of a kind.

    Args:
        kind: a key of :data:`KINDS`.
        outputs: the preset's outputs and their constants.
        architecture: the other fields of the kind's dataclass.

    Raises:
        OptionError: unknown kind, or a size or output that the kind cannot have.
    """
    if kind not in KINDS:
        raise OptionError(f"the kind of a head must be one of {', '.join(KINDS)}, got {kind!r}")
    return KINDS[kind](outputs=outputs, **architecture)
