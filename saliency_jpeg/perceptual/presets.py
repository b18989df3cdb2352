"""The entry of ``weights/presets.json`` with the task "perceptual", and the weights that it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..saliency import presets
from ..saliency.weights_file import Arrays

__all__ = ["DEFAULT", "PerceptualPreset", "find", "read_arrays"]

#: Name of the entry.
DEFAULT: Final = "perceptual"


@dataclass(frozen=True)
class PerceptualPreset(presets.NetworkPreset):
    """One entry of ``presets.json`` with the task "perceptual"; scores of different versions are not comparable.

    Attributes:
        backbone: preset whose backbone's features are compared.
    """

    backbone: str


def find(name: str = DEFAULT) -> PerceptualPreset:
    """Returns a preset by name.

    Raises:
        PresetError: there is none, or its entry is not valid.
    """
    return presets.find_network(PerceptualPreset, name, "perceptual")


def read_arrays(preset: PerceptualPreset) -> tuple[Arrays, Arrays]:
    """Reads the weights of a preset.

    Returns:
        Those of the backbone, with batch normalization, and those of the metric.

    Raises:
        PresetError: the weights are missing or damaged.
    """
    backbone = presets.read_arrays(presets.find(preset.backbone))
    return backbone, preset.read_weights()
