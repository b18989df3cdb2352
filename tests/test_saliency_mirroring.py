"""Left and right are alike: a mirrored image gets the mirrored answer of a network that does not do so itself."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from saliency_jpeg.saliency.mirroring import Mirror, run_mirrored

Bytes = NDArray[np.uint8]


class Lopsided:
    """Stands for a network: brightness, more of it the further left."""

    def __init__(self) -> None:
        self.images = 0

    def __call__(self, rgb: Bytes) -> NDArray[np.float32]:
        self.images += len(rgb)
        left = np.linspace(2, 1, rgb.shape[2])[None, None, :, None]
        return (rgb[..., :2] * left).astype(np.float32)


def pictures(count: int = 5) -> Bytes:
    return np.random.default_rng(3).integers(0, 256, (count, 8, 12, 3), np.uint8)


@pytest.mark.parametrize("mirror", ["one", "both"])
def test_mirrored_images_get_mirrored_maps(mirror: Mirror) -> None:
    images = pictures()
    there, back = (run_mirrored(Lopsided(), rgb, mirror) for rgb in (images, images[:, :, ::-1]))
    np.testing.assert_allclose(back[:, :, ::-1], there, rtol=1e-6)
    assert not np.allclose(Lopsided()(images[:, :, ::-1])[:, :, ::-1], Lopsided()(images))


def test_one_of_the_two_is_run_where_a_half_is_brighter() -> None:
    images = np.full((2, 8, 12, 3), 90, np.uint8)
    images[0, :, 9:] = images[1, :, :3] = 200
    network = Lopsided()
    maps = run_mirrored(network, images, "one")
    assert network.images == 2
    np.testing.assert_allclose(maps[0], Lopsided()(images[:1])[0])
    np.testing.assert_allclose(maps[1], maps[0][:, ::-1])


def test_both_are_run_for_an_even_image_and_by_choice() -> None:
    even = np.full((3, 8, 12, 3), 90, np.uint8)
    for mirror, images in (("one", even), ("both", pictures(3))):
        network = Lopsided()
        maps = run_mirrored(network, images, mirror)  # type: ignore[arg-type]
        assert network.images == 6
        mean = (Lopsided()(images) + Lopsided()(np.ascontiguousarray(images[:, :, ::-1]))[:, :, ::-1]) / 2
        np.testing.assert_allclose(maps, mean, rtol=1e-6)
    network = Lopsided()
    np.testing.assert_array_equal(run_mirrored(network, even, False), Lopsided()(even))
    assert network.images == 3


def test_a_small_change_of_an_image_is_a_small_change_of_its_map() -> None:
    """The right half grows brighter, two pixels at a time, until it is the brighter one."""
    images = np.full((193, 32, 48, 3), 90, np.uint8)
    images[:, :8, :24] += 20
    for number, rgb in enumerate(images):
        rows, cols = np.divmod(np.arange(2 * number), 24)
        rgb[8 + rows, 24 + cols] += 20
    maps = run_mirrored(Lopsided(), images, "one")[:, 0, :, 0]
    steps = np.abs(np.diff(maps, axis=0)).max(axis=1)
    assert np.abs(maps[-1] - maps[0]).max() > 60
    assert steps.max() < 6
