"""The network of decode(enhance="restore"): what it gains, what bounds it, tiles, precisions. Needs TensorFlow."""

# mypy: allow-untyped-defs, allow-untyped-calls
from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest
from helpers import encoded, photo, psnr
from marks import implies
from PIL import Image
from processes import needs
from scipy.fft import dctn

import saliency_jpeg
from saliency_jpeg.codec import _core
from saliency_jpeg.enhance import network, tiles
from saliency_jpeg.enhance.planes import decode_planes, sampling_factors
from saliency_jpeg.enhance.presets import find, read_arrays
from saliency_jpeg.enhance.restoration import DEFAULT_WIDTHS, Restorer, can_restore
from saliency_jpeg.errors import InputError, PresetError

PRESETS = ("restore", "restore-fast")
FORMS = {"4:4:4": (256, 240), "4:2:2": (187, 203), "4:2:0": (250, 181), "L": (99, 130)}


@pytest.fixture(scope="module", params=PRESETS)
@implies("tensorflow")
def restorer(request: pytest.FixtureRequest) -> Restorer:
    return Restorer.from_preset(request.param, device="cpu")


@cache
def file(form: str, quality: int = 30) -> _core.JpegImage:
    rgb = Image.fromarray(photo(*FORMS[form]))
    if form == "L":
        return _core.read_jpeg(encoded(rgb.convert("L"), quality=quality))
    return _core.read_jpeg(encoded(rgb, quality=quality, subsampling=form))


def ycbcr(rgb):
    """JFIF YCbCr without rounding."""
    matrix = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    return rgb @ matrix.T + (0, 128, 128)


# ---- gains --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", [10, 30, 75, 95])
def test_every_plane_comes_nearer_to_the_original(restorer, quality):
    original = ycbcr(photo(384, 512, 60, 120))
    image = _core.read_jpeg(encoded(photo(384, 512, 60, 120), quality=quality, subsampling="4:2:0"))
    plain, restored = (restorer.restore(image, amount=amount) for amount in (0.0, 1.0))
    gains = [psnr(restored[i], original[..., i]) - psnr(plain[i], original[..., i]) for i in range(3)]
    assert min(gains) > 0
    if quality in (30, 75):
        assert gains[0] > 0.4
        assert min(gains[1:]) > 0.4


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_gain(restorer, form):
    original = photo(*FORMS[form])
    target = ycbcr(original)[..., 0]
    if form == "L":
        target = np.asarray(Image.fromarray(original).convert("L"), float)
    plain, restored = (restorer.restore(file(form), amount=amount)[0] for amount in (0.0, 1.0))
    assert plain.shape == restored.shape == FORMS[form]
    assert psnr(restored, target) > psnr(plain, target) + 0.2


def test_files_of_our_encoder_gain(restorer):
    original = photo(384, 512, 60, 120)
    image = _core.read_jpeg(saliency_jpeg.compress(original, target_kb=10, saliency=None))
    plain, restored = (restorer.restore(image, amount=amount) for amount in (0.0, 1.0))
    gains = [psnr(restored[i], ycbcr(original)[..., i]) - psnr(plain[i], ycbcr(original)[..., i]) for i in range(3)]
    assert min(gains) > 0.3


# ---- bounds -------------------------------------------------------------------------------------------------------


def corrections(image, planes, index):
    """How far each coefficient of a component at full resolution is from its level, in steps; (rows, cols, 64)."""
    levels = image.levels[index]
    rows, cols = levels.shape[0] - 1, levels.shape[1] - 1  # whole blocks
    blocks = (planes[index][: 8 * rows, : 8 * cols] - 128).reshape(rows, 8, cols, 8).swapaxes(1, 2)
    steps = image.tables[image.component_tables[index]]
    return dctn(blocks, axes=(2, 3), norm="ortho").reshape(rows, cols, 64) / steps - levels[:rows, :cols]


def reach(levels, off):
    """The largest corrections: of zeros, towards 0, away from 0, of DC."""
    ac, moved = levels[..., 1:], off[..., 1:] * np.where(levels[..., 1:] < 0, -1, 1)
    nonzero = moved[ac != 0]
    return np.abs(moved[ac == 0]).max(), -nonzero.min(), nonzero.max(), np.abs(off[..., 0]).max()


def test_corrections_stay_in_the_intervals(restorer):
    image = file("4:4:4", 10)
    planes = restorer.restore(image)
    for index in range(3):
        off = corrections(image, planes, index)
        found = reach(image.levels[index][: off.shape[0], : off.shape[1]], off)
        assert np.all(np.array(found) <= np.array(DEFAULT_WIDTHS) + 1e-3)
    assert found[0] > 0.2  # and they are used


def test_narrow_intervals_and_fidelity(restorer):
    image, widths = file("4:4:4", 10), np.full((3, 4), 0.1, np.float32)
    narrow = corrections(image, restorer.restore(image, widths=widths), 0)
    halved = corrections(image, restorer.restore(image, widths=widths, fidelity=0.5), 0)
    free = corrections(image, restorer.restore(image, widths=widths, fidelity=0), 0)
    assert np.abs(narrow).max() == pytest.approx(0.1, abs=1e-3)
    assert np.abs(halved).max() == pytest.approx(0.2, abs=1e-3)
    assert np.abs(free).max() > 0.3


