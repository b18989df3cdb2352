"""Every kind of saliency a caller may give ends as one float32 map, or as one clear error."""

# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="func-returns-value, union-attr"
import pickle
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

import saliency_jpeg
from saliency_jpeg import InputError, OptionError, PresetError
from saliency_jpeg.evaluation.codecs import decode
from saliency_jpeg.metrics import psnr
from saliency_jpeg.saliency import combine
from saliency_jpeg.saliency.sources import resolve

PIXELS = np.zeros((6, 9, 3), np.uint8)


def given(saliency, orientation=1):
    made = resolve(saliency, PIXELS, orientation)
    return None if made is None else made.pixels


def test_none_is_no_map():
    assert given(None) is None


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_map_of_floats_is_rounded_to_256_levels(dtype):
    values = np.linspace(0, 1, 54).reshape(6, 9).astype(dtype)
    result = given(values)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result * 255, np.rint(values.astype(float) * 255), atol=1e-4)


def test_masks_of_bool_and_uint8_and_pillow():
    mask = np.zeros((6, 9), bool)
    mask[2:4, 3:7] = True
    for kind in (mask, mask[..., None], mask.astype(np.uint8) * 255, Image.fromarray(mask.astype(np.uint8) * 255)):
        np.testing.assert_array_equal(given(kind), mask.astype(np.float32))


def test_boxes_are_filled_and_cut_at_the_border():
    result = given([(1, 2, 3, 4), (7.5, -2, 100, 0.5)])
    wanted = np.zeros((6, 9), np.float32)
    wanted[2:4, 1:3] = 1
    wanted[0:1, 7:] = 1
    np.testing.assert_array_equal(result, wanted)
    assert not given([]).any()


@pytest.mark.parametrize(
    "boxes",
    [
        [(1, 2, 3, 4), (7, 0, 9, 1)],
        ((1, 2, 3, 4), (7, 0, 9, 1)),
        [[1, 2, 3, 4], [7.0, 0.0, 9.0, 1.0]],
        (np.array([1, 2, 3, 4]), [np.float32(7), np.int64(0), 9, 1]),
    ],
    ids=["tuples in a list", "tuples in a tuple", "lists in a list", "NumPy values"],
)
def test_boxes_are_any_sequence_of_sequences(boxes):
    wanted = np.zeros((6, 9), np.float32)
    wanted[2:4, 1:3] = wanted[0:1, 7:] = 1
    np.testing.assert_array_equal(given(boxes), wanted)
    np.testing.assert_array_equal(given(lambda rgb: boxes), wanted)


def test_an_array_is_a_map_also_with_four_columns():
    with pytest.raises(InputError, match=r"shape \(6, 9\), got \(2, 4\); to pass boxes, use \.tolist\(\)"):
        given(np.array([[1, 2, 3, 4], [7, 0, 9, 1]]))
    boxes = np.array([[1, 2, 3, 4]])
    np.testing.assert_array_equal(given(boxes.tolist()), given([(1, 2, 3, 4)]))


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((9, 6), np.float32),
        np.zeros((6, 9, 3), np.float32),
        np.full((6, 9), np.nan, np.float32),
        np.full((6, 9), 1.5),
        np.full((6, 9), -0.1),
        np.zeros((6, 9), np.int32),
        np.ones((6, 9), np.uint8),
        np.zeros((6, 9), complex),
        Image.new("RGB", (9, 6)),
    ],
    ids=["transposed", "three channels", "NaN", "above 1", "below 0", "int32", "0 and 1", "complex", "RGB"],
)
def test_a_map_that_cannot_be_meant(bad):
    with pytest.raises(InputError, match="map"):
        given(bad)


@pytest.mark.parametrize("bad", [[(1, 2, 3)], [(3, 0, 1, 4)], [(0, 0, np.nan, 4)], ["abcd"], 7, 0.5])
def test_boxes_and_kinds_that_cannot_be_meant(bad):
    with pytest.raises(OptionError, match="got "):
        given(bad)


def test_an_unknown_preset_lists_the_known_ones():
    with pytest.raises(PresetError, match="default"):
        given("defualt")


