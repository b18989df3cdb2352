"""Builds the two extension modules, with flags for the compiler at hand; everything else is declared in setup.cfg."""

import os
import shutil
from pathlib import Path

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


ParallelCompile("SALIENCY_JPEG_BUILD_JOBS", default=0).install()
setup(
    cmdclass={"build_ext": BuildExtensions},
    ext_modules=[
        extension("saliency_jpeg.codec._core", "codec"),
        extension("saliency_jpeg.metrics._metrics", "metrics"),
    ],
)
