"""The network of decode(enhance="restore"): what it gains, what bounds it, tiles, precisions. Needs TensorFlow."""

# mypy: allow-untyped-defs, allow-untyped-calls
from __future__ import annotations

import io
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from helpers import encoded, photo, psnr
from marks import implies
from PIL import Image
from processes import needs
from scipy.fft import dctn

import saliency_jpeg
from saliency_jpeg.codec import _core
from saliency_jpeg.enhance import network, restoration, semantic, tiles
from saliency_jpeg.enhance.planes import decode_planes, sampling_factors
from saliency_jpeg.enhance.presets import RestorationPreset, find, read_arrays
from saliency_jpeg.enhance.restoration import DEFAULT_WIDTHS, Restorer
from saliency_jpeg.errors import InputError, OptionError, PresetError
from saliency_jpeg.saliency import litert

PRESETS = ("restore", "restore-fast", "fine")
MOST_BY_SIZE = 1e-3  # of 255: some processors add up a convolution in an order that depends on the size
MOST_APART = {"fine": 2}  # of 255: pixels in bfloat16 from those in float32, 1 for others; it moves them further
LEAST_LUMA = {"restore": 0.4, "restore-fast": 0.05, "fine": 0.05}  # gains in dB
FORMS = {"4:4:4": (256, 240), "4:2:2": (187, 203), "4:2:0": (250, 181), "L": (99, 130)}
#: Sampling factors of three components, and what they amount to.
FACTORS = {
    "4:2:0": [(2, 2), (1, 1), (1, 1)],
    "4:4:0": [(1, 2), (1, 1), (1, 1)],
    "4:4:4, all doubled": [(2, 2)] * 3,
    "4:4:4, all wide": [(2, 1)] * 3,
    "4:2:2, doubled": [(2, 2), (1, 2), (1, 2)],
    "4:4:0, doubled": [(2, 2), (2, 1), (2, 1)],
}


@pytest.fixture(scope="module", params=PRESETS)
@implies("tensorflow")
def restorer(request: pytest.FixtureRequest) -> Restorer:
    return Restorer.from_preset(request.param, device="cpu")


class MadeUp:
    """In place of a network: an output that depends on all inputs within its reach."""

    def __init__(self, strength: float = 1.0) -> None:
        self._strength = strength

    def run_one(self, inputs):
        planes, levels, places, _ = inputs
        spread = cv2.blur(np.ascontiguousarray(planes), (13, 13), borderType=cv2.BORDER_CONSTANT)
        spread = spread.sum(axis=2) + np.repeat(np.repeat(levels.sum(axis=2), 2, 0), 2, 1) + places[..., 2]
        return np.float32(self._strength) * np.stack([np.sin(i + spread) for i in range(network.OUTPUTS)], axis=-1)


@pytest.fixture
def made_up() -> Restorer:
    """A restorer without weights and TensorFlow."""
    restorer = Restorer.__new__(Restorer)
    restorer.preset = RestorationPreset("made-up", 1, "", "", "", "", "", "", network.Architecture())
    restorer._runner = MadeUp()  # type: ignore[assignment]
    return restorer


@cache
def file(form: str, quality: int = 30) -> _core.JpegImage:
    rgb = Image.fromarray(photo(*FORMS[form]))
    if form == "L":
        return _core.read_jpeg(encoded(rgb.convert("L"), quality=quality))
    return _core.read_jpeg(encoded(rgb, quality=quality, subsampling=form))