def test_amount(restorer):
    image = file("4:2:0")
    plain = [
        _core.upsample(_core.inverse_dct(levels, image.tables[table])[: -(-250 // v), : -(-181 // h)], h, v, (250, 181))
        for levels, table, (h, v) in zip(image.levels, image.component_tables, sampling_factors(image), strict=True)
    ]
    none, half, whole = (restorer.restore(image, amount=amount, fidelity=0) for amount in (0.0, 0.5, 1.0))
    for index in range(3):
        assert np.abs(none[index] - plain[index]).max() < 2e-3  # but for the last bits
        assert np.abs((none[index] + whole[index]) / 2 - half[index]).max() < 2e-3
        assert np.abs(whole[index] - none[index]).max() > 1
    clipped = decode_planes(image)
    assert [plane.shape for plane in clipped] == [(250, 181), (125, 91), (125, 91)]


# ---- tiles, precisions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_tiles_are_the_whole_to_the_last_bit(restorer, form):
    image = file(form)
    whole = restorer.restore(image)
    for size in ((64, 64), (16, 192), (128, 96)):
        joined = [np.full(image.size, np.nan, np.float32) for _ in whole]
        for tile in restorer.tiles(image, tile_size=size):
            for plane, part in zip(joined, tile.planes, strict=True):
                plane[tile.rows, tile.cols] = part
        for plane, part in zip(joined, whole, strict=True):
            assert np.array_equal(plane, part)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (17, 3), (8, 8), (65, 31)])
def test_any_size(restorer, size):
    image = _core.read_jpeg(encoded(photo(*size), quality=20, subsampling="4:2:0"))
    planes = restorer.restore(image)
    assert [plane.shape for plane in planes] == [size] * 3
    assert all(np.isfinite(plane).all() for plane in planes)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.tensorflow
def test_bfloat16_changes_no_pixel_by_more_than_one(name):
    from saliency_jpeg.enhance.runtime import Runner

    pixels = []
    for is_short in (False, True):
        restorer = Restorer.from_preset(name, device="cpu")
        restorer._runner = Runner(find(name).architecture, read_arrays(find(name)), "cpu", bfloat16=is_short)
        for quality in (5, 30, 90):
            planes = restorer.restore(file("4:2:0", quality))
            out = np.empty((*planes[0].shape, 3), np.uint8)
            _core.to_pixels(planes, [(1, 1)] * 3, True, out)
            pixels.append(out.astype(int))
    for exact, short in zip(pixels[:3], pixels[3:], strict=True):
        assert np.abs(exact - short).max() <= 1
        assert np.mean(exact != short) < 0.1


@pytest.mark.tensorflow
def test_litert_changes_no_pixel_by_more_than_one(tmp_path):
    needs("ai_edge_litert")
    from saliency_jpeg.enhance.runtime import LiteRunner
    from saliency_jpeg.saliency import litert

    restorer = Restorer.from_preset("restore-fast", device="cpu")
    before = [restorer.restore(file(form)) for form in FORMS]
    restorer.export(tmp_path / "restore-fast.tflite")
    exported = litert.unpack((tmp_path / "restore-fast.tflite").read_bytes(), "restore-fast.tflite")
    assert exported.preset == "restore-fast"
    restorer._runner = LiteRunner(exported.network, "restore-fast.tflite")
    for form, planes in zip(FORMS, before, strict=True):
        for plane, other in zip(planes, restorer.restore(file(form)), strict=True):
            assert np.abs(plane - other).max() < 0.5


# ---- what the network is told, what it refuses ----------------------------------------------------------------------


def test_condition_tells_tables_levels_and_sampling():
    coarse, fine = (tiles.condition(file("4:2:0", quality)) for quality in (10, 90))
    assert coarse.shape == (network.CONDITION,)
    assert (coarse[:192] > fine[:192]).all()
    assert coarse[192:384].sum() < fine[192:384].sum()
    assert tiles.condition(file("4:2:2"))[-3:].tolist() == [1, 0, 0]
    assert tiles.condition(file("L"))[-3:].tolist() == [0, 0, 1]
    assert not tiles.condition(file("L"))[64:192].any()


def test_places_repeat_with_the_mcu():
    places = tiles.places(8, 12)
    assert np.array_equal(places[:4, :4], places[4:, 8:])
    assert len({tuple(place) for place in places[:4, :4].reshape(16, -1)}) == 16


def test_other_files_are_refused(restorer):
    cmyk = _core.read_jpeg(encoded(Image.fromarray(photo()).convert("CMYK")))
    quarter = _core.read_jpeg(saliency_jpeg.compress(photo(), subsampling="4:1:1", saliency=None))
    for image in (cmyk, quarter):
        assert not can_restore(image)
        with pytest.raises(InputError, match="can be restored"):
            restorer.restore(image)


def test_presets_of_another_task_are_refused():
    with pytest.raises(PresetError, match="is for saliency"):
        find("gaze")
    with pytest.raises(PresetError, match="known are restore, restore-fast"):
        find("sharpen")
    with pytest.raises(PresetError, match="is for restoration"):
        saliency_jpeg.SaliencyModel.from_preset("restore")
    assert find("restore").version >= 1


def test_decode_restores(restorer):
    original = photo(128, 160)
    jpeg = encoded(original, quality=20)
    plain = saliency_jpeg.decode(jpeg, enhance=None)
    restored = saliency_jpeg.decode(io.BytesIO(jpeg), enhance=restorer.preset.name)
    assert psnr(restored, original) > psnr(plain, original) + 0.3
