"""Layers in files: what the encoder measures and writes, which change of a file keeps them valid, and the way out."""

from __future__ import annotations

import io
import json
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doors import ICC
from helpers import SAMPLINGS, encoded, photo, quantized, random_levels, same_levels
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_boxes import app_segments, read_container, xxh64
from PIL import Image

from saliency_jpeg import (
    Encoder,
    InputError,
    LayerWarning,
    OptionError,
    Options,
    SaliencyJpegError,
    compress,
    list_layers,
    recompress,
    strip_layers,
)
from saliency_jpeg.cli import main
from saliency_jpeg.codec import _core
from saliency_jpeg.codec.layers import layers_in
from saliency_jpeg.encoder.coding import Coding
from saliency_jpeg.integrations import opencv, pillow
from saliency_jpeg.integrations._optimizer import optimize_jpeg
from saliency_jpeg.integrations.torch import encode_jpeg
from saliency_jpeg.metadata import segments
from saliency_jpeg.metadata.jpeg_source import JpegSource
from saliency_jpeg.metadata.layer_kinds import Layer
from saliency_jpeg.metadata.layers import are_layers, build_layers
from saliency_jpeg.recompression.recompress import lossless, recompress_source

PIXELS = np.array(photo(160, 240, 100, 150))
GRAY = PIXELS[..., 1].copy()
COUNT = {3: 142, 1: 134}  # bytes of the layer, by components


def written(image: Any = PIXELS, **options: Any) -> bytes:
    return compress(image, **{"saliency": None, "quality": 60, "layers": "widths", **options})


def states(jpeg: bytes) -> list[str]:
    return [layer.state for layer in list_layers(jpeg)]


def levels(jpeg: bytes) -> list[np.ndarray]:
    return _core.read_jpeg(jpeg).levels


def saved_as(source: bytes, *own: tuple[int, bytes]) -> bytes:
    return segments.replace_segments(source, [*segments.parse(source), *own])


# The digest ---------------------------------------------------------------------------------------------------------


def digest_by_hand(jpeg: bytes) -> bytes:
    image = _core.read_jpeg(jpeg)
    data = b""
    for c, (block, factors) in enumerate(zip(image.levels, image.sampling, strict=True)):
        h, v = (1, 1) if len(image.levels) == 1 else factors
        rows, cols = block.shape[:2]
        data += struct.pack("<8H16x", *image.size, len(image.levels), c, h, v, rows, cols)
        data += image.tables[image.component_tables[c]].astype("<u2").tobytes() + block.astype("<i2").tobytes()
    return xxh64(data)


@pytest.mark.parametrize("image", [PIXELS, GRAY, PIXELS[:9, :7].copy()], ids=["colour", "gray", "tiny"])
@pytest.mark.parametrize("options", [{}, {"subsampling": "4:2:0"}, {"progressive": False}])
def test_the_digest_is_the_hash_of_the_documented_bytes(image: Any, options: dict[str, Any]) -> None:
    jpeg = written(image, **options)
    read = read_container(jpeg)
    assert read.digest == digest_by_hand(jpeg)
    assert [(name, version) for name, version, _ in read.layers] == [(b"widths", 1)]


@pytest.mark.parametrize("factors", SAMPLINGS.values(), ids=SAMPLINGS)
def test_any_change_of_the_picture_changes_the_digest(factors: tuple[int, int]) -> None:
    picture = random_levels((40, 56), [factors, (1, 1), (1, 1)], 1)
    tables = np.arange(1, 193, dtype=np.uint16).reshape(3, 64)

    def digest(**changes: Any) -> bytes:
        given_: dict[str, Any] = {**picture._asdict(), "tables": tables, **changes}
        return _core.levels_digest(**given_)

    found = {digest(), digest(size=(39, 56)), digest(size=(40, 55)), digest(component_tables=[0, 2, 1])}
    found.add(digest(levels=[picture.levels[0], *picture.levels[:0:-1]]))
    for component in range(3):
        for at in (0, 17, -1):
            changed = [block.copy() for block in picture.levels]
            changed[component].ravel()[at] ^= 1
            found.add(digest(levels=changed))
        step = tables.copy()
        step[component, 63] += 1
        found.add(digest(tables=step))
    assert len(found) == 5 + 9 + 3
    assert digest() == digest(tables=tables[::-1].copy(), component_tables=[2, 1, 0])


