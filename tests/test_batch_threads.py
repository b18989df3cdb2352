"""Many images at once: order, batches, errors in their place, little held at a time, and an early end."""

# mypy: disable-error-code="func-returns-value"
from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import Pixels, encoded
from numpy.typing import NDArray
from PIL import Image

from saliency_jpeg import Compressed, Encoder, InputError, OptionError, PresetError, TargetError
from saliency_jpeg.batch import threads
from saliency_jpeg.batch.in_order import work_in_order
from saliency_jpeg.image.load import ImageSource
from saliency_jpeg.image.picture import Picture
from saliency_jpeg.saliency import combine


class Model:
    """A network that is none: bright pixels are salient. Takes note of the batches it is given."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[int, ...]]] = []
        self.running = threading.Lock()

    def predict(self, rgb: Pixels) -> NDArray[np.float32]:
        if rgb.shape[0] == 13:
            raise ValueError("thirteen rows bring bad luck")
        return rgb.reshape(*rgb.shape[:2], -1)[..., 0].astype(np.float32) / np.float32(255)

    def predict_batch(self, images: list[Pixels]) -> list[NDArray[np.float32]]:
        with self.running:
            self.batches.append([image.shape for image in images])
        return [self.predict(image) for image in images]


def pictures(count: int, width: int = 40) -> list[Pixels]:
    random = np.random.default_rng(5)
    return [random.integers(0, 256, (16 + i, width, 3), np.uint8) for i in range(count)]


def until(condition: Callable[[], bool]) -> None:
    """Waits for something that other threads bring about."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("batch_size", [1, 3, 8])
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_are_those_of_one_at_a_time(workers: int, batch_size: int) -> None:
    encoder = Encoder(target_kb=1.5, saliency=Model())
    images = pictures(11)
    expected = [encoder.compress(image) for image in images]
    many = list(encoder.compress_many(iter(images), workers=workers, batch_size=batch_size))
    assert [result.jpeg for result in many] == [result.jpeg for result in expected]
    for one, other in zip(many, expected, strict=True):
        np.testing.assert_array_equal(one.saliency, other.saliency)


def test_batches_follow_the_order_of_the_images_whatever_is_ready_first() -> None:
    images: list[Pixels | bytes] = [*pictures(10)]
    images[1:1] = [b"no image"]
    wanted = [[16, 17, 18], [19, 20, 21], [22, 23, 24], [25]]  # rows; what cannot be read takes no place
    for _ in range(5):
        model = Model()
        encoder = Encoder(quality=40, saliency=model)
        list(encoder.compress_many(images, workers=3, batch_size=3, errors="return"))
        assert sorted([shape[0] for shape in batch] for batch in model.batches) == wanted


def test_large_images_make_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_GROUP_PIXELS", 1000)  # of 640 and more in each
    model = Model()
    list(Encoder(quality=40, saliency=model).compress_many(pictures(6), workers=2))
    assert sorted(len(batch) for batch in model.batches) == [2, 2, 2]


def test_turned_photographs_are_seen_upright_in_batches() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    jpeg = encoded(pictures(1, width=64)[0], exif=exif)
    model = Model()
    encoder = Encoder(quality=40, saliency=model)
    (result,) = encoder.compress_many([jpeg])
    assert model.batches == [[(64, 16, 3)]]
    assert result.saliency is not None
    assert result.saliency.shape == (16, 64)
    np.testing.assert_array_equal(result.saliency, encoder.compress(jpeg).saliency)


def test_models_among_other_kinds_are_batched_too() -> None:
    model = Model()
    saliency = combine(model, [(0, 0, 8, 8)], ignore=[(30, 0, 40, 40)])
    encoder = Encoder(quality=40, saliency=saliency)
    images = pictures(4)
    many = list(encoder.compress_many(images, workers=2, batch_size=4))
    assert [len(batch) for batch in model.batches] == [4]
    for image, result in zip(images, many, strict=True):
        np.testing.assert_array_equal(result.saliency, encoder.compress(image).saliency)
        assert result.saliency is not None
        assert result.saliency[:8, :8].min() == 1
        assert result.saliency[:, 30:].max() == 0


