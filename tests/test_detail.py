"""Detail that a file leaves out for a layer: coded without loss, found by every reader of ours, lost by no door."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from helpers import photo, random_levels
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from saliency_jpeg import (
    Encoder,
    LayerWarning,
    OptionError,
    compress,
    decode,
    list_layers,
    merge_layers,
    recompress,
    strip_layers,
)
from saliency_jpeg.cli import main
from saliency_jpeg.codec import _core
from saliency_jpeg.codec.layers import digest_of, whole_image, without_detail
from saliency_jpeg.metadata.layer_kinds import Detail, Layer, detail_layer
from saliency_jpeg.metadata.layers import build_layers
from saliency_jpeg.metrics import Ssimulacra2
from saliency_jpeg.recompression.detail import separate_detail

PIXELS = np.array(photo(160, 240, 100, 150))
GRAY = PIXELS[..., 1].copy()
FIRSTS = (10, 6, 6)
ZIGZAG = list(_core.ZIGZAG)


def plain(image: Any = PIXELS, **options: Any) -> bytes:
    return compress(image, **{"saliency": None, "quality": 60, **options})


def some_levels(rows: int, cols: int, seed: int, most: int = 30) -> np.ndarray:
    return random_levels((8 * rows, 8 * cols), [(1, 1)], seed, most).levels[0]


def kinds(jpeg: bytes) -> list[tuple[str, str]]:
    return [(layer.kind, layer.state) for layer in list_layers(jpeg)]


def same_levels(one: bytes, other: bytes) -> bool:
    pairs = zip(_core.read_jpeg(one).levels, _core.read_jpeg(other).levels, strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def with_payload(jpeg: bytes, layer: Layer) -> bytes:
    """A file with a layer of any payload that is bound to its levels."""
    image = _core.read_jpeg(jpeg)
    made = build_layers(digest_of(image), [layer])
    return _core.write_jpeg(image.levels, image.tables, image.size, image.sampling, segments=made,
                            component_tables=image.component_tables)  # fmt: skip


# The code -----------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 5),
    cols=st.integers(1, 5),
    firsts=st.lists(st.integers(1, 64), min_size=1, max_size=4),
    most=st.sampled_from([1, 2, 20, 1023]),
)
def test_all_levels_come_back(seed: int, rows: int, cols: int, firsts: list[int], most: int) -> None:
    levels = [some_levels(rows, cols, seed + c, most) for c in range(len(firsts))]
    code = _core.encode_detail(levels, firsts)
    known = [each.copy() for each in levels]
    for each, first in zip(known, firsts, strict=True):
        each[..., ZIGZAG[first:]] = 7  # what is there does not matter
    back = _core.decode_detail(code, known, firsts)
    assert all(np.array_equal(a, b) for a, b in zip(back, levels, strict=True))


@settings(max_examples=60, deadline=None)
@given(code=st.binary(max_size=200))
def test_any_bytes_are_a_code(code: bytes) -> None:
    levels = [some_levels(3, 4, 1), some_levels(2, 2, 2), some_levels(2, 2, 3)]
    back = _core.decode_detail(code, levels, FIRSTS)
    assert max(np.abs(each.astype(int)).max() for each in back) <= 1023
    for each, known, first in zip(back, levels, FIRSTS, strict=True):
        assert np.array_equal(each[..., ZIGZAG[:first]], known[..., ZIGZAG[:first]])


def test_the_code_is_the_same_everywhere() -> None:
    code = _core.encode_detail([some_levels(6, 8, 5, 40)], [4])
    assert (len(code), code[:8].hex()) == GOLDEN


GOLDEN = (1003, "8bc78b317eeaca0f")


def test_it_takes_fewer_bytes_than_huffman_codes() -> None:
    jpeg = plain(np.tile(PIXELS, (3, 3, 1)), quality=85)
    image = _core.read_jpeg(jpeg)
    base, detail = without_detail(image, (3, 2, 2))
    form: dict[str, Any] = {"component_tables": image.component_tables, "progressive": True}
    small = _core.write_jpeg(base.levels, image.tables, image.size, image.sampling, **form)
    assert len(detail.code) < 0.93 * (len(jpeg) - len(small))


@pytest.mark.parametrize("firsts", [(0, 6, 6), (65, 6, 6), (10, 6)])
def test_the_core_refuses_what_makes_no_sense(firsts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="first"):
        _core.encode_detail([some_levels(2, 2, c) for c in range(3)], firsts)


# Files --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("image", [PIXELS, GRAY], ids=["colour", "gray"])
@pytest.mark.parametrize("options", [{}, {"progressive": False}, {"restart_interval": 3}, {"layers": "widths"}])
def test_separating_and_merging_gives_the_same_file(image: np.ndarray, options: dict[str, Any]) -> None:
    jpeg = plain(image, **options)
    separated = separate_detail(jpeg, FIRSTS[: len(_core.read_jpeg(jpeg).levels)])
    assert ("detail", "valid") in kinds(separated)
    assert merge_layers(separated) == jpeg
    assert merge_layers(jpeg) is jpeg
    assert not same_levels(separated, jpeg)


def test_other_layers_follow_the_levels() -> None:
    jpeg = with_payload(plain(), Layer("of-mine", 3, b"anything"))
    separated = separate_detail(jpeg, FIRSTS)
    assert kinds(separated) == [("of-mine", "unknown"), ("detail", "valid")]
    assert kinds(merge_layers(separated)) == [("of-mine", "unknown")]
    assert same_levels(merge_layers(separated), jpeg)


def test_trailing_images_stay() -> None:
    with io.BytesIO() as out:
        Image.fromarray(PIXELS).save(out, "MPO", save_all=True, append_images=[Image.fromarray(PIXELS[::2, ::2])])
        mpo = out.getvalue()
    jpeg = plain(mpo)
    separated = separate_detail(jpeg, FIRSTS)
    assert merge_layers(separated) == jpeg
    with Image.open(io.BytesIO(separated)) as image:
        image.seek(1)
        assert image.size == (120, 80)


def test_every_reader_of_ours_sees_the_whole_picture() -> None:
    jpeg = plain()
    separated = separate_detail(jpeg, FIRSTS)
    whole = decode(jpeg, enhance=None)
    assert np.array_equal(decode(separated, enhance=None), whole)
    assert not np.array_equal(decode(strip_layers(separated), enhance=None), whole)
    assert plain(separated, quality=90, never_enlarge=False) == plain(jpeg, quality=90, never_enlarge=False)
    assert recompress(separated, quality=20, saliency=None) == recompress(jpeg, quality=20, saliency=None)


def test_lossless_changes_keep_the_picture() -> None:
    jpeg = plain()
    separated = separate_detail(jpeg, FIRSTS)
    kept = recompress(separated, metadata="strip")
    assert kinds(kept) == [("detail", "valid")]
    assert same_levels(merge_layers(kept), jpeg)
    assert same_levels(recompress(separated, keep_layers=False), jpeg)
    assert compress(separated, target_kb=100) == separated
    assert same_levels(merge_layers(compress(separated, target_kb=100, metadata="strip")), jpeg)
    assert same_levels(merge_layers(compress(separated, target_kb=100, metadata="strip", progressive=False)), jpeg)


def test_stale_detail_is_left_alone() -> None:
    separated = separate_detail(plain(), FIRSTS)
    image = _core.read_jpeg(separated)
    levels = [each.copy() for each in image.levels]
    levels[0][0, 0, 0] += 1
    stale = _core.write_jpeg(levels, image.tables, image.size, image.sampling, segments=image.segments,
                             component_tables=image.component_tables)  # fmt: skip
    assert kinds(stale) == [("detail", "stale")]
    assert merge_layers(stale) is stale
    stored = _core.read_jpeg(stale)
    assert whole_image(stored) is stored
    assert np.array_equal(decode(stale, enhance=None), decode(strip_layers(stale), enhance=None))


NONSENSE = [b"", b"\x03\x01", b"\x03\x00\x01\x01", b"\x03\x41\x01\x01x", b"\x01\x05x", b"\x09" * 20]


@pytest.mark.parametrize("payload", NONSENSE)
def test_detail_that_makes_no_sense_is_ignored(payload: bytes) -> None:
    jpeg = plain()
    damaged = with_payload(jpeg, Layer("detail", 1, payload))
    assert kinds(damaged) == [("detail", "damaged")]
    with pytest.warns(LayerWarning, match="damaged"):
        assert np.array_equal(decode(damaged, enhance=None), decode(jpeg, enhance=None))
    with pytest.warns(LayerWarning, match="kind 'detail'"):
        assert compress(damaged, saliency=None, quality=30) == compress(jpeg, saliency=None, quality=30)


def test_a_truncated_code_is_decoded_in_bounds() -> None:
    jpeg = strip_layers(separate_detail(plain(), FIRSTS))
    odd = with_payload(jpeg, detail_layer(Detail(FIRSTS, b"\xff" * 3)))
    assert kinds(odd) == [("detail", "valid")]
    assert decode(odd, enhance=None).shape == PIXELS.shape


# The encoder --------------------------------------------------------------------------------------------------------

LARGE = np.array(photo(512, 640, 60, 90))


@pytest.mark.parametrize("floor", [6.0, 20.0, 60.0])
def test_the_base_keeps_to_its_floor(floor: float) -> None:
    jpeg = plain(LARGE, quality=70, layers="detail", base_floor=floor)
    assert ("detail", "valid") in kinds(jpeg)
    metric = Ssimulacra2(LARGE)
    base, whole = (metric.score(np.asarray(Image.open(io.BytesIO(j)))) for j in (jpeg, merge_layers(jpeg)))
    alone = compress(LARGE, target_kb=len(jpeg) / 1000, saliency=None)
    same_size = metric.score(np.asarray(Image.open(io.BytesIO(alone))))
    assert same_size - 1.05 * floor <= base < whole
    assert len(jpeg) < len(merge_layers(jpeg))
    assert merge_layers(jpeg) == plain(LARGE, quality=70)


def test_a_larger_floor_saves_more_and_zero_saves_nothing() -> None:
    sizes = [len(plain(LARGE, quality=70, layers="detail", base_floor=floor)) for floor in (0, 10, 40, 100)]
    assert sizes[0] == len(plain(LARGE, quality=70))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[3] < 0.93 * sizes[0]


def test_a_target_is_filled_and_never_exceeded() -> None:
    metric = Ssimulacra2(LARGE)
    for kilobytes in (12, 30):
        jpeg = compress(LARGE, target_kb=kilobytes, saliency=None, layers="detail", base_floor=100)
        alone = compress(LARGE, target_kb=kilobytes, saliency=None)
        assert 0.95 * 1000 * kilobytes < len(jpeg) <= 1000 * kilobytes
        assert metric.score(decode(jpeg, enhance=None)) > metric.score(decode(alone, enhance=None))


def test_it_works_with_the_other_ways_of_control() -> None:
    for options in ({"target_score": 60}, {"target_kb": 20, "allow_downscale": True}, {"subsampling": "4:4:4"}):
        result = Encoder(saliency=None, layers="detail", base_floor=50, **options).compress(LARGE)
        assert decode(result.jpeg, enhance=None).shape == (result.height, result.width, 3)
        assert kinds(result.jpeg)[-1] == ("detail", "valid")


@pytest.mark.tensorflow
def test_auto_keeps_what_restores_best() -> None:
    metric = Ssimulacra2(LARGE)
    for kilobytes, floor in ((15, 0.0), (15, 100.0)):
        own: dict[str, Any] = {"target_kb": kilobytes, "saliency": None}
        files = [compress(LARGE, **own, layers=layers) for layers in (None, "widths")]
        files.append(compress(LARGE, **own, layers="detail", base_floor=floor))
        best = compress(LARGE, **own, layers="auto", base_floor=floor)
        assert len(best) <= 1000 * kilobytes
        assert metric.score(decode(best)) >= max(metric.score(decode(jpeg)) for jpeg in files)


def test_a_floor_without_detail_is_refused() -> None:
    for layers in (None, "widths"):
        with pytest.raises(OptionError, match="base_floor"):
            compress(PIXELS, layers=layers, base_floor=3)
    with pytest.raises(OptionError, match="base_floor"):
        compress(PIXELS, layers="detail", base_floor=101)


def test_the_command_line_makes_and_shows_them(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "a.png", tmp_path / "a.jpg"
    Image.fromarray(LARGE).save(source)
    arguments = ["compress", str(source), "-o", str(out), "--saliency", "none", "--layers", "detail"]
    assert main([*arguments, "--base-floor", "40"]) == 0
    assert main(["info", str(out)]) == 0
    assert "layer 'detail' 1" in capsys.readouterr().out
