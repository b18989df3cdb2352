"""compress() and Encoder from end to end: sizes, targets, modes, metadata, errors."""

# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="func-returns-value, operator, union-attr"
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from helpers import KODIM07 as PHOTO
from helpers import encoded, pillow_pixels, psnr
from helpers import photo as crop
from PIL import Image

import saliency_jpeg
from saliency_jpeg import Encoder, InputError, SaliencyJpegError, TargetError, compress
from saliency_jpeg.codec import _core
from saliency_jpeg.codec.jpeg import JpegEncoding


@pytest.fixture(scope="module")
def photo():
    return crop(256, 384, 96, 128)


def decoded(jpeg):
    return Image.open(io.BytesIO(jpeg))


@pytest.mark.parametrize("bits_per_pixel", [0.2, 0.3, 0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("progressive", [True, False])
def test_a_target_is_filled_and_never_exceeded(photo, bits_per_pixel, progressive):
    target = photo.shape[0] * photo.shape[1] * bits_per_pixel / 8
    result = Encoder(target_kb=target / 1000, saliency=None, progressive=progressive).compress(photo)
    assert 0.95 * target <= len(result.jpeg) <= target
    assert result.passes <= 8
    assert decoded(result.jpeg).size == (384, 256)


@pytest.mark.parametrize(
    ("options", "metadata", "target"),
    [
        ({"restart_interval": 4}, 0, 6000),
        ({"restart_interval": 2}, 0, 9000),
        ({}, 30_000, 34_000),
        ({"tune": "ssimulacra2"}, 0, 3000),
        ({"tune": "hvs", "progressive": False}, 0, 8000),
    ],
    ids=["restarts", "many restarts", "much metadata", "ssimulacra2", "hvs"],
)
def test_fixed_bytes_do_not_upset_the_search(photo, monkeypatch, options, metadata, target):
    passes = []
    quantize = JpegEncoding.quantize

    def counted(encoding, *given, **options):
        if encoding.quantizer.coefficients.pixels is not None:  # no sample of the image
            passes.append(given)
        return quantize(encoding, *given, **options)

    monkeypatch.setattr(JpegEncoding, "quantize", counted)
    image = Image.fromarray(photo)
    image.info["icc_profile"] = bytes(metadata) or None
    result = Encoder(target_kb=target / 1000, saliency=None, **options).compress(image)
    assert target - 0.05 * (target - metadata) <= len(result.jpeg) <= target
    assert result.passes == len(passes) <= 8


@pytest.mark.parametrize("size", [(40, 64), (111, 77)])
@pytest.mark.parametrize("bits_per_pixel", [2.0, 4.0, 6.0])
def test_small_and_gray_images_fill_their_targets(photo, size, bits_per_pixel):
    gray = np.ascontiguousarray(photo[100 : 100 + size[0], 100 : 100 + size[1], 0])
    target = 500 + gray.size * bits_per_pixel / 8
    result = Encoder(target_kb=target / 1000, saliency=None).compress(gray)
    assert result.quality == 100 or 0.93 * target <= len(result.jpeg) <= target


def test_coloured_text_falls_back_to_averaged_chroma_for_a_small_target():
    rng = np.random.default_rng(5)
    pixels = np.full((400, 600, 3), 255, np.uint8)
    pixels[rng.random((400, 600)) < 0.1] = (200, 0, 0)
    assert decoded(compress(pixels, quality=60, saliency=None)).layer[0][1:3] == (1, 1)
    smallest = {}
    for subsampling in ("4:2:0", "auto"):
        with pytest.raises(TargetError) as caught:
            compress(pixels, target_kb=0.2, saliency=None, subsampling=subsampling)
        smallest[subsampling] = len(caught.value.best)
    assert smallest["auto"] <= smallest["4:2:0"]


def test_other_threads_run_while_one_encodes(photo):
    """A thread that counts goes on counting during a single call into the core."""
    big = np.tile(photo, (6, 6, 1))
    count = []
    done = threading.Event()
    counter = threading.Thread(target=lambda: [count.append(0) or done.wait(1e-4) for _ in iter(done.is_set, True)])
    counter.start()
    try:
        before = len(count)
        coefficients = _core.forward_dct(big, 2, 2)
        levels = [_core.quantize_plain(c, np.full(64, 9, np.uint16)) for c in coefficients]
        middle = len(count)
        _core.write_jpeg(levels, np.full((1, 64), 9, np.uint16), big.shape[:2], [(2, 2), (1, 1), (1, 1)])
        after = len(count)
    finally:
        done.set()
        counter.join()
    assert middle > before
    assert after > middle


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_map_of_a_turned_photograph_lies_where_the_pixels_are(photo, orientation):
    """A model that marks the top of what it sees marks another side of the stored pixels."""

    class Top:
        def predict(self, rgb):
            marked = np.zeros(rgb.shape[:2], np.float32)
            marked[: len(marked) // 2] = 1
            return marked

    exif = Image.Exif()
    exif[0x0112] = orientation
    saliency = Encoder(saliency=Top()).compress(encoded(photo, "PNG", exif=exif)).saliency
    assert saliency is not None
    height, width = saliency.shape
    marked: Any = {3: np.s_[height // 2 :], 6: np.s_[:, : width // 2]}[orientation]
    assert saliency[marked].all()
    assert saliency.sum() == saliency[marked].size


def test_the_target_counts_the_metadata(photo):
    image = Image.fromarray(photo)
    image.info["icc_profile"] = np.random.default_rng(0).bytes(9000)
    jpeg = compress(image, target_kb=20, saliency=None)
    assert 19_000 <= len(jpeg) <= 20_000
    assert decoded(jpeg).info["icc_profile"] == image.info["icc_profile"]


def test_more_bytes_are_never_a_worse_picture(photo):
    quality = [psnr(decoded(compress(photo, target_kb=kb, saliency=None)), photo) for kb in (5, 10, 20, 40)]
    assert (np.diff(quality) > 1).all()


def test_quality_takes_fractions_and_size_follows(photo):
    sizes = [len(compress(photo, quality=q, saliency=None)) for q in (5, 30, 60, 75, 75.5, 76, 90, 97, 100)]
    assert (np.diff(sizes) > 0).all()


def test_quality_caps_a_target(photo):
    by_quality = Encoder(quality=30, saliency=None).compress(photo)
    capped = Encoder(quality=30, target_kb=1000, saliency=None).compress(photo)
    assert capped.quality == pytest.approx(30)
    assert len(capped.jpeg) == pytest.approx(len(by_quality.jpeg), rel=0.02)


def test_a_target_that_cannot_be_met_carries_the_smallest_file(photo):
    with pytest.raises(TargetError, match="bytes") as caught:
        compress(photo, target_kb=0.3, saliency=None)
    assert 300 < len(caught.value.best) < 3000
    assert decoded(caught.value.best).size == (384, 256)
    assert isinstance(caught.value, SaliencyJpegError)


def test_allow_downscale_lowers_the_resolution(photo):
    result = Encoder(target_kb=0.9, saliency=None, allow_downscale=True).compress(photo)
    width, height = decoded(result.jpeg).size
    assert len(result.jpeg) <= 900
    assert width < 384
    assert width / height == pytest.approx(1.5, abs=0.05)
    big = decoded(compress(photo, target_kb=20, saliency=None, allow_downscale=True))
    assert big.size == (384, 256)


def test_a_salient_region_gets_more_of_the_same_bytes(photo):
    region = np.s_[64:192, 96:288]
    box = [(96, 64, 288, 192)]
    plain = decoded(compress(photo, target_kb=12, saliency=None))
    mapped = decoded(compress(photo, target_kb=12, saliency=box))
    assert psnr(mapped, photo, region) > psnr(plain, photo, region) + 1
    more = decoded(compress(photo, target_kb=12, saliency=box, strength=1.0))
    assert psnr(more, photo, region) > psnr(mapped, photo, region)
    none = compress(photo, target_kb=12, saliency=box, strength=0.0)
    assert none == compress(photo, target_kb=12, saliency=None)


def test_tune_favours_its_metric(photo):
    files = {tune: decoded(compress(photo, target_kb=12, saliency=None, tune=tune)) for tune in ("default", "psnr")}
    assert psnr(files["psnr"], photo) > psnr(files["default"], photo) + 0.2  # sizes differ by up to 1.5 %


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", "4:4:0", "4:1:1"])
@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (17, 33), (100, 7)])
def test_every_subsampling_and_size(photo, subsampling, shape):
    pixels = np.ascontiguousarray(photo[: shape[0], : shape[1]])
    image = decoded(compress(pixels, quality=95, saliency=None, subsampling=subsampling))
    assert image.size == shape[::-1]
    assert psnr(image, pixels) > 24


def test_gray_stays_gray(photo):
    gray = photo[..., 1]
    image = decoded(compress(gray, quality=90, saliency=None))
    assert image.mode == "L"
    assert psnr(image, gray) > 36


def test_full_chroma_is_kept_where_averaging_would_show():
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[::2, :, 0] = 255
    pixels[1::2, :, 2] = 255  # red and blue lines
    assert decoded(compress(pixels, saliency=None)).layer[0][1:3] == (1, 1)


def test_few_bytes_go_to_the_luma_unless_coloured_edges_are_everywhere():
    lines = np.zeros((64, 64, 3), np.uint8)
    lines[::2, :, 0] = 255
    lines[1::2, :, 2] = 255
    some = np.full((64, 64, 3), 128, np.uint8)
    some[:16, :, :] = lines[:16]  # a quarter of the picture
    sampled = {}
    for name, pixels in (("lines", lines), ("some", some)):
        for quality in (30, 60):
            sampled[name, quality] = decoded(compress(pixels, quality=quality, saliency=None)).layer[0][1:3]
    assert sampled == {("lines", 30): (1, 1), ("lines", 60): (1, 1), ("some", 30): (2, 2), ("some", 60): (1, 1)}


def test_all_sources_give_the_same_file(photo, tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    wanted = compress(photo, target_kb=15, saliency=None)
    for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), Image.fromarray(photo)):
        assert compress(source, target_kb=15, saliency=None) == wanted


def test_exif_icc_and_orientation_survive(photo):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "maker"
    source = encoded(photo, exif=exif, icc_profile=b"\0" * 12 + b"mntrRGB " + b"\0" * 200, dpi=(300, 300))
    result = decoded(compress(source, quality=60, saliency=None))
    assert result.getexif()[0x0112] == 6
    assert result.getexif()[0x010F] == "maker"
    assert result.info["icc_profile"] == decoded(source).info["icc_profile"]
    assert result.info["dpi"] == (300, 300)
    assert result.size == (384, 256)


def test_several_threads_make_the_same_bytes(photo):
    encoder = Encoder(target_kb=10, saliency=None)
    wanted = encoder.compress(photo).jpeg
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: encoder.compress(photo).jpeg, range(8))) == {wanted}