def test_a_palette_mask_is_read_by_its_colours():
    mask = Image.new("P", (9, 6))
    mask.putpalette([0, 0, 0, 255, 255, 255])
    mask.paste(1, (2, 1, 5, 4))
    result = given(mask)
    assert result[1:4, 2:5].min() == 1
    assert result.sum() == 9


@pytest.mark.parametrize("made", [np.zeros((3, 3)), np.full((6, 9), np.nan), np.full((6, 9), 50.0), np.zeros((9, 6))])
def test_a_model_is_not_trusted(made):
    class Model:
        def predict(self, rgb):
            return made

    with pytest.raises(InputError, match="map"):
        given(Model())


class Upright:
    """Marks the top left corner of whatever it is shown."""

    def predict(self, rgb):
        assert rgb.flags.c_contiguous
        self.shape = rgb.shape
        marked = np.zeros(rgb.shape[:2], np.float32)
        marked[0, 0] = 1
        return marked


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_model_sees_the_picture_upright(orientation):
    """Pillow's own ImageOps.exif_transpose says where the upright corner comes from."""
    model = Upright()
    result = given(model, orientation)
    assert result.shape == (6, 9)
    assert result.flags.c_contiguous
    image = Image.fromarray((result * 255).astype(np.uint8))
    image.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(image))
    assert upright.shape == model.shape[:2]
    assert upright[0, 0] == 255
    assert upright.sum() == 255


# ---- functions ---------------------------------------------------------------------------------


def test_a_function_is_given_rgb_and_may_return_any_given_kind():
    mask = np.zeros((6, 9), bool)
    mask[1:3, 2:5] = True
    picture = Image.fromarray(mask.astype(np.uint8) * 255)
    for found in (mask, mask.astype(np.float64), picture, [(2, 1, 5, 3)], ((2, 1, 5, 3),)):
        np.testing.assert_array_equal(given(lambda rgb, found=found: found), mask.astype(np.float32))
    assert not given(lambda rgb: []).any()


def test_a_function_of_a_gray_picture_is_given_rgb_too():
    gray = np.arange(54, dtype=np.uint8).reshape(6, 9)
    shown = []
    resolve(lambda rgb: shown.append(rgb) or rgb[..., 0], gray, 1)
    assert shown[0].shape == (6, 9, 3)
    assert shown[0].dtype == np.uint8
    assert shown[0].flags.c_contiguous
    assert (shown[0] == gray[..., None]).all()


def test_a_function_may_write_into_what_it_is_given():
    pixels = np.full((6, 9, 3), 7, np.uint8)

    def wipe(rgb):
        rgb[:] = 0
        return np.ones(rgb.shape[:2])

    assert resolve(wipe, pixels, 1).pixels.all()
    assert (pixels == 7).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_function_sees_the_picture_upright_and_its_boxes_are_turned_back(orientation):
    """The boxes are where Pillow's own ImageOps.exif_transpose would put the marks that the function was shown."""
    stored = np.zeros((6, 9, 3), np.uint8)
    stored[1, 7] = stored[4, 2] = 255

    def bright(rgb):
        return [(x, y, x + 1, y + 1) for y, x in np.argwhere(rgb[..., 0])]

    result = resolve(bright, stored, orientation).pixels
    np.testing.assert_array_equal(result, stored[..., 0] / 255)
    shown = []
    resolve(lambda rgb: shown.append(rgb) or rgb[..., 0], stored, orientation)
    image = Image.fromarray(stored)
    image.getexif()[0x0112] = orientation
    np.testing.assert_array_equal(shown[0], np.asarray(ImageOps.exif_transpose(image)))


@pytest.mark.parametrize("made", [None, 7, "default", np.zeros((9, 6)), np.full((6, 9), 2.0), np.zeros((6, 9), int)])
def test_a_function_is_not_trusted(made):
    with pytest.raises(InputError, match="saliency"):
        given(lambda rgb: made)


def test_an_error_in_a_function_comes_through():
    with pytest.raises(ZeroDivisionError):
        given(lambda rgb: 1 / 0)


