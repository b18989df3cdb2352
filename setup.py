"""Builds the two extension modules; everything else is declared in setup.cfg."""

from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension
from setuptools import setup

# Bytes must match across machines: no fused multiply-add, no reassociation, no -march=native.
FLAGS = ["-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wextra", "-Werror=return-type"]

ParallelCompile("SALIENCY_JPEG_BUILD_JOBS", default=0).install()
setup(
    ext_modules=[
        Pybind11Extension(name, sorted(map(str, Path(sources).glob("*.cc"))), cxx_std=17, extra_compile_args=FLAGS)
        for name, sources in (
            ("saliency_jpeg.codec._core", "saliency_jpeg/csrc"),
            ("saliency_jpeg.metrics._metrics", "saliency_jpeg/csrc/metrics"),
        )
    ]
)