def test_the_digest_refuses_what_is_no_picture() -> None:
    picture = quantized(PIXELS)
    with pytest.raises(ValueError, match="must not be empty"):
        _core.levels_digest([], picture.tables, picture.size, [])
    with pytest.raises(ValueError, match=r"component_tables must be in 0\.\.1, got 2"):
        _core.levels_digest(*picture, component_tables=[0, 1, 2])
    with pytest.raises(ValueError, match="same length"):
        _core.levels_digest(picture.levels, picture.tables, picture.size, picture.sampling[:2])


# Widths -------------------------------------------------------------------------------------------------------------


def offsets(jpeg: bytes, image: np.ndarray) -> list[list[np.ndarray]]:
    """For each component how far the original's coefficients lie from the levels: zeros, below, above, DC."""
    read = _core.read_jpeg(jpeg)
    result = []
    original = _core.forward_dct(image, *read.sampling[0])
    for coefficients, block, table in zip(original, read.levels, read.component_tables, strict=True):
        ratio = coefficients.astype(float).reshape(-1, 64) / read.tables[table]
        level = block.reshape(-1, 64)
        ac, ac_level = ratio[:, 1:], level[:, 1:]
        outward = (np.sign(ac_level) * ac - np.abs(ac_level))[ac_level != 0]
        dc = np.abs(ratio[:, 0] - level[:, 0])
        result.append([np.abs(ac[ac_level == 0]), np.maximum(-outward, 0), np.maximum(outward, 0), dc])
    return result


@pytest.mark.parametrize(
    "options",
    [{}, {"quality": 95}, {"quality": 5}, {"tune": "psnr"}, {"effort": 1}, {"subsampling": "4:4:4"}, {"effort": 6}],
    ids=repr,
)
@pytest.mark.parametrize("image", [PIXELS, GRAY], ids=["colour", "gray"])
def test_the_widths_hold_for_all_but_one_in_2000(image: np.ndarray, options: dict[str, Any]) -> None:
    jpeg = written(image, **options)
    widths = layers_in(_core.read_jpeg(jpeg)).widths
    assert widths is not None
    for component, measured in zip(widths, offsets(jpeg, image), strict=True):
        for width, kind in zip(component, measured, strict=True):
            outside = int((kind > width).sum())
            assert outside <= len(kind) // 2000
            if width > 0:
                assert (kind > width - 1 / 64).sum() > len(kind) // 2000  # no narrower width holds


def test_offsets_by_hand() -> None:
    coefficients = np.zeros((1, 1, 64), np.float32)
    block = np.zeros((1, 1, 64), np.int16)
    coefficients[0, 0, :5], block[0, 0, :5] = [25, -7, 21, -34, 1e6], [2, 0, 2, -3, 1]
    counts = _core.offset_histograms(coefficients, block, np.full(64, 10, np.uint16))
    assert [np.flatnonzero(row).tolist() for row in counts] == [[0, 45], [0], [7, 26, 255], [32]]
    assert counts.sum(axis=1).tolist() == [60, 3, 3, 1]
    assert (counts[0, 0], counts[1, 0], counts[2, 0]) == (59, 3, 0)
    coefficients[0, 0, 1] = np.nan
    assert _core.offset_histograms(coefficients, block, np.full(64, 10, np.uint16))[0, 0] == 60


# Encoding -----------------------------------------------------------------------------------------------------------

WAYS: list[dict[str, Any]] = [
    {},
    {"progressive": False, "restart_interval": 3},
    {"metadata": "strip"},
    {"effort": 7},
    {"subsampling": "4:4:4", "tune": "ssimulacra2"},
    {"max_width": 100},
    {"quality": None, "target_score": 60},
]


@pytest.mark.parametrize("options", WAYS, ids=repr)
@pytest.mark.parametrize("image", [PIXELS, GRAY], ids=["colour", "gray"])
def test_the_file_without_the_layer_is_the_plain_file(image: np.ndarray, options: dict[str, Any]) -> None:
    with_layer, plain = written(image, **options), written(image, layers=None, **options)
    assert states(with_layer) == ["valid"]
    assert states(plain) == []
    assert strip_layers(with_layer) == plain
    assert strip_layers(plain) == plain
    assert len(with_layer) - len(plain) == COUNT[1 if image.ndim == 2 else 3]


