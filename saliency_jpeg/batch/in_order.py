"""Work on many images in threads, with the results in their order.

The caller's thread reads the sources, one at a time as there is room, and yields the results. So little is read ahead,
and neither the iterable of sources nor the images in it need be thread-safe: what may change once the next one is asked
for (a file, the frame of a PIL image, the memory of an array) is read or copied before.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Generic, Literal, TypeVar, get_args

from ..checks import check_count, check_one_of
from ..errors import OptionError, PresetError
from ..image.picture import Picture
from ..io import available_cpus

__all__ = [
    "ErrorMode",
    "PendingImage",
    "Threads",
    "checked_workers",
    "results_of",
    "run",
    "work_in_order",
]

ErrorMode = Literal["raise", "return"]

_READ_AHEAD: Final = 2  # images read for each result that is yielded, so that an empty pipeline fills again
_COMMON_ERRORS: Final = (OptionError, PresetError)  # that every image would raise

Result = TypeVar("Result")  # what is made of one image


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
        Results in the order of the sources. At most twice ``workers`` images are worked on or wait for it, and as many
        results wait for an earlier one.

    Raises:
        OptionError: an argument is out of range; raised at once.
    """
    threads = checked_workers(workers, errors)
    return results_of(lambda: Threads(hold, work, threads), sources, errors == "return")


def checked_workers(workers: int | None, errors: str) -> int:
    """Returns the number of threads.

    Raises:
        OptionError: it is less than 1, or ``errors`` is unknown.
    """
    threads = available_cpus() if workers is None else workers
    check_count("workers", threads)
    check_one_of("errors", errors, get_args(ErrorMode))
    return int(threads)


def results_of(
    make_threads: Callable[[], Threads[Result]], sources: Iterable[Any], return_errors: bool
) -> Generator[Result | Exception, None, None]:
    """Yields results in the order of the sources.

    Args:
        make_threads: called when the first result is asked for.
        sources: read in the caller's thread, as there is room.
        return_errors: yield an error in place of the result and go on.
    """
    pipeline = make_threads()
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
            if reading and pipeline.wait_for_room():
                continue
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
class PendingImage(Generic[Result]):
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


class Threads(Generic[Result]):
    """A pool of threads and the images in it, each of which takes one step.

    Results that wait for an earlier one take no room until they are as many as the images that may be worked on: else a
    large image would stop the work on all that follow.

    Attributes:
        pending: images whose results were not yielded yet, in order; only the caller's thread touches it.
    """

    def __init__(self, hold: Callable[[Any], Any], work: Callable[[Any], Result], workers: int) -> None:
        self.pending: deque[PendingImage[Result]] = deque()
        self._hold, self._work = hold, work
        self._always_admitted = 2 * workers  # for each thread one image to work on and one that is ready
        self._capacity = 2 * self._always_admitted  # with the results that wait for an earlier one
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="saliency_jpeg")

    def has_room(self) -> bool:
        """Returns whether one more image may be added."""
        return len(self.pending) < self._capacity and len(self._unfinished()) < self._always_admitted

    def is_next_done(self) -> bool:
        """Returns whether the next result is ready."""
        return bool(self.pending) and self.pending[0].result.done()

    def wait_for_room(self) -> bool:
        """Waits until the next result is ready or a later one has made room; returns whether it is the latter."""
        while not self.is_next_done() and len(self.pending) < self._capacity:
            wait([item.result for item in self._unfinished()], return_when=FIRST_COMPLETED)
            if self.has_room():
                return not self.is_next_done()
        return False

    def add(self, source: Any) -> None:
        """Adds an image as it is now; if it cannot be read, its result is the error."""
        item: PendingImage[Result] = PendingImage()
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

    def _unfinished(self) -> list[PendingImage[Result]]:
        return [item for item in self.pending if not item.result.done()]

    def _begin(self, item: PendingImage[Result], held: Any) -> None:
        self._pool.submit(run, partial(self._work, held), item.result)


def run(work: Callable[[], Result], result: Future[Result]) -> None:
    """Sets a result, or the error in its place."""
    try:
        result.set_result(work())
    except BaseException as error:
        result.set_exception(error)
