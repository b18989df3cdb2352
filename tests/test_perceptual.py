"""The perceptual metric: reads like SSIMULACRA2, sees mosaics, and is differentiable in both images."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from helpers import Pixels, encoded, photo
from helpers import pillow_pixels as decoded
from numpy.typing import NDArray

from saliency_jpeg import InputError, PresetError, perceptual_score
from saliency_jpeg.evaluation.codecs import find_codec
from saliency_jpeg.metrics import Ssimulacra2, measure
from saliency_jpeg.perceptual import METRICS, Perceptual, metric, network, presets, runtime
from saliency_jpeg.saliency.presets import find

pytestmark = pytest.mark.tensorflow

PHOTO = photo(256, 384, 128, 192)
QUALITIES = (10, 30, 50, 70, 85, 95)


def ladder(rgb: Pixels = PHOTO) -> list[Pixels]:
    return [decoded(encoded(rgb, quality=quality)) for quality in QUALITIES]


def test_it_reads_like_ssimulacra2() -> None:
    scores = [perceptual_score(PHOTO, pixels) for pixels in ladder()]
    others = [Ssimulacra2(PHOTO).score(pixels) for pixels in ladder()]
    assert scores == sorted(scores)
    assert np.abs(np.subtract(scores, others)).max() < 12
    assert abs(scores[-1] - others[-1]) < 3


def test_identical_images_score_100() -> None:
    assert perceptual_score(PHOTO, PHOTO) == pytest.approx(100, abs=1e-3)
    assert perceptual_score(PHOTO, PHOTO ^ 1) < 100


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 90, 3), (65, 64), (100, 83, 3)])
def test_any_size_and_gray(shape: tuple[int, ...]) -> None:
    reference = np.resize(PHOTO[..., : 3 if len(shape) == 3 else 1], shape)
    worse, better = reference // 32 * 32, reference // 4 * 4
    assert perceptual_score(reference, worse) < perceptual_score(reference, better) < 100


def test_parts_of_a_large_picture_count_by_their_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [perceptual_score(PHOTO, pixels) for pixels in ladder()]
    monkeypatch.setattr(metric, "_PART_SIDE", 144)
    parts = [perceptual_score(PHOTO, pixels) for pixels in ladder()]
    assert parts != whole
    assert np.abs(np.subtract(parts, whole)).max() < 2


def test_the_map_says_where_damage_counts() -> None:
    half = PHOTO.copy()
    half[:, :192] = ladder()[0][:, :192]
    left = np.zeros(PHOTO.shape[:2])
    left[:, :192] = 1
    assert perceptual_score(PHOTO, half, left) == perceptual_score(PHOTO, half)
    assert perceptual_score(PHOTO, half, 1 - left) == pytest.approx(100, abs=1e-3)
    assert perceptual_score(PHOTO, half, left / 2) > perceptual_score(PHOTO, half, left)


def test_a_mosaic_in_the_background_is_worse_than_ssimulacra2_says() -> None:
    fine = decoded(encoded(PHOTO, quality=92, subsampling=0))
    blocks = fine.reshape(32, 8, 48, 8, 3).astype(float)
    means = np.broadcast_to(blocks.mean((1, 3), keepdims=True), blocks.shape)
    energy = blocks.mean(4).var((1, 3), keepdims=True)[..., None]
    is_flat = energy < np.quantile(energy, 0.3)  # what an encoder drops first
    mosaic = np.rint(np.where(is_flat, means, blocks)).astype(np.uint8).reshape(PHOTO.shape)
    other = Ssimulacra2(PHOTO)
    files = [find_codec("pillow-444").encode(PHOTO, quality, None) for quality in np.arange(5, 95, 1.0)]
    even = min(map(decoded, files), key=lambda pixels: abs(other.score(pixels) - other.score(mosaic)))
    assert other.score(even) == pytest.approx(other.score(mosaic), abs=0.5)
    assert perceptual_score(PHOTO, even) > perceptual_score(PHOTO, mosaic) + 5


def test_all_weights_are_non_negative_and_used() -> None:
    arrays = presets.read_arrays(presets.find())[1]
    heads, calibration = arrays["heads/0"], arrays["calibration/0"]
    assert heads.shape == (network.HEADS, 1)
    assert heads.min() >= 0
    assert calibration.min() >= 0
    deep = 4 * sum(network.CHANNELS[:5])
    assert heads[:deep].any()
    assert heads[network.HEADS // 2 :][:deep].any()


def test_the_score_has_gradients_in_both_images() -> None:
    runner = runtime.load()
    tf = runner.tensorflow
    first, second = (tf.Variable(pixels[None, :64, :64].astype(np.float32)) for pixels in (PHOTO, ladder()[0]))
    with tf.GradientTape() as tape:
        score = runner.head(runner.moments([first, second], training=False), training=False)[1]
    gradients = [gradient.numpy() for gradient in tape.gradient(score, [first, second])]
    assert all(np.isfinite(gradient).all() and gradient.any() for gradient in gradients)
    step = second.numpy() + 0.5 * np.sign(gradients[1])
    assert float(runner.head(runner.moments([first.numpy(), step]))[1][0, 0]) > float(score[0, 0])


def test_batches_are_scored_one_by_one() -> None:
    runner = runtime.load()
    images = np.stack(ladder()[:3]).astype(np.float32)
    references = np.broadcast_to(PHOTO.astype(np.float32), images.shape)
    together = runner.head(runner.moments([references, images]))[1].numpy()[:, 0]
    assert together == pytest.approx([perceptual_score(PHOTO, pixels) for pixels in ladder()[:3]], abs=1e-2)


def test_several_threads_get_the_same_scores() -> None:
    expected, found = [perceptual_score(PHOTO, pixels) for pixels in ladder()], [0.0] * len(QUALITIES)
    judge = Perceptual(PHOTO)

    def score(index: int, pixels: NDArray[np.uint8]) -> None:
        found[index] = judge.score(pixels)

    threads = [threading.Thread(target=score, args=item) for item in enumerate(ladder())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == pytest.approx(expected, abs=1e-4)


def test_the_table_has_it_beside_the_others() -> None:
    values = measure(PHOTO, ladder()[2], np.ones(PHOTO.shape[:2]), with_butteraugli=False, metrics=METRICS)
    assert values["perceptual"] == values["perceptual_s"] == perceptual_score(PHOTO, ladder()[2])
    assert list(values)[-2:] == ["perceptual", "perceptual_s"]


@pytest.mark.parametrize(
    ("other", "message"), [(PHOTO[:100], "same size"), (PHOTO.astype(float), "uint8"), (PHOTO[..., :2], "shape")]
)
def test_wrong_images_are_refused(other: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        perceptual_score(PHOTO, other)


def test_wrong_weights_are_refused() -> None:
    with pytest.raises(PresetError, match="is for perceptual"):
        find("perceptual")
    with pytest.raises(PresetError, match=r"scales/0 must have shape \(32,\), got None"):
        network.read_scales({})
    with pytest.raises(PresetError, match="do not fit"):
        network.fill(network.build_head(), {"heads/0": np.zeros((network.HEADS, 1))})
