"""``saliency-jpeg duel``: makes blind pairs of two encoders' files, and scores what judges answered.

The logic is in :mod:`saliency_jpeg.evaluation.duel` and :mod:`saliency_jpeg.evaluation.preferences`.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from ..evaluation.arguments import comma_separated, numbers
from ..evaluation.codecs import find_codec
from ..evaluation.duel import Duel, DuelPlan, draw_sheet, largest_difference, make_duels, make_key
from ..evaluation.preference_tables import Score
from ..evaluation.preferences import read_answers, read_key
from ..io import real_path
from .duel_page import PagePair, render_duel
from .options import add_command
from .output import sweep_folders, write_output
from .progress import Progress, bar_stream
from .terminal import NAME, UsageError, hide_library_output, say, say_lines

__all__ = ["add"]

_CODECS: Final = ["saliency_jpeg", "jpegli", "mozjpeg", "saliency_jpeg-off"]
_BPP: Final = [0.25, 0.5, 1.0]
_TRIAL: Final = 64  # side of the picture that every codec is tried with, in pixels
_PAGE_SUFFIXES: Final = (".html", ".htm")


def add(commands: Any) -> None:
    """Adds the command with its two parts."""
    parser = add_command(
        commands, "duel", _run_make, "make|score", "make a blind test of encoders, or score its answers"
    )
    parts = parser.add_subparsers(metavar="make|score", required=True)
    _add_make(parts)
    _add_score(parts)


def _add_make(parts: Any) -> None:
    usage = "--images FOLDER -o OUT.html"
    parser = add_command(parts, "duel make", _run_make, usage, "make pairs of two encoders' files at equal bytes")
    parser.add_argument(
        "--images", type=Path, required=True, metavar="FOLDER", help="folder of lossless images, with its subfolders"
    )
    parser.add_argument("--maps", type=Path, metavar="FOLDER", help="saliency maps, for codecs that need them")
    parser.add_argument(
        "--codecs",
        type=comma_separated,
        default=_CODECS,
        metavar="A,B,...",
        help=f"A meets each of the others; 'bench --list' names all (default: {','.join(_CODECS)})",
    )
    default = ",".join(f"{bpp:g}" for bpp in _BPP)
    parser.add_argument(
        "--bpp", type=numbers, default=_BPP, metavar="N,N,...", help=f"sizes in bits per pixel (default: {default})"
    )
    parser.add_argument(
        "--count", type=int, default=20, metavar="N", help="pairs for each rival and size (default: 20)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="draws pictures, sides, order (default: 0)")
    parser.add_argument("--halve", action="store_true", help="halve the pictures; takes JPEG files as originals too")
    parser.add_argument("-o", "--output", metavar="OUT", help="write an HTML page that shows the pairs")
    parser.add_argument("--sheets", metavar="FOLDER", help="write one PNG file per pair, A on the left, B on the right")
    parser.add_argument(
        "--key", metavar="OUT", help="write the key to this file (default: beside the output, NAME-key.json)"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def _add_score(parts: Any) -> None:
    usage = "KEY ANSWERS..."
    parser = add_command(parts, "duel score", _run_score, usage, "print win rates and Elo of the encoders")
    parser.add_argument("key", type=Path, metavar="KEY", help="the key that was written with the pairs")
    parser.add_argument(
        "answers",
        type=Path,
        nargs="+",
        metavar="ANSWERS",
        help="one file per judge: JSON of the page, or CSV pair,choice",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the bootstrap of Elo (default: 0)")
    parser.add_argument("--markdown", action="store_true", help="print the tables in Markdown")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")


# make ---------------------------------------------------------------------------------------------------------------


def _run_make(arguments: argparse.Namespace) -> int:
    plan = DuelPlan(
        images=arguments.images,
        codecs=arguments.codecs,
        targets_bpp=arguments.bpp,
        count=arguments.count,
        seed=arguments.seed,
        maps=arguments.maps,
        halve=arguments.halve,
    )
    outputs = _outputs(arguments)
    _check_codecs(plan)
    total = plan.count * len(plan.cells)
    with Progress(total, bar_stream(quiet=arguments.quiet), title="pairs") as progress:
        duels = make_duels(plan, progress.advance, partial(_say_passed, arguments.quiet, progress))
    key = make_key(plan, duels)
    sweep_folders(outputs.values())
    sources = [str(Path(arguments.images) / duel.image) for duel in duels]
    if "page" in outputs:
        pictures = (PagePair(d.left.pixels, d.right.pixels, d.load_original()) for d in duels)
        write_output(outputs["page"], render_duel(pictures, key["set"]).encode(), sources=sources)
    if "sheets" in outputs:
        _write_sheets(Path(outputs["sheets"]), duels, sources)
    write_output(outputs["key"], (json.dumps(key, indent=1) + "\n").encode())
    if not arguments.quiet:
        names = " and ".join(outputs[kind] for kind in ("page", "sheets") if kind in outputs)
        difference = f"their sizes differ by at most {100 * largest_difference(duels):.2f} %"
        say(f"{names}: {len(duels)} pairs, {difference}; the key is in {outputs['key']}", sys.stdout)
    return 0


def _outputs(arguments: argparse.Namespace) -> dict[str, str]:
    """Names of the page, the folder of sheets and the key; of the first two those that were asked for."""
    page, sheets = arguments.output, arguments.sheets
    if page is None and sheets is None:
        raise UsageError("give -o OUT.html for a page, --sheets FOLDER for PNG files, or both")
    if page is not None and Path(page).suffix.lower() not in _PAGE_SUFFIXES:
        raise UsageError(f"the page is an HTML file, so its name must end in .html, got {page!r}")
    beside = Path(page if page is not None else sheets)
    key = arguments.key or str(beside.with_name(f"{beside.stem if page is not None else beside.name}-key.json"))
    if sheets is not None and Path(sheets).is_dir() and any(Path(sheets).iterdir()):
        raise UsageError(f"the folder of the sheets must be new or empty, got {sheets!r}")
    named = {"page": page, "sheets": sheets, "key": key}
    if page is not None and real_path(page) == real_path(key):
        raise UsageError(f"the key must be another file than the page, got {key!r}")
    for name in named.values():
        if name is not None and not real_path(name).parent.is_dir():
            raise UsageError(f"the folder of {name} does not exist")
    return {kind: name for kind, name in named.items() if name is not None}


def _check_codecs(plan: DuelPlan) -> None:
    """Encodes a small picture with each codec, which also loads what it needs, before the work begins."""
    saliency = None if plan.maps is None else np.zeros((_TRIAL, _TRIAL))
    for name in plan.codecs:
        try:
            with hide_library_output():
                codec = find_codec(name)
                codec.encode(np.zeros((_TRIAL, _TRIAL, 3), np.uint8), codec.high, saliency)
        except (ImportError, FileNotFoundError) as error:
            raise UsageError(f"{name} cannot run here: {error}") from error


def _say_passed(quiet: bool, progress: Progress, image: str, rival: str, bpp: float) -> None:
    if not quiet:
        progress.say(f"{NAME}: {image} is passed over, its files against {rival} miss {bpp:g} bpp", sys.stderr)


def _write_sheets(folder: Path, duels: Sequence[Duel], sources: Sequence[str]) -> None:
    """Writes NNN.png for each pair, and its original in the folder ``originals``."""
    originals = folder / "originals"
    originals.mkdir(parents=True, exist_ok=True)
    for number, (duel, source) in enumerate(zip(duels, sources, strict=True), 1):
        name = f"{number:03}.png"
        write_output(str(folder / name), _png(draw_sheet(duel)), sources=[source])
        write_output(str(originals / name), _png(Image.fromarray(duel.load_original())), sources=[source])


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


# score --------------------------------------------------------------------------------------------------------------


def _run_score(arguments: argparse.Namespace) -> int:
    key = read_key(arguments.key)
    answers = {path.name: read_answers(path, key) for path in arguments.answers}
    if len(answers) < len(arguments.answers):
        raise UsageError("the files of the answers must have different names, one for each judge")
    score = Score(key, answers, arguments.seed)
    text = json.dumps(score.to_json()) if arguments.json else score.to_text(markdown=arguments.markdown)
    say_lines(text.split("\n"), sys.stdout)
    return 0
