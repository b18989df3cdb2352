"""Writes the man page from the parser of the command line.

python scripts/make_man_page.py            # writes docs/man/saliency-jpeg.1
python scripts/make_man_page.py --check    # exit status 1 where the file is not that page
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from saliency_jpeg.cli import make_parser

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "man" / "saliency-jpeg.1"
_STATUS: Final = (
    ("0", "all went well"),
    ("1", "an image could not be encoded or decoded; the others were"),
    ("2", "the command line was wrong, and nothing was begun"),
    ("130", "interrupted"),
)


def page() -> str:
    """The man page in troff, the same for every version of Python."""
    parser = make_parser()
    lines = ['.TH SALIENCY\\-JPEG 1 "" "" "User Commands"', ".SH NAME"]
    lines += [
        "saliency\\-jpeg \\- compress images to JPEG files that spend their bytes where people look",
        ".SH SYNOPSIS",
    ]
    lines += [".B saliency\\-jpeg", ".I COMMAND", "[options]", ".SH DESCRIPTION", escape(parser.description or "")]
    for name, command, purpose in commands(parser):
        lines += [f'.SH "COMMAND {escape(name)}"', f"{escape(purpose[:1].upper() + purpose[1:])}.", ".PP"]
        lines += [f".B {escape((command.usage or '').replace('%(prog)s', command.prog))}"]
        lines += arguments(command)
    lines += [".SH EXAMPLES", ".nf", *map(escape, (parser.epilog or "").splitlines()[1:]), ".fi", '.SH "EXIT STATUS"']
    for status, meaning in _STATUS:
        lines += [".TP", status, meaning]
    return "\n".join(lines) + "\n"


def commands(parser: argparse.ArgumentParser, prefix: str = "") -> Iterator[tuple[str, argparse.ArgumentParser, str]]:
    """Name, parser and purpose of each command, and of those within it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            purposes = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, command in action.choices.items():
                yield f"{prefix}{name}", command, purposes.get(name, "")
                yield from commands(command, f"{prefix}{name} ")


def arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The arguments of a command, group by group."""
    for group in parser._action_groups:
        shown = [action for action in group._group_actions if action.help not in (None, argparse.SUPPRESS)]
        shown = [action for action in shown if not isinstance(action, argparse._SubParsersAction)]
        if shown:
            yield f".SS {escape(group.title or '')}"
        for action in shown:
            value = "" if action.nargs == 0 else action.metavar or "{" + ",".join(map(str, action.choices or ())) + "}"
            names = ", ".join(action.option_strings)
            yield from (
                ".TP",
                f".B {escape(f'{names} {value}'.strip())}",
                escape((action.help or "").replace("%%", "%")),
            )


def escape(text: str) -> str:
    """A line of text as troff takes it."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only")
    if parser.parse_args().check:
        return int(PAGE.read_text("utf-8") != page())
    PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
