"""Encoding in a bounded pool of threads, away from the event loop."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..codec.inspect import bits_map, inspect_jpeg
from ..encoder.encoder import Encoder
from ..encoder.result import Compressed
from ..image.load import load
from ..saliency import heatmap
from .request import Wanted

__all__ = ["Answer", "BusyError", "Pool", "encode"]

T = TypeVar("T")
_DRAWN: int = 1024  # pixels of the longer side of a drawing


class BusyError(Exception):
    """As many pictures are worked on and wait as may."""


class Answer(NamedTuple):
    """What was made of a picture: a JPEG file, or what JSON holds of it."""

    jpeg: bytes
    facts: dict[str, Any]


class Pool:
    """Threads, and a limit to what waits for them. Used from the event loop's thread.

    Args:
        workers: threads.
        queue: calls that may wait for a thread.

    Attributes:
        admitted: places that are taken.
    """

    def __init__(self, workers: int, queue: int) -> None:
        self._executor = ThreadPoolExecutor(workers, "saliency-jpeg")
        self._most = workers + queue
        self.admitted = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Takes a place for a request, from before its body is read.

        Raises:
            BusyError: there is none.
        """
        if self.admitted >= self._most:
            raise BusyError
        self.admitted += 1
        try:
            yield
        finally:
            self.admitted -= 1

    async def run(self, work: Callable[[], T], timeout: float | None = None) -> T:
        """Runs a function in a thread.

        Args:
            work: takes nothing.
            timeout: seconds. What has begun then goes on, and keeps a place, but nobody waits for it.

        Raises:
            TimeoutError: it took longer.
        """
        future = self._executor.submit(work)
        waiting = asyncio.wrap_future(future)
        waiting.add_done_callback(_take_note)
        try:
            return await asyncio.wait_for(asyncio.shield(waiting), timeout)
        except (TimeoutError, asyncio.CancelledError):
            if not future.cancel():
                self._keep_place(future)
            raise

    def _keep_place(self, future: Future[Any]) -> None:
        loop = asyncio.get_running_loop()
        self.admitted += 1
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._give_back))

    def _give_back(self) -> None:
        self.admitted -= 1

    def close(self) -> None:
        """Waits for what has begun, and drops the rest."""
        self._executor.shutdown(cancel_futures=True)


def _take_note(done: asyncio.Future[Any]) -> None:
    """Takes the error of a call that nobody waits for any more, which asyncio would complain of."""
    if not done.cancelled():
        done.exception()


def encode(data: bytes, wanted: Wanted) -> Answer:
    """Encodes a picture, in one thread.

    Args:
        data: its file.
        wanted: what is to be made of it.

    Raises:
        InputError: it cannot be read or is over a limit.
        TargetError: no encoding meets the target.
    """
    encoder = Encoder(replace(wanted.options, threads=1))
    result = encoder.compress(data)
    facts: dict[str, Any] = {
        "bytes_in": len(data),
        "bytes_out": len(result.jpeg),
        "width": result.width,
        "height": result.height,
        "bits_per_pixel": round(result.bits_per_pixel, 4),
        "quality": round(result.quality, 2),
        "warnings": list(result.warnings),
    }
    if wanted.format == "json":
        limit = wanted.options.max_pixels
        bits = bits_map(inspect_jpeg(result.jpeg, max_pixels=limit).image)
        picture = _small(result.jpeg, limit)
        facts |= {"jpeg": _text(result.jpeg), "map": _drawn_map(result, picture), "bits": _drawing(picture, bits)}
    return Answer(result.jpeg, facts)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _small(jpeg: bytes, max_pixels: int | None) -> Image.Image:
    """The picture of a file in RGB, at most as large as a page shows it."""
    picture = Image.fromarray(load(jpeg, max_pixels=max_pixels).pixels).convert("RGB")
    picture.thumbnail((_DRAWN, _DRAWN))
    return picture


def _drawn_map(result: Compressed, picture: Image.Image) -> str | None:
    return None if result.saliency_map is None else _drawing(picture, result.saliency_map.pixels)


def _drawing(picture: Image.Image, values: NDArray[np.float32]) -> str:
    """A PNG file of values in heat colours over a picture."""
    scaled = np.asarray(Image.fromarray(values).resize(picture.size, Image.Resampling.BOX)).clip(0, 1)
    file = io.BytesIO()
    heatmap.over(np.asarray(picture), scaled).save(file, "PNG")
    return _text(file.getvalue())
