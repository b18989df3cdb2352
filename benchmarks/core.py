"""Prints where the time of an encode goes: every function of the compiled core, and what is left to Python and NumPy.

    python benchmarks/core.py PHOTO... [--megapixels 2.8] [--rounds 5] [--threads 1]

PHOTO is an image file or a folder; the first photograph is shrunk to the size, and without any the repository's is
mirrored. Times are CPU time of the fastest of the rounds in milliseconds a megapixel, without a map, at quality 75 and
with the size of that file as a target. Pictures of less than a megapixel get more rounds.
"""

from __future__ import annotations

import argparse
import functools
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peers import QUALITY
from pictures import found, photographs

from saliency_jpeg import Encoder
from saliency_jpeg.codec import _core
from saliency_jpeg.options import BYTES_PER_KB

Spent = dict[str, list[float]]  # seconds of each call, by function

REST = "Python and NumPy"


def watch(spent: Spent) -> None:
    """Notes the seconds of every call of a function of the core from now on."""
    for name in dir(_core):
        function = getattr(_core, name)
        if callable(function) and not isinstance(function, type):
            setattr(_core, name, _noting(function, spent[name]))


def _noting(function: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        start = time.process_time()
        try:
            return function(*arguments, **keywords)
        finally:
            seconds.append(time.process_time() - start)

    return call


def fastest(run: Callable[[], object], rounds: int, spent: Spent) -> tuple[dict[str, float], dict[str, int]]:
    """Returns the seconds and the calls of every function in the fastest round; the rest of the time has no calls."""
    best: dict[str, float] = {}
    calls: dict[str, int] = {}
    for _ in range(rounds):
        for seconds in spent.values():
            seconds.clear()
        start = time.process_time()
        run()
        whole = time.process_time() - start
        if not best or whole < sum(best.values()):
            best = {name: sum(seconds) for name, seconds in spent.items() if seconds}
            calls = {name: len(seconds) for name, seconds in spent.items()}
            best[REST] = whole - sum(best.values())
    return best, calls


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="*", type=Path, metavar="PHOTO", help="image files and folders")
    parser.add_argument("--megapixels", type=float, default=2.8, help="size of the picture (default: 2.8)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--threads", type=int, default=1, help="on the picture (default: 1)")
    options = parser.parse_args()
    (pixels,) = photographs(found(options.photos)[:1], options.megapixels, 1)
    plain = Encoder(quality=QUALITY, saliency=None, threads=options.threads)
    target_kb = len(plain.compress(pixels).jpeg) / BYTES_PER_KB
    spent: Spent = defaultdict(list)
    watch(spent)
    megapixels = pixels.shape[0] * pixels.shape[1] / 1e6
    rounds = max(options.rounds, round(options.rounds / megapixels))
    for title, encoder in (
        ("quality 75", plain),
        ("`target_kb`", Encoder(target_kb=target_kb, saliency=None, threads=options.threads)),
    ):
        seconds, calls = fastest(functools.partial(encoder.compress, pixels), rounds, spent)
        print(f"\n| {title}, {megapixels:.2g} MP | ms/MP | share | calls |\n|---|---:|---:|---:|")
        for name, value in sorted(seconds.items(), key=lambda item: -item[1]):
            share = value / sum(seconds.values())
            print(f"| {name} | {1e3 * value / megapixels:.2f} | {share:.0%} | {calls.get(name, '')} |")
        print(f"| in all | {1e3 * sum(seconds.values()) / megapixels:.2f} | | |")


if __name__ == "__main__":
    main()
