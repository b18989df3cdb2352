"""``saliency-jpeg info``: what a JPEG file is made of."""

from __future__ import annotations

import argparse
import io
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..codec.inspect import Inspection, block_bits, inspect_jpeg
from ..errors import SaliencyJpegError
from ..image.load import load
from ..io import STREAM, read, write
from ..saliency import heatmap
from .options import add_command
from .terminal import NAME, UsageError, reason, say

__all__ = ["add"]

_BRIGHTEST: Final = 99.5  # percentile of the bits of a block that is drawn brightest


def add(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(commands, "info", _run, "IN...", "tell what JPEG files are made of")
    parser.add_argument("inputs", nargs="+", metavar="IN", help="JPEG file; - reads standard input")
    parser.add_argument("--bits", metavar="OUT", help="PNG file for a picture of where the bits went")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each file")


def _run(arguments: argparse.Namespace) -> int:
    if arguments.bits is not None and len(arguments.inputs) != 1:
        raise UsageError(f"--bits draws one file, got {len(arguments.inputs)}")
    if arguments.bits not in (None, STREAM) and Path(arguments.bits).suffix.lower() != ".png":
        raise UsageError(f"the picture is written as PNG; its name must end in .png, got {arguments.bits!r}")
    failed = False
    for name in arguments.inputs:
        try:
            data = read(name)
            anatomy = inspect_jpeg(data)
            if arguments.bits is not None:
                write(arguments.bits, _picture(data, anatomy))
        except (SaliencyJpegError, OSError) as error:
            say(f"{NAME}: {reason(error, name)}", sys.stderr)
            failed = True
            continue
        text = json.dumps(_facts(name, data, anatomy)) if arguments.json else _text(name, data, anatomy)
        say(text, sys.stderr if arguments.bits == STREAM else sys.stdout)
    return int(failed)


def _facts(name: str, data: bytes, anatomy: Inspection) -> dict[str, Any]:
    image = anatomy.image
    height, width = image.size
    return {
        "name": name,
        "bytes": len(data),
        "width": width,
        "height": height,
        "bits_per_pixel": 8 * len(data) / (width * height),
        "progressive": image.progressive,
        "subsampling": anatomy.subsampling,
        "restart_interval": image.restart_interval,
        "libjpeg_quality": anatomy.header.quality if anatomy.header else None,
        "bytes_by_use": anatomy.bytes_by_use(),
        "parts": [asdict(part) for part in anatomy.parts],
        "scans": [asdict(scan) for scan in anatomy.scans],
        "tables": image.tables.tolist(),
        "component_tables": image.component_tables,
    }


# For people ---------------------------------------------------------------------------------------------------------


def _text(name: str, data: bytes, anatomy: Inspection) -> str:
    facts = _facts(name, data, anatomy)
    mode = "progressive" if facts["progressive"] else "baseline"
    head = [
        f"{name}: {len(data)} bytes, {facts['width']} x {facts['height']} pixels, {facts['bits_per_pixel']:.3f} bpp, "
        f"{mode}, {facts['subsampling']}",
        "  " + ", ".join(f"{use} {size} bytes" for use, size in facts["bytes_by_use"].items() if size),
    ]
    bands = _bands(block_bits(anatomy.image, 8.0 * facts["bytes_by_use"]["picture"]))
    return "\n".join([*head, bands, *_parts(anatomy), *_scans(anatomy), *_tables(facts, anatomy), ""])


def _bands(bits: NDArray[np.float32]) -> str:
    ordered = np.sort(bits, axis=None)[::-1]
    tenth = float(ordered[: max(1, ordered.size // 10)].sum() / max(ordered.sum(), 1e-9))
    return (
        f"  bits a block: mean {ordered.mean():.1f}, median {np.median(ordered):.1f}, most {ordered[0]:.0f}; "
        f"the costliest tenth of the blocks has {100 * tenth:.0f} % of them"
    )


def _parts(anatomy: Inspection) -> list[str]:
    lines = ["", "    offset     bytes  segment"]
    return lines + [f"{p.offset:10d}{p.size:10d}  {p.name:6}{p.text}".rstrip() for p in anatomy.parts]


def _scans(anatomy: Inspection) -> list[str]:
    whole = sum(scan.size for scan in anatomy.scans)
    lines = ["", "  scan  components  coefficients  Ah Al     bytes  share"]
    for number, scan in enumerate(anatomy.scans, 1):
        names = " ".join(anatomy.component_names[i] for i in scan.components)
        shift = f"{scan.ah}  {scan.al}"
        share = 100 * scan.size / whole
        lines.append(f"{number:6d}  {names:10}  {f'{scan.ss}-{scan.se}':12}  {shift:6}{scan.size:9d}{share:6.1f} %")
    return lines


def _tables(facts: dict[str, Any], anatomy: Inspection) -> list[str]:
    quality = facts["libjpeg_quality"]
    lines = ["", f"  the luma table is about that of libjpeg at quality {quality:.0f}"] if quality else []
    for row, table in enumerate(facts["tables"]):
        users = zip(anatomy.component_names, facts["component_tables"], strict=True)
        lines += ["", f"  quantization table of {', '.join(name for name, used in users if used == row)}"]
        lines += ["  " + "".join(f"{step:5d}" for step in table[at : at + 8]) for at in range(0, 64, 8)]
    return lines


# Bits as a picture --------------------------------------------------------------------------------------------------


def _picture(data: bytes, anatomy: Inspection) -> bytes:
    """PNG: bits of every block in heat colours over the picture, turned upright."""
    picture = load(data)
    height, width = anatomy.image.size
    bits = block_bits(anatomy.image, 1.0)
    brightest = float(np.percentile(bits, _BRIGHTEST)) or 1.0
    heat = np.repeat(np.repeat(np.clip(bits / brightest, 0, 1), 8, axis=0), 8, axis=1)[:height, :width]
    file = io.BytesIO()
    heatmap.over(picture.pixels, heat, picture.metadata.orientation).save(file, "PNG")
    return file.getvalue()
