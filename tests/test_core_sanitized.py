"""The C++ code under AddressSanitizer and UndefinedBehaviorSanitizer (tests/core/sanitized.cc)."""

from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers import GRAY_REFINEMENT, ROOT, photo, quantized, random_levels
from marks import implies

CSRC = ROOT / "saliency_jpeg" / "csrc"
DRIVER = ROOT / "tests" / "core" / "sanitized.cc"
COMPILER = shutil.which(os.environ.get("CXX", "g++")) or ""
FLAGS = ["-std=c++17", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DSJ_SANITIZED"]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
@implies("build")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled driver. Skips where the compiler has no sanitizers."""
    folder = tmp_path_factory.mktemp("sanitized")
    (folder / "empty.cc").write_text("int main() {}\n")
    if not COMPILER or run(COMPILER, *FLAGS, folder / "empty.cc", "-o", folder / "empty").returncode:
        pytest.skip("no C++ compiler with AddressSanitizer and UndefinedBehaviorSanitizer")
    sources = [s for s in sorted(CSRC.rglob("*.cc")) if not s.name.startswith("bindings")]
    assert {source.parent.name for source in sources} == {"codec", "metrics"}
    objects = [folder / f"{source.parent.name}-{source.stem}.o" for source in (*sources, DRIVER)]

    def build(source: Path, target: Path) -> str:
        return run(COMPILER, *FLAGS, "-I", CSRC, "-c", source, "-o", target).stderr

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        messages = list(pool.map(build, (*sources, DRIVER), objects))
    linked = run(COMPILER, *FLAGS, *objects, "-o", folder / "driver")
    assert linked.returncode == 0, "\n".join([*messages, linked.stderr])
    return folder / "driver"


def test_no_fault_on_any_input(driver: Path, tmp_path: Path) -> None:
    picture, noise = quantized(photo(40, 56), 2, 2), random_levels((30, 30), [(1, 1)], 3)
    seeds = {
        "progressive": picture.jpeg(segments=[(0xE1, b"Exif\0\0"), (0xFE, b"comment")]),
        "sequential": picture.jpeg(progressive=False, restart_interval=2),
        "separate": picture.jpeg(progressive=False, scans=[((c,), 0, 63, 0, 0) for c in range(3)]),
        "refined": noise.jpeg(scans=GRAY_REFINEMENT),
    }
    for name, jpeg in seeds.items():
        (tmp_path / name).write_bytes(jpeg)
    done = run(driver, "1000", *(tmp_path / name for name in seeds))
    assert done.returncode == 0, done.stderr[-3000:]
    assert "refused" in done.stdout
