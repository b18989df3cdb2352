"""Left and right are alike: a mirrored image gets the mirrored answer of a network that does not do so itself."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from saliency_jpeg.saliency import SaliencyModel
from saliency_jpeg.saliency.grid import resize
from saliency_jpeg.saliency.mirroring import Mirror, join_views, views

Bytes = NDArray[np.uint8]


def lopsided(rgb: Bytes) -> NDArray[np.float32]:
    """Stands for a network: brightness, more of it the further left."""
    left = np.linspace(2, 1, rgb.shape[2])[None, None, :, None]
    return (rgb[..., :2] * left).astype(np.float32)


def run(images: Bytes, mirror: Mirror) -> tuple[NDArray[np.float32], int]:
    """Returns the maps, and how many images the network saw."""
    seen = views(images, mirror)
    pixels = np.stack([images[view.number][:, :: -1 if view.is_mirrored else 1] for view in seen])
    return join_views(lopsided(pixels), seen, len(images)), len(seen)


def pictures(count: int = 5) -> Bytes:
    return np.random.default_rng(3).integers(0, 256, (count, 8, 12, 3), np.uint8)


@pytest.mark.parametrize("mirror", ["one", "both"])
def test_mirrored_images_get_mirrored_maps(mirror: Mirror) -> None:
    images = pictures()
    (there, _), (back, _) = run(images, mirror), run(images[:, :, ::-1], mirror)
    np.testing.assert_array_equal(back[:, :, ::-1], there)
    assert not np.allclose(lopsided(images[:, :, ::-1])[:, :, ::-1], lopsided(images))


def test_one_of_the_two_is_run_where_a_half_is_brighter() -> None:
    images = np.full((2, 8, 12, 3), 90, np.uint8)
    images[0, :, 9:] = images[1, :, :3] = 200
    maps, count = run(images, "one")
    assert count == 2
    np.testing.assert_array_equal(maps[0], lopsided(images[:1])[0])
    np.testing.assert_array_equal(maps[1], maps[0][:, ::-1])


def test_both_are_run_for_an_even_image_and_by_choice() -> None:
    even = np.full((3, 8, 12, 3), 90, np.uint8)
    for images, (maps, count) in ((even, run(even, "one")), (pictures(3), run(pictures(3), "both"))):
        assert count == 6
        mean = (lopsided(images) + lopsided(images[:, :, ::-1])[:, :, ::-1]) / 2
        np.testing.assert_allclose(maps, mean, rtol=1e-6)
    assert [view.share for view in views(even, False)] == [1, 1, 1]
    np.testing.assert_array_equal(run(even, False)[0], lopsided(even))


def test_gray_images_and_colour_are_told_apart_alike() -> None:
    gray = pictures(8)[..., 0]
    assert views(gray, "one") == views(np.repeat(gray[..., None], 3, axis=3), "one")
    assert views([np.zeros((1, 1), np.uint8)], "one") == [(0, False, 0.5), (0, True, 0.5)]


def test_a_small_change_of_an_image_is_a_small_change_of_its_map() -> None:
    """The right half grows brighter, two pixels at a time, until it is the brighter one."""
    images = np.full((193, 32, 48, 3), 90, np.uint8)
    images[:, :8, :24] += 20
    for number, rgb in enumerate(images):
        rows, cols = np.divmod(np.arange(2 * number), 24)
        rgb[8 + rows, 24 + cols] += 20
    maps = run(images, "one")[0][:, 0, :, 0]
    steps = np.abs(np.diff(maps, axis=0)).max(axis=1)
    assert np.abs(maps[-1] - maps[0]).max() > 60
    assert steps.max() < 6


@pytest.mark.parametrize("size", [(289, 513), (600, 800), (1541, 1545), (2057, 3083), (3001, 6002)])
def test_a_mirrored_image_is_resized_to_the_same_values(size: tuple[int, int]) -> None:
    image = resize(np.random.default_rng(2).integers(0, 256, (40, 60, 3), np.uint8), size)
    image += np.random.default_rng(3).integers(0, 9, image.shape, np.uint8) * (image < 240)
    mirrored = np.ascontiguousarray(image[:, ::-1])
    np.testing.assert_array_equal(resize(mirrored, (257, 385), mirrored=True), resize(image, (257, 385)))
    np.testing.assert_array_equal(resize(mirrored, (257, 385)), resize(image, (257, 385), mirrored=True))


@pytest.mark.tensorflow
@pytest.mark.parametrize("size", [(777, 1001), (333, 250)])
def test_the_default_map_of_a_mirrored_picture_is_the_mirrored_map(photo: Bytes, size: tuple[int, int]) -> None:
    model = SaliencyModel.from_preset()
    rgb = np.asarray(Image.fromarray(photo).resize(size[::-1], Image.Resampling.BICUBIC))
    made, mirrored = model.predict(rgb), model.predict(np.ascontiguousarray(rgb[:, ::-1]))
    np.testing.assert_allclose(mirrored[:, ::-1], made, atol=1.01 / 255)
    assert np.mean(mirrored[:, ::-1] != made) < 0.001
    assert made.max() > 0.5
