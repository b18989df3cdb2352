"""Doors that read: Pillow by format name, OpenCV and TensorFlow, compared with what the replaced calls return."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from doors import EXIF, ICC, PHOTO, XMP
from helpers import encoded, pillow_pixels
from jpeg_surgery import splice
from PIL import Image, JpegImagePlugin
from processes import python

from saliency_jpeg import Decoder, InputError, OptionError, compress
from saliency_jpeg.enhance import loading
from saliency_jpeg.integrations import opencv, pillow
from saliency_jpeg.metadata.segments import XMP_HEADER, parse
from saliency_jpeg.metadata.xmp_segments import split_extended

HEADER = b"Exif\0\0"
JPEG = encoded(PHOTO, quality=85, exif=HEADER + EXIF, icc_profile=ICC, xmp=XMP, dpi=(300, 300))  # orientation 6
GRAY = encoded(np.ascontiguousarray(PHOTO[..., 1]), quality=85, exif=HEADER + EXIF)
FILES = {"colour": JPEG, "gray": GRAY}


def difference(a: Any, b: Any) -> int:
    assert a.shape == b.shape
    return int(np.abs(np.asarray(a, np.int64) - np.asarray(b, np.int64)).max())


# Pillow -------------------------------------------------------------------------------------------------------------


def opened(jpeg: Any, **options: Any) -> Any:
    image: Any = Image.open(io.BytesIO(jpeg) if isinstance(jpeg, bytes) else jpeg, formats=[pillow.FORMAT])
    image.decoder = Decoder(**{"enhance": None, "orientation": "keep", **options})
    return image


@pytest.mark.parametrize("kind", FILES)
def test_pillow_opens_what_it_opens_itself(kind: str) -> None:
    with opened(FILES[kind]) as image, Image.open(io.BytesIO(FILES[kind])) as theirs:
        assert (image.format, image.mode, image.size) == ("SALIENCY_JPEG", theirs.mode, theirs.size)
        assert image.info == theirs.info
        assert dict(image.getexif()) == dict(theirs.getexif())
        assert difference(np.asarray(image), np.asarray(theirs)) <= 3
        assert image.get_format_mimetype() == "image/jpeg"


def test_pillow_opens_paths_and_closes_them(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(JPEG)
    with opened(path) as image:
        assert image.fp is not None
        image.load()
        assert image.fp is None
        np.testing.assert_array_equal(np.asarray(image.copy()), Decoder(enhance=None, orientation="keep").decode(JPEG))
    path.unlink()


def test_images_that_we_opened_keep_what_those_of_pillow_keep() -> None:
    guid, parts = split_extended(b"<x:xmpmeta><rdf:RDF>" + b"a-long-history" * 5000 + b"</rdf:RDF></x:xmpmeta>")
    packet = b'<x:xmpmeta><rdf:Description xmpNote:HasExtendedXMP="%s"/></x:xmpmeta>' % guid
    own = [(0xE1, XMP_HEADER + packet), *parts, (0xEC, b"Ducky\0\1\0\4\0\0\0<"), (0xFE, b"first"), (0xFE, b"last")]
    file = splice(encoded(PHOTO, quality=95), own)
    image = Image.open(io.BytesIO(file), formats=["SALIENCY_JPEG"])
    image.decoder = Decoder(enhance=None, orientation="keep")  # type: ignore[attr-defined]
    written = parse(compress(image, quality=50, saliency=None))
    assert sorted(own) == sorted(segment for segment in written if segment[0] != 0xE0)


def test_pillow_converts_cmyk() -> None:
    jpeg = encoded(Image.fromarray(PHOTO).convert("CMYK"), icc_profile=ICC)
    with opened(jpeg) as image:
        assert image.mode == "RGB"
        assert "icc_profile" not in image.info
        np.testing.assert_array_equal(np.asarray(image), Decoder(enhance=None).decode(jpeg))


def test_pillow_restores_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    class Network:
        def tiles(self, image: Any, **_: Any) -> Iterator[Any]:
            planes = [np.full(image.size, 100, np.float32)]
            yield SimpleNamespace(rows=slice(None), cols=slice(None), planes=planes)

    monkeypatch.setattr(loading, "load", lambda name, device: Network())
    with Image.open(io.BytesIO(GRAY), formats=["SALIENCY_JPEG"]) as image:
        assert image.size == PHOTO.shape[1::-1]  # the EXIF orientation stays a tag
        assert set(np.unique(np.asarray(image))) == {100}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(
    ("options", "got"),
    [
        ({"orientation": "apply"}, "uint8 pixels of shape"),
        ({"dtype": np.uint16}, "uint16 pixels of shape"),
        ({"dtype": np.float32}, "float32 pixels of shape"),
    ],
)
def test_pillow_takes_no_decoder_of_other_pixels(kind: str, options: dict[str, Any], got: str) -> None:
    image = opened(FILES[kind], **options)
    with pytest.raises(
        OptionError, match=rf"^image\.decoder must have dtype=np\.uint8 and orientation='keep', got {got}"
    ):
        image.load()
    image.decoder = Decoder(enhance=None, orientation="keep")
    assert np.asarray(image).shape[:2] == PHOTO.shape[:2]


ORDER = """
import io, sys
from PIL import Image
import saliency_jpeg.integrations.pillow
data = open(sys.argv[1], "rb").read()
print(Image.open(io.BytesIO(data)).format, "SALIENCY_JPEG" in Image.ID)
Image.init()
print(Image.open(io.BytesIO(data)).format)
"""


def test_pillow_never_asks_us_unless_the_format_is_named(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(JPEG)
    assert python("-c", ORDER, path) == "JPEG False\nJPEG\n"
    assert isinstance(Image.open(io.BytesIO(JPEG)), JpegImagePlugin.JpegImageFile)


def test_pillow_names_what_is_no_jpeg_file() -> None:
    with pytest.raises(OSError, match="cannot identify"):
        opened(encoded(PHOTO, "PNG"))
    with pytest.raises(InputError, match="end too early"):
        np.asarray(opened(JPEG[:3000]))


# OpenCV -------------------------------------------------------------------------------------------------------------

FLAGS = (
    cv2.IMREAD_COLOR,
    cv2.IMREAD_GRAYSCALE,
    cv2.IMREAD_UNCHANGED,
    cv2.IMREAD_ANYCOLOR,
    cv2.IMREAD_ANYDEPTH,
    cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH,
    cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION,
    cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION,
)


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("kind", FILES)
def test_opencv_returns_what_it_returns_itself(kind: str, flags: int, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(FILES[kind])
    buffer = np.frombuffer(FILES[kind], np.uint8)
    theirs = cv2.imdecode(buffer, flags)
    for ours in (opencv.imdecode(buffer, flags, enhance=None), opencv.imread(path, flags, enhance=None)):
        assert ours.dtype == np.uint8
        assert ours.flags.c_contiguous
        assert difference(ours, theirs) <= 3


def test_opencv_rgb_and_wide_samples() -> None:
    rgb = opencv.imdecode(JPEG, 256, enhance=None)  # IMREAD_COLOR_RGB, of OpenCV 4.11 and later
    bgr = opencv.imdecode(JPEG, enhance=None)
    np.testing.assert_array_equal(rgb[..., ::-1], bgr)
    wide = opencv.imdecode(JPEG, enhance=None, dtype=np.uint16)
    assert difference(wide // 257, bgr) <= 1


@pytest.mark.parametrize("flags", [cv2.IMREAD_REDUCED_COLOR_2, cv2.IMREAD_LOAD_GDAL, -2, "color"])
def test_opencv_flags_that_are_refused(flags: Any) -> None:
    with pytest.raises(OptionError, match=f"flags must be .* got {flags!r}"):
        opencv.imdecode(JPEG, flags, enhance=None)


def test_opencv_errors() -> None:
    with pytest.raises(OptionError, match="imdecode has no keyword 'orientation'"):
        opencv.imdecode(JPEG, orientation="keep")
    with pytest.raises(InputError, match="only a JPEG file"):
        opencv.imdecode(b"nothing", enhance=None)
    with pytest.raises(FileNotFoundError):
        opencv.imread("missing.jpg", enhance=None)


# TensorFlow ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tf() -> Any:
    """TensorFlow, which is not to be loaded while tests are collected."""
    import tensorflow

    return tensorflow


def decode_jpeg(*arguments: Any, **keywords: Any) -> Any:
    from saliency_jpeg.integrations.tensorflow import decode_jpeg

    return decode_jpeg(*arguments, **{"enhance": None, **keywords})


@pytest.mark.tensorflow
@pytest.mark.parametrize("channels", [0, 1, 3])
@pytest.mark.parametrize("kind", FILES)
def test_tensorflow_returns_what_it_returns_itself(kind: str, channels: int, tf: Any) -> None:
    theirs = tf.io.decode_jpeg(FILES[kind], channels=channels, dct_method="INTEGER_ACCURATE")
    ours = decode_jpeg(FILES[kind], channels=channels, dct_method="INTEGER_ACCURATE")
    assert ours.dtype == theirs.dtype
    assert difference(ours.numpy(), theirs.numpy()) <= 3


@pytest.mark.tensorflow
def test_tensorflow_in_a_graph(tf: Any) -> None:
    files = tf.data.Dataset.from_tensor_slices([JPEG, JPEG])
    images = files.map(lambda file: decode_jpeg(file, channels=3, dtype=np.uint16))
    assert images.element_spec.dtype == tf.uint16
    assert images.element_spec.shape.as_list() == [None, None, 3]
    for image in images:
        assert difference(image.numpy() // 257, pillow_pixels(JPEG)) <= 3


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("ratio", 2),
        ("fancy_upscaling", False),
        ("try_recover_truncated", True),
        ("acceptable_fraction", 0.5),
        ("channels", 4),
        ("dct_method", "FLOAT"),
        *((name, []) for name in ("ratio", "fancy_upscaling", "acceptable_fraction", "channels", "dct_method")),
    ],
)
def test_tensorflow_arguments_that_are_refused(keyword: str, value: Any, tf: Any) -> None:
    for given in (value, np.array([1, 2]), tf.constant("x")):
        with pytest.raises(OptionError, match=rf"^{keyword} .* got {re.escape(repr(given))}$"):
            decode_jpeg(JPEG, **{keyword: given})


@pytest.mark.tensorflow
def test_tensorflow_errors(tf: Any) -> None:
    with pytest.raises(OptionError, match="decode_jpeg has no keyword 'progressive'"):
        decode_jpeg(JPEG, progressive=True)
    with pytest.raises(InputError, match=r"a scalar, got a tensor of shape \(2,\)"):
        decode_jpeg([JPEG, JPEG])
    with pytest.raises(InputError, match="only a JPEG file"):
        decode_jpeg(b"nothing")
    odd: list[Any] = [None, 5, bytearray(JPEG), {}, tf.ragged.constant([[JPEG], []])]
    for contents in odd:
        with pytest.raises(InputError, match="is no tensor"):
            decode_jpeg(contents)
