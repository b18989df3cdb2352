"""Lower resolution: the filter, ``max_width`` and ``max_height``, the choice of ``allow_downscale``, the warning."""

from __future__ import annotations

import io
import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exif_blocks import camera_exif, thumbnail
from helpers import KODIM07, encoded, photo, pillow_pixels
from numpy.typing import NDArray
from PIL import Image, ImageOps
from processes import NONE, Capture, run

from saliency_jpeg import Encoder, InputError, LowRateWarning, Options, TargetError, compress
from saliency_jpeg.batch.resume import options_digest
from saliency_jpeg.codec.parameters import DOWNSCALE
from saliency_jpeg.encoder.resolution import complexity, suitable_factor
from saliency_jpeg.image import resize
from saliency_jpeg.image.boxes import fill_boxes
from saliency_jpeg.image.load import load
from saliency_jpeg.image.resize import fitted_size, shrink, shrink_map
from saliency_jpeg.integrations import pillow as pillow_door
from saliency_jpeg.integrations._batch_mapper import BatchMapper
from saliency_jpeg.integrations._optimizer import optimize_jpeg
from saliency_jpeg.integrations.batch import BatchCompressor
from saliency_jpeg.metadata import exif, jpeg_metadata, segments
from saliency_jpeg.metadata.model import Metadata
from saliency_jpeg.metrics import ssimulacra2

PIXELS = photo(300, 360, 100, 150)
LOW: Any = {"saliency": None, "target_kb": 1.5}  # 0.11 bits a pixel of PIXELS


def camera_file(orientation: int = 1, quality: int = 95) -> bytes:
    """PIXELS as a camera writes them: EXIF with the size, XMP with the size, and a thumbnail."""
    block = camera_exif(thumbnail(Image.fromarray(PIXELS)), size=PIXELS.shape[:2], orientation=orientation)
    xmp = b'<x:xmpmeta><rdf:Description tiff:ImageWidth="360" tiff:ImageLength="300"/></x:xmpmeta>'
    own = jpeg_metadata.build(Metadata(exif=block, xmp=xmp))
    return segments.replace_segments(encoded(PIXELS, quality=quality), own)


def stereo() -> bytes:
    return encoded(PIXELS, "MPO", save_all=True, append_images=[Image.fromarray(PIXELS[:, ::-1].copy())])


def size_of(jpeg: bytes) -> tuple[int, int]:
    """(width, height) as a viewer shows it."""
    with Image.open(io.BytesIO(jpeg)) as image:
        return ImageOps.exif_transpose(image).size


# The filter ---------------------------------------------------------------------------------------------------------


def reference(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float64]:
    """Lanczos' filter in linear light by its definition, in matrices of double precision."""
    values = pixels / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    for axis in (0, 1):
        ratio = linear.shape[axis] / size[axis]
        centres = (np.arange(size[axis]) + 0.5) * ratio
        x = (np.arange(linear.shape[axis]) + 0.5 - centres[:, None]) / ratio
        weights = np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)
        linear = np.moveaxis(np.tensordot(weights / weights.sum(1, keepdims=True), linear, (1, axis)), 0, axis)
    linear = linear.clip(0, 1)
    return 255 * np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("size", [(100, 120), (97, 301), (299, 359), (3, 360), (1, 1)])
def test_the_filter_is_that_of_lanczos_in_linear_light(size: tuple[int, int]) -> None:
    result = shrink(PIXELS, size)
    assert result.shape == (*size, 3)
    assert np.abs(result - reference(PIXELS, size)).max() < 0.6


def test_bands_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = shrink(PIXELS, (101, 150))
    monkeypatch.setattr(resize, "_BAND_PIXELS", 2500)
    banded = shrink(PIXELS, (101, 150))
    assert np.abs(banded.astype(int) - whole).max() <= 1
    assert (banded != whole).mean() < 1e-3


