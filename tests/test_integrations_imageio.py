"""imageio's plugin, compared with imageio's Pillow plugin, and scikit-image through it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio.config
import imageio.v3 as iio
import numpy as np
import pytest
import skimage.io
from doors import EXIF, ICC, PHOTO, describe
from helpers import pillow_pixels, psnr
from PIL import Image

from saliency_jpeg import InputError, OptionError, TargetError, compress
from saliency_jpeg.integrations import imageio as door

PLUGIN: Any = door.Plugin  # imageio's annotations know names of plugins only
GRAY = np.ascontiguousarray(PHOTO[..., 1])


def ours(array: Any, **keywords: Any) -> bytes:
    file = io.BytesIO()
    assert iio.imwrite(file, array, plugin=PLUGIN, extension=".jpg", saliency=None, **keywords) is None
    return file.getvalue()


@pytest.fixture
def registered() -> Iterator[None]:
    before = {name: list(entry[0].priority) for name, entry in imageio.config.known_extensions.items()}
    door.register()
    door.register()
    yield
    door.unregister()
    assert {name: entry[0].priority for name, entry in imageio.config.known_extensions.items()} == before
    assert door.NAME not in imageio.config.known_plugins


@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"quality": 50, "subsampling": "4:4:4"},
        {"progressive": True, "dpi": (300, 300)},
        {"exif": b"Exif\0\0" + EXIF, "icc_profile": ICC},
        {"is_batch": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("array", [PHOTO, GRAY, GRAY > 128, [PHOTO]], ids=["RGB", "gray", "bool", "list"])
def test_the_same_call(array: Any, keywords: dict[str, Any]) -> None:
    if isinstance(array, list):
        keywords = {name: value for name, value in keywords.items() if name != "is_batch"}
    theirs = io.BytesIO()
    iio.imwrite(theirs, array, plugin="pillow", extension=".jpg", **keywords)
    data = ours(array, **keywords)
    assert describe(data) == describe(theirs.getvalue())
    assert len(data) < len(theirs.getvalue())
    original = np.asarray(array[0] if isinstance(array, list) else array)
    if original.dtype == np.uint8:
        assert psnr(pillow_pixels(data), original) > psnr(pillow_pixels(theirs.getvalue()), original) - 1.5


def test_files_and_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.jpeg"
    iio.imwrite(path, PHOTO, plugin=PLUGIN, target_kb=3, saliency=[(0, 0, 40, 40)])
    data = iio.imwrite("<bytes>", PHOTO, plugin=PLUGIN, extension=".jpg", target_kb=3, saliency=[(0, 0, 40, 40)])
    assert path.read_bytes() == data
    assert 2800 < len(data) <= 3000


def test_a_failure_leaves_a_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(b"before")
    with pytest.raises(TargetError):
        iio.imwrite(path, PHOTO, plugin=PLUGIN, target_kb=0.1, saliency=None)
    assert path.read_bytes() == b"before"


@pytest.mark.usefixtures("registered")
def test_registered_by_name_and_for_names_of_files(tmp_path: Path) -> None:
    expected = compress(PHOTO, quality=75, saliency=None, subsampling="4:2:0", progressive=False)
    iio.imwrite(tmp_path / "a.jpg", PHOTO, saliency=None)
    iio.imwrite(tmp_path / "b.jpg", PHOTO, plugin="saliency_jpeg", saliency=None)
    assert (tmp_path / "a.jpg").read_bytes() == (tmp_path / "b.jpg").read_bytes() == expected
    np.testing.assert_array_equal(iio.imread(tmp_path / "a.jpg"), pillow_pixels(expected))
    iio.imwrite(tmp_path / "c.png", PHOTO)
    np.testing.assert_array_equal(iio.imread(tmp_path / "c.png"), PHOTO)


@pytest.mark.tensorflow
@pytest.mark.usefixtures("registered")
def test_scikit_image_goes_through_it(tmp_path: Path) -> None:
    skimage.io.imsave(tmp_path / "x.jpg", PHOTO, check_contrast=False)
    expected = compress(PHOTO, quality=75, subsampling="4:2:0", progressive=False)
    np.testing.assert_array_equal(skimage.io.imread(tmp_path / "x.jpg"), pillow_pixels(expected))


def test_only_what_it_can_do(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="can not handle"):
        iio.imwrite(tmp_path / "x.png", PHOTO, plugin=PLUGIN)
    (tmp_path / "x.jpg").write_bytes(ours(PHOTO))
    with pytest.raises(OSError, match="can not handle"):
        iio.imread(tmp_path / "x.jpg", plugin=PLUGIN)


def test_errors() -> None:
    with pytest.raises(OptionError, match="no keyword 'fps'"):
        ours(PHOTO, fps=5)
    for several in ([PHOTO, PHOTO], np.stack([PHOTO, PHOTO])):
        with pytest.raises((OptionError, InputError)):
            ours(several)
    with pytest.raises(OptionError, match="got 2"):
        ours(np.stack([PHOTO, PHOTO]), is_batch=True)
    for array in (PHOTO.astype(float), PHOTO[..., :2], np.dstack([PHOTO, GRAY]), PHOTO.astype(np.uint16)):
        with pytest.raises(InputError):
            ours(array)


def test_alpha_with_a_background() -> None:
    clear = np.dstack([PHOTO, np.zeros_like(GRAY)])
    np.testing.assert_allclose(pillow_pixels(ours(clear, background=(0, 0, 0))), 0, atol=2)
    assert Image.open(io.BytesIO(ours(GRAY, mode="L"))).mode == "L"
