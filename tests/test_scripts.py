"""The demonstration and the benchmark run and print what they promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]


def run(script: str, *words: str, folder: Path, **environment: str) -> str:
    command = [sys.executable, str(ROOT / script), *words]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_demo(tmp_path: Path) -> None:
    printed = run("examples/demo.py", folder=tmp_path)
    ours, pillow = re.findall(r"^(?:saliency-jpeg|Pillow) +(\d+) bytes +([\d.]+) dB", printed, re.MULTILINE)
    assert 0.95 * 50_000 < int(ours[0]) <= 50_000
    assert 0.99 * int(ours[0]) < int(pillow[0]) <= int(ours[0])
    assert float(ours[1]) > float(pillow[1]) + 1
    output = tmp_path / "demo-output"
    for name, size in (("saliency-jpeg.jpg", ours[0]), ("pillow.jpg", pillow[0])):
        assert (output / name).stat().st_size == int(size)
    with Image.open(output / "comparison.png") as row, Image.open(output / "heatmap.png") as heat:
        assert row.size == (3 * 480 + 16, 480) and heat.size == (768, 512)


def test_speed_without_mozjpeg(tmp_path: Path) -> None:
    words = ("--megapixels", "0.05", "--rounds", "1")
    printed = run("benchmarks/speed.py", *words, folder=tmp_path, MOZJPEG_CJPEG=str(tmp_path / "missing"))
    assert "mozjpeg is missing" in printed
    rows = re.findall(r"^(core|compress|Pillow).*? (\d+\.\d) +(\d\.\d{3})", printed, re.MULTILINE)
    sizes = [float(bits) for _, _, bits in rows]
    assert len(rows) == 5 and max(sizes) < 1.1 * min(sizes)
    for line in (r"search for a size / one encode: [\d.]+", r"import saliency_jpeg, .*: [\d.]+ s"):
        assert re.search(line, printed)
    assert len(re.findall(r"^compress\(.*\) +[\d.]+$", printed, re.MULTILINE)) == 2