def test_the_layer_stands_behind_the_metadata_and_before_the_tables() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a description"
    source = encoded(PIXELS, quality=97, exif=exif, icc_profile=ICC, comment=b"a remark", dpi=(300, 300))
    jpeg = written(source)
    kinds = [marker for marker, _ in app_segments(jpeg)]
    assert kinds[:6] == [0xE0, 0xE1, 0xE2, 0xFE, 0xEB, 0xDB]
    assert strip_layers(jpeg) == written(source, layers=None)


@pytest.mark.parametrize("target", [2.5, 5.0, 12.0, 40.0])
@pytest.mark.parametrize("options", [{}, {"effort": 6}, {"progressive": False}, {"subsampling": "4:4:4"}], ids=repr)
def test_the_layer_counts_towards_the_target(target: float, options: dict[str, Any]) -> None:
    given_: dict[str, Any] = {"quality": None, "target_kb": target, **options}
    jpeg, plain = written(**given_), written(layers=None, **given_)
    assert states(jpeg) == ["valid"]
    assert len(jpeg) <= 1000 * target
    assert len(jpeg) >= 0.97 * len(plain)


def test_a_layer_beside_other_segments_from_levels() -> None:
    coding = Coding(
        level_segments=[lambda quantized, coefficients: [(0xEC, bytes(500 + quantized.levels[0].size % 7))]]
    )
    ways: list[dict[str, Any]] = [{"target_kb": 6}, {"quality": 60}]
    for options in ways:
        jpeg = Encoder(saliency=None, layers="widths", coding=coding, **options).compress(PIXELS).jpeg
        assert [marker for marker, _ in app_segments(jpeg)][1:3] == [0xEC, 0xEB]
        assert states(jpeg) == ["valid"]
        assert "quality" in options or 5700 < len(jpeg) <= 6000