def test_light_is_averaged_and_flat_areas_stay() -> None:
    checkers = np.where(np.indices((64, 64)).sum(0) % 2, 255, 0).astype(np.uint8)
    middle = shrink(checkers, (16, 16))[4:12, 4:12]
    assert np.abs(middle.astype(int) - 188).max() <= 1  # half the light; the mean of the stored values is 128
    for value in range(256):
        assert (shrink(np.full((23, 31), value, np.uint8), (7, 9)) == value).all()


def test_maps_are_averaged_without_ringing() -> None:
    mask = np.zeros((60, 60), np.float32)
    mask[20:40, 20:40] = 1
    small = shrink_map(mask, (15, 15))
    assert small.min() == 0
    assert small.max() <= 1
    assert small[7, 7] == 1
    assert small.mean() == pytest.approx(mask.mean(), abs=1e-3)
    assert (small[:3] == 0).all()


@pytest.mark.parametrize(
    ("size", "limits", "wanted"),
    [
        ((300, 360), (None, None), (300, 360)),
        ((300, 360), (None, 360), (300, 360)),
        ((300, 360), (1000, 1000), (300, 360)),
        ((300, 360), (None, 180), (150, 180)),
        ((300, 360), (100, None), (100, 120)),
        ((300, 360), (100, 60), (50, 60)),
        ((3, 9000), (None, 100), (1, 100)),
        ((1001, 1000), (1000, 1000), (1000, 999)),
    ],
)
def test_sizes_within_limits(
    size: tuple[int, int], limits: tuple[int | None, int | None], wanted: tuple[int, int]
) -> None:
    assert fitted_size(size, *limits) == wanted
    assert fitted_size(wanted, *limits) == wanted


# max_width and max_height -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("handling", ["keep", "apply"])
def test_limits_hold_for_what_is_displayed(orientation: int, handling: Any) -> None:
    source = camera_file(orientation)
    width, height = size_of(source)
    written = compress(source, max_width=180, saliency=None, orientation=handling)
    assert size_of(written) == (180, round(180 * height / width))
    block = jpeg_metadata.collect(segments.parse(written)).exif or b""
    with Image.open(io.BytesIO(written)) as image:
        assert exif.size(block) == image.size[::-1]
        packet = jpeg_metadata.collect(segments.parse(written)).xmp or b""
        assert f'ImageWidth="{image.width}" tiff:ImageLength="{image.height}"'.encode() in packet
    assert exif.orientation(block) == (orientation if handling == "keep" else 1)
    small = exif.thumbnail(block)
    assert small is not None
    assert small != thumbnail(Image.fromarray(PIXELS))
    assert size_of(compress(source, max_height=90, saliency=None, orientation=handling))[1] == 90


def test_the_shrunk_picture_is_what_is_encoded() -> None:
    small = shrink(PIXELS, (150, 180))
    assert compress(PIXELS, max_width=180, saliency=None, quality=60) == compress(small, saliency=None, quality=60)
    assert compress(PIXELS, max_width=360, saliency=None) == compress(PIXELS, saliency=None)


@pytest.mark.parametrize("mode", ["L", "I;16", "RGBA", "LA", "CMYK", "P"])
def test_every_kind_of_picture_is_shrunk(mode: str) -> None:
    rgb = Image.fromarray(PIXELS)
    if mode == "I;16":
        given = Image.fromarray(np.asarray(rgb.convert("L")).astype(np.uint16) * 257)
    else:
        given = (rgb.convert("LA" if mode == "LA" else "RGBA") if "A" in mode else rgb).convert(mode)
    written = pillow_pixels(compress(given, max_width=120, saliency=None, quality=95))
    wanted = shrink(load(given).pixels, (100, 120))
    assert written.shape == wanted.shape
    assert np.abs(written.astype(float) - wanted).mean() < 4


