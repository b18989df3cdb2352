"""Builds the three extension modules, with flags for the compiler at hand; everything else is declared in setup.cfg.

With SALIENCY_JPEG_DISTRIBUTION=lite in the environment it builds saliency-jpeg-lite, which setup.cfg describes too;
from a source archive of either, that one.
"""

import configparser
import os
import re
import shutil
from pathlib import Path
from typing import Any

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension
from setuptools import setup
from setuptools.command.build_ext import build_ext

SOURCES = Path("saliency_jpeg/csrc")  # #include lines name headers from here: "codec/types.h"
# Bytes must match across machines: no fused multiply-add, no reassociation, no -march=native.
SAME_BYTES = ["-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
THREADS = "-pthread"  # for compiler and linker, where the C library is not enough
WARNINGS = ["-Wall", "-Wextra", "-Werror=return-type"]
NO_TIMES = "/Brepro"  # Windows: object files and libraries without the time of the build


class BuildExtensions(build_ext):
    """Compiles with GCC or Clang, which is clang-cl on Windows."""

    def build_extensions(self) -> None:
        """Chooses compiler and flags, then compiles."""
        is_windows = self.compiler.compiler_type == "msvc"
        if is_windows:
            self._use_clang_cl()
        for module in self.extensions:
            if is_windows:
                # clang-cl passes over these flags unless /clang: stands before them, with no more than a warning.
                module.extra_compile_args += [*(f"/clang:{flag}" for flag in SAME_BYTES), NO_TIMES]
                module.extra_link_args += [NO_TIMES]
            else:
                module.extra_compile_args += [*SAME_BYTES, *WARNINGS, THREADS]
                module.extra_link_args += [THREADS]
        super().build_extensions()

    def _use_clang_cl(self) -> None:
        """Puts clang-cl, or the program that CC names, in the place of cl, which setuptools looks up itself.

        The sources use vector types and builtins that cl does not have. Linker, headers and libraries stay those of
        Visual Studio.
        """
        name = os.environ.get("CC", "clang-cl")
        found = shutil.which(name)
        if found is None or "clang-cl" not in Path(found).stem.lower():
            raise SystemExit(
                "the C++ sources need Clang on Windows; install LLVM (or 'C++ Clang tools for Windows' of Visual "
                f"Studio) and put clang-cl on the PATH or its path into CC, got {name!r}"
            )
        if not self.compiler.initialized:
            self.compiler.initialize(self.plat_name)
        self.compiler.cc = found


def extension(name: str, folder: str) -> Pybind11Extension:
    """Returns the module that is built from the C++ files of one folder under SOURCES."""
    return Pybind11Extension(
        name,
        sorted(map(str, (SOURCES / folder).glob("*.cc"))),
        include_dirs=[str(SOURCES)],
        depends=sorted(map(str, SOURCES.rglob("*.h"))),
        cxx_std=17,
    )


def light_distribution() -> dict[str, Any]:
    """Returns what the light distribution has in place of the full one's declarations."""
    config = configparser.ConfigParser()
    config.read("setup.cfg")
    light, extras = config["lite"], config["options.extras_require"]
    lines = "\n".join([config["options"]["install_requires"], extras["lite"]]).split("\n")
    known = {re.split(r"[^\w-]", line, maxsplit=1)[0]: line for line in lines}
    packages = {name: value.split() for name, value in config["options.package_data"].items()}
    return {
        "name": "saliency-jpeg-lite",
        "description": light["description"],
        "install_requires": [known[name] for name in light["requires"].split()],
        "extras_require": {name: extras[name].split("\n") for name in light["extras"].split()},
        "package_data": packages | {"saliency_jpeg.weights": light["weights"].split()},
    }


def packed_distribution() -> str:
    """Returns which distribution the source archive is of that this tree was unpacked from; a checkout is full."""
    notes = Path("PKG-INFO")
    is_light = notes.is_file() and "\nName: saliency-jpeg-lite\n" in notes.read_text("utf-8").replace("_", "-")
    return "lite" if is_light else "full"


def chosen_distribution() -> dict[str, Any]:
    """Returns the changes to setup.cfg for the distribution that the environment names."""
    name = os.environ.get("SALIENCY_JPEG_DISTRIBUTION") or packed_distribution()
    if name not in ("full", "lite"):
        raise SystemExit(f"SALIENCY_JPEG_DISTRIBUTION must be full or lite, got {name!r}")
    return light_distribution() if name == "lite" else {}


ParallelCompile("SALIENCY_JPEG_BUILD_JOBS", default=0).install()
setup(
    cmdclass={"build_ext": BuildExtensions},
    ext_modules=[
        extension("saliency_jpeg.codec._core", "codec"),
        extension("saliency_jpeg.image._raster", "image"),
        extension("saliency_jpeg.metrics._metrics", "metrics"),
    ],
    **chosen_distribution(),
)
