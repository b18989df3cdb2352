"""A pipeline of threads for many images: decoding, the network in batches, and encoding overlap.

Each image passes three stages in one pool of threads and waits in between::

    decode  ->  group of consecutive images, limited by count and pixels  ->  maps of the group  ->  encode  ->  yield

Groups follow the order of the images and not the order in which they are decoded, so a run can be repeated bit by bit.
A group with gaps, of images that need no map or cannot be read, is closed after a number of images of any kind.
Without a network (no map, or a map of the caller's) an image needs no group and passes in one step.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial
from typing import Final, Protocol, TypeVar

from ..checks import check_count
from ..image.load import HeldSource, ImageSource, hold
from ..image.picture import Picture
from ..options import Options
from ..saliency.lazy_map import SaliencyMap
from ..saliency.sources import has_network, resolve_many
from .in_order import ErrorMode, PendingImage, Threads, checked_workers, results_of, run

__all__ = ["BATCH_SIZE", "StagedEncoder", "compress_many"]

BATCH_SIZE: Final = 8

_GROUP_PIXELS: Final = 16_000_000  # a group of this many is complete: batching gains nothing on large images


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

    def encode(self, picture: Picture, saliency: SaliencyMap | None) -> Result_co:
        """Encodes a decoded image with its map."""
        ...


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
    threads = checked_workers(workers, errors)
    check_count("batch_size", batch_size)

    def pipeline() -> Threads[Result]:
        if has_network(encoder.options.saliency):
            return _Pipeline(encoder, threads, batch_size)
        return Threads(partial(_hold, encoder.options), encoder.compress, threads)

    return results_of(pipeline, sources, errors == "return")


def _hold(options: Options, source: ImageSource) -> HeldSource:
    return hold(source, background=options.background, max_pixels=options.max_pixels)


class _Pipeline(Threads[Result]):
    """Threads and the group of images that is being filled for the network."""

    def __init__(self, encoder: StagedEncoder[Result], workers: int, batch_size: int) -> None:
        super().__init__(partial(_hold, encoder.options), encoder.compress, workers)
        self._encoder = encoder
        self._batch_size = batch_size
        self._longest = 2 * batch_size  # sources from the first of a group to its last, gaps included
        self._most_unfinished = self._always_admitted + self._longest
        self._capacity = 2 * self._most_unfinished
        self._lock = threading.Lock()  # guards everything below
        self._decoding: deque[PendingImage[Result]] = deque()
        self._group: list[PendingImage[Result]] = []
        self._length = 0  # of the group, gaps included
        self._finished = self._closed = False

    def has_room(self) -> bool:
        """Returns whether one more image may be added.

        Beyond ``_always_admitted`` unfinished images their pixels are limited to two groups' worth as well. At least
        one group is then complete and on its way, so the pipeline cannot wait forever. Nor can it with many finished
        images behind a group that is not complete: that is closed before they are as many as the capacity.
        """
        if super().has_room():
            return True
        unfinished = self._unfinished()
        has_place = len(self.pending) < self._capacity and len(unfinished) < self._most_unfinished
        return has_place and sum(item.pixels for item in unfinished) < 2 * _GROUP_PIXELS

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

    def _begin(self, item: PendingImage[Result], held: HeldSource) -> None:
        with self._lock:
            self._decoding.append(item)
        self._pool.submit(self._decode, item, held)

    def _decode(self, item: PendingImage[Result], held: HeldSource) -> None:
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
            self._length += bool(self._group)
            if self._is_complete():
                self._submit_group()
        if self._finished and not self._decoding and self._group:
            self._submit_group()

    def _is_complete(self) -> bool:
        is_full = len(self._group) >= self._batch_size or self._length >= self._longest
        return is_full or sum(item.pixels for item in self._group) >= _GROUP_PIXELS

    def _submit_group(self) -> None:
        group, self._group, self._length = self._group, [], 0
        if not self._closed:
            self._pool.submit(self._predict, group)

    def _predict(self, group: Sequence[PendingImage[Result]]) -> None:
        """Makes the maps of a group; if that fails, image by image, so that only the bad image has an error."""
        options = self._encoder.options
        pictures = [item.picture for item in group if item.picture is not None]
        try:
            maps = resolve_many(options.saliency, pictures, device=options.device, threads=options.threads)
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
                    self._pool.submit(run, self._encoding(item, saliency), item.result)

    def _encoding(self, item: PendingImage[Result], saliency: SaliencyMap | None) -> Callable[[], Result]:
        """The last stage as a function, which alone holds the picture: its memory is free once it is encoded."""
        picture, item.picture = item.picture, None
        assert picture is not None
        return partial(self._encoder.encode, picture, saliency)
