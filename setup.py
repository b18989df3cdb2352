"""Builds the two extension modules; everything else is declared in setup.cfg."""

from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension
from setuptools import setup

SOURCES = Path("saliency_jpeg/csrc")  # #include lines name headers from here: "codec/types.h"
# Bytes must match across machines: no fused multiply-add, no reassociation, no -march=native.
FLAGS = ["-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wextra", "-Werror=return-type"]


def extension(name: str, folder: str) -> Pybind11Extension:
    """Returns the module that is built from the C++ files of one folder under SOURCES."""
    return Pybind11Extension(
        name,
        sorted(map(str, (SOURCES / folder).glob("*.cc"))),
        include_dirs=[str(SOURCES)],
        depends=sorted(map(str, SOURCES.rglob("*.h"))),
        cxx_std=17,
        extra_compile_args=FLAGS,
    )


ParallelCompile("SALIENCY_JPEG_BUILD_JOBS", default=0).install()
setup(
    ext_modules=[
        extension("saliency_jpeg.codec._core", "codec"),
        extension("saliency_jpeg.metrics._metrics", "metrics"),
    ]
)
