"""``saliency-jpeg info``: lists the segments, scans and tables of JPEG files and draws where the bits are."""

from __future__ import annotations

import argparse
import io
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..batch.plan import Job, check_clashes
from ..codec.inspect import Inspection, block_bits, inspect_jpeg
from ..codec.layers import list_layers_in
from ..errors import SaliencyJpegError
from ..image.load import load
from ..io import STREAM, read
from .bits import draw_bits
from .options import add_command, add_max_pixels
from .output import sweep_folders, write_output
from .terminal import NAME, UsageError, describe_error, say, say_lines

__all__ = ["add"]


def add(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(commands, "info", _run, "IN...", "show segments, scans, tables and bits of JPEG files")
    parser.add_argument("inputs", nargs="+", metavar="IN", help="JPEG file; - reads standard input")
    parser.add_argument("--bits", metavar="OUT", help="draw the bits of each block into this PNG file")
    add_max_pixels(parser)
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each file")


def _run(arguments: argparse.Namespace) -> int:
    if arguments.bits is not None and len(arguments.inputs) != 1:
        raise UsageError(f"--bits takes one input, got {len(arguments.inputs)}")
    if arguments.bits not in (None, STREAM) and Path(arguments.bits).suffix.lower() != ".png":
        raise UsageError(f"--bits writes a PNG file, so its name must end in .png, got {arguments.bits!r}")
    if arguments.bits is not None:
        check_clashes([Job(arguments.inputs[0], arguments.bits)])
    sweep_folders([arguments.bits or STREAM])
    failed = False
    for name in arguments.inputs:
        try:
            data = read(name)
            inspection = inspect_jpeg(data, max_pixels=arguments.max_pixels)
            if arguments.bits is not None:
                write_output(arguments.bits, _draw_bits(data, inspection, arguments.max_pixels), sources=[name])
        except (SaliencyJpegError, OSError, MemoryError) as error:
            say(f"{NAME}: {describe_error(error, name)}", sys.stderr)
            failed = True
            continue
        to_json = [json.dumps(_to_json(name, data, inspection))] if arguments.json else []
        say_lines(to_json or _to_text(name, data, inspection), sys.stderr if arguments.bits == STREAM else sys.stdout)
    return int(failed)


def _to_json(name: str, data: bytes, inspection: Inspection) -> dict[str, Any]:
    image = inspection.image
    height, width = image.size
    return {
        "name": name,
        "bytes": len(data),
        "width": width,
        "height": height,
        "bits_per_pixel": 8 * len(data) / (width * height),
        "progressive": image.progressive,
        "subsampling": inspection.subsampling,
        "restart_interval": image.restart_interval,
        "libjpeg_quality": inspection.header.quality if inspection.header else None,
        "bytes_by_use": inspection.bytes_by_use(),
        "parts": [asdict(part) for part in inspection.parts],
        "scans": [asdict(scan) for scan in inspection.scans],
        "layers": [asdict(layer) for layer in list_layers_in(image)],
        "tables": image.tables.tolist(),
        "component_tables": image.component_tables,
    }


# For people ---------------------------------------------------------------------------------------------------------


def _to_text(name: str, data: bytes, inspection: Inspection) -> list[str]:
    values = _to_json(name, data, inspection)
    mode = "progressive" if values["progressive"] else "baseline"
    head = [
        f"{name}: {len(data)} bytes, {values['width']} x {values['height']} pixels, "
        f"{values['bits_per_pixel']:.3f} bpp, {mode}, {values['subsampling']}",
        "  " + ", ".join(f"{use} {size} bytes" for use, size in values["bytes_by_use"].items() if size),
    ]
    spread = _bit_spread(block_bits(inspection.image, 8.0 * values["bytes_by_use"]["picture"]))
    return [*head, *_layers(values), spread, *_parts(inspection), *_scans(inspection), *_tables(values, inspection), ""]


def _layers(values: dict[str, Any]) -> list[str]:
    found = (
        f"{layer['kind']!r} {layer['version']}, {layer['length']} bytes, {layer['state']}" for layer in values["layers"]
    )
    return [f"  layer {text}" for text in found]


def _bit_spread(bits: NDArray[np.float32]) -> str:
    ordered = np.sort(bits, axis=None)[::-1]
    tenth = float(ordered[: max(1, ordered.size // 10)].sum() / max(ordered.sum(), 1e-9))
    return (
        f"  bits per block: mean {ordered.mean():.1f}, median {np.median(ordered):.1f}, maximum {ordered[0]:.0f}; "
        f"the most expensive tenth of the blocks has {100 * tenth:.0f} % of all bits"
    )


def _parts(inspection: Inspection) -> list[str]:
    lines = ["", "    offset     bytes  segment"]
    return lines + [f"{p.offset:10d}{p.size:10d}  {p.name:6}{p.text}".rstrip() for p in inspection.parts]


def _scans(inspection: Inspection) -> list[str]:
    total = sum(scan.size for scan in inspection.scans)
    lines = ["", "  scan  components  coefficients  Ah Al     bytes  share"]
    for number, scan in enumerate(inspection.scans, 1):
        names = " ".join(inspection.component_names[i] for i in scan.components)
        shift = f"{scan.ah}  {scan.al}"
        share = 100 * scan.size / total
        lines.append(f"{number:6d}  {names:10}  {f'{scan.ss}-{scan.se}':12}  {shift:6}{scan.size:9d}{share:6.1f} %")
    return lines


def _tables(values: dict[str, Any], inspection: Inspection) -> list[str]:
    quality = values["libjpeg_quality"]
    lines = ["", f"  the luma table is close to libjpeg's at quality {quality:.0f}"] if quality else []
    for row, table in enumerate(values["tables"]):
        users = zip(inspection.component_names, values["component_tables"], strict=True)
        lines += ["", f"  quantization table of {', '.join(name for name, used in users if used == row)}"]
        lines += ["  " + "".join(f"{step:5d}" for step in table[at : at + 8]) for at in range(0, 64, 8)]
    return lines


def _draw_bits(data: bytes, inspection: Inspection, max_pixels: int) -> bytes:
    """A PNG file: the bits of each block as a heat map over the image, turned upright."""
    file = io.BytesIO()
    draw_bits(load(data, max_pixels=max_pixels), inspection).save(file, "PNG")
    return file.getvalue()
