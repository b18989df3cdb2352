"""What a batch makes of its files: encodings with one set of options, with a share of each file's size, or lossless."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Final, Protocol

from ..batch.in_order import Threads, results_of
from ..batch.resume import options_digest
from ..encoder import Compressed, Encoder
from ..errors import InputError
from ..image.read import read_bytes
from ..io import available_cpus
from ..metadata.jpeg_source import JpegSource, is_jpeg
from ..options import BYTES_PER_KB, Options
from ..recompression.recompress import recompress_source
from .options import given_flags
from .terminal import UsageError

__all__ = ["Encodings", "Lossless", "Shares", "Work", "check_lossless"]

_OF_LOSSLESS: Final = frozenset(
    {"progressive", "metadata", "keep_segments", "trailing_images", "restart_interval", "max_pixels", "threads"}
)  # the options that do not change the picture


class Work(Protocol):
    """What is made of every file.

    Attributes:
        options: of the encoder.
        digest: of all that decides about the output.
    """

    options: Options
    digest: str

    def results(self, sources: Iterable[IO[bytes]], workers: int) -> Iterator[Compressed | Exception]:
        """Yields the result of each source, or its error, in order."""
        ...


class Encodings:
    """Encodings with the same options; see :class:`Work`."""

    def __init__(self, options: Options) -> None:
        self.options, self.digest = options, options_digest(options)

    def results(self, sources: Iterable[IO[bytes]], workers: int) -> Iterator[Compressed | Exception]:
        """Yields the results in order."""
        return Encoder(self.options).compress_many(sources, workers=workers, errors="return")


class Shares:
    """Encodings whose target is a share of the size of each source; see :class:`Work`.

    Args:
        options: of the encoder, without that target.
        share: of the source file, above 0.
    """

    def __init__(self, options: Options, share: float) -> None:
        self.options, self._share = options, share
        self.digest = f"{options_digest(options)}-{share:g}"

    def results(self, sources: Iterable[IO[bytes]], workers: int) -> Iterator[Compressed | Exception]:
        """Yields the results in order."""
        return _in_threads(self._encode, sources, workers, self.options)

    def _encode(self, data: bytes, options: Options) -> Compressed:
        return Encoder(options, target_kb=self._share * max(1, len(data)) / BYTES_PER_KB).compress(data)


class Lossless:
    """JPEG files with the same pixels in fewer bytes; see :class:`Work`."""

    def __init__(self, options: Options) -> None:
        self.options, self.digest = options, f"{options_digest(options)}-lossless"

    def results(self, sources: Iterable[IO[bytes]], workers: int) -> Iterator[Compressed | Exception]:
        """Yields the results in order."""
        return _in_threads(_rewrite, sources, workers, self.options)


def _rewrite(data: bytes, options: Options) -> Compressed:
    if not is_jpeg(data):
        raise InputError("--lossless is for JPEG files, and this is none")
    source = JpegSource(data)
    jpeg = recompress_source(source, options)
    height, width = source.size or (0, 0)
    return Compressed(jpeg, width, height, 0.0 if source.header is None else source.header.quality, 0.0, 0, None)


def _in_threads(
    work: Callable[[bytes, Options], Compressed], sources: Iterable[IO[bytes]], workers: int, options: Options
) -> Iterator[Compressed | Exception]:
    """Yields what threads make of each file, or its error, in order."""
    threads = options.threads or max(1, available_cpus() // workers)
    shared = dataclasses.replace(options, threads=threads)
    return results_of(lambda: Threads(read_bytes, lambda data: work(data, shared), workers), sources, True)


def check_lossless(arguments: argparse.Namespace) -> None:
    """Checks that no option asks for other pixels.

    Raises:
        UsageError: one does.
    """
    flags = [flag for name, flag in given_flags(arguments).items() if name not in _OF_LOSSLESS]
    flags += [f"--{name}" for name in ("target", "widths", "protect", "ignore") if getattr(arguments, name) is not None]
    if flags:
        raise UsageError(f"--lossless keeps every pixel, so it cannot be used with {flags[0]}")