def test_a_target_that_the_layer_alone_misses() -> None:
    with pytest.raises(SaliencyJpegError, match="smallest encoding") as caught:
        written(quality=None, target_kb=0.3)
    assert states(caught.value.best) == ["valid"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", ["width", True, 1, ("widths",)])
def test_other_layers_are_refused(value: Any) -> None:
    with pytest.raises(OptionError, match="layers must be one of 'widths', 'detail', 'latent', 'auto', got "):
        Options(layers=value)


def test_layers_through_the_front_doors(tmp_path: Path) -> None:
    common: dict[str, Any] = {"saliency": None, "layers": "widths", "quality": 60}
    bgr = np.ascontiguousarray(PIXELS[..., ::-1])
    chw = np.ascontiguousarray(np.moveaxis(PIXELS, -1, 0))
    Image.fromarray(PIXELS).save(tmp_path / "in.png")
    words = ["--saliency", "none", "--quality", "60", "--layers", "widths"]
    assert main(["compress", str(tmp_path / "in.png"), "-o", str(tmp_path / "out.jpg"), *words]) == 0
    plain = compress(PIXELS, saliency=None, quality=60)
    doors = {
        "Pillow": encoded(PIXELS, pillow.FORMAT, **common),
        "command line": (tmp_path / "out.jpg").read_bytes(),
        "OpenCV": opencv.imencode(".jpg", bgr, [cv_quality(), 60], saliency=None, layers="widths")[1].tobytes(),
        "PyTorch": encode_jpeg(chw, 60, saliency=None, layers="widths").tobytes(),
        "many": next(Encoder(**common).compress_many([PIXELS])).jpeg,
        "optimizer": optimize_jpeg(encoded(PIXELS, quality=97), Options(**common)),
    }
    assert {name: states(jpeg) for name, jpeg in doors.items()} == {name: ["valid"] for name in doors}
    assert strip_layers(doors["many"]) == strip_layers(doors["Pillow"]) == strip_layers(doors["command line"]) == plain


def cv_quality() -> int:
    import cv2

    return int(cv2.IMWRITE_JPEG_QUALITY)


def test_layers_with_tables_and_colours_of_a_door() -> None:
    common: dict[str, Any] = {"saliency": None, "layers": "widths"}
    tables = [[9] * 64, list(range(5, 69))]
    for options in ({"qtables": tables}, {"qtables": "web_low", "target_kb": 8}, {"keep_rgb": True, "quality": 60}):
        assert states(encoded(PIXELS, pillow.FORMAT, **common, **options)) == ["valid"]


# JPEG sources -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["keep", "safe", "strip"])
@pytest.mark.parametrize("kept", [(), ("APP11",)])
def test_a_new_encoding_drops_old_layers(mode: Any, kept: tuple[str, ...]) -> None:
    source = saved_as(written(quality=90), (0xEB, b"JP\0\1 another box, of somebody"), (0xFE, b"a remark"))
    assert states(source) == ["valid"]
    options: dict[str, Any] = {"quality": 40, "metadata": mode, "keep_segments": kept}
    plain, again = written(source, layers=None, **options), written(source, **options)
    assert states(plain) == []
    assert states(again) == ["valid"]
    assert (b"another box" in plain) == (mode == "keep" or bool(kept))
    with Image.open(io.BytesIO(source)) as opened:
        assert states(written(opened, layers=None, **options)) == []
    assert states(optimize_jpeg(source, Options(saliency=None, quality=40, metadata=mode))) == []


def test_a_source_that_comes_back_keeps_the_layers_that_it_has() -> None:
    source = saved_as(written(quality=60), (0xFE, b"a remark"))
    for options in ({"quality": 95}, {"quality": None, "target_kb": 100}):
        for layers in (None, "widths"):
            given_: dict[str, Any] = {**options, "layers": layers}
            assert written(source, **given_) == source
            for mode in ("safe", "strip"):
                file = written(source, metadata=mode, **given_)
                assert states(file) == ([] if layers is None else ["valid"])
                assert b"a remark" not in file
                assert same_levels(levels(file), levels(source))
            assert states(written(source, progressive=False, **given_)) == ["valid"]
    plain = strip_layers(source)
    assert written(plain, quality=95) == plain


@pytest.mark.parametrize("mode", ["keep", "safe", "strip"])
@pytest.mark.parametrize("form", [{}, {"progressive": False}, {"restart_interval": 5}], ids=repr)
def test_lossless_recompression_keeps_layers_apart_from_metadata(mode: Any, form: dict[str, Any]) -> None:
    source = saved_as(written(), (0xFE, b"a remark"))
    kept = recompress(source, metadata=mode, **form)
    dropped = recompress(source, metadata=mode, keep_layers=False, **form)
    assert states(kept) == ["valid"]
    assert states(dropped) == []
    assert strip_layers(kept) == dropped
    assert same_levels(levels(kept), levels(source))
    assert (b"a remark" in kept) == (b"a remark" in dropped) == (mode == "keep")
    assert len(kept) <= len(source) or form


def test_recompression_with_a_loss_drops_layers() -> None:
    source = written(quality=90)
    for options in ({"quality": 40}, {"target_kb": len(source) / 1500}):
        smaller = recompress(source, saliency=None, **options)
        assert len(smaller) < 0.8 * len(source)
        assert states(smaller) == []


def test_stale_layers_stay_as_they_are() -> None:
    """A rotation that is undone brings the levels back, and with them the layer."""
    stale = saved_as(encoded(PIXELS), *[s for s in segments.parse(written()) if s[0] == 0xEB])
    assert states(stale) == ["stale"]
    assert layers_in(_core.read_jpeg(stale)).widths is None
    assert states(recompress(stale)) == ["stale"]
    assert states(recompress(stale, keep_layers=False)) == []


def test_recompression_cannot_make_layers() -> None:
    with pytest.raises(OptionError, match="need the original picture, got 'widths'"):
        recompress_source(JpegSource(encoded(PIXELS)), Options(layers="widths"))
    with pytest.raises(OptionError, match="keep_layers must be True or False, got 1"):
        recompress(encoded(PIXELS), keep_layers=1)  # type: ignore[arg-type]


def test_trailing_images_are_found_without_the_layer(multi_picture: bytes) -> None:
    with_layer, plain = written(multi_picture), written(multi_picture, layers=None)
    assert states(with_layer) == ["valid"]
    assert strip_layers(with_layer) == plain
    for file in (with_layer, plain):
        with Image.open(io.BytesIO(file)) as image:
            assert getattr(image, "n_frames", 1) == 2
            image.seek(1)
            assert image.size == (64, 48)
    assert strip_layers(recompress(with_layer)) == recompress(with_layer, keep_layers=False)


@pytest.fixture
def multi_picture() -> bytes:
    file = io.BytesIO()
    second = Image.fromarray(PIXELS[:48, :64].copy())
    Image.fromarray(PIXELS).save(file, "MPO", quality=95, save_all=True, append_images=[second])
    return file.getvalue()


# Damage -------------------------------------------------------------------------------------------------------------


def test_list_layers_takes_what_compress_takes(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(written())
    expected = list_layers(written())
    assert list_layers(tmp_path / "a.jpg") == list_layers(str(tmp_path / "a.jpg")) == expected
    assert list_layers(io.BytesIO(written())) == list_layers(bytearray(written())) == expected
    assert repr(expected[0]) == "LayerInfo(kind='widths', version=1, length=20, state='valid')"
    with pytest.raises(InputError, match="pixels"):
        list_layers(written(), max_pixels=1000)
    for function in (list_layers, strip_layers):
        for bad in (b"", b"GIF89a", b"\xff\xd8", written()[:100]):
            with pytest.raises(InputError):
                function(bad)


@pytest.mark.parametrize("form", ["text", "json"])
def test_info_shows_layers(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jpeg = written()
    image = _core.read_jpeg(jpeg)
    digest = read_container(jpeg).digest
    own = build_layers(digest, [Layer("\x1b[31m", 3, b"abc")])
    (tmp_path / "a.jpg").write_bytes(saved_as(jpeg, *own))
    assert image.size == PIXELS.shape[:2]
    assert main(["info", str(tmp_path / "a.jpg"), *(["--json"] if form == "json" else [])]) == 0
    printed = capsys.readouterr().out
    if form == "json":
        listed = json.loads(printed)["layers"]
        assert listed[0] == {"kind": "widths", "version": 1, "length": 20, "state": "valid"}
        assert [layer["state"] for layer in listed] == ["valid", "unknown"]
    else:
        assert "  layer 'widths' 1, 20 bytes, valid" in printed.splitlines()
        assert "\x1b" not in printed


SMALL = written(PIXELS[:24, :40].copy())
AT = SMALL.index(b"JPSJ")
SPAN = (AT - 2, AT + COUNT[3] - 4)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(*SPAN), st.integers(0, 255)), min_size=1, max_size=6), st.data())
def test_any_change_of_the_container_leaves_the_picture(changes: list[tuple[int, int]], data: st.DataObject) -> None:
    jpeg = bytearray(SMALL)
    for at, value in changes:
        jpeg[min(at, SPAN[1] - 1)] = value
    file = bytes(jpeg)
    length_changed = file[AT - 2 : AT] != SMALL[AT - 2 : AT]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayerWarning)
        for work in (
            lambda: list_layers(file),
            lambda: strip_layers(file),
            lambda: recompress(file, metadata=data.draw(st.sampled_from(["keep", "strip"]))),
            lambda: compress(file, saliency=None, quality=30),
        ):
            try:
                result = work()
            except SaliencyJpegError:
                assert length_changed, "only a length that cuts into the tables makes a file that is none"
                continue
            if isinstance(result, list):
                assert length_changed or len(result) <= 1
        if not length_changed:
            assert same_levels(levels(file), levels(SMALL))
            assert layers_in(_core.read_jpeg(file)).preset in (None, "restore")
            assert same_levels(levels(recompress(file)), levels(SMALL))


def test_a_damaged_layer_is_reported_and_the_picture_whole() -> None:
    jpeg = SMALL.replace(b"restore", b"restorf")
    assert states(jpeg) == ["damaged"]
    with pytest.warns(LayerWarning, match="a damaged layer of the JPEG file is ignored, kind 'widths'"):
        assert layers_in(_core.read_jpeg(jpeg)).widths is None
    assert same_levels(levels(jpeg), levels(SMALL))
    assert lossless(jpeg, metadata=[]) == lossless(SMALL, metadata=[])
    assert not any(are_layers(segments.parse(compress(jpeg, saliency=None, quality=30))))
