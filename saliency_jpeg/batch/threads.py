"""Many images on one machine: decoding, the network in batches, and coding overlap in a few threads.

An image passes three stages, all in one pool of threads, and waits in between::

    decode  ->  group of neighbours, closed by count or by pixels  ->  map of the group  ->  code  ->  in order, out

Groups are formed in the order of the images, never by who happens to be ready, so a run can be repeated bit by bit.
Where there is no network to feed (no map, or a map of the caller's own) an image goes straight through.

The caller's thread reads the images, one by one as room is made, and hands out the results; so nothing is read far
ahead, and an image source need not be safe to use from other threads.
"""

from __future__ import annotations

import os
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, PresetError
from ..image.load import ImageSource, Picture
from ..options import Options
from ..saliency.sources import has_network, resolve_many

__all__ = ["BATCH_SIZE", "ERRORS", "Stages", "compress_many", "default_workers"]

BATCH_SIZE: Final = 8
ERRORS: Final = ("raise", "return")
_GROUP_PIXELS: Final = 16_000_000  # a group that holds so many is closed: batching gains nothing on large images
_READ_AT_ONCE: Final = 2  # images read after one was handed out, so that a pipeline that ran low fills again
_OF_ALL: Final = (OptionError, PresetError)  # errors that every image would meet


Result = TypeVar("Result")  # what becomes of one image
Made = TypeVar("Made", covariant=True)


class Stages(Protocol[Made]):
    """What an encoder does, one call a stage, from any thread; :class:`.encoder.Encoder` is meant."""

    options: Options

    def compress(self, image: ImageSource) -> Made: ...

    def load(self, image: ImageSource) -> Picture: ...

    def passed(self, picture: Picture) -> Made | None: ...

    def encode(self, picture: Picture, saliency: NDArray[np.float32] | None) -> Made: ...


def default_workers() -> int:
    """The number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compress_many(
    encoder: Stages[Result],
    sources: Iterable[ImageSource],
    *,
    workers: int | None = None,
    batch_size: int = BATCH_SIZE,
    errors: str = "raise",
) -> Iterator[Result | Exception]:
    """What :meth:`.encoder.Encoder.compress_many` promises.

    Raises:
        OptionError: an argument is out of range; at once, before the first image is asked for.
    """
    threads = default_workers() if workers is None else workers
    for name, value in (("workers", threads), ("batch_size", batch_size)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise OptionError(f"{name} must be a positive integer, got {value!r}")
    if errors not in ERRORS:
        raise OptionError(f"errors must be one of {', '.join(map(repr, ERRORS))}, got {errors!r}")
    return _results(encoder, sources, threads, batch_size, errors == "return")


@dataclass(eq=False)
class _Item(Generic[Result]):
    """One image on its way."""

    result: Future[Result] = field(default_factory=Future)
    decoded: bool = False
    picture: Picture | None = None
    pixels: int = 0


def _results(
    encoder: Stages[Result], sources: Iterable[ImageSource], workers: int, batch_size: int, return_errors: bool
) -> Iterator[Result | Exception]:
    line = _Line(encoder, workers, batch_size)
    reader = iter(sources)
    reading, failure = True, None
    try:
        while True:
            to_read = _READ_AT_ONCE
            while reading and line.has_room() and (to_read > 0 or not line.is_first_done()):
                to_read -= 1
                try:
                    line.add(next(reader))
                except StopIteration:
                    reading = False
                except Exception as error:  # of the source itself: raised in its turn, behind what came before
                    reading, failure = False, error
            if not reading:
                line.finish()
            if not line.waiting:
                break
            outcome = _outcome(line.waiting.popleft().result, return_errors)
            yield outcome
    finally:
        line.close()
    if failure is not None:
        raise failure


def _outcome(result: Future[Result], return_errors: bool) -> Result | Exception:
    try:
        return result.result()
    except Exception as error:
        if not return_errors or isinstance(error, _OF_ALL):
            raise
        _forget_frames(error)
        return error


def _forget_frames(error: BaseException | None) -> None:
    """Lets go of the images that the frames of a kept error would hold on to."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


