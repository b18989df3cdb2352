"""Clocks and memory for the benchmarks."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sized
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]


def cpu_seconds() -> float:
    """Returns the user and system time of this process and of its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def timed(
    rows: Mapping[str, Callable[[], Sized]], rounds: int, warm_up: bool = True
) -> tuple[dict[str, Times], dict[str, int]]:
    """Runs every row once a round, so that what slows a round slows all rows.

    Args:
        rows: functions that return a file, by name.
        rounds: that count.
        warm_up: run one more round before them.

    Returns:
        Seconds (rounds, 2), wall and CPU, and bytes of the file, by name.
    """
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in rows}
    sizes = {}
    for _ in range(rounds + warm_up):
        for name, encode in rows.items():
            wall, cpu = time.perf_counter(), cpu_seconds()
            sizes[name] = len(encode())
            seconds[name].append((time.perf_counter() - wall, cpu_seconds() - cpu))
    return {name: np.array(values[warm_up:]) for name, values in seconds.items()}, sizes


def memory_bytes() -> tuple[int, int]:
    """Returns the memory of this process, now and at its peak.

    Linux starts ``ru_maxrss`` of a new process at the peak of its parent, so /proc is read where there is one.
    Elsewhere both values are the peak.
    """
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        now, peak = (int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
        return now, peak
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return peak, peak


def in_child(*arguments: str) -> str:
    """Runs Python in a new process and returns what it prints."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True).stdout
