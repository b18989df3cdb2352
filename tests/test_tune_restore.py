"""``tune="restore"``: the closed loop looks at the picture that ``decode()`` makes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers import photo

import saliency_jpeg
from saliency_jpeg import OptionError, allocation
from saliency_jpeg.codec import _core
from saliency_jpeg.encoder.coding import Coding
from saliency_jpeg.encoder.resolution import encode_picture
from saliency_jpeg.encoder.single import PictureEncoding
from saliency_jpeg.enhance import loading
from saliency_jpeg.enhance.restoring_decoder import RestoringDecoder
from saliency_jpeg.image.picture import Picture
from saliency_jpeg.metadata.model import Metadata
from saliency_jpeg.options import Options
from saliency_jpeg.perceptual.closed_loop import ClosedLoop
from saliency_jpeg.rate_control import Judge

pytestmark = pytest.mark.tensorflow


def scores(pixels: Any, jpeg: bytes) -> tuple[float, float]:
    """Of the restored picture and of the plainly decoded one."""
    judge = Judge(pixels)
    return judge.of_pixels(saliency_jpeg.decode(jpeg)), judge.of_pixels(saliency_jpeg.decode(jpeg, enhance=None))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:4:0", "4:2:0"])
def test_the_loop_sees_what_decode_makes(subsampling: Any) -> None:
    jpeg = saliency_jpeg.compress(photo(83, 117), quality=40, saliency=None, subsampling=subsampling)
    image = _core.read_jpeg(jpeg)
    decoder = RestoringDecoder((83, 117), image.sampling[0], loading.load("restore", None))
    seen = decoder.decode(list(image.levels), np.array(image.tables)[list(image.component_tables)])
    wanted = saliency_jpeg.decode(jpeg, enhance="restore", dtype=np.float32) * 255
    assert np.abs(np.clip(seen, 0, 255) - wanted).max() < 0.01


@pytest.mark.parametrize("options", [{"target_kb": 6}, {"quality": 40}, {"quality": 40, "effort": 7}], ids=str)
def test_the_restored_picture_is_better_in_the_same_bytes(options: dict[str, Any]) -> None:
    pixels = photo(256, 256)
    plain, tuned = (saliency_jpeg.compress(pixels, saliency=None, tune=t, **options) for t in ("default", "restore"))
    assert len(tuned) <= (6000 if "target_kb" in options else 1.01 * len(plain))
    (restored, decoded), (before, decoded_before) = scores(pixels, tuned), scores(pixels, plain)
    assert restored > before + 0.5
    assert decoded > decoded_before - 1


def test_a_target_score_is_that_of_the_restored_picture() -> None:
    pixels = photo(256, 256)
    plain, tuned = (
        saliency_jpeg.compress(pixels, saliency=None, tune=t, target_score=60) for t in ("default", "restore")
    )
    assert len(tuned) < len(plain)
    assert scores(pixels, tuned)[0] >= 60 > scores(pixels, tuned)[1]


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (8, 8), (33, 50)])
@pytest.mark.parametrize("is_gray", [False, True])
def test_takes_pictures_of_any_size(size: tuple[int, int], is_gray: bool) -> None:
    pixels = photo(*size)
    pixels = np.ascontiguousarray(pixels[..., 1]) if is_gray else pixels
    jpeg = saliency_jpeg.compress(pixels, quality=50, saliency=None, tune="restore")
    assert saliency_jpeg.decode(jpeg).shape == pixels.shape


def test_a_sampling_that_is_not_restored_is_encoded_as_by_default() -> None:
    source = saliency_jpeg.compress(photo(64, 96), quality=90, saliency=None, subsampling="4:1:1")
    files = [
        saliency_jpeg.compress(source, quality=40, saliency=None, tune=t, never_enlarge=False)
        for t in ("default", "restore")
    ]
    assert files[0] == files[1]


def test_auto_is_never_worse_than_the_default_and_runs_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, runs, refine = photo(256, 256), [], ClosedLoop.refine

    def counted(self: ClosedLoop, *given: Any) -> Any:
        runs.append(given)
        return refine(self, *given)

    monkeypatch.setattr(ClosedLoop, "refine", counted)
    options: dict[str, Any] = {"saliency": None, "target_kb": 7}
    plain, auto = (saliency_jpeg.compress(pixels, layers=layers, **options) for layers in (None, "auto"))
    assert len(runs) == 1
    assert len(auto) <= 7000
    assert scores(pixels, auto)[0] > scores(pixels, plain)[0] + 0.5


def test_auto_leaves_it_out_where_it_does_not_apply() -> None:
    pixels = photo(96, 96)
    scored = saliency_jpeg.compress(pixels, saliency=None, layers="auto", target_score=60)
    assert scores(pixels, scored)[1] >= 60
    picture, tables = Picture(pixels, Metadata()), np.full((1, 64), 20, np.uint16)
    options = Options(saliency=None, layers="auto", target_kb=4, allow_downscale=True)
    for coding in (Coding(keep_rgb=True), Coding(tables=tables)):
        assert len(encode_picture(options, picture, None, coding).jpeg) <= 4000


def test_a_map_counts_more_where_readers_restore_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    from saliency_jpeg.encoder import single

    asked: list[float] = []

    def make_weights(*args: Any, strength: float, **options: Any) -> Any:
        asked.append(strength)
        return allocation.make_weights(*args, strength=strength, **options)

    monkeypatch.setattr(single, "make_weights", make_weights)
    pixels, saliency = photo(64, 96), np.zeros((64, 96), np.float32)
    for strength in (0.0, 0.5, 1.0):
        for tune in ("default", "restore"):
            saliency_jpeg.compress(pixels, saliency=saliency, quality=50, strength=strength, tune=tune)
    assert asked[:2] == [0, 0]
    assert asked[4:] == [1, 1]
    assert 0.5 < asked[2] < asked[3] < 1


def test_what_it_does_not_go_with_is_refused() -> None:
    pixels = photo(16, 16)
    jpeg = saliency_jpeg.compress(pixels, saliency=None)
    with pytest.raises(OptionError, match="needs the original picture"):
        saliency_jpeg.recompress(jpeg, tune="restore")
    with pytest.raises(OptionError, match="4:1:1"):
        saliency_jpeg.compress(pixels, saliency=None, tune="restore", subsampling="4:1:1")
    picture, options = Picture(pixels, Metadata()), Options(saliency=None, tune="restore")
    for coding in (Coding(keep_rgb=True), Coding(tables=np.ones((1, 64), np.uint16))):
        with pytest.raises(OptionError, match="tables of your own"):
            PictureEncoding(options, picture, None, coding)


def test_the_device_is_that_of_the_network() -> None:
    with pytest.raises(OptionError, match="device"):
        saliency_jpeg.compress(photo(64, 64), saliency=None, tune="restore", device="tpu:7")