class _Line(Generic[Result]):
    """The threads, the images on their way, in order, and the group that is being formed."""

    def __init__(self, encoder: Stages[Result], workers: int, batch_size: int) -> None:
        self.waiting: deque[_Item[Result]] = deque()  # not handed out yet; only touched by the caller's thread
        self._encoder = encoder
        self._batched = has_network(encoder.options.saliency)
        self._batch_size = batch_size
        self._fewest = 2 * workers  # images that are always let in: one to work on for each thread, and one ready
        self._most = self._fewest + (2 * batch_size if self._batched else 0)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="saliency_jpeg")
        self._lock = threading.Lock()  # of what follows
        self._decoding: deque[_Item[Result]] = deque()
        self._group: list[_Item[Result]] = []
        self._finished = self._closed = False

    def has_room(self) -> bool:
        """Whether one more image may be taken in.

        While more than ``_fewest`` are in, their pixels are limited as well, to two groups' worth; then at least one
        group is closed and on its way, so that this never waits for ever.
        """
        if len(self.waiting) < self._fewest:
            return True
        return len(self.waiting) < self._most and sum(item.pixels for item in self.waiting) < 2 * _GROUP_PIXELS

    def is_first_done(self) -> bool:
        """Whether the next result is there."""
        return bool(self.waiting) and self.waiting[0].result.done()

    def add(self, source: ImageSource) -> None:
        """Takes an image in."""
        item: _Item[Result] = _Item()
        self.waiting.append(item)
        if self._batched:
            with self._lock:
                self._decoding.append(item)
            self._pool.submit(self._decode, item, source)
        else:
            self._pool.submit(_settle, item.result, partial(self._encoder.compress, source))

    def finish(self) -> None:
        """No more images will come: the last group is closed as soon as its images are decoded."""
        with self._lock:
            self._finished = True
            self._advance()

    def close(self) -> None:
        """Drops what has not begun and waits for what has."""
        with self._lock:
            self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _decode(self, item: _Item[Result], source: ImageSource) -> None:
        try:
            picture = self._encoder.load(source)
            found = self._encoder.passed(picture)
            if found is None:
                item.picture, item.pixels = picture, picture.pixels.shape[0] * picture.pixels.shape[1]
            else:  # a file that is passed on takes no part in a group
                item.result.set_result(found)
        except BaseException as error:
            item.result.set_exception(error)
        with self._lock:
            item.decoded = True
            self._advance()

    def _advance(self) -> None:
        """Moves decoded images, in order, into the group, and sends groups on; the lock is held."""
        while self._decoding and self._decoding[0].decoded:
            item = self._decoding.popleft()
            if item.picture is not None:
                self._group.append(item)
            if len(self._group) >= self._batch_size or sum(i.pixels for i in self._group) >= _GROUP_PIXELS:
                self._send()
        if self._finished and not self._decoding and self._group:
            self._send()

    def _send(self) -> None:
        group, self._group = self._group, []
        if not self._closed:
            self._pool.submit(self._map, group)

    def _map(self, group: Sequence[_Item[Result]]) -> None:
        """Maps of a group; where a batch fails, one by one, so that an image harms none but itself."""
        options = self._encoder.options
        pictures = [item.picture for item in group if item.picture is not None]
        try:
            maps = resolve_many(options.saliency, pictures, device=options.device)
        except BaseException as error:
            if len(group) == 1:
                group[0].result.set_exception(error)
            else:
                for item in group:
                    self._map([item])
            return
        with self._lock:
            if not self._closed:
                for item, saliency in zip(group, maps, strict=True):
                    self._pool.submit(_settle, item.result, self._coding(item, saliency))

    def _coding(self, item: _Item[Result], saliency: NDArray[np.float32] | None) -> Callable[[], Result]:
        picture, item.picture = item.picture, None  # it goes when it is coded, not when the result is taken
        assert picture is not None
        return partial(self._encoder.encode, picture, saliency)


def _settle(result: Future[Result], work: Callable[[], Result]) -> None:
    try:
        result.set_result(work())
    except BaseException as error:
        result.set_exception(error)
