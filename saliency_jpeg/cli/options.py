"""Words of the command line that several commands share, and those that follow from :class:`Options`.

Every field of ``Options`` has a word: a new field is there at once, with its type, its choices and the first sentence
of its description, and needs a line here only where that is not what a person would type.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from .. import options
from ..errors import InputError
from ..image.boxes import Box, fill_boxes
from ..options import Options
from ..saliency import SaliencyModel, combine, preset_names
from ..saliency.sources import Saliency, Source, gray_values, resolve
from .terminal import NAME, UsageError, quiet

__all__ = ["add_command", "add_options", "add_saliency", "given_options", "read_saliency", "with_saliency"]

_MODELS: Final = (".npz", ".tflite")  # what SaliencyModel.save and export write
_NUMBER: Final = r" *-?\d+(?:\.\d*)? *"
_BOX: Final = re.compile(f"{_NUMBER}(?:,{_NUMBER}){{3}}")
Group = Any  # argparse keeps the type of its groups to itself


def _color(text: str) -> tuple[int, int, int]:
    try:
        red, green, blue, *_ = ImageColor.getrgb(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return red, green, blue


_GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "size": ("target_kb", "quality", "target_score", "allow_downscale"),
    "what matters": ("strength", "tune"),
    "time": ("effort",),
    "form of the file": (),  # and whatever is not named here
}
_ELSEWHERE: Final = ("saliency", "device")  # see add_saliency
# What does not follow from the field; keywords of argparse's add_argument.
_SPECIAL: Final[dict[str, dict[str, Any]]] = {
    "target_kb": {"metavar": "N", "help": "largest size in units of 1000 bytes"},
    "quality": {"metavar": "Q", "help": "0 to 100; without a target the default is 75"},
    "target_score": {"metavar": "N", "help": "SSIMULACRA2 to reach, 0 to 100, in the fewest bytes"},
    "allow_downscale": {"help": "rather fewer pixels than a quality below 10"},
    "strength": {"metavar": "S", "help": "0 to 1, how much the map counts (0.5)"},
    "tune": {"help": "the metric to favour (default: all at once)"},
    "effort": {"metavar": "N", "help": "1 (fast) to 9 (small); 5 is the default"},
    "subsampling": {"help": "of the chroma (auto)"},
    "progressive": {"word": "--baseline", "help": "not progressive"},
    "restart_interval": {"metavar": "N", "help": "MCUs between restart markers; 0: none"},
    "metadata": {"help": "safe drops what is personal (keep)"},
    "keep_segments": {
        "word": "--keep-segment",
        "action": "append",
        "metavar": "NAME",
        "help": "keep this segment in every metadata mode, such as APP11 or COM; repeatable",
    },
    "orientation": {"help": "as a tag, or turn the pixels (keep)"},
    "trailing_images": {"help": "of MPO and Ultra HDR files (keep)"},
    "never_enlarge": {"word": "--may-enlarge", "help": "JPEG inputs too are encoded anew"},
    "background": {"type": _color, "metavar": "COLOUR", "help": "under transparent pixels (white)"},
}


def add_command(commands: Any, name: str, run: Any, usage: str, purpose: str) -> argparse.ArgumentParser:
    """A command: its usage line without the program's name and the options, its purpose in a few words."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.", usage=f"{NAME} {name} {usage} [options]"
    )
    parser.set_defaults(run=run, parser=parser)
    return parser


# Options ------------------------------------------------------------------------------------------------------------


def add_options(parser: argparse.ArgumentParser, matter: Group) -> None:
    """A word for every field of ``Options`` except the map; ``matter`` is the group of :func:`add_saliency`."""
    groups = {"what matters": matter}
    named = {name: title for title, names in _GROUPS.items() for name in names}
    for title in _GROUPS:
        group = groups.get(title) or parser.add_argument_group(title)
        for field in fields(Options):
            if field.name not in _ELSEWHERE and named.get(field.name, "form of the file") == title:
                _add_field(group, field)


def _add_field(group: Group, field: Field[Any]) -> None:
    settings = _derived(field) | _SPECIAL.get(field.name, {})
    word = settings.pop("word", "--" + field.name.replace("_", "-"))
    group.add_argument(word, dest=field.name, **settings)


def _derived(field: Field[Any]) -> dict[str, Any]:
    """What the annotation, the default and the description of a field say of its word."""
    text, settings = str(field.type), {"help": _sentence(field.name)}
    if choices := get_args(vars(options).get(text)):
        return settings | {"choices": choices}
    if text == "bool":
        word = field.name.replace("_", "-")
        return settings | {"word": f"--no-{word}" if field.default else f"--{word}", **_constant(not field.default)}
    return settings | {"type": {"int": int, "float": float}.get(text.split(" ")[0], str)}