BAD_IMAGES: dict[str, Any] = {
    "empty bytes": b"",
    "not an image": b"hello, world",
    "truncated": PHOTO.read_bytes()[:5000],
    "no pixels": np.zeros((0, 5, 3), np.uint8),
    "too large": np.zeros((1, 65536), np.uint8),
    "float": np.zeros((8, 8)),
    "uint16": np.zeros((8, 8), np.uint16),
    "two channels": np.zeros((8, 8, 2), np.uint8),
    "list": [[1, 2]],
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_bad_input_is_one_clear_error(name):
    with pytest.raises(InputError) as caught:
        compress(BAD_IMAGES[name], saliency=None)
    assert len(str(caught.value)) > 10


@pytest.mark.tensorflow
def test_the_default_map_and_its_effect():
    """The real network, once: a map of the image's shape that moves bytes and costs nothing in size."""
    result = Encoder(target_kb=30).compress(PHOTO)
    assert result.saliency.shape == (512, 768)
    assert result.saliency.dtype == np.float32
    assert 0 <= result.saliency.min() < 0.2
    assert 0.6 < result.saliency.max() <= 1
    np.testing.assert_array_equal(result.saliency, np.rint(result.saliency * 255) / np.float32(255))
    assert 28_500 <= len(result.jpeg) <= 30_000
    np.testing.assert_array_equal(saliency_jpeg.saliency_map(PHOTO), result.saliency)
    photo, plain = np.asarray(Image.open(PHOTO)), decoded(compress(PHOTO, target_kb=30, saliency=None))
    hot = result.saliency > 0.6
    assert psnr(decoded(result.jpeg), photo, hot) > psnr(plain, photo, hot) + 0.3


@pytest.mark.parametrize("share", [0.7, 0.85])
@pytest.mark.parametrize("quality", [90, 98])
def test_targets_are_filled_where_the_pixels_were_quantized_before(photo, quality, share):
    """The sizes of such pictures jump where steps pass those of the first file."""
    jpeg = encoded(photo, quality=quality)
    target = int(share * len(jpeg))
    result = Encoder(target_kb=target / 1000, saliency=None).compress(pillow_pixels(jpeg))
    assert 0.94 * target <= len(result.jpeg) <= target
    assert result.passes <= 8


def saved(photo, **metadata):
    return encoded(photo, quality=95, **metadata)


def door(jpeg, **options):
    """Writes red, green and blue as they are, which Encoder does not do."""
    from saliency_jpeg.integrations import pillow  # noqa: F401

    image = Image.open(io.BytesIO(jpeg))
    profile = image.info.get("icc_profile")
    Image.fromarray(np.asarray(image)).save(
        io.BytesIO(), "SALIENCY_JPEG", keep_rgb=True, icc_profile=profile, **options
    )


@pytest.mark.parametrize(
    ("module", "encode"),
    [
        ("encoder.single", compress),
        ("recompression.recompress", saliency_jpeg.recompress),
        ("encoder.single", door),
    ],
)
def test_metadata_has_no_part_in_how_strongly_a_target_moves_bytes(photo, monkeypatch, module, encode):
    scales = []
    monkeypatch.setattr(f"saliency_jpeg.{module}.strength_at", lambda scale, strength: scales.append(scale) or strength)
    encode(saved(photo), target_kb=8, saliency=None)
    encode(saved(photo, icc_profile=bytes(20_000)), target_kb=28.018, saliency=None)  # a segment has 18 bytes more
    assert scales[0] == pytest.approx(scales[-1], rel=1e-3)
    assert scales[0] > 1
