"""Threads inside one picture: the same file and the same arrays for any number of them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from helpers import photo
from numpy.typing import NDArray

import saliency_jpeg
from saliency_jpeg import Encoder, OptionError, Options, recompress
from saliency_jpeg.codec import _core
from saliency_jpeg.saliency import litert

LARGE = np.tile(photo(448, 300, 60, 90), (2, 3, 1))  # 806,400 pixels: enough for six threads


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 75},
        {"quality": 95, "subsampling": "4:4:4"},
        {"quality": 40, "progressive": False, "restart_interval": 7},
        {"target_kb": 40},
        {"quality": 60, "effort": 1},
        {"quality": 60, "layers": "widths"},
    ],
    ids=str,
)
def test_files_are_the_same_for_any_number_of_threads(options: dict[str, Any]) -> None:
    one, *others = (saliency_jpeg.compress(LARGE, saliency=None, threads=n, **options) for n in (1, 2, 5))
    assert [one] * 2 == others


def test_gray_files_and_recompressed_ones_are_the_same_too() -> None:
    gray = np.ascontiguousarray(LARGE[..., 1])
    one, four = (saliency_jpeg.compress(gray, quality=70, saliency=None, threads=n) for n in (1, 4))
    assert one == four
    smaller = [recompress(one, target_kb=0.7 * len(one) / 1000, saliency=None, threads=n) for n in (1, 4)]
    assert smaller[0] == smaller[1]


@pytest.mark.parametrize(("h", "v"), [(1, 1), (2, 2), (2, 1), (1, 2), (4, 1), (3, 3)])
def test_arrays_are_the_same_for_any_number_of_threads(h: int, v: int) -> None:
    image = np.ascontiguousarray(LARGE[:875, :893])
    alone = _core.forward_dct(image, h, v)
    for found, wanted in zip(_core.forward_dct(image, h, v, threads=3), alone, strict=True):
        np.testing.assert_array_equal(found, wanted)
    dc, activity, chroma = _core.analyze(image, h, v, threads=3)
    np.testing.assert_array_equal(dc, alone[0][..., 0])
    np.testing.assert_allclose(activity, np.square(alone[0][..., 1:].astype(np.float64)).sum(-1), rtol=1e-12)
    for found, wanted in zip(chroma, alone[1:], strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_boxes_of_chroma_by_hand_and_by_threads() -> None:
    image = np.full((6, 7, 3), 100, np.uint8)
    image[2, 3] = (200, 100, 100)  # in one box at even places and one at odd ones
    found = _core.chroma_boxes(image, 96, 100)
    assert found.tolist() == [[1, 0, 8], [1, 0, 5]]
    many = [_core.chroma_boxes(LARGE, 96, 32, threads=n).tolist() for n in (1, 4)]
    assert many[0] == many[1]


def test_workers_share_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int | None] = []
    for module in ("encoder.encoder", "batch.in_order"):
        monkeypatch.setattr(f"saliency_jpeg.{module}.available_cpus", lambda: 8)
    monkeypatch.setattr(
        "saliency_jpeg.encoder.encoder.threads.compress_many",
        lambda encoder, *_, **__: seen.append(encoder.options.threads),
    )
    encoder = Encoder(quality=70, saliency=None)
    for workers in (None, 3, 2, 1, 16):
        encoder.compress_many([], workers=workers)
    Encoder(encoder.options, threads=5).compress_many([], workers=2)
    assert seen == [1, 2, 4, 8, 1, 5]


def test_small_pictures_use_one_thread() -> None:
    assert Options(threads=8).threads_for(100, 100) == 1
    assert Options(threads=8).threads_for(10_000, 10_000) == 8
    assert Options(threads=2).threads_for(512, 1024) == 2


@pytest.mark.parametrize("threads", [0, 1025, 1.5, True, "2"])
def test_wrong_numbers_of_threads(threads: Any) -> None:
    with pytest.raises(OptionError, match=r"threads must be an integer from 1 to 1024, or None .*, got"):
        Options(threads=threads)
    if isinstance(threads, int) and threads != 1:
        with pytest.raises(ValueError, match=r"threads must be in 1\.\.1024"):
            _core.forward_dct(LARGE, threads=threads)


class Crowd:
    """Makes interpreters that do nothing, and counts how many of them are at work at once."""

    def __init__(self, side_by_side: int) -> None:
        self.started: list[int] = []  # number of threads of each
        self.most = self._running = 0
        self._guard, self._together = threading.Lock(), threading.Barrier(side_by_side)

    def __call__(self, model_content: bytes, num_threads: int) -> Crowd:
        self.started.append(num_threads)
        return self

    def invoke(self) -> None:
        with self._guard:
            self._running += 1
            self.most = max(self.most, self._running)
        self._together.wait(30)  # until as many are at work as should be
        with self._guard:
            self._running -= 1

    def get_input_details(self) -> list[dict[str, Any]]:
        return [{"index": 0, "shape": (1, 32, 32, 3)}]

    get_output_details = get_input_details

    def get_tensor(self, index: int) -> NDArray[np.float32]:
        return np.zeros((1, 1, 1, 1), np.float32)

    def resize_tensor_input(self, index: int, shape: tuple[int, ...]) -> None: ...

    def set_tensor(self, index: int, value: NDArray[Any]) -> None: ...

    def allocate_tensors(self) -> None: ...


@pytest.mark.parametrize(
    ("limit", "side_by_side", "made"), [(1, 4, [4, 1, 1, 1, 1]), (2, 2, [4, 2, 2]), (None, 1, [4])]
)
def test_callers_share_the_cores(
    monkeypatch: pytest.MonkeyPatch, limit: int | None, side_by_side: int, made: list[int]
) -> None:
    """Four cores run one network on four threads, or as many on fewer; the first is made at once, to check the file."""
    crowd = Crowd(side_by_side)
    monkeypatch.setattr(litert, "_interpreter_class", lambda: crowd)
    monkeypatch.setattr(litert, "available_cpus", lambda: 4)
    network = litert.LiteRunner(b"network", "name")

    def run(_: int) -> tuple[int, ...]:
        with litert.at_most_threads(limit):
            return network.head(np.zeros((1, 32, 32, 3), np.uint8)).shape

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(run, range(16))) == {(1, 1, 1, 1)}
    assert crowd.most == side_by_side
    assert crowd.started == made
