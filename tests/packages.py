"""Builds the source archive, the wheel and the editable wheel of this tree, called as pip calls setuptools."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from helpers import ROOT
from processes import python
from sanitizers import COMPILER

NOT_SOURCES = shutil.ignore_patterns(
    ".git", ".venv*", "build", "dist", "*.egg-info", "*.so", "__pycache__", ".*_cache", "demo-output"
)


class Shipped(NamedTuple):
    """Names of the files in both archives, and the folder that the wheel was unpacked to."""

    sdist: set[str]
    wheel: set[str]
    unpacked: Path


def built(kind: str, tree: Path, folder: Path, compiler: Path | None = None, **settings: Any) -> Path:
    """The archive that setuptools makes of a tree: ``sdist``, ``wheel`` or ``editable``."""
    program = f"import sys; from setuptools import build_meta; print(build_meta.build_{kind}(sys.argv[1], {settings}))"
    compilers = {} if compiler is None else {"CC": str(compiler), "CXX": str(compiler)}
    return folder / python("-c", program, folder, folder=tree, status=0, **compilers).splitlines()[-1]


def hurried(folder: Path) -> Path | None:
    """The compiler at hand, but without optimization: for files that are looked at and run for a moment."""
    if os.name == "nt" or not COMPILER:
        return None
    program = folder / "hurried"
    program.write_text(f'#!/bin/sh\nexec "{COMPILER}" "$@" -O0\n')
    program.chmod(0o700)
    return program


def ship(folder: Path) -> Shipped:
    """The source archive of this tree, and the wheel made from that archive; compiles the package once."""
    shutil.copytree(ROOT, folder / "tree", ignore=NOT_SOURCES)
    source = built("sdist", folder / "tree", folder)
    with tarfile.open(source) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4
        archive.extractall(folder)
    top = source.name.removesuffix(".tar.gz")
    sdist = {str(path.relative_to(folder / top)) for path in (folder / top).rglob("*") if path.is_file()}
    with zipfile.ZipFile(built("wheel", folder / top, folder, hurried(folder))) as archive:
        archive.extractall(folder / "unpacked")
        return Shipped(sdist, set(archive.namelist()), folder / "unpacked")
