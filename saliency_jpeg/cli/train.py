"""``saliency-jpeg train``: a weights file for ``--saliency`` from pictures and masks of one's own."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any, Final

from ..errors import InputError
from ..evaluation.report import render
from ..saliency.tensorflow_runtime import load_tensorflow
from ..training import EPOCHS, Pairs, Step, Trained, check, pair, train, trainable
from .options import add_command
from .progress import Progress, amount, bar_stream
from .terminal import NAME, UsageError, quiet, reason, say

__all__ = ["add"]

_SUFFIX: Final = ".npz"  # by which --saliency knows a weights file
_NAMED: Final = 20  # files of a kind that are named


def add(commands: Any) -> None:
    """Adds the command."""
    usage = f"IMAGES MASKS -o OWN{_SUFFIX}"
    parser = add_command(commands, "train", _run, usage, "train a model on images and masks of your own")
    parser.add_argument("images", metavar="IMAGES", type=Path, help="folder of images, with its folders")
    parser.add_argument(
        "masks", metavar="MASKS", type=Path, help="folder of masks or maps of the same names, gray, 255: what matters"
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT", help=f"weights file {_SUFFIX} to write, for --saliency"
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS, metavar="N", help=f"views of each image ({EPOCHS})")
    parser.add_argument(
        "--from", dest="preset", default="default", choices=trainable(), help="preset to begin with (default)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the order, and of the tenth held out (0)")
    parser.add_argument("--json", action="store_true", help="tell in a line of JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but what went wrong")


def _run(arguments: argparse.Namespace) -> int:
    start = time.monotonic()
    settings = {"preset": arguments.preset, "epochs": arguments.epochs, "seed": arguments.seed}
    check(**settings)
    output = Path(arguments.output)
    if output.suffix.lower() != _SUFFIX or output.is_dir():
        raise UsageError(f"the output is a weights file and must end in {_SUFFIX}, got {arguments.output!r}")
    if not output.parent.is_dir():
        raise UsageError(f"the folder of {arguments.output} does not exist")
    found = _paired(arguments)
    with quiet():  # what TensorFlow says while it loads would break the bar
        load_tensorflow()
    with _Told(arguments) as told:
        trained = train(found.images, found.masks, **settings, on_step=told.step)
    trained.model.save(output)
    if arguments.json:
        say(json.dumps(_facts(arguments, found, trained, time.monotonic() - start)), sys.stdout)
    elif not arguments.quiet:
        say(_text(arguments, found, trained), sys.stdout)
    return 0


def _paired(arguments: argparse.Namespace) -> Pairs:
    """The pairs; files without a partner are named."""
    try:
        found = pair(arguments.images, arguments.masks)
    except (InputError, OSError) as error:
        raise UsageError(reason(error)) from error
    for paths, lack in ((found.masks_alone, "masks have no image"), (found.images_alone, "images have no mask")):
        if paths:
            names = ", ".join(map(str, paths[:_NAMED]))
            more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
            say(f"{NAME}: {len(paths)} {lack} and are left out: {names}{more}", sys.stderr)
    return found


class _Told:
    """Shows how far the training has come: a bar for each stage, or else a line for each epoch."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._stream = bar_stream(quiet=arguments.quiet)
        self._lines = not (arguments.quiet or arguments.json or self._stream)
        self._bars = contextlib.ExitStack()
        self._bar = Progress(0, None)

    def __enter__(self) -> _Told:
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.close()

    def step(self, step: Step) -> None:
        """A stage begins, or one picture or epoch more is done."""
        if step.done == 0:
            self._bars.close()
            self._bar = self._bars.enter_context(Progress(step.total, self._stream, title=step.stage))
        else:
            self._bar.advance()
        if self._lines and step.loss is not None:
            say(f"epoch {step.done}/{step.total}: loss {step.loss:.3f}", sys.stdout)


def _facts(arguments: argparse.Namespace, found: Pairs, trained: Trained, seconds: float) -> dict[str, Any]:
    scores = {"before": trained.before, "after": trained.after}
    return {
        "output": arguments.output,
        "bytes": Path(arguments.output).stat().st_size,
        "pairs": len(found.images),
        "held_out": [str(found.images[i]) for i in trained.held_out],
        "judged": trained.judged,
        **{name: score._asdict() for name, score in scores.items() if score is not None},
        "losses": [round(loss, 6) for loss in trained.losses],
        "masks_alone": [str(path) for path in found.masks_alone],
        "images_alone": [str(path) for path in found.images_alone],
        "seconds": round(seconds, 3),
    }


def _text(arguments: argparse.Namespace, found: Pairs, trained: Trained) -> str:
    size = amount(Path(arguments.output).stat().st_size)
    lines = [f"{arguments.output}: {size}, learned from {len(found.images) - len(trained.held_out)} images"]
    if trained.before is None or trained.after is None:
        why = "none of those held out can be judged by" if trained.held_out else "fewer than ten: none was held out"
        return "\n".join([*lines, f"not judged, {why}"])
    head = [f"{trained.judged} held out", "AUC", "maxF", "MAE"]
    rows = ((arguments.preset, trained.before), (arguments.output, trained.after))
    table = [head, *([name, *(f"{value:.3f}" for value in scores)] for name, scores in rows)]
    return "\n".join([*lines, render(table)])
