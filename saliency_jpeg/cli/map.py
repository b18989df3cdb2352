"""``saliency-jpeg map``: draws the saliency map of an image."""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

from ..batch.plan import plan
from ..image.load import load
from ..io import STREAM, read
from ..saliency import heatmap
from ..saliency.sources import resolve
from .options import add_command, add_max_pixels
from .output import sweep_folders, write_output
from .saliency import add_saliency, read_saliency, saliency_files
from .terminal import UsageError

__all__ = ["add"]


def add(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(commands, "map", _run, "IN -o OUT", "draw the saliency map over the image, as a PNG file")
    parser.add_argument("input", metavar="IN", help="image file; - reads standard input")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="PNG file; - writes to standard output")
    parser.add_argument(
        "--raw", action="store_true", help="write the map alone, gray and not rotated, as --saliency takes it"
    )
    add_max_pixels(parser)
    add_saliency(
        parser, "PRESET|MAP", "what to draw: a preset, a gray image of the size of IN, or a model (.npz, .tflite)"
    )


def _run(arguments: argparse.Namespace) -> int:
    if arguments.output != STREAM and Path(arguments.output).suffix.lower() != ".png":
        raise UsageError(f"the map is a PNG file, so the output must end in .png, got {arguments.output!r}")
    planned = plan([arguments.input], arguments.output, reads=saliency_files(arguments))
    if planned.folder is not None:
        raise UsageError(f"map takes one image, not a folder, got {arguments.input!r}")
    job = planned.jobs[0]
    saliency = read_saliency(arguments)
    if saliency is None:
        raise UsageError("there is no map to draw with --saliency none alone; add --protect or --ignore")
    picture = load(read(job.source), max_pixels=arguments.max_pixels)
    orientation = picture.metadata.orientation
    resolved = resolve(saliency, picture.pixels, orientation, device=arguments.device)
    assert resolved is not None  # only None resolves to None
    values = resolved.pixels
    image = heatmap.gray(values) if arguments.raw else heatmap.over(picture.pixels, values, orientation)
    file = io.BytesIO()
    image.save(file, "PNG")
    sweep_folders([job.output])
    write_output(job.output, file.getvalue(), sources=[job.source])
    return 0
