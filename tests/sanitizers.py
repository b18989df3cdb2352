"""The C++ code compiled with AddressSanitizer and UndefinedBehaviorSanitizer, and programs linked with it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from helpers import ROOT

CSRC = ROOT / "saliency_jpeg" / "csrc"
COMPILER = shutil.which(os.environ.get("CXX", "g++")) or ""
FLAGS = ["-std=c++17", "-O1", "-pthread", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DSJ_SANITIZED"]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300, check=False)


class Sanitized(NamedTuple):
    """Object files of the codec, the metrics and the image's functions, and the folder for those of programs."""

    folder: Path
    objects: list[Path]

    def link(self, name: str, *sources: Path) -> Path:
        """A program of these sources and all objects."""
        own = compile_all(self.folder, sources)
        linked = run(COMPILER, *FLAGS, *own, *self.objects, "-o", self.folder / name)
        assert linked.returncode == 0, linked.stderr
        return self.folder / name


def compile_all(folder: Path, sources: Sequence[Path]) -> list[Path]:
    objects = [folder / f"{source.parent.name}-{source.stem}.o" for source in sources]

    def build(source: Path, target: Path) -> None:
        done = run(COMPILER, *FLAGS, "-I", CSRC, "-c", source, "-o", target)
        assert done.returncode == 0, done.stderr

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(build, sources, objects))
    return objects


def sanitized_core(folder: Path) -> Sanitized:
    """Compiles all C++ files that need no Python. Skips where the compiler has no sanitizers."""
    (folder / "empty.cc").write_text("int main() {}\n")
    if not COMPILER or run(COMPILER, *FLAGS, folder / "empty.cc", "-o", folder / "empty").returncode:
        pytest.skip("no C++ compiler with AddressSanitizer and UndefinedBehaviorSanitizer")
    sources = [s for s in sorted(CSRC.rglob("*.cc")) if not s.name.startswith("bindings")]
    assert {source.parent.name for source in sources} == {"codec", "image", "metrics"}
    return Sanitized(folder, compile_all(folder, sources))
