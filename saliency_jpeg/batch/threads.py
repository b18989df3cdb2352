"""A pipeline of threads for many images: decoding, the network in batches, and encoding overlap.

Each image passes three stages in one pool of threads and waits in between::

    decode  ->  group of consecutive images, limited by count and pixels  ->  maps of the group  ->  encode  ->  yield

Groups follow the order of the images and not the order in which they are decoded, so a run can be repeated bit by bit.
Without a network (no map, or a map of the caller's) an image needs no group and passes in one step.

The caller's thread reads the sources, one at a time as there is room, and yields the results. So little is read ahead,
and neither the iterable of sources nor the images in it need be thread-safe: what may change once the next one is asked
for (a file, the frame of a PIL image, the memory of an array) is read or copied before.
"""

from __future__ import annotations

import os
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Generic, Literal, Protocol, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, PresetError
from ..image.load import HeldSource, ImageSource, hold
from ..image.picture import Picture
from ..options import Options
from ..saliency.sources import has_network, resolve_many

__all__ = ["BATCH_SIZE", "ErrorMode", "StagedEncoder", "compress_many", "default_workers", "work_in_order"]

BATCH_SIZE: Final = 8
ErrorMode = Literal["raise", "return"]

_GROUP_PIXELS: Final = 16_000_000  # a group of this many is complete: batching gains nothing on large images
_READ_AHEAD: Final = 2  # images read for each result that is yielded, so that an empty pipeline fills again
_COMMON_ERRORS: Final = (OptionError, PresetError)  # that every image would raise


Result = TypeVar("Result")  # what the encoder makes of one image
Result_co = TypeVar("Result_co", covariant=True)


class StagedEncoder(Protocol[Result_co]):
    """An encoder whose stages can be called one by one, from any thread.

    :class:`saliency_jpeg.encoder.encoder.Encoder` implements it.
    """

    options: Options

    def compress(self, image: ImageSource | Picture) -> Result_co:
        """Runs all stages."""
        ...

    def load(self, image: ImageSource | Picture) -> Picture:
        """Decodes an image."""
        ...

    def passed(self, picture: Picture) -> Result_co | None:
        """Returns the result if the source file can be used unchanged, else ``None``."""
        ...

    def encode(self, picture: Picture, saliency: NDArray[np.float32] | None) -> Result_co:
        """Encodes a decoded image with its map, float32 (H, W) in [0, 1]."""
        ...