def _constant(value: bool) -> dict[str, Any]:
    return {"action": "store_const", "const": value}


def _sentence(name: str) -> str:
    """The first sentence on a field in the description of ``Options``."""
    found = re.search(rf"^ +{name}: (.+?)(?:[.;:](?:\s|$)|^ +\w+: )", Options.__doc__ or "", re.DOTALL | re.MULTILINE)
    return " ".join(found[1].replace("`", "").replace("%", "%%").split()) if found else ""


def given_options(arguments: argparse.Namespace) -> Options:
    """The options that were given; without the map, which is read later.

    Raises:
        OptionError: a value is out of range.
    """
    names = [field.name for field in fields(Options) if field.name != "saliency"]
    return Options(**{name: value for name in names if (value := getattr(arguments, name)) is not None})


# The map ------------------------------------------------------------------------------------------------------------


def add_saliency(parser: argparse.ArgumentParser, metavar: str, description: str) -> Group:
    """``--saliency``, ``--protect``, ``--ignore`` and ``--device``, in a group of their own."""
    group = parser.add_argument_group("what matters")
    more = f"{description}; of several the highest counts (default)"
    group.add_argument("--saliency", action="append", metavar=metavar, help=more)
    where = "a map as --saliency takes it, or a box in pixels; may be repeated"
    for word, meaning in (("--protect", "what matters in any case"), ("--ignore", "what does not, unless protected")):
        group.add_argument(word, action="append", metavar="MAP|LEFT,TOP,RIGHT,BOTTOM", help=f"{meaning}: {where}")
    group.add_argument("--device", metavar="NAME", help="where the network runs: cpu, gpu, gpu:1 (TensorFlow's choice)")
    return group


def read_saliency(arguments: argparse.Namespace) -> Saliency:
    """What ``--saliency``, ``--protect`` and ``--ignore`` mean, ready for use: presets are loaded, files are read.

    Raises:
        UsageError: one is neither a preset nor a file nor a box, or ``none`` stands beside others.
        InputError: a file is no image.
        OptionError: a box has no inside.
    """
    names: list[str] = arguments.saliency or ["default"]
    if "none" in names and len(names) > 1:
        raise UsageError(f"--saliency none does not go with others, got {' and '.join(names)}")
    nothing = names == ["none"]
    sources: list[Source] = [_source("--saliency", name, arguments.device) for name in names if not nothing]
    protect, ignore = (_region(word, arguments) for word in ("protect", "ignore"))
    if protect is None and ignore is None and len(sources) < 2:
        return sources[0] if sources else None
    return combine(*(sources or [[]]), protect=protect, ignore=ignore)


def _region(word: str, arguments: argparse.Namespace) -> Source | None:
    """The parts of the picture that were named; boxes as one list, with maps the highest of all."""
    names: list[str] = getattr(arguments, word) or []
    boxes = [_box(name) for name in names if _BOX.fullmatch(name)]
    parts: list[Source] = [boxes] if boxes else []
    parts += [_source(f"--{word}", name, arguments.device) for name in names if not _BOX.fullmatch(name)]
    return None if not parts else parts[0] if len(parts) == 1 else combine(*parts)


def _box(text: str) -> Box:
    left, top, right, bottom = (float(number) for number in text.split(","))
    fill_boxes([(left, top, right, bottom)], (1, 1))  # says what is wrong with it
    return left, top, right, bottom


def with_saliency(options: Options, arguments: argparse.Namespace) -> Options:
    """The options with what :func:`read_saliency` finds; a model of one's own knows its device."""
    saliency = read_saliency(arguments)
    device = None if isinstance(saliency, SaliencyModel) else options.device
    return replace(options, saliency=saliency, device=device)


def _source(word: str, name: str, device: str | None) -> str | SaliencyModel | NDArray[np.uint8]:
    """The name of a preset or the model in a file, which are loaded, or the map in a file."""
    is_model = Path(name).suffix.lower() in _MODELS and Path(name).is_file()
    if is_model or name in preset_names():
        with quiet():
            source = SaliencyModel.from_file(name, device=device) if is_model else name
            resolve(source, np.zeros((1, 1, 3), np.uint8), 1, device=device)
        return source
    if not Path(name).is_file():
        known = ", ".join(preset_names())
        other = "none, a preset" if word == "--saliency" else "a box LEFT,TOP,RIGHT,BOTTOM, a preset"
        raise UsageError(f"{word} must be {other} ({known}) or a file, got {name!r}")
    try:
        return gray_values(name)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
