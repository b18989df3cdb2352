"""Fuzzes one entry point, or all in turn, and keeps account of it.

    python tests/fuzz/run.py read_jpeg --minutes 60
    python tests/fuzz/run.py --report

The C++ entry points are built by clang with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer; Debian has them
in ``clang`` and ``libclang-rt-14-dev``. ``parsers`` needs the package ``atheris`` in this Python's environment. A run
begins with the inputs in ``tests/fuzz/corpus`` and those of earlier runs. Binaries, inputs, finds and the log are in
``fuzz-output``, which git ignores. A find ends its run; the input is named ``crash-``, ``timeout-`` or ``oom-``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).resolve().parent
ROOT: Final = FOLDER.parents[1]
CSRC: Final = ROOT / "saliency_jpeg" / "csrc"

#: Decoders of arithmetic codes, where every bit is compared with a number that no input can be made to hit: to watch
#: comparisons takes half of the time there and finds nothing.
CODES: Final = ("decode_detail", "decode_latent")
IN_CPP: Final = ("read_jpeg", "write_and_read_back", "segment_walk", *CODES)
ENTRIES: Final = (*IN_CPP, "parsers")
HOURS_ASKED: Final = 4.0  # of CPU time for each entry point

COMPILER: Final = os.environ.get("CLANGXX", "clang++")
FLAGS: Final = ("-std=c++17", "-g", "-fno-sanitize-recover=all", "-DSJ_SANITIZED", f"-I{CSRC}", f"-I{FOLDER}")
SECONDS: Final = 10  # that an input may take; libFuzzer counts them by the clock, a find is confirmed in CPU time
LIMITS: Final = ("-max_len=4096", f"-timeout={SECONDS}", "-rss_limit_mb=2048")
FINDS: Final = ("crash-*", "timeout-*", "oom-*", "leak-*")


def sources() -> list[Path]:
    """Returns the C++ files of the codec that need no Python."""
    return [path for path in sorted((CSRC / "codec").glob("*.cc")) if not path.name.startswith("bindings")]


def build(entry: str, output: Path) -> Path:
    """Builds a C++ entry point with libFuzzer, unless it is newer than its sources."""
    binary = output / entry / entry
    newest = max(path.stat().st_mtime for folder in (CSRC, FOLDER) for path in folder.rglob("*.[ch]*"))
    if not binary.exists() or binary.stat().st_mtime < newest:
        sanitizers = ["-fsanitize=fuzzer,address,undefined"]
        if entry in CODES:
            sanitizers.append("-fno-sanitize-coverage=trace-cmp")
        command = [COMPILER, *FLAGS, "-O2", *sanitizers, FOLDER / f"{entry}.cc", *sources(), "-o", binary]
        subprocess.run([str(word) for word in command], check=True)
    return binary


def fuzz(entry: str, minutes: float, output: Path) -> dict[str, Any]:
    """Runs one entry point and returns the line for the log."""
    folder = output / entry
    inputs = folder / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    program = [str(build(entry, output))] if entry in IN_CPP else [sys.executable, str(FOLDER / "parsers.py")]
    stored = FOLDER / "corpus" / entry
    flags = [*LIMITS, f"-max_total_time={round(minutes * 60)}", "-print_final_stats=1", f"-artifact_prefix={folder}/"]
    before, begin = _cpu_seconds(), time.time()
    with (folder / "last-run.txt").open("w") as printed:
        words = [*program, *flags, str(inputs), *([str(stored)] if stored.is_dir() else [])]
        status = subprocess.run(words, stderr=printed, stdout=printed, cwd=folder, check=False).returncode
    late = list(folder.glob("timeout-*"))
    if late and all(_is_only_late(program, path) for path in late) and not _finds(folder):
        status = 0
    text = (folder / "last-run.txt").read_text(errors="replace")
    coverage = [tuple(map(int, pair)) for pair in re.findall(r"cov: (\d+) ft: (\d+)", text)] or [(0, 0)]
    executions = re.findall(r"stat::number_of_executed_units: (\d+)", text) or re.findall(r"^#(\d+)\s", text, re.M)
    return {
        "entry": entry,
        "begin": round(begin),
        "cpu_seconds": round(_cpu_seconds() - before),
        "executions": int(executions[-1]) if executions else 0,
        "edges": max(pair[0] for pair in coverage),
        "features": max(pair[1] for pair in coverage),
        "status": status,
    }


def _is_only_late(program: list[str], path: Path) -> bool:
    """Whether an input took long because other processes had the processors; it is then no find, and removed."""
    before = _cpu_seconds()
    subprocess.run([*program, str(path)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    is_quick = _cpu_seconds() - before < SECONDS
    if is_quick:
        path.unlink()
    return is_quick


def _finds(folder: Path) -> list[Path]:
    return [path for pattern in FINDS for path in folder.glob(pattern)]


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def missing_tool(entry: str) -> str:
    """Returns what an entry point needs and lacks, or nothing."""
    if entry in IN_CPP and shutil.which(COMPILER) is None:
        return f"{COMPILER} is needed; on Debian: apt-get install clang libclang-rt-14-dev"
    if entry not in IN_CPP and importlib.util.find_spec("atheris") is None:
        return "the package atheris is needed: pip install atheris"
    return ""


def report(output: Path) -> str:
    """Returns a table of the CPU time, the executions and the coverage of all runs in the log."""
    log = output / "log.jsonl"
    runs = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    rows = [f"{'entry':20s} {'CPU hours':>9s} {'of':>4s} {'executions':>12s} {'edges':>7s} {'finds left':>11s}"]
    for entry in ENTRIES:
        own = [run for run in runs if run["entry"] == entry]
        hours = sum(run["cpu_seconds"] for run in own) / 3600
        executions = sum(run["executions"] for run in own)
        edges = max((run["edges"] for run in own), default=0)
        finds = len(_finds(output / entry))
        rows.append(f"{entry:20s} {hours:9.2f} {HOURS_ASKED:4.0f} {executions:12,d} {edges:7d} {finds:11d}")
    return "\n".join(rows)


def main() -> int:
    """Runs the command line; the exit status is 1 where an entry point ended with a find."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("entry", nargs="*", help=f"of {', '.join(ENTRIES)} (default: all)")
    parser.add_argument("--minutes", type=float, default=10.0, help="for each entry point (default: 10)")
    parser.add_argument("--output", type=Path, default=ROOT / "fuzz-output", help="folder (default: fuzz-output)")
    parser.add_argument("--report", action="store_true", help="only print what the log says of all runs")
    options = parser.parse_args()
    if unknown := set(options.entry) - set(ENTRIES):
        parser.error(f"an entry point is one of {', '.join(ENTRIES)}, got {', '.join(sorted(unknown))}")
    entries = () if options.report else tuple(options.entry or ENTRIES)
    if missing := [what for what in map(missing_tool, entries) if what]:
        parser.error(missing[0])
    output, is_found = options.output.resolve(), False
    for entry in entries:
        run = fuzz(entry, options.minutes, output)
        with (output / "log.jsonl").open("a") as log:
            log.write(json.dumps(run) + "\n")
        is_found |= run["status"] != 0
        if run["status"]:
            print(f"{entry}: ended with status {run['status']}; see {output / entry / 'last-run.txt'}")
    print(report(output))
    return 1 if is_found else 0


if __name__ == "__main__":
    sys.exit(main())