@cache
def sampled(factors: str, height: int = 400, width: int = 421) -> _core.JpegImage:
    """A file with these sampling factors."""
    sampling = FACTORS[factors]
    h, v = (sampling[0][i] // sampling[1][i] for i in (0, 1))
    coefficients = _core.forward_dct(photo(height, width, 60, 120), h, v)
    table = np.full(64, 24, np.uint16)
    levels = [_core.quantize_plain(part, table) for part in coefficients]
    return _core.read_jpeg(_core.write_jpeg(levels, np.stack([table] * 3), (height, width), sampling))


def ycbcr(rgb):
    """JFIF YCbCr without rounding."""
    matrix = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    return rgb @ matrix.T + (0, 128, 128)


# ---- class maps ---------------------------------------------------------------------------------------------------


class MadeUpWithClasses(MadeUp):
    """Its output depends on the class map as well."""

    def run_one(self, inputs):
        *rest, classes = inputs
        spread = cv2.blur(classes @ np.arange(classes.shape[-1], dtype=np.float32), (5, 5), borderType=0)
        return super().run_one(rest) + np.sin(spread)[..., None]


@pytest.fixture
def with_classes(made_up: Restorer) -> Restorer:
    made_up.preset = replace(made_up.preset, architecture=network.Architecture(classes=10))
    made_up._runner = MadeUpWithClasses()  # type: ignore[assignment]
    return made_up


@pytest.mark.parametrize("form", ["4:2:0", "L"])
def test_tiles_with_a_class_map_have_no_seams(with_classes, form):
    image = file(form)
    rows, cols = (-(-side // 16) for side in image.size)
    classes = np.random.default_rng(1).integers(0, 10, (rows, cols)).astype(np.uint8)
    whole, flat = (next(iter(with_classes.tiles(image, classes=c))) for c in (classes, 0 * classes))
    assert np.abs(whole.planes[0] - flat.planes[0]).max() > 0.1
    for tile in with_classes.tiles(image, classes=classes, tile_size=(64, 96)):
        for part, plane in zip(tile.planes, whole.planes, strict=True):
            assert np.abs(part - plane[tile.rows, tile.cols]).max() < 1e-3


def test_a_reader_computes_the_class_map_of_the_plain_picture(with_classes, monkeypatch):
    seen = []

    class Segmenter:
        def predict(self, rgb):
            seen.append(rgb)
            return np.full([-(-side // 16) for side in rgb.shape[:2]], 3, np.uint8)

    monkeypatch.setattr("saliency_jpeg.enhance.semantic.load", lambda name, device: Segmenter())
    with_classes._device = None
    for form in ("4:2:0", "L"):
        image = file(form)
        planes = with_classes.restore(image)
        told = next(iter(with_classes.tiles(image, classes=Segmenter().predict(seen[-1]))))
        assert np.array_equal(planes[0], told.planes[0])
        assert seen[-1].shape == (*image.size, 3)
        assert psnr(seen[-1], photo(*image.size)) > 20 or form == "L"


# ---- gains --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", [10, 30, 75, 95])
def test_every_plane_comes_nearer_to_the_original(restorer, quality):
    original = ycbcr(photo(384, 512, 60, 120))
    image = _core.read_jpeg(encoded(photo(384, 512, 60, 120), quality=quality, subsampling="4:2:0"))
    plain, restored = (restorer.restore(image, amount=amount) for amount in (0.0, 1.0))
    gains = [psnr(restored[i], original[..., i]) - psnr(plain[i], original[..., i]) for i in range(3)]
    assert min(gains) > (0 if quality < 95 else -0.05)
    if quality in (30, 75):
        assert gains[0] > LEAST_LUMA[restorer.preset.name]
        assert max(gains[1:]) > 0.4


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
    assert gains[0] > LEAST_LUMA[restorer.preset.name]
    assert min(gains) > 0
    assert max(gains[1:]) > 0.4


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


def reached(restorer, form):
    """The largest corrections of luma, and of chroma where its resolution is the image's; (components, 4)."""
    image = file(form, 10)
    planes = restorer.restore(image)
    found = []
    for index in range(3 if form == "4:4:4" else 1):
        off = corrections(image, planes, index)
        found.append(reach(image.levels[index][: off.shape[0], : off.shape[1]], off))
    return np.array(found)


@pytest.mark.parametrize("form", ["4:4:4", "4:2:0"])
def test_corrections_stay_in_the_intervals(restorer, form):
    found = reached(restorer, form)
    assert np.all(found <= np.array(DEFAULT_WIDTHS) + 1e-3)
    assert np.all(found[:, 0] > 0.2)  # and they are used


@pytest.mark.parametrize("form", FORMS)
def test_wild_corrections_stay_in_the_intervals(made_up, form):
    made_up._runner = MadeUp(100)
    found = reached(made_up, form)
    assert np.all(found <= np.array(DEFAULT_WIDTHS) + 1e-3)
    assert np.all(found[:, 0] > 0.2)


def test_narrow_intervals_and_fidelity(made_up):
    made_up._runner = MadeUp(10)
    image, widths = file("4:4:4", 10), np.full((3, 4), 0.1, np.float32)
    narrow = corrections(image, made_up.restore(image, widths=widths), 0)
    halved = corrections(image, made_up.restore(image, widths=widths, fidelity=0.5), 0)
    assert np.abs(narrow).max() == pytest.approx(0.1, abs=1e-3)
    assert np.abs(halved).max() == pytest.approx(0.2, abs=1e-3)
    for fidelity in (0, 1e-300):
        free = corrections(image, made_up.restore(image, widths=0 * widths, fidelity=fidelity), 0)
        assert np.abs(free).max() > 0.5
    assert np.abs(corrections(image, made_up.restore(image, widths=0 * widths), 0)).max() < 1e-3


def test_amount(made_up):
    image = file("4:2:0")
    plain = [
        _core.upsample(_core.inverse_dct(levels, image.tables[table])[: -(-250 // v), : -(-181 // h)], h, v, (250, 181))
        for levels, table, (h, v) in zip(image.levels, image.component_tables, sampling_factors(image), strict=True)
    ]
    none, half, whole = (made_up.restore(image, amount=amount, fidelity=0) for amount in (0.0, 0.5, 1.0))
    for index in range(3):
        assert np.abs(none[index] - plain[index]).max() < 2e-3  # but for the last bits
        assert np.abs((none[index] + whole[index]) / 2 - half[index]).max() < 2e-3
        assert np.abs(whole[index] - none[index]).max() > 1
    clipped = decode_planes(image)
    assert [plane.shape for plane in clipped] == [(250, 181), (125, 91), (125, 91)]


def test_a_picture_without_colour_stays_without(restorer):
    gray = np.repeat(photo(96, 120).mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    image = _core.read_jpeg(encoded(gray, quality=30, subsampling="4:2:0"))
    luma, *chroma = restorer.restore(image)
    assert np.abs(luma - restorer.restore(image, amount=0)[0]).max() > 1
    assert all(np.all(plane == 128) for plane in chroma)


# ---- tiles, precisions ----------------------------------------------------------------------------------------------


def assert_tiles_join(restorer, image, sizes):
    whole = restorer.restore(image)
    for size in sizes:
        joined = [np.full(image.size, np.nan, np.float32) for _ in whole]
        tiles = list(restorer.tiles(image, tile_size=size))
        for tile in tiles:
            for plane, part in zip(joined, tile.planes, strict=True):
                plane[tile.rows, tile.cols] = part
        assert len(tiles) > 2
        for plane, part in zip(joined, whole, strict=True):
            np.testing.assert_allclose(plane, part, rtol=0, atol=MOST_BY_SIZE)


def test_tiles_are_the_whole_picture(restorer, monkeypatch):
    image = sampled("4:2:0")
    assert_tiles_join(restorer, image, [(64, 64), (16, 192), (208, 96)])
    monkeypatch.setattr(restoration, "_TILE_PIXELS", 30_000)
    monkeypatch.setattr(restoration, "_TILE_SIDE", 250)
    assert_tiles_join(restorer, image, [None])


@pytest.mark.parametrize("factors", FACTORS)
def test_tiles_of_all_samplings(made_up, factors):
    image = sampled(factors)
    assert restoration.can_restore(image)
    assert_tiles_join(made_up, image, [(64, 64), (16, 192), (208, 96)])
    same = sampled(factors.split(",")[0]) if factors.split(",")[0] in FACTORS else None
    if same is not None:
        for plane, other in zip(made_up.restore(image), made_up.restore(same), strict=True):
            assert np.array_equal(plane, other)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (17, 3), (8, 8), (65, 31), (1, 9000), (9000, 2)])
def test_any_size(made_up, size):
    rgb = np.resize(photo(96, 96), (*size, 3))
    image = _core.read_jpeg(encoded(rgb, quality=20, subsampling="4:2:0"))
    planes = made_up.restore(image)
    assert [plane.shape for plane in planes] == [size] * 3
    assert all(np.isfinite(plane).all() for plane in planes)


def test_tiles_of_large_images_are_small():
    for size in ((24_000, 65_000), (1, 65_500), (65_500, 16), (4000, 6000), (5, 5)):
        rows, cols = restoration._tile_size(size)
        assert rows % 16 == cols % 16 == 0
        assert rows * cols <= 2_100_000
        assert cols <= 3072


def pixels_of(planes):
    out = np.empty((*planes[0].shape, 3), np.uint8)
    _core.to_pixels(planes, [(1, 1)] * 3, True, out)
    return out.astype(int)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.tensorflow
def test_bfloat16_changes_no_pixel_by_more_than_one(name):
    from saliency_jpeg.enhance.runtime import Runner

    pixels = []
    for is_short in (False, True):
        restorer = Restorer.from_preset(name, device="cpu")
        restorer._runner = Runner(find(name).architecture, read_arrays(find(name)), "cpu", bfloat16=is_short)
        pixels += [pixels_of(restorer.restore(file("4:2:0", quality))) for quality in (5, 30, 90)]
    for exact, short in zip(pixels[:3], pixels[3:], strict=True):
        assert np.abs(exact - short).max() <= MOST_APART.get(name, 1)
        assert np.mean(exact != short) < 0.12


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.tensorflow
def test_litert_changes_no_pixel_by_more_than_one(name, tmp_path):
    needs("ai_edge_litert")
    from saliency_jpeg.enhance.runtime import LiteRunner

    restorer, forms, path = Restorer.from_preset(name, device="cpu"), ("4:4:4", "4:2:2", "4:2:0"), tmp_path / "x.tflite"
    before = [pixels_of(restorer.restore(file(form))) for form in forms]
    restorer.export(path)
    restorer._runner = LiteRunner.from_file(path, name)
    for form, pixels in zip(forms, before, strict=True):
        assert np.abs(pixels - pixels_of(restorer.restore(file(form)))).max() <= 1
    with pytest.raises(PresetError, match="must hold the network of preset 'other'"):
        LiteRunner.from_file(path, "other")
    with pytest.raises(OptionError, match="runs on LiteRT"):
        restorer.export(path)


@pytest.mark.tensorflow
def test_fine_and_its_class_map_do_without_tensorflow(tmp_path, monkeypatch):
    needs("ai_edge_litert")
    restorer = Restorer.from_preset("fine", device="cpu")
    before = pixels_of(restorer.restore(file("4:2:0")))
    restorer.export(tmp_path / "fine.tflite")
    semantic.Segmenter.from_preset(device="cpu").export(tmp_path / "segment.tflite")
    monkeypatch.setattr(litert, "replaces_tensorflow", lambda: True)
    monkeypatch.setenv("SALIENCY_JPEG_LITE", str(tmp_path))
    monkeypatch.setattr(semantic, "load", lambda name, device: semantic.Segmenter.from_preset(name, device))
    monkeypatch.setattr("saliency_jpeg.enhance.runtime.Runner", None)
    monkeypatch.setattr("saliency_jpeg.enhance.semantic_runtime.Runner", None)
    after = pixels_of(Restorer.from_preset("fine").restore(file("4:2:0")))
    assert np.abs(before - after).max() <= MOST_APART["fine"]
    (tmp_path / "segment.tflite").unlink()
    with pytest.raises(PresetError, match=r"'segment' is read from segment\.tflite"):
        Restorer.from_preset("fine").restore(file("4:2:0"))


@pytest.mark.tensorflow
def test_a_gpu_changes_no_pixel_by_more_than_one():
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        pytest.skip("no GPU")
    on_cpu, on_gpu = (Restorer.from_preset("restore", device=device) for device in ("cpu", "gpu"))
    for quality in (5, 30, 90):
        pair = [pixels_of(restorer.restore(file("4:2:0", quality))) for restorer in (on_cpu, on_gpu)]
        assert np.abs(pair[0] - pair[1]).max() <= 1


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


def test_other_files_are_refused(made_up):
    cmyk = _core.read_jpeg(encoded(Image.fromarray(photo()).convert("CMYK")))
    quarter = _core.read_jpeg(saliency_jpeg.compress(photo(), subsampling="4:1:1", saliency=None))
    for image in (cmyk, quarter):
        assert not restoration.can_restore(image)
        with pytest.raises(InputError, match="can be restored"):
            made_up.restore(image)


def test_presets_of_another_task_are_refused():
    with pytest.raises(PresetError, match="is for saliency"):
        find("gaze")
    with pytest.raises(PresetError, match="known are fine, restore, restore-fast"):
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