def test_files_that_are_small_enough_pass_beside_the_batches() -> None:
    model = Model()
    encoder = Encoder(target_kb=3, saliency=model)
    small = Encoder(quality=20, saliency=None).compress(pictures(1)[0]).jpeg
    results = list(encoder.compress_many([*pictures(2), small, *pictures(1)], batch_size=3))
    assert results[2].jpeg == small
    assert results[2].passed_through
    assert [len(batch) for batch in model.batches] == [3]


@pytest.mark.parametrize("gap", [Encoder(quality=5, saliency=None).compress(pictures(1)[0]).jpeg, b"no image"])
def test_gaps_in_a_group_do_not_keep_it_waiting(gap: bytes) -> None:
    model = Model()
    sources: list[ImageSource] = [pictures(1)[0], *[gap] * 60, *pictures(3)]
    results: list[Compressed | Exception] = []
    encoder = Encoder(target_kb=3, saliency=model)
    many = encoder.compress_many(sources, workers=2, batch_size=2, errors="return")
    thread = threading.Thread(target=results.extend, args=(many,), daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert len(results) == 64
    assert sorted(len(batch) for batch in model.batches) == [1, 1, 2]


# Errors -------------------------------------------------------------------------------------------------------------


def test_errors_stand_in_their_place() -> None:
    good = pictures(3)
    unlucky = pictures(1)[0][:13]
    missing = Path("there/is/no/such.png")
    for saliency in (None, Model()):
        encoder = Encoder(quality=40, saliency=saliency)
        sources: list[ImageSource] = [good[0], b"no image", good[1], missing, unlucky, good[2]]
        results = list(encoder.compress_many(sources, workers=2, errors="return"))
        bad = [InputError, FileNotFoundError, *([ValueError] if saliency else [])]
        assert [type(result) for result in results if isinstance(result, Exception)] == bad
        for position, image in ((0, good[0]), (2, good[1]), (5, good[2])):
            assert results[position].jpeg == encoder.compress(image).jpeg  # type: ignore[union-attr]


def test_the_first_error_is_raised_where_its_image_stands() -> None:
    results = Encoder(quality=40, saliency=None).compress_many([*pictures(1), b"no image", *pictures(1)])
    assert next(results).jpeg
    with pytest.raises(InputError):
        next(results)
    assert next(results, None) is None


def test_a_returned_error_holds_no_images() -> None:
    (error,) = Encoder(target_kb=0.3, saliency=None).compress_many(pictures(1), errors="return")
    assert isinstance(error, TargetError)
    assert len(error.best) > 300
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_next is not None:  # the frame of the thread's own loop is still running
            assert not any(isinstance(value, np.ndarray) for value in trace.tb_frame.f_locals.values())
        trace = trace.tb_next


def test_errors_of_the_options_and_of_the_source_are_always_raised() -> None:
    for wrong in ({"saliency": "nonesuch"}, {"saliency": [(1, 2)]}):
        with pytest.raises((PresetError, OptionError)):
            list(Encoder(**wrong).compress_many(pictures(2), errors="return"))

    def sources() -> Iterator[Pixels]:
        yield from pictures(3)
        raise RuntimeError("the disk is gone")

    results = Encoder(quality=40, saliency=None).compress_many(sources(), errors="return")
    assert len(list(itertools.islice(results, 3))) == 3
    with pytest.raises(RuntimeError, match="the disk is gone"):
        next(results)


@pytest.mark.parametrize("name", ["workers", "batch_size"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True])
def test_wrong_arguments_are_refused_at_once(name: str, value: object) -> None:
    with pytest.raises(OptionError, match=rf"{name} .*got {value!r}"):
        Encoder(saliency=None).compress_many([], **{name: value})  # type: ignore[call-overload]
    with pytest.raises(OptionError, match=r"errors must be .*got 'ignore'"):
        Encoder(saliency=None).compress_many([], errors="ignore")  # type: ignore[call-overload]


# How much, how long -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("saliency", "most"), [(None, 2 * 4), (Model(), 2 * (4 + 2 * 3))])
def test_few_images_are_taken_at_a_time(saliency: Model | None, most: int) -> None:
    taken = []

    def sources() -> Iterator[Pixels]:
        for image in itertools.cycle(pictures(5)):
            taken.append(image)
            yield image

    results = Encoder(quality=40, saliency=saliency).compress_many(sources(), workers=2, batch_size=3)
    for given in range(60):
        assert next(results).jpeg
        assert len(taken) <= given + 1 + most
    results.close()
    assert len(taken) <= 60 + most


def test_pixels_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    may_finish = threading.Event()

    class Waiting(Model):
        def predict_batch(self, images: list[Pixels]) -> list[NDArray[np.float32]]:
            assert may_finish.wait(30)
            return super().predict_batch(images)

    monkeypatch.setattr(threads, "_GROUP_PIXELS", 1500)
    pipeline = threads._Pipeline(Encoder(quality=40, saliency=Waiting()), 2, 8)
    try:
        for image in pictures(5):  # about 700 pixels each: five are more than two groups' worth
            assert pipeline.has_room()
            pipeline.add(image)
        until(lambda: all(item.pixels for item in pipeline.pending))
        assert not pipeline.has_room()
        assert len(pipeline.pending) < pipeline._most_unfinished
        may_finish.set()
        until(pipeline.has_room)
    finally:
        pipeline.close()


def test_a_slow_image_does_not_stop_those_that_follow() -> None:
    done: list[int] = []

    def work(number: int) -> int:
        if number == 0:
            until(lambda: len(done) == 7)
        done.append(number)
        return number

    assert list(work_in_order(work, range(20), hold=lambda number: number, workers=2)) == list(range(20))
    assert done[7] == 0


def test_a_result_that_is_there_does_not_wait_for_slow_sources() -> None:
    finished = []

    class Counting(Encoder):
        def compress(self, image: ImageSource | Picture) -> Compressed:
            result = super().compress(image)
            finished.append(result)
            return result

    taken: list[Pixels] = []

    def sources() -> Iterator[Pixels]:
        for image in pictures(9):
            until(lambda: len(finished) == len(taken))
            taken.append(image)
            yield image

    results = Counting(quality=40, saliency=None).compress_many(sources(), workers=4)
    for given in range(9):
        assert next(results).jpeg
        assert len(taken) <= 2 * (given + 1)  # though there is room for eight


def test_closing_early_ends_the_threads_and_drops_the_rest() -> None:
    before = threading.active_count()
    encoded = []

    class Counting(Model):
        def predict(self, rgb: Pixels) -> NDArray[np.float32]:
            encoded.append(rgb.shape)
            return super().predict(rgb)

    results = Encoder(quality=40, saliency=Counting()).compress_many(
        itertools.cycle(pictures(4)), workers=2, batch_size=2
    )
    next(results)
    results.close()
    count = len(encoded)
    assert threading.active_count() == before
    assert count <= 2 * (2 * 2 + 2 * 2)  # images of two workers and two groups, and as many results that wait
    assert next(results, None) is None
    assert len(encoded) == count


def test_nothing_begins_before_the_first_result_is_asked_for() -> None:
    taken = []
    results = Encoder(saliency=None).compress_many(taken.append(i) or image for i, image in enumerate(pictures(2)))
    assert not taken
    assert len(list(results)) == 2


@pytest.mark.tensorflow
def test_the_real_network_in_batches(photo: Pixels) -> None:
    """A batch may be rounded differently, by a level of the grid here and there; batches of one may not."""
    images = [photo, photo[:, ::-1], photo[:400, :500], photo[::-1], photo[:, :300]]
    encoder = Encoder(quality=50)
    expected = [encoder.compress(image) for image in images]
    for result, one in zip(encoder.compress_many(images, batch_size=4), expected, strict=True):
        assert result.saliency is not None
        assert one.saliency is not None
        assert np.abs(result.saliency - one.saliency).max() < 0.02
        assert (result.saliency == one.saliency).mean() > 0.8
    assert [r.jpeg for r in encoder.compress_many(images, batch_size=1)] == [one.jpeg for one in expected]
