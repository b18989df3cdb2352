"""Presets of the networks that :func:`saliency_jpeg.decode` runs: entries of ``weights/presets.json``."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import PresetError
from ..saliency import presets
from ..saliency.weights_file import Arrays
from .network import Architecture

__all__ = [
    "LatentPreset",
    "RestorationPreset",
    "SegmentationPreset",
    "find",
    "find_latent",
    "find_segmentation",
    "read_arrays",
]


@dataclass(frozen=True)
class RestorationPreset(presets.NetworkPreset):
    """One entry of ``presets.json`` with the task "restoration".

    Its name stands for one set of weights: a layer in a file gives the name alone, so other weights get another name.

    Attributes:
        architecture: size of the network.
        segmentation: preset that says what is seen where; used where the architecture has classes.
    """

    architecture: Architecture
    segmentation: str = "segment"


def find(name: str) -> RestorationPreset:
    """Returns a preset by name.

    Raises:
        PresetError: there is none, or its entry is not valid.
    """
    name, entry = presets.find_entry(name, "restoration")
    fields = {key: value for key, value in entry.items() if key != "task"}
    try:
        return RestorationPreset(name=name, **{**fields, "architecture": Architecture(**fields["architecture"])})
    except (TypeError, KeyError) as error:
        raise PresetError(f"the entry {name!r} in presets.json is not valid: {error}") from error


def read_arrays(preset: RestorationPreset) -> Arrays:
    """Reads the weights of a preset.

    Raises:
        PresetError: the file is missing, or its sha256 is not the preset's.
    """
    return preset.read_weights()


@dataclass(frozen=True)
class SegmentationPreset(presets.NetworkPreset):
    """One entry of ``presets.json`` with the task "segmentation".

    Attributes:
        backbone: preset whose backbone gives the features.
    """

    backbone: str


def find_segmentation(name: str) -> SegmentationPreset:
    """Returns a preset of a network that says what is seen where.

    Raises:
        PresetError: there is none, or its entry is not valid.
    """
    return presets.find_network(SegmentationPreset, name, "segmentation")


@dataclass(frozen=True)
class LatentPreset(presets.NetworkPreset):
    """One entry of ``presets.json`` with the task "latent": the networks of :mod:`.latent_network`.

    Its name stands for one set of weights, as that of a :class:`RestorationPreset` does.

    Attributes:
        restoration: preset that restores the picture to which a latent adds; it names that of the class map.
    """

    restoration: str


def find_latent(name: str) -> LatentPreset:
    """Returns a preset of networks that code what restoration leaves.

    Raises:
        PresetError: there is none, or its entry is not valid.
    """
    return presets.find_network(LatentPreset, name, "latent")