def test_a_source_that_is_too_large_does_not_pass_through() -> None:
    source = camera_file(quality=20)
    assert compress(source, target_kb=100, saliency=None) == source
    assert compress(source, target_kb=100, max_width=360, saliency=None) == source
    for options in ({"target_kb": 100}, {"quality": 95}, {"target_score": 80}):
        result = Encoder(max_width=350, saliency=None, **options).compress(source)  # type: ignore[arg-type]
        assert not result.passed_through
        assert (result.width, result.height) == size_of(result.jpeg) == (350, 292)


def test_trailing_images_are_refused_or_dropped() -> None:
    for limit in ("max_width", "max_height"):
        with pytest.raises(InputError, match=rf"^{limit}=100 .*pass trailing_images='drop'$"):
            compress(stereo(), saliency=None, **{limit: 100})  # type: ignore[arg-type]
    assert compress(stereo(), saliency=None, max_width=360, quality=30).count(b"\xff\xd8\xff") >= 2
    dropped = compress(stereo(), saliency=None, max_width=100, trailing_images="drop")
    assert size_of(dropped) == (100, 83)
    assert dropped.count(b"\xff\xd8\xff") == 1


@pytest.mark.parametrize("orientation", [1, 6])
def test_maps_boxes_and_functions_follow(orientation: int) -> None:
    source = camera_file(orientation)
    stored = (150, 180) if orientation == 1 else (100, 120)
    limit: Any = {"max_width": 180 if orientation == 1 else 100}
    mask = np.zeros(PIXELS.shape[:2], np.bool_)
    mask[60:120, 180:300] = True
    result = Encoder(saliency=mask, **limit).compress(source)
    assert result.saliency is not None
    assert result.saliency.shape == stored
    np.testing.assert_allclose(result.saliency, shrink_map(mask.astype(np.float32), stored), atol=0.5 / 255 + 1e-6)
    boxed = Encoder(saliency=[(180, 60, 300, 120)], **limit).compress(source)
    factor = stored[0] / 300
    wanted = fill_boxes([(180 * factor, 60 * factor, 300 * factor, 120 * factor)], stored)
    np.testing.assert_array_equal(boxed.saliency, wanted)
    seen: list[tuple[int, ...]] = []

    def own(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        seen.append(rgb.shape)
        return rgb[..., 0]

    Encoder(saliency=own, **limit).compress(source)
    assert seen == [(*(stored if orientation == 1 else stored[::-1]), 3)]
    with pytest.raises(InputError, match=r"must have the image's shape \(300, 360\)"):
        Encoder(saliency=mask[::2, ::2], **limit).compress(source)


def test_many_images_and_tables_are_shrunk_alike() -> None:
    sources = [camera_file(1), camera_file(6), encoded(PIXELS[:100, :100].copy(), "PNG")]
    mask = np.arange(300 * 360, dtype=np.float32).reshape(300, 360) / (300 * 360)
    options = Options(max_width=120, max_height=130, quality=50, saliency=mask)
    wanted = [Encoder(options).compress(source) for source in sources[:2]]
    assert [(result.width, result.height) for result in wanted] == [(120, 100), (130, 108)]
    many = Encoder(options).compress_many(sources[:2], workers=2)
    assert [result.jpeg for result in many] == [result.jpeg for result in wanted]
    rows = BatchMapper(options)([{"name": str(n), "bytes": source} for n, source in enumerate(sources[:2])])
    done = BatchCompressor(options=options)(rows)
    assert [row["jpeg"] for row in done] == [result.jpeg for result in wanted]
    digests = {options_digest(Options(max_width=n, max_height=m)) for n in (None, 100) for m in (None, 100)}
    assert len(digests) == 4


def test_files_that_doors_make_smaller_are_shrunk() -> None:
    options = Options(max_width=100, saliency=None)
    cmyk = encoded(Image.fromarray(PIXELS).convert("CMYK"), quality=90)
    for source in (camera_file(), cmyk):
        assert size_of(optimize_jpeg(source, options)) == (100, 83)
        within = Options(max_width=360, saliency=None)
        assert size_of(optimize_jpeg(source, within)) == (360, 300)
        np.testing.assert_array_equal(pillow_pixels(optimize_jpeg(source, within)), pillow_pixels(source))


def test_tables_and_rows_of_a_door_are_for_the_shrunk_picture() -> None:
    image, small = Image.fromarray(PIXELS), Image.fromarray(shrink(PIXELS, (150, 180)))
    for more in ({"qtables": "web_high"}, {"restart_marker_rows": 1}, {"keep_rgb": True}, {"smooth": 20}):
        options: dict[str, Any] = {"saliency": None, **more}
        assert pillow_door.encode(image, max_width=180, **options) == pillow_door.encode(small, **options)


# allow_downscale ----------------------------------------------------------------------------------------------------


def test_the_rule_follows_rate_and_complexity() -> None:
    by_rate = [suitable_factor(rate, 0.7) for rate in (0, 1e-6, 0.05, 0.1, 0.2, 0.4, 3)]
    assert by_rate == sorted(by_rate)
    assert 0 < by_rate[0] < by_rate[2] < by_rate[3] < by_rate[4] < by_rate[-1] == 1
    assert suitable_factor(0.1, 0.2) > suitable_factor(0.1, 0.5) > suitable_factor(0.1, 1.5)
    assert suitable_factor(0.1, 0.0) <= 1


def test_complexity_is_about_the_bits_of_a_magnitude() -> None:
    luma = np.zeros((3, 5, 64), np.float32)
    assert complexity(luma) == 0
    luma[..., 0], luma[..., 4], luma[..., 32] = 900, 900, -900  # neither DC nor what halving the sides takes
    assert complexity(luma) == 0
    luma[..., 1] = -12  # 1 + 12 / 4: two bits, in one of 15 coefficients
    assert complexity(luma) == pytest.approx(2 / 15)


@pytest.mark.parametrize("rate", [0.06, 0.12])
def test_a_lower_resolution_looks_better_at_few_bits(photo: NDArray[np.uint8], rate: float) -> None:
    options: Any = {"saliency": None, "target_kb": rate * photo[..., 0].size / 8000}
    plain, lower = (Encoder(**options, allow_downscale=allowed).compress(photo) for allowed in (False, True))
    assert lower.width < plain.width == 768
    assert len(lower.jpeg) <= 1000 * options["target_kb"]
    enlarged = Image.fromarray(pillow_pixels(lower.jpeg)).resize((768, 512), Image.Resampling.BICUBIC)
    assert ssimulacra2(photo, np.asarray(enlarged)) > ssimulacra2(photo, pillow_pixels(plain.jpeg)) + 3


def test_enough_bits_keep_the_resolution(photo: NDArray[np.uint8]) -> None:
    kept = Encoder(saliency=None, target_kb=60, allow_downscale=True).compress(photo)
    assert (kept.width, kept.height) == (768, 512)
    assert kept.jpeg == compress(photo, saliency=None, target_kb=60)


def test_a_target_that_is_hardly_met_is_met() -> None:
    result = Encoder(saliency=None, target_kb=0.4, allow_downscale=True).compress(PIXELS)
    assert len(result.jpeg) <= 400
    with pytest.raises(TargetError):
        Encoder(saliency=None, target_kb=0.1, allow_downscale=True).compress(PIXELS)


def test_pixels_are_not_given_away_for_a_needless_quality(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the quality at the factor of the rule is as high as it may be, a higher resolution is tried."""
    options: Any = {"saliency": None, "target_kb": 3.5, "allow_downscale": True}
    chosen = Encoder(**options).compress(PIXELS)
    assert 30 < chosen.quality < 90
    assert chosen.width < 360
    capped = Encoder(**options, quality=10).compress(PIXELS)
    assert capped.width > chosen.width
    monkeypatch.setattr("saliency_jpeg.encoder.resolution.DOWNSCALE", replace(DOWNSCALE, enough=30.0))
    larger = Encoder(**options).compress(PIXELS)
    assert larger.width > chosen.width
    assert 3000 < len(larger.jpeg) <= 3500


# The warning --------------------------------------------------------------------------------------------------------


def warned(source: Any, **options: Any) -> list[warnings.WarningMessage]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Encoder(**options).compress(source)
    return [each for each in caught if issubclass(each.category, LowRateWarning)]


def test_a_low_rate_is_warned_of_once_and_where_it_was_asked_for() -> None:
    with pytest.warns(LowRateWarning, match=r"^target_kb=1.5 leaves 0.11 bits a pixel of this 0.11 megapixel") as seen:
        compress(PIXELS, **LOW)
    assert [each.filename for each in seen] == [__file__]
    result = Encoder(**LOW).compress(PIXELS)
    assert result.warnings == (str(seen[0].message),)
    (width,) = (int(word.removeprefix("max_width=")) for word in result.warnings[0].split() if "max_width" in word)
    lower = Encoder(**LOW, allow_downscale=True).compress(PIXELS)
    assert abs(lower.width - width) <= 1
    assert warned(PIXELS, **LOW, max_width=width // 2) == []


def test_nothing_is_said_where_it_would_not_help() -> None:
    assert len(warned(PIXELS, **LOW)) == 1
    assert warned(PIXELS, **LOW, allow_downscale=True) == []
    assert warned(PIXELS, saliency=None, target_kb=8) == []
    assert warned(PIXELS, saliency=None, quality=1) == []
    assert warned(PIXELS, **LOW, quality=1) == []  # it is the quality that was asked for
    assert warned(np.full((300, 360), 90, np.uint8), **LOW) == []  # quality 100 in fewer bytes
    flat = encoded(np.full((300, 360), 90, np.uint8), quality=10)
    assert warned(flat, saliency=None, target_kb=2) == []  # passes through


def test_what_an_orientation_shows_is_what_is_advised() -> None:
    (upright,), (turned,) = (warned(camera_file(n), saliency=None, target_kb=1.6, metadata="strip") for n in (1, 6))
    assert "max_width=" in str(upright.message)
    assert str(upright.message) != str(turned.message)
    with pytest.warns(LowRateWarning, match=r"with trailing_images='drop'$"):
        compress(stereo(), saliency=None, target_kb=(len(stereo()) // 2 + 1900) / 1000)


def test_the_command_line_says_it_once_and_in_json(tmp_path: Path, capsys: Capture) -> None:
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(KODIM07.read_bytes())
    inputs = [tmp_path / "a.png", tmp_path / "b.png"]
    assert run("compress", *inputs, "-o", f"{tmp_path}/out/", "--target-kb", 5, "--json", *NONE) == 0
    shown = capsys.readouterr()
    rows = [json.loads(line) for line in shown.out.splitlines()][:2]
    assert all(row["warning"].startswith("target_kb=5 leaves 0.10 bits a pixel") for row in rows)
    assert shown.err.count("bits a pixel") == 1
    assert f"{inputs[0]}: {rows[0]['warning']}" in shown.err
    assert run("compress", *inputs, "-o", f"{tmp_path}/quiet/", "--target-kb", 5, "-q", *NONE) == 0
    assert capsys.readouterr().err == ""


def test_the_command_line_shrinks(tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / "small.jpg"
    words = ("--max-width", 200, "--max-height", 120, "--json")
    assert run("compress", KODIM07, "-o", output, *words, *NONE) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["pixels"] == [180, 120]
    assert output.read_bytes() == compress(KODIM07, max_width=200, max_height=120, saliency=None)


def test_a_picture_that_is_too_large_does_not_stay_in_place(tmp_path: Path) -> None:
    path = tmp_path / "low.jpg"
    path.write_bytes(encoded(PIXELS, quality=3))
    for limit, size in ((360, (360, 300)), (340, (340, 283))):
        words = ("--in-place", "--max-width", limit, "--quality", 98, "--journal", "none")
        assert run("compress", path, *words, *NONE) == 0
        assert size_of(path.read_bytes()) == size
    assert len(path.read_bytes()) > len(encoded(PIXELS, quality=3))
