"""TensorFlow's door: ``tf.io.encode_jpeg``, eagerly, in a graph and in ``tf.data``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from doors import PHOTO, XMP, describe
from helpers import pillow_pixels, psnr

from saliency_jpeg import InputError, OptionError, SegmentError, TargetError, compress

pytestmark = pytest.mark.tensorflow
GRAY = PHOTO[..., 1:2]

CALLS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "quality": {"quality": 60},
    "progressive": {"progressive": True},
    "optimized": {"optimize_size": True},
    "whole chroma": {"chroma_downsampling": False},
    "per centimetre": {"density_unit": "cm", "x_density": 118, "y_density": 59},
    "xmp": {"xmp_metadata": XMP.decode()},
    "xmp as bytes": {"xmp_metadata": XMP},
    "name": {"name": "files"},
}
FLAGS = ("progressive", "optimize_size", "chroma_downsampling")


@pytest.fixture(scope="module")
def tf() -> Any:
    """TensorFlow, which is not to be loaded while tests are collected."""
    import tensorflow

    return tensorflow


def encode_jpeg(*arguments: Any, **keywords: Any) -> Any:
    from saliency_jpeg.integrations.tensorflow import encode_jpeg

    return encode_jpeg(*arguments, **keywords)


@pytest.mark.parametrize("image", [PHOTO, GRAY], ids=["RGB", "gray"])
@pytest.mark.parametrize("call", CALLS)
def test_the_same_call(call: str, image: Any, tf: Any) -> None:
    theirs, ours = tf.io.encode_jpeg(image, **CALLS[call]), encode_jpeg(image, saliency=None, **CALLS[call])
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    theirs, ours = theirs.numpy(), ours.numpy()
    assert describe(ours) == describe(theirs)
    original = image[..., 0] if image.shape[2] == 1 else image
    assert psnr(pillow_pixels(ours), original) > psnr(pillow_pixels(theirs), original) - 1.5
    assert len(ours) < len(theirs)


def test_formats() -> None:
    assert describe(encode_jpeg(PHOTO, format="rgb", saliency=None).numpy()).mode == "RGB"
    assert describe(encode_jpeg(GRAY, format="grayscale", saliency=None).numpy()).mode == "L"
    with pytest.raises(InputError):
        encode_jpeg(PHOTO, format="grayscale")
    with pytest.raises(InputError):
        encode_jpeg(GRAY, format="rgb")


def test_inside_tf_data(tf: Any) -> None:
    images = np.stack([PHOTO, PHOTO[::-1], PHOTO[:, ::-1]])
    dataset = tf.data.Dataset.from_tensor_slices(images)
    files = dataset.map(lambda image: encode_jpeg(image, quality=80, target_kb=3, saliency=None), num_parallel_calls=2)
    assert files.element_spec == tf.TensorSpec([], tf.string)
    found = [data.numpy() for data in files]
    expected = [encode_jpeg(image, quality=80, target_kb=3, saliency=None).numpy() for image in images]
    assert found == expected
    assert all(len(data) <= 3000 for data in found)
    decoded = files.map(tf.io.decode_jpeg)
    assert [image.shape for image in decoded] == [PHOTO.shape] * 3


def test_inside_a_function_with_an_unknown_shape(tf: Any) -> None:
    def encode(image: Any) -> Any:
        return encode_jpeg(image, saliency=None)

    files = tf.function(encode, input_signature=[tf.TensorSpec(None, tf.uint8)])
    assert files(PHOTO).numpy() == encode_jpeg(PHOTO, saliency=None).numpy()
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"uint8 \(H, W, 1\) or \(H, W, 3\)"):
        files(PHOTO[..., 0])


def test_the_network_inside_tf_data(tf: Any) -> None:
    dataset = tf.data.Dataset.from_tensors(PHOTO).map(lambda image: encode_jpeg(image, quality=60))
    (data,) = list(dataset)
    expected = compress(PHOTO, quality=60, subsampling="4:2:0", progressive=False)
    np.testing.assert_array_equal(pillow_pixels(data.numpy()), pillow_pixels(expected))


def test_errors_while_a_graph_is_built(tf: Any) -> None:
    dataset = tf.data.Dataset.from_tensors(PHOTO)
    with pytest.raises(InputError):
        dataset.map(lambda image: encode_jpeg(tf.cast(image, tf.float32)))
    with pytest.raises(OptionError, match=r"quality .* got 101"):
        dataset.map(lambda image: encode_jpeg(image, quality=101))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"quality": -1}, r"quality .* got -1"),
        ({"quality": np.array([80, 90])}, r"quality .* got array"),
        ({"format": "bgr"}, r"format .* got 'bgr'"),
        ({"density_unit": "m"}, r"density_unit .* got 'm'"),
        ({"x_density": 0}, r"x_density .* got 0"),
        ({"y_density": 70_000}, r"y_density .* got 70000"),
        ({"subsampling": "4:2:2"}, r"no keyword 'subsampling'"),
        ({"strength": 2}, r"strength .* got 2"),
    ],
)
def test_options_out_of_range(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        encode_jpeg(PHOTO, **keywords)


@pytest.mark.parametrize("value", ["x", b"x", [], np.array([1, 2]), object(), 10**400, 1.5])
@pytest.mark.parametrize("argument", ["format", *FLAGS, "density_unit", "x_density", "xmp_metadata"])
def test_arguments_of_another_kind(argument: str, value: Any, tf: Any) -> None:
    kinds = (value, tf.constant([1, 2]), tf.constant("x"))
    for given in kinds if argument != "xmp_metadata" or not isinstance(value, str | bytes | list) else kinds[1:]:
        with pytest.raises(OptionError, match=rf"^{argument} must be "):
            encode_jpeg(PHOTO, saliency=None, **{argument: given})


ODD_IMAGES = [None, "x", object(), {"a": 1}, [[[1, 2, 3]], [[1, 2, 3], [4, 5, 6]]], PHOTO.astype(object)]


@pytest.mark.parametrize(
    "image",
    [PHOTO[..., 0], PHOTO[None], PHOTO[..., :2], PHOTO.astype(np.uint16), PHOTO[:0], 5, *ODD_IMAGES],
    ids=lambda image: type(image).__name__,
)
def test_other_images_are_refused(image: Any) -> None:
    with pytest.raises(InputError):
        encode_jpeg(image, saliency=None)


def test_a_score_takes_the_place_of_the_quality() -> None:
    data = encode_jpeg(PHOTO, target_score=60, saliency=None).numpy()
    assert len(data) < len(encode_jpeg(PHOTO, saliency=None).numpy()) / 1.5
    with pytest.raises(OptionError, match="target_score"):
        encode_jpeg(PHOTO, target_score=60, quality=80)


def test_other_errors() -> None:
    with pytest.raises(SegmentError):
        encode_jpeg(PHOTO, xmp_metadata="x" * 70_000, saliency=None)
    with pytest.raises(TargetError):
        encode_jpeg(PHOTO, target_kb=0.1, saliency=None)
