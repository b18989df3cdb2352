"""Presets: entries of ``weights/presets.json`` and the files they name.

An entry says what task the network does, which weights it takes and where they come from, what its outputs are called,
with their constants, and how its map is made. A new preset is a new entry and its weights file. Presets share the file
of the backbone; a head has a file of its own.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources.abc import Traversable
from typing import Any, Literal, TypeVar

import numpy as np

from ..checks import shown
from ..errors import OptionError, PresetError
from ..io import full_package
from . import heads
from .maps import MapOptions
from .mirroring import Mirror
from .network import CLASS_ARRAYS, Architecture
from .weights_file import Arrays, WeightsFile, unpack

__all__ = [
    "EXTRA_FOLDERS",
    "NetworkPreset",
    "Preset",
    "PresetHead",
    "Task",
    "choose_class_names",
    "find",
    "find_entry",
    "find_network",
    "folders",
    "names",
    "read_arrays",
    "read_checked",
    "read_class_names",
    "read_head",
    "read_quantized",
]

#: What a preset's network does.
Task = Literal["saliency", "restoration", "segmentation", "perceptual", "latent"]

#: Further folders with a ``presets.json`` and the files that it names, for presets that do not ship with the library.
EXTRA_FOLDERS: list[Traversable] = []


@dataclass(frozen=True)
class PresetHead:
    """The head of a preset.

    Attributes:
        file: weights file, beside ``presets.json``.
        sha256: of the weights file, in hex.
        network: kind and size, from the entry's ``kind``, ``architecture`` and the preset's ``outputs``.
        quantized: file of backbone and head as 8-bit integers for LiteRT, if there is one, beside ``presets.json``.
        quantized_sha256: of that file, in hex.
    """

    file: str
    sha256: str
    network: heads.Head
    quantized: str | None = None
    quantized_sha256: str = ""


_Network = TypeVar("_Network", bound="NetworkPreset")


@dataclass(frozen=True)
class NetworkPreset:
    """What entries of ``presets.json`` have in common whose network is not one of this room.

    Attributes:
        name: of the entry.
        version: of the entry.
        description: one sentence on what it does.
        card: model card, beside ``presets.json``.
        file: weights file, beside ``presets.json``.
        sha256: of the weights file, in hex.
        source: where the weights come from.
        license: SPDX identifier of the weights' licence.
    """

    name: str
    version: int
    description: str
    card: str
    file: str
    sha256: str
    source: str
    license: str

    def read_weights(self) -> Arrays:
        """Reads the weights.

        Raises:
            PresetError: the file is missing, or its sha256 is not the preset's.
        """
        return read_checked(self.name, self.file, self.sha256)


@dataclass(frozen=True)
class Preset:
    """One entry of ``presets.json``.

    Attributes:
        name: of the entry.
        task: what the network does.
        description: one sentence on what it does.
        card: model card, beside ``presets.json``: data, terms, figures, limits.
        file: weights file of the backbone, beside ``presets.json``.
        sha256: of the weights file, in hex.
        class_names: text file with one class name per line, beside ``presets.json``.
        source: where the weights come from.
        license: SPDX identifier of the weights' licence.
        architecture: size of the backbone.
        long_side: longer side of the network's input in pixels, a multiple of its stride.
        outputs: constants of each output by name: ``"classes"``, whose ``contrast`` is the least difference of class
            evidence between 0 and 1, then those of the head in the order of its channels.
        margin: pixels added to both sides of the input; 1 for heads (see :mod:`.heads`).
        mirror: which of an image and its mirror image the head sees (:mod:`.mirroring`).
        offset: how far below and to the right of its middle a cell of the output looks, in pixels of the input.
        map: how its map is made, unless the caller says otherwise.
        head: the head on the backbone, if any.
    """

    name: str
    task: Task
    description: str
    card: str
    file: str
    sha256: str
    class_names: str
    source: str
    license: str
    architecture: Architecture
    long_side: int
    outputs: heads.Outputs
    margin: int = 0
    mirror: Mirror = False
    offset: float = 0.0
    map: MapOptions = field(default_factory=MapOptions)
    head: PresetHead | None = None

    @property
    def class_count(self) -> int:
        """Number of class activation maps."""
        count = self.architecture.classes
        return count if self.head is None else self.head.network.count_classes(count)

    @property
    def class_arrays(self) -> tuple[str, ...]:
        """Weights of backbone and head whose last axis counts classes, by ``"layer/index"``."""
        own = () if self.head is None else self.head.network.class_arrays
        return (*CLASS_ARRAYS, *own)

    def resize(self, arrays: Mapping[str, np.ndarray[Any, Any]], head: Mapping[str, np.ndarray[Any, Any]]) -> Preset:
        """Returns the preset for weights with another number of classes.

        Args:
            arrays: weights of the backbone.
            head: weights of the head, empty without a head.
        """
        architecture = replace(self.architecture, classes=int(arrays["cam/1"].size))
        resized = None if self.head is None else replace(self.head, network=self.head.network.resize(head))
        return replace(self, architecture=architecture, head=resized)


def folders() -> list[Traversable]:
    """Returns the folders of presets: the library's, then the further ones; of equal names, the last counts."""
    return [importlib.resources.files("saliency_jpeg.weights"), *EXTRA_FOLDERS]


def names(task: Task = "saliency") -> tuple[str, ...]:
    """Returns the names of the presets for a task, sorted, with aliases such as ``default``."""
    entries = _entries()
    return tuple(sorted(name for name in entries if _expand(entries, name).get("task") == task))