def test_a_class_is_no_function():
    for kind in (dict, saliency_jpeg.SaliencyModel):
        with pytest.raises(OptionError, match="got <class"):
            given(kind)


# ---- combined ----------------------------------------------------------------------------------


def test_the_highest_counts():
    values = np.linspace(0, 1, 54).reshape(6, 9)
    result = given(combine(values, [(0, 0, 2, 2)], lambda rgb: np.full((6, 9), 0.2)))
    wanted = np.maximum(values, 0.2)
    wanted[:2, :2] = 1
    np.testing.assert_array_equal(result, np.rint(wanted.astype(np.float32) * 255) / np.float32(255))
    assert result.dtype == np.float32


def test_regions_are_forced_and_protection_wins():
    protect = np.zeros((6, 9), bool)
    protect[2:4, 3:5] = True
    result = given(combine(np.full((6, 9), 0.6), protect=protect, ignore=[(0, 0, 4, 9)]))
    np.testing.assert_array_equal(result[protect], 1)
    assert result[:, :3].max() == 0
    assert result[0, 3] == 0
    np.testing.assert_array_equal(result[:, 5:], np.float32(0.6))


def test_soft_regions_are_limits():
    half = np.full((6, 9), 102, np.uint8)  # 0.4
    ramp = np.linspace(0, 1, 54).reshape(6, 9)
    np.testing.assert_allclose(given(combine(ramp, protect=half)), np.maximum(ramp, 0.4), atol=0.002)
    limited = given(combine(ramp, ignore=Image.fromarray(half)))
    np.testing.assert_allclose(limited, np.minimum(ramp, 0.6), atol=0.002)
    np.testing.assert_array_equal(np.rint(limited * 255) / np.float32(255), limited)


def test_combinations_nest_and_follow_the_orientation():
    upright = combine([(0, 0, 1, 1)], Upright())
    result = given(combine(upright, protect=[(8, 5, 9, 6)]), orientation=6)
    assert sorted(map(tuple, np.argwhere(result).tolist())) == [(0, 0), (5, 0), (5, 8)]


def test_combinations_of_nothing_are_refused():
    nothing: tuple[tuple[Any, ...], ...] = ((), (None,), ([], None))
    for sources in nothing:
        with pytest.raises(OptionError, match=r"combine\(\) .*got "):
            combine(*sources)
    with pytest.raises(OptionError, match="got 7"):
        given(combine([], 7))  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"got 0\.5"):
        given(combine([], protect=0.5))  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="got 'default'"):  # a list is a list of boxes
        given(["default", np.zeros((6, 9))])


def test_combinations_can_be_sent_to_another_process():
    result = given(pickle.loads(pickle.dumps(combine(np.full((6, 9), 0.2), protect=[(0, 0, 1, 1)]))))
    assert result[0, 0] == 1
    assert result[1, 1] == np.float32(0.2)


def test_regions_move_the_bytes():
    rng = np.random.default_rng(8)
    noisy = np.clip(rng.normal(120, 30, (64, 96)), 0, 255).astype(np.uint8)
    left = [(0, 0, 48, 64)]
    flat = [(0, 0, 96, 64)]
    quality = {}
    for name, saliency in (("protect", combine([], protect=left)), ("ignore", combine(flat, ignore=left))):
        decoded = decode(saliency_jpeg.compress(noisy, quality=50, saliency=saliency))
        quality[name] = [psnr(noisy[:, half], decoded[:, half]) for half in (slice(0, 48), slice(48, 96))]
    assert quality["protect"][0] > quality["protect"][1] + 1
    assert quality["ignore"][1] > quality["ignore"][0] + 1


def test_the_map_that_compress_goes_by_can_be_had():
    pixels = np.zeros((16, 24, 3), np.uint8)
    kind = combine(np.full((16, 24), 0.4), protect=[(0, 0, 8, 8)])
    shown = saliency_jpeg.saliency_map(pixels, kind)
    np.testing.assert_array_equal(shown, saliency_jpeg.Encoder(saliency=kind).compress(pixels).saliency)
    with pytest.raises(OptionError, match="got None"):
        saliency_jpeg.saliency_map(pixels, None)
