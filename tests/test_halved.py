"""Files with half of a picture's resolution, which ``decode()`` returns at its own size."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers import photo
from PIL import Image

import saliency_jpeg
from saliency_jpeg import InputError
from saliency_jpeg.codec import _core
from saliency_jpeg.codec.layers import SizeLayer, digest_of
from saliency_jpeg.encoder.coding import Coding
from saliency_jpeg.encoder.single import PictureEncoding
from saliency_jpeg.enhance.enlarging import enlarge, half_size, resized
from saliency_jpeg.enhance.loading import load
from saliency_jpeg.enhance.restoring_decoder import EnlargingDecoder
from saliency_jpeg.image.picture import Picture
from saliency_jpeg.integrations.pillow import register
from saliency_jpeg.metadata import layers
from saliency_jpeg.metadata.layer_kinds import size_layer
from saliency_jpeg.metadata.model import Metadata
from saliency_jpeg.options import Options
from saliency_jpeg.perceptual.decoding import Decoder as Plain
from saliency_jpeg.rate_control import Judge
from saliency_jpeg.saliency.lazy_map import SaliencyMap

pytestmark = pytest.mark.tensorflow

LOW: dict[str, Any] = {"saliency": None, "layers": "auto", "allow_downscale": True}


def halved(size: tuple[int, int], **options: Any) -> tuple[Any, bytes]:
    """A picture, and its file at 0.075 bits a pixel."""
    pixels = photo(*size)
    return pixels, saliency_jpeg.compress(pixels, target_kb=size[0] * size[1] * 0.075 / 8000, **{**LOW, **options})


@pytest.mark.parametrize("size", [(332, 568), (331, 567)])
def test_the_picture_comes_back_at_its_own_size_and_better(size: tuple[int, int]) -> None:
    pixels, jpeg = halved(size)
    assert len(jpeg) <= size[0] * size[1] * 0.075 / 8
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.size == half_size(size)[::-1]
    assert [(layer.kind, layer.state) for layer in saliency_jpeg.list_layers(jpeg)] == [("size", "valid")]
    whole = saliency_jpeg.compress(pixels, target_kb=len(jpeg) / 1000, saliency=None, layers="auto")
    judge = Judge(pixels)
    assert judge.of_pixels(saliency_jpeg.decode(jpeg)) > judge.of_pixels(saliency_jpeg.decode(whole))


def coded(half: Picture, options: Options, coding: Coding) -> bytes:
    return PictureEncoding(options, half, None, coding).compressed().jpeg


@pytest.mark.parametrize("top", [60, 240])
def test_the_size_costs_its_bytes_alone(top: int) -> None:
    half, options = Picture(photo(128, 200, top, 90), Metadata()), Options(saliency=None, tune="restore", target_kb=1.2)
    told = coded(half, options, Coding(whole_size=(256, 400)))
    room = 1.2 - SizeLayer((128, 200), (256, 400)).encoded_size(3) / 1000
    files = saliency_jpeg.strip_layers(told), coded(half, replace(options, target_kb=room), Coding())
    scores = [Judge(half.pixels).of_pixels(saliency_jpeg.decode(file)) for file in files]
    assert scores[0] > scores[1] - 1


@pytest.mark.parametrize("left", [60, 160])
def test_the_best_file_is_kept(left: int) -> None:
    """Of the whole picture and of half of it, by what the small one lacks, and by what the enlarged one does."""
    size, kb = (256, 400), 256 * 400 * 0.2 / 8000
    whole = photo(*size, 100, left)
    judge, half = Judge(whole), Picture(whole, Metadata()).shrunk(half_size(size))
    options = Options(saliency=None, tune="restore", target_kb=kb)
    files = [coded(half, options, Coding(whole_size=size, whole_pixels=pixels)) for pixels in (None, whole)]
    assert files[0] != files[1]
    files.append(saliency_jpeg.compress(whole, target_kb=kb, saliency=None, layers="auto"))
    best = saliency_jpeg.compress(whole, target_kb=kb, **LOW)
    assert best == max(files, key=lambda file: judge.of_pixels(saliency_jpeg.decode(file)))


@pytest.mark.parametrize("size", [(128, 200), (127, 199)])
@pytest.mark.parametrize("is_gray", [False, True])
def test_the_loop_sees_what_a_reader_shows(is_gray: bool, size: tuple[int, int]) -> None:
    rgb = photo(64, 100)
    half = Picture(np.ascontiguousarray(rgb[..., 1]) if is_gray else rgb, Metadata())
    jpeg = coded(half, Options(saliency=None, quality=30, subsampling="4:2:0"), Coding(whole_size=size))
    image, restorer = _core.read_jpeg(jpeg), load("restore", None)
    tables = np.stack([image.tables[row] for row in image.component_tables])
    seen = EnlargingDecoder((64, 100), (1, 1) if is_gray else (2, 2), restorer, size).decode(image.levels, tables)
    shown = 255 * saliency_jpeg.decode(jpeg, dtype=np.float32)
    assert seen.shape == (*size, 3)
    assert np.abs(np.clip(seen, 0, 255) - (shown[..., None] if is_gray else shown)).mean() < 0.1


@pytest.mark.parametrize("size", [(64, 96), (63, 95)])
def test_derivatives_go_back_through_the_filter(size: tuple[int, int]) -> None:
    """By the definition of an adjoint, for gray: of all coefficients together, and of a smooth change of samples."""
    decoder = EnlargingDecoder(half_size(size), (1, 1), None, size)  # type: ignore[arg-type]
    change = np.add.outer(np.cos(np.arange(32) / 3), np.sin(np.arange(48) / 2)).astype(np.float32)
    noise = np.random.default_rng(0).normal(size=(*size, 3)).astype(np.float32)
    gradient = resized(change, size)[..., None] + noise
    (blocks,) = Plain(half_size(size), (1, 1)).pull_back(np.stack([change, 0 * change, 0 * change], -1), 1)
    (back,) = decoder.pull_back(gradient, 1)
    expected = float((gradient.sum(-1) * resized(change, size)).sum())
    assert float((back * blocks).sum()) == pytest.approx(expected, rel=0.01)


def test_every_dtype_and_plain_decoding() -> None:
    _, jpeg = halved((332, 568))
    pixels = saliency_jpeg.decode(jpeg)
    assert pixels.shape == (332, 568, 3)
    for dtype, white in ((np.uint16, 65535), (np.float32, 1)):
        other = saliency_jpeg.decode(jpeg, dtype=dtype)
        assert other.shape == pixels.shape
        assert np.abs(other.astype(float) / white - pixels / 255).max() < 0.6 / 255
    assert saliency_jpeg.decode(jpeg, enhance=None).shape == (166, 284, 3)
    assert saliency_jpeg.Decoder().decode_luma(jpeg).shape == (332, 568)


def test_where_bytes_are_enough_the_resolution_stays() -> None:
    pixels = photo(160, 200)
    jpeg = saliency_jpeg.compress(pixels, target_kb=4, **LOW)
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.size == (200, 160)


@pytest.mark.parametrize("saliency", [None, SaliencyMap.of(np.ones((40, 50), np.float32))], ids=["", "map"])
@pytest.mark.parametrize("is_gray", [False, True])
def test_gray_pictures_and_maps(is_gray: bool, saliency: Any) -> None:
    pixels = photo(40, 50)
    half = Picture(np.ascontiguousarray(pixels[..., 1]) if is_gray else pixels, Metadata())
    options, coding = Options(quality=40, saliency=None), Coding(whole_size=(79, 100))
    jpeg = PictureEncoding(options, half, saliency, coding).compressed().jpeg
    assert saliency_jpeg.decode(jpeg).shape == ((79, 100) if is_gray else (79, 100, 3))


def test_the_whole_size_keeps_the_limit() -> None:
    _, jpeg = halved((332, 568))
    assert saliency_jpeg.decode(jpeg, max_pixels=188_576).shape[0] == 332
    with pytest.raises(InputError, match="more than 188575 pixels"):
        saliency_jpeg.decode(jpeg, max_pixels=188_575)


@pytest.mark.parametrize("claimed", [(2**32 - 1, 2**32 - 1), (319 * 2, 400), (160, 200), (318, 400)])
def test_a_size_that_is_not_twice_that_of_the_file_is_not_used(claimed: tuple[int, int]) -> None:
    jpeg = saliency_jpeg.compress(photo(160, 200), quality=20, saliency=None)
    image = _core.read_jpeg(jpeg)
    made = layers.build_layers(digest_of(image), [size_layer(3, claimed)])
    block = b"".join(bytes([0xFF, marker]) + (len(data) + 2).to_bytes(2, "big") + data for marker, data in made)
    assert saliency_jpeg.decode(jpeg[:20] + block + jpeg[20:]).shape == (160, 200, 3)


def test_a_turned_picture_and_its_metadata() -> None:
    with io.BytesIO() as out:
        exif = Image.Exif()
        exif[0x0112] = 6
        exif.get_ifd(0x8769).update({0xA002: 400, 0xA003: 320})
        Image.fromarray(photo(320, 400)).save(out, "PNG", exif=exif)
        source = out.getvalue()
    jpeg = saliency_jpeg.compress(source, target_kb=1.3, **LOW)
    decoded = saliency_jpeg.Decoder().decode_picture(jpeg)
    assert decoded.pixels.shape == (400, 320, 3)
    again = Image.Exif()
    again.load(decoded.metadata.exif or b"")
    assert again.get_ifd(0x8769)[0xA002] == 320
    assert again.get_ifd(0x8769)[0xA003] == 400


def test_pillows_door_grows_with_its_pixels() -> None:
    _, jpeg = halved((332, 568))
    register()
    with Image.open(io.BytesIO(jpeg), formats=["SALIENCY_JPEG"]) as image:
        assert image.size == (284, 166)
        pixels = np.asarray(image)
        assert image.size == (568, 332)
    assert np.array_equal(pixels, saliency_jpeg.decode(jpeg))


def test_enlarging_keeps_what_is_flat_and_where_things_are() -> None:
    flat = np.full((7, 9, 3), 0.25, np.float32)
    assert np.allclose(enlarge(flat, (13, 18)), 0.25, atol=1e-6)
    ramp = np.tile(np.linspace(0.2, 0.8, 20, dtype=np.float32), (10, 1))
    wide = enlarge(ramp, (20, 40))
    step = (0.8 - 0.2) / 19
    assert np.allclose(wide[:, 8:32], 0.2 + step * ((np.arange(8, 32) + 0.5) / 2 - 0.5), atol=1e-3)