def find(name: str, task: Task = "saliency") -> Preset:
    """Returns the preset of a name or alias.

    Args:
        name: key in ``presets.json``.
        task: what the preset must be for.

    Raises:
        PresetError: there is none, it is for another task, or its entry is not valid.
    """
    name, entry = find_entry(name, task)
    try:
        return _parse(name, entry)
    except (TypeError, KeyError, OptionError) as error:
        raise PresetError(f"the entry {name!r} in presets.json is not valid: {error}") from error


def find_entry(name: str, task: Task) -> tuple[str, dict[str, Any]]:
    """Returns the name behind a name or alias, and its entry in ``presets.json``, whatever the task needs of fields.

    Raises:
        PresetError: there is none, or it is for another task.
    """
    entries = _entries()
    if not isinstance(name, str) or name not in entries:
        raise PresetError(f"unknown preset {shown(name)}, known are {', '.join(names(task))}")
    if isinstance(entries[name], str):
        name = entries[name]
    entry = _expand(entries, name)
    if (actual := entry.get("task")) != task:
        raise PresetError(f"preset {name!r} is for {actual}; a preset for {task} is needed: {', '.join(names(task))}")
    return name, entry


def find_network(kind: type[_Network], name: str, task: Task) -> _Network:
    """Returns the preset of a network of another room.

    Args:
        kind: of the preset.
        name: of the preset, or an alias.
        task: that it is for.

    Raises:
        PresetError: there is none, or its entry is not valid.
    """
    name, entry = find_entry(name, task)
    try:
        return kind(name=name, **{key: value for key, value in entry.items() if key != "task"})
    except TypeError as error:
        raise PresetError(f"the entry {name!r} in presets.json is not valid: {error}") from error


def _entries() -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for folder in folders():
        entries |= json.loads(folder.joinpath("presets.json").read_text("utf-8"))
    return entries


def _expand(entries: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Returns an entry; an alias is the entry it names, and fields left out are those of the entry it is ``like``."""
    entry = entries[name]
    if isinstance(entry, str):
        return _expand(entries, entry)
    base = _expand(entries, entry["like"]) if "like" in entry else {}
    return {**base, **{key: value for key, value in entry.items() if key != "like"}}


def _parse(name: str, entry: Mapping[str, Any]) -> Preset:
    """Makes a preset of an entry, whose fields become the types of the attributes."""
    fields = dict(entry)
    fields["architecture"] = Architecture(**fields["architecture"])
    fields["map"] = MapOptions(**fields.get("map", {}))
    if head := fields.get("head"):
        built = heads.create(head["kind"], fields["outputs"], head.get("architecture", {}))
        quantized = head.get("quantized", {})
        fields["head"] = PresetHead(
            head["file"], head["sha256"], built, quantized.get("file"), quantized.get("sha256", "")
        )
    return Preset(name=name, **fields)


def read_arrays(preset: Preset) -> Arrays:
    """Reads the weights of a preset's backbone.

    Raises:
        PresetError: the file is missing, or its sha256 is not the preset's.
    """
    return read_checked(preset.name, preset.file, preset.sha256)


def read_head(preset: Preset) -> Arrays:
    """Reads the weights of a preset's head, empty without a head.

    Raises:
        PresetError: the file is missing, or its sha256 is not the preset's.
    """
    return {} if preset.head is None else read_checked(preset.name, preset.head.file, preset.head.sha256)


def read_quantized(preset: Preset) -> bytes | None:
    """Reads a preset's network as 8-bit integers for LiteRT; ``None`` where there is none.

    Raises:
        PresetError: the file is missing, or its sha256 is not the preset's.
    """
    head = preset.head
    if head is None or head.quantized is None:
        return None
    return _read_bytes(preset.name, head.quantized, head.quantized_sha256)


def read_class_names(preset: Preset) -> tuple[str, ...]:
    """Reads the names of a preset's classes, in the order of the network's channels.

    Raises:
        PresetError: the file is missing.
    """
    lines = _read(preset.class_names).decode("utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip())


def choose_class_names(file: WeightsFile, preset: Preset, count: int, path: str) -> tuple[str, ...]:
    """Returns the names of ``count`` classes: those of a weights file, the preset's if it has as many, or numbers.

    Raises:
        PresetError: the file has another number of names.
    """
    if file.class_names is not None:
        if file.class_names.shape != (count,):
            raise PresetError(f"{path} must have {count} class names, one for each class, got {file.class_names.shape}")
        return tuple(file.class_names.tolist())
    known = read_class_names(preset)
    return known if count == len(known) else tuple(f"class {i}" for i in range(count))


def read_checked(preset: str, file: str, sha256: str) -> Arrays:
    """Reads the arrays of a weights file.

    Args:
        preset: what needs it, for the error.
        file: its name.
        sha256: that it must have, in hex.

    Raises:
        PresetError: the file is missing, or its sha256 is another one.
    """
    return unpack(_read_bytes(preset, file, sha256), file)


def _read_bytes(preset: str, file: str, sha256: str) -> bytes:
    data = _read(file)
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise PresetError(f"{file} is damaged: preset {preset!r} needs sha256 {sha256}, got {digest}")
    return data


def _read(file: str) -> bytes:
    for folder in reversed(folders()):
        if (path := folder.joinpath(file)).is_file():
            return path.read_bytes()
    searched = ", ".join(map(str, folders()))
    raise PresetError(
        f"{file} is missing from the installed weights; it {full_package.HINT}, got no such file in {searched}"
    )
