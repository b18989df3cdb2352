"""The C++ code under AddressSanitizer and UndefinedBehaviorSanitizer (tests/core/sanitized*.cc)."""

from __future__ import annotations

from pathlib import Path

from helpers import GRAY_REFINEMENT, ROOT, photo, quantized, random_levels
from sanitizers import Sanitized, run

DRIVER = [ROOT / "tests" / "core" / name for name in ("sanitized.cc", "sanitized_pictures.cc")]


def test_no_fault_on_any_input(sanitized: Sanitized, tmp_path: Path) -> None:
    picture, noise = quantized(photo(40, 56), 2, 2), random_levels((30, 30), [(1, 1)], 3)
    seeds = {
        "progressive": picture.jpeg(segments=[(0xE1, b"Exif\0\0"), (0xFE, b"comment")]),
        "sequential": picture.jpeg(progressive=False, restart_interval=2),
        "separate": picture.jpeg(progressive=False, scans=[((c,), 0, 63, 0, 0) for c in range(3)]),
        "refined": noise.jpeg(scans=GRAY_REFINEMENT),
    }
    for name, jpeg in seeds.items():
        (tmp_path / name).write_bytes(jpeg)
    done = run(sanitized.link("driver", *DRIVER), "1000", *(tmp_path / name for name in seeds))
    assert done.returncode == 0, done.stderr[-3000:]
    assert "refused" in done.stdout