def default_workers() -> int:
    """Returns the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compress_many(
    encoder: StagedEncoder[Result],
    sources: Iterable[ImageSource],
    *,
    workers: int | None = None,
    batch_size: int = BATCH_SIZE,
    errors: ErrorMode = "raise",
) -> Generator[Result | Exception, None, None]:
    """Encodes many images; see :meth:`saliency_jpeg.Encoder.compress_many` for what it guarantees.

    Args:
        encoder: does the work of each stage.
        sources: images; read in the caller's thread, as there is room.
        workers: number of threads; ``None`` for one per CPU.
        batch_size: number of images that the network sees at once.
        errors: ``"raise"`` the first error, or ``"return"`` it in place of the result and go on.

    Returns:
        Results in the order of the sources.

    Raises:
        OptionError: an argument is out of range; raised at once, before the first image is read.
    """
    threads = _checked(workers, errors)
    _check_count("batch_size", batch_size)

    def pipeline() -> _Threads[Result]:
        if has_network(encoder.options.saliency):
            return _Pipeline(encoder, threads, batch_size)
        return _Threads(partial(_hold, encoder.options), encoder.compress, threads)

    return _results(pipeline, sources, errors == "return")


def work_in_order(
    work: Callable[[Any], Result],
    sources: Iterable[Any],
    *,
    hold: Callable[[Any], Any],
    workers: int | None = None,
    errors: ErrorMode = "raise",
) -> Generator[Result | Exception, None, None]:
    """Works on many images in threads, one step for each image.

    Args:
        work: takes what ``hold`` returned; called in several threads.
        sources: as for :func:`compress_many`.
        hold: takes a source and returns it as it is now; called in the caller's thread.
        workers: as for :func:`compress_many`.
        errors: as for :func:`compress_many`.

    Returns:
        Results in the order of the sources; at most twice ``workers`` images are held.

    Raises:
        OptionError: an argument is out of range; raised at once.
    """
    threads = _checked(workers, errors)
    return _results(lambda: _Threads(hold, work, threads), sources, errors == "return")


def _checked(workers: int | None, errors: str) -> int:
    """The number of threads."""
    threads = default_workers() if workers is None else workers
    _check_count("workers", threads)
    if errors not in get_args(ErrorMode):
        raise OptionError(f"errors must be one of {', '.join(map(repr, get_args(ErrorMode)))}, got {errors!r}")
    return threads


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise OptionError(f"{name} must be a positive integer, got {value!r}")


def _hold(options: Options, source: ImageSource) -> HeldSource:
    return hold(source, background=options.background, max_pixels=options.max_pixels)


def _results(
    make_pipeline: Callable[[], _Threads[Result]], sources: Iterable[Any], return_errors: bool
) -> Generator[Result | Exception, None, None]:
    pipeline = make_pipeline()
    reader = iter(sources)
    reading, source_error = True, None
    try:
        while True:
            to_read = _READ_AHEAD
            while reading and pipeline.has_room() and (to_read > 0 or not pipeline.is_next_done()):
                to_read -= 1
                try:
                    pipeline.add(next(reader))
                except StopIteration:
                    reading = False
                except Exception as error:  # of the iterable itself: raised after the results of what came before
                    reading, source_error = False, error
            if not reading:
                pipeline.finish()
            if not pipeline.pending:
                break
            outcome = _outcome(pipeline.pending.popleft().result, return_errors)
            yield outcome
    finally:
        pipeline.close()
    if source_error is not None:
        raise source_error


def _outcome(result: Future[Result], return_errors: bool) -> Result | Exception:
    try:
        return result.result()
    except Exception as error:
        if not return_errors or isinstance(error, _COMMON_ERRORS):
            raise
        _clear_frames(error)
        return error


def _clear_frames(error: BaseException | None) -> None:
    """Releases the images that the stack frames of a returned error would keep in memory."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


@dataclass(eq=False)
class _PendingImage(Generic[Result]):
    """One image in the pipeline.

    Attributes:
        result: set when the image is done.
        decoded: whether the first stage is over, with or without success.
        picture: the decoded image while it waits for its map and its encoding.
        pixels: number of pixels of that picture.
    """

    result: Future[Result] = field(default_factory=Future)
    decoded: bool = False
    picture: Picture | None = None
    pixels: int = 0


