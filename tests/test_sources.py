"""Every kind of saliency a caller may give ends as one float32 map, or as one clear error."""

import numpy as np
import pytest
from PIL import Image

from saliency_jpeg import InputError, OptionError, PresetError
from saliency_jpeg.saliency.sources import resolve

PIXELS = np.zeros((6, 9, 3), np.uint8)


def given(saliency, orientation=1):
    return resolve(saliency, PIXELS, orientation)


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
    assert result[1:4, 2:5].min() == 1 and result.sum() == 9


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
    from PIL import ImageOps

    model = Upright()
    result = given(model, orientation)
    assert result.shape == (6, 9) and result.flags.c_contiguous
    image = Image.fromarray((result * 255).astype(np.uint8))
    image.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(image))
    assert upright.shape == model.shape[:2]
    assert upright[0, 0] == 255 and upright.sum() == 255
