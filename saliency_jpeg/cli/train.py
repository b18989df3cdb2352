"""``saliency-jpeg train``: trains a saliency model on the user's images and masks."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ..errors import InputError
from ..evaluation.report import render
from ..io import printable
from ..saliency.tensorflow_runtime import load_tensorflow
from ..training import EPOCHS, Pairs, Step, Trained, check, pair, train, trainable
from .options import add_command
from .output import stoppable, sweep_folders
from .progress import Progress, bar_stream, format_bytes
from .terminal import NAME, UsageError, describe_error, hide_library_output, say, say_lines

__all__ = ["add"]

_SUFFIX: Final = ".npz"
_BARS: Final = "▁▂▃▄▅▆▇█"
_MOST_NAMED: Final = 20  # files without a partner that are listed by name


def add(commands: Any) -> None:
    """Adds the command."""
    usage = f"IMAGES MASKS -o OUT{_SUFFIX}"
    parser = add_command(commands, "train", _run, usage, "train a saliency model on your own images and masks")
    parser.add_argument("images", metavar="IMAGES", type=Path, help="folder of images, with its subfolders")
    parser.add_argument(
        "masks",
        metavar="MASKS",
        type=Path,
        help="folder of gray masks or maps with the names of the images, white matters most",
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT", help=f"weights file ({_SUFFIX}) to write; --saliency takes it"
    )
    parser.add_argument(
        "--epochs", type=int, default=EPOCHS, metavar="N", help=f"passes over the images (default: {EPOCHS})"
    )
    parser.add_argument(
        "--from", dest="preset", default="default", choices=trainable(), help="preset to start from (default: default)"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="random seed of the order and of the tenth that is held out (default: 0)",
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def _run(arguments: argparse.Namespace) -> int:
    start = time.monotonic()
    settings = {"preset": arguments.preset, "epochs": arguments.epochs, "seed": arguments.seed}
    check(**settings)
    output = Path(arguments.output)
    if output.suffix.lower() != _SUFFIX or output.is_dir():
        raise UsageError(f"the output is a weights file, so its name must end in {_SUFFIX}, got {arguments.output!r}")
    if not output.parent.is_dir():
        raise UsageError(f"the folder of {arguments.output} does not exist")
    pairs = _pair(arguments)
    with hide_library_output():  # TensorFlow's messages would break the bar
        load_tensorflow()
    with _TrainingProgress(arguments) as progress:
        trained = train(pairs.images, pairs.masks, **settings, on_step=progress.step)
    sweep_folders([arguments.output])
    with stoppable():
        trained.model.save(output)
    if arguments.json:
        say(json.dumps(_to_json(arguments, pairs, trained, time.monotonic() - start)), sys.stdout)
    elif not arguments.quiet:
        say_lines(_to_text(arguments, pairs, trained), sys.stdout)
    return 0


def _pair(arguments: argparse.Namespace) -> Pairs:
    """The pairs of images and masks; files without a partner are reported."""
    try:
        pairs = pair(arguments.images, arguments.masks)
    except (InputError, OSError) as error:
        raise UsageError(describe_error(error)) from error
    for paths, problem in ((pairs.masks_alone, "masks have no image"), (pairs.images_alone, "images have no mask")):
        if paths:
            names = ", ".join(map(str, paths[:_MOST_NAMED]))
            more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
            say(f"{NAME}: {len(paths)} {problem} and are left out: {names}{more}", sys.stderr)
    return pairs


class _TrainingProgress:
    """The progress of a training: a bar for each stage, or without a terminal a line for each epoch."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._stream = bar_stream(quiet=arguments.quiet)
        self._lines = not (arguments.quiet or arguments.json or self._stream)
        self._bars = contextlib.ExitStack()
        self._bar = Progress(0, None)

    def __enter__(self) -> _TrainingProgress:
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.close()

    def step(self, step: Step) -> None:
        """Shows a step: the start of a stage, or one more image or epoch."""
        if step.done == 0:
            self._bars.close()
            self._bar = self._bars.enter_context(Progress(step.total, self._stream, title=step.stage))
        else:
            self._bar.advance()
        if self._lines and step.loss is not None:
            held_out = "" if step.held_out_loss is None else f", {step.held_out_loss:.3f} on the images held out"
            say(f"epoch {step.done}/{step.total}: loss {step.loss:.3f}{held_out}", sys.stdout)


def _to_json(arguments: argparse.Namespace, pairs: Pairs, trained: Trained, seconds: float) -> dict[str, Any]:
    scores = {"before": trained.before, "after": trained.after}
    return {
        "output": arguments.output,
        "bytes": Path(arguments.output).stat().st_size,
        "pairs": len(pairs.images),
        "held_out": [str(pairs.images[i]) for i in trained.held_out],
        "judged": trained.judged,
        **{name: score._asdict() for name, score in scores.items() if score is not None},
        "losses": [round(loss, 6) for loss in trained.losses],
        "held_out_losses": [round(loss, 6) for loss in trained.held_out_losses],
        "epoch": trained.epoch,
        "masks_alone": [str(path) for path in pairs.masks_alone],
        "images_alone": [str(path) for path in pairs.images_alone],
        "seconds": round(seconds, 3),
    }


def _to_text(arguments: argparse.Namespace, pairs: Pairs, trained: Trained) -> list[str]:
    size = format_bytes(Path(arguments.output).stat().st_size)
    lines = [f"{arguments.output}: {size}, trained on {len(pairs.images) - len(trained.held_out)} images"]
    lines += _curves(trained)
    if trained.before is None or trained.after is None:
        no_object = "no held-out mask has both an object and a background"
        why = no_object if trained.held_out else "with fewer than ten images none is held out"
        return [*lines, f"not evaluated: {why}"]
    head = [f"{trained.judged} held out", "AUC", "maxF", "MAE"]
    rows = ((arguments.preset, trained.before), (printable(arguments.output), trained.after))
    table = [head, *([name, *(f"{value:.3f}" for value in scores)] for name, scores in rows)]
    return [*lines, *render(table).split("\n")]


def _curves(trained: Trained) -> list[str]:
    """The losses drawn in a line each, and which epoch was kept."""
    lines = [_curve("loss", 1, trained.losses)]
    if not trained.held_out_losses:
        return [*lines, f"kept the last epoch, {trained.epoch}: no image was held out to choose one by"]
    lines.append(_curve("held out", 0, trained.held_out_losses))
    if trained.epoch == 0:
        why = "no epoch was better on the images held out"
        return [*lines, f"kept epoch 0, the preset as it was: {why}; train on more pairs, or use the preset"]
    return [*lines, f"kept epoch {trained.epoch} of {len(trained.losses)}, the best on the images held out"]


def _curve(name: str, first: int, losses: Sequence[float]) -> str:
    low, high = min(losses), max(losses)
    steps = (round((loss - low) / ((high - low) or 1) * (len(_BARS) - 1)) for loss in losses)
    drawn = "".join(_BARS[step] for step in steps)
    return f"{name:9}{drawn}  {losses[0]:.3f} at epoch {first}, {losses[-1]:.3f} at epoch {first + len(losses) - 1}"