class _Threads(Generic[Result]):
    """A pool of threads and the images in it, each of which takes one step.

    Attributes:
        pending: images whose results were not yielded yet, in order; only the caller's thread touches it.
    """

    def __init__(self, hold: Callable[[Any], Any], work: Callable[[Any], Result], workers: int) -> None:
        self.pending: deque[_PendingImage[Result]] = deque()
        self._hold, self._work = hold, work
        self._always_admitted = 2 * workers  # for each thread one image to work on and one that is ready
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="saliency_jpeg")

    def has_room(self) -> bool:
        """Returns whether one more image may be added."""
        return len(self.pending) < self._always_admitted

    def is_next_done(self) -> bool:
        """Returns whether the next result is ready."""
        return bool(self.pending) and self.pending[0].result.done()

    def add(self, source: Any) -> None:
        """Adds an image as it is now; if it cannot be read, its result is the error."""
        item: _PendingImage[Result] = _PendingImage()
        self.pending.append(item)
        try:
            held = self._hold(source)
        except Exception as error:
            item.result.set_exception(error)
            return
        self._begin(item, held)

    def finish(self) -> None:
        """Tells that no more images follow."""

    def close(self) -> None:
        """Cancels work that has not begun and waits for the rest."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _begin(self, item: _PendingImage[Result], held: Any) -> None:
        self._pool.submit(_run, partial(self._work, held), item.result)


class _Pipeline(_Threads[Result]):
    """Threads and the group of images that is being filled for the network."""

    def __init__(self, encoder: StagedEncoder[Result], workers: int, batch_size: int) -> None:
        super().__init__(partial(_hold, encoder.options), encoder.compress, workers)
        self._encoder = encoder
        self._batch_size = batch_size
        self._capacity = self._always_admitted + 2 * batch_size
        self._lock = threading.Lock()  # guards everything below
        self._decoding: deque[_PendingImage[Result]] = deque()
        self._group: list[_PendingImage[Result]] = []
        self._finished = self._closed = False

    def has_room(self) -> bool:
        """Returns whether one more image may be added.

        Beyond ``_always_admitted`` images their pixels are limited to two groups' worth as well. At least one group is
        then complete and on its way, so the pipeline cannot wait forever.
        """
        if super().has_room():
            return True
        return len(self.pending) < self._capacity and sum(item.pixels for item in self.pending) < 2 * _GROUP_PIXELS

    def finish(self) -> None:
        """Tells that no more images follow, so that the last group need not be full."""
        with self._lock:
            self._finished = True
            self._advance()

    def close(self) -> None:
        """Cancels work that has not begun and waits for the rest."""
        with self._lock:
            self._closed = True
        super().close()

    def _begin(self, item: _PendingImage[Result], held: HeldSource) -> None:
        with self._lock:
            self._decoding.append(item)
        self._pool.submit(self._decode, item, held)

    def _decode(self, item: _PendingImage[Result], held: HeldSource) -> None:
        try:
            picture = self._encoder.load(held)
            unchanged = self._encoder.passed(picture)
            if unchanged is None:
                item.picture, item.pixels = picture, picture.pixels.shape[0] * picture.pixels.shape[1]
            else:  # needs no map, so it takes no place in a group
                item.result.set_result(unchanged)
        except BaseException as error:
            item.result.set_exception(error)
        with self._lock:
            item.decoded = True
            self._advance()

    def _advance(self) -> None:
        """Moves decoded images into the group, in order, and submits complete groups; the lock must be held."""
        while self._decoding and self._decoding[0].decoded:
            item = self._decoding.popleft()
            if item.picture is not None:
                self._group.append(item)
            if len(self._group) >= self._batch_size or sum(i.pixels for i in self._group) >= _GROUP_PIXELS:
                self._submit_group()
        if self._finished and not self._decoding and self._group:
            self._submit_group()

    def _submit_group(self) -> None:
        group, self._group = self._group, []
        if not self._closed:
            self._pool.submit(self._predict, group)

    def _predict(self, group: Sequence[_PendingImage[Result]]) -> None:
        """Makes the maps of a group; if that fails, image by image, so that only the bad image has an error."""
        options = self._encoder.options
        pictures = [item.picture for item in group if item.picture is not None]
        try:
            maps = resolve_many(options.saliency, pictures, device=options.device)
        except BaseException as error:
            if len(group) == 1:
                group[0].result.set_exception(error)
            else:
                for item in group:
                    self._predict([item])
            return
        with self._lock:
            if not self._closed:
                for item, saliency in zip(group, maps, strict=True):
                    self._pool.submit(_run, self._encoding(item, saliency), item.result)

    def _encoding(self, item: _PendingImage[Result], saliency: NDArray[np.float32] | None) -> Callable[[], Result]:
        """The last stage as a function, which alone holds the picture: its memory is free once it is encoded."""
        picture, item.picture = item.picture, None
        assert picture is not None
        return partial(self._encoder.encode, picture, saliency)


def _run(work: Callable[[], Result], result: Future[Result]) -> None:
    try:
        result.set_result(work())
    except BaseException as error:
        result.set_exception(error)
