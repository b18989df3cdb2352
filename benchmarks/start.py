"""Measures wall time of the import, and wall time and memory of the first file of a new process.

    python benchmarks/start.py

The file is encoded without a map, and with the default preset run by LiteRT (needs the extra [lite]) and by TensorFlow.
"""

from __future__ import annotations

import numpy as np
from measuring import in_child
from pictures import PHOTO


def print_import(times: int = 9) -> None:
    """Prints how long the import of the package takes, the median of several new processes."""
    program = "import time; t = time.perf_counter(); import saliency_jpeg; print(time.perf_counter() - t)"
    seconds = [float(in_child("-c", program)) for _ in range(times)]
    print(f"import saliency_jpeg, median of {times} new processes: {np.median(seconds):.3f} s")


def print_start(times: int = 5) -> None:
    """Prints the median of several new processes, without a map, with LiteRT and with TensorFlow."""
    program = (
        "import sys, time; t = time.perf_counter(); import saliency_jpeg; "
        f"saliency_jpeg.compress({str(PHOTO)!r}, quality=75, saliency=eval(sys.argv[1])); "
        "status = open('/proc/self/status').read().split(); "
        "print(time.perf_counter() - t, int(status[status.index('VmHWM:') + 1]) / 1000)"
    )
    by_tensorflow = "saliency_jpeg.SaliencyModel.from_preset(device='cpu')"
    ways = {"no map": "None", "LiteRT": "'default'", "TensorFlow": by_tensorflow}
    rounds = [[in_child("-c", program, way).split() for way in ways.values()] for _ in range(times)]
    medians = np.median(np.array(rounds, float), axis=0)
    print(f"\nfirst file of a new process, median of {times}")
    for name, (seconds, megabytes) in zip(ways, medians, strict=True):
        print(f"{name:16s}{seconds:8.2f} s{seconds / medians[-1, 0]:8.2f} of TensorFlow's{megabytes:8.0f} MB")


if __name__ == "__main__":
    print_import()
    print_start()
