"""Arguments that several commands share, and the table of those that set a field of :class:`Options`.

To add an option, add the field to ``Options`` and one entry to :data:`_ARGUMENTS`, which says where the option appears
in the help and what the help says. Flag, type and choices follow from the field's name, type and default.
"""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, get_args, get_origin

from PIL import ImageColor

from ..metadata.limits import DEFAULT_MAX_PIXELS
from ..options import NAMED_SCORES, Options
from .targets import add_target
from .terminal import NAME, UsageError

__all__ = [
    "SALIENCY",
    "Group",
    "add_command",
    "add_max_pixels",
    "add_options",
    "given_flags",
    "parse_options",
    "with_flags",
]

_NO_LIMIT: Final = 65535**2  # pixels of the largest JPEG file, T.81 B.2.2
Group = Any  # argparse does not export the type of its groups


def add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], usage: str, purpose: str
) -> argparse.ArgumentParser:
    """Adds a command and returns its parser.

    Args:
        commands: the subparsers of the program.
        name: of the command; a command within a command has the name of both.
        run: takes the parsed arguments and returns the exit status.
        usage: the arguments in the usage line, without the options.
        purpose: what the command does, in a few words.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name.split()[-1],
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        usage=" ".join(word for word in (NAME, name, usage, "[options]") if word),
    )
    parser.set_defaults(run=run, parser=parser)
    return parser


# Options ------------------------------------------------------------------------------------------------------------


def _colour(text: str) -> tuple[int, int, int]:
    try:
        red, green, blue, *_ = ImageColor.getrgb(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return red, green, blue


def _pixels(text: str) -> int:
    """A number of pixels, or "none" for no limit, as a number that no JPEG file exceeds."""
    if text == "none":
        return _NO_LIMIT
    if not text.isdecimal() or not 1 <= int(text) <= _NO_LIMIT:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {_NO_LIMIT}, or none, got {text!r}")
    return int(text)


def _score(text: str) -> float | str:
    """A score as a number, or its name."""
    if text in NAMED_SCORES:
        return text
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be a number or {', '.join(NAMED_SCORES)}, got {text!r}") from error


@dataclass(frozen=True)
class _Argument:
    """How a field of :class:`Options` appears on the command line.

    Attributes:
        group: heading in the help.
        help: what the option does.
        metavar: placeholder of the value in the help.
        flag: by default ``--`` and the field's name. A bool that is on by default needs one that says the opposite.
        type: converts the text; by default the field's type.

    An option whose field is a ``Sequence`` may be repeated.
    """

    group: Literal["saliency", "size and quality", "speed", "file format", "limits"]
    help: str
    metavar: str | None = None
    flag: str | None = None
    type: Callable[[str], Any] | None = None


SALIENCY: Final = "saliency"
_LIMITS: Final = "limits"
_MAX_PIXELS_HELP: Final = (
    f"most pixels of a file, checked before it is decoded, or none for images that you trust "
    f"(default: {DEFAULT_MAX_PIXELS})"
)
_ARGUMENTS: Final[dict[str, _Argument]] = {
    "target_kb": _Argument("size and quality", "maximum file size in units of 1000 bytes", "N"),
    "quality": _Argument("size and quality", "quality, 0 to 100 (default: 75 unless a target is set)", "Q"),
    "target_score": _Argument(
        "size and quality",
        "smallest file that reaches this score, 0 to 100, or visually-lossless (90)",
        "N|visually-lossless",
        type=_score,
    ),
    "target_metric": _Argument(
        "size and quality", "what the score is of; _s: of the salient part (default: ssimulacra2)"
    ),
    "max_width": _Argument("size and quality", "shrink a picture that is displayed wider than this, in pixels", "N"),
    "max_height": _Argument("size and quality", "shrink a picture that is displayed higher than this, in pixels", "N"),
    "allow_downscale": _Argument("size and quality", "shrink the picture where it looks better at the target size"),
    "strength": _Argument(SALIENCY, "weight of the map, from 0 (ignored) to 1 (default: 0.5)", "S"),
    "tune": _Argument("size and quality", "metric to optimize, or machine for networks (default: a balance of all)"),
    "effort": _Argument("speed", "from 1 (fastest) to 9 (smallest file); default: 5", "N"),
    "threads": _Argument("speed", "that work on one picture at once (default: the processors, divided by --jobs)", "N"),
    "subsampling": _Argument("file format", "chroma subsampling (default: auto)"),
    "progressive": _Argument("file format", "write a baseline JPEG instead of a progressive one", flag="--baseline"),
    "metadata": _Argument(
        "file format",
        "keep everything, only what is safe to publish, or only what is needed to display the picture (default: keep)",
    ),
    "keep_segments": _Argument(
        "file format",
        "segment to keep in every metadata mode, such as APP11 or COM; may be repeated",
        "NAME",
        flag="--keep-segment",
    ),
    "orientation": _Argument("file format", "keep the EXIF orientation, or apply it to the pixels (default: keep)"),
    "trailing_images": _Argument(
        "file format", "keep or drop the images after the primary one in MPO and Ultra HDR files (default: keep)"
    ),
    "layers": _Argument(
        "file format",
        "add data for readers that know this library: how far the original may lie, in some 140 bytes; detail, which "
        "others miss; a latent, what a network adds to the restored picture; or whichever of them restores best",
    ),
    "base_floor": _Argument(
        "file format",
        "with --layers detail or auto: points of SSIMULACRA2 that other readers may miss (default: 6)",
        "POINTS",
    ),
    "never_enlarge": _Argument(
        "file format", "re-encode a JPEG input even if the result is larger", flag="--may-enlarge"
    ),
    "background": _Argument("file format", "colour under transparent pixels (default: white)", "COLOUR", type=_colour),
    "max_pixels": _Argument(_LIMITS, _MAX_PIXELS_HELP, "N|none", type=_pixels),
    "restart_interval": _Argument("file format", "MCUs between restart markers (default: 0, no markers)", "N"),
}
_ELSEWHERE: Final = ("saliency", "device")  # fields of Options whose arguments add_saliency adds


def add_options(parser: argparse.ArgumentParser, saliency_group: Group) -> None:
    """Adds an argument for every field of ``Options`` that :func:`.saliency.add_saliency` does not add.

    Args:
        parser: of the command.
        saliency_group: what :func:`.saliency.add_saliency` returned; takes the options of the group "saliency".
    """
    groups = {SALIENCY: saliency_group}
    types = inspect.get_annotations(Options, eval_str=True)
    defaults = {field.name: field.default for field in fields(Options)}
    for name, argument in _ARGUMENTS.items():
        if argument.group not in groups:
            groups[argument.group] = parser.add_argument_group(argument.group)
        flag = _flag_of(name)
        settings = _settings(argument, types[name], defaults[name])
        groups[argument.group].add_argument(flag, dest=name, help=argument.help, **settings)
    add_target(groups["size and quality"])


def _flag_of(name: str) -> str:
    return _ARGUMENTS[name].flag or "--" + name.replace("_", "-")


def given_flags(arguments: argparse.Namespace) -> dict[str, str]:
    """Returns the flags that were given, by the fields of ``Options`` that they set."""
    flags = {name: _flag_of(name) for name in _ARGUMENTS} | {name: f"--{name}" for name in _ELSEWHERE}
    return {name: flag for name, flag in flags.items() if getattr(arguments, name) is not None}


def with_flags(message: str) -> str:
    """Returns a message of ``Options`` with the flags of the command line in place of the names of its fields."""
    words = "|".join(name for name in _ARGUMENTS if "_" in name)
    return re.sub(rf"\b(?:{words})\b", lambda found: _flag_of(found[0]), message)


def _settings(argument: _Argument, kind: Any, default: Any) -> dict[str, Any]:
    """Keywords of ``add_argument`` for a field of a type and with a default; without the option it is ``None``."""
    if kind is bool:
        return {"action": "store_const", "const": not default}
    literal = next((part for part in (kind, *get_args(kind)) if get_origin(part) is Literal), None)  # or None
    if literal is not None and argument.type is None:
        return {"choices": get_args(literal)}
    plain = next((part for part in get_args(kind) if part is not type(None)), kind)  # float of float | None
    action = "append" if get_origin(kind) is Sequence else "store"
    return {"type": argument.type or plain, "metavar": argument.metavar, "action": action}


def add_max_pixels(parser: argparse.ArgumentParser) -> None:
    """Adds ``--max-pixels`` to a command that takes no other options of an encoding."""
    parser.add_argument(
        "--max-pixels", type=_pixels, default=DEFAULT_MAX_PIXELS, metavar="N|none", help=_MAX_PIXELS_HELP
    )


def parse_options(arguments: argparse.Namespace) -> Options:
    """Returns the options that were given, without the saliency map, which :func:`.saliency.with_saliency` reads.

    Raises:
        OptionError: a value is out of range.
    """
    values = {name: getattr(arguments, name) for name in (*_ARGUMENTS, "device")}
    given = {name: value for name, value in values.items() if value is not None}
    if arguments.target is not None:
        if "target_kb" in given:
            raise UsageError("give either --target or --target-kb")
        given["target_kb"] = arguments.target.kb
    return Options(**given)
