"""The block artefact measures on pictures in which each of them must move, and beside the scores of the comparison."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from helpers import encoded, photo, pillow_pixels
from PIL import Image as PilImage

from saliency_jpeg.errors import InputError
from saliency_jpeg.evaluation.__main__ import main
from saliency_jpeg.evaluation.artefacts import ARTEFACTS, luma_levels, measure_artefacts
from saliency_jpeg.evaluation.comparison import Job, measure_image
from saliency_jpeg.evaluation.report import read_json, render_all
from saliency_jpeg.metrics import measure
from saliency_jpeg.metrics.arrays import block_means
from saliency_jpeg.metrics.block_artefacts import background_blocks, block_jumps, dc_only_share, edge_blocks

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


def smooth(height: int = 96, width: int = 128) -> Image:
    y, x = np.mgrid[:height, :width]
    return np.repeat(np.rint(128 + 60 * np.sin(x / 40) * np.cos(y / 30))[..., None], 3, 2).astype(np.uint8)


def mosaic(image: Image) -> Image:
    """Every 8x8 block as its mean, as a file of DC levels alone shows it."""
    means = block_means(image[..., 0].astype(np.float64))
    return np.repeat(np.kron(np.rint(means), np.ones((8, 8)))[..., None], 3, 2).astype(np.uint8)


def half(height: int = 96, width: int = 128) -> Floats:
    """A map that is 1 on the left and 0 on the right."""
    return np.repeat([[1.0, 0.0]], height, 0).repeat(width // 2, 1)


# jumps --------------------------------------------------------------------------------------------------------------


def test_jumps_of_a_mosaic_are_its_steps_in_sample_levels() -> None:
    flat = np.full((32, 32, 3), 100, np.uint8)
    stripes = flat.copy()
    stripes[:, 8:16] += 12
    # In each row of blocks the first has one border with a jump of 12, the second two, the third one, the last none.
    # Blocks in the corners have two borders, others at the rim three, those inside four.
    outer, inner = [12 / 2, 24 / 3, 12 / 3, 0], [12 / 3, 24 / 4, 12 / 4, 0]
    expected = np.mean([*outer, *inner, *inner, *outer])
    assert block_jumps(flat, stripes) == pytest.approx(expected)
    assert block_jumps(flat, flat) == 0.0


def test_a_mosaic_raises_the_jumps_and_a_good_file_does_not() -> None:
    original = smooth()
    good, bad = (pillow_pixels(encoded(original, quality=q)) for q in (97, 3))
    assert abs(block_jumps(original, good)) < 0.05
    assert block_jumps(original, bad) > 1
    assert block_jumps(original, mosaic(original)) > 5
    assert block_jumps(mosaic(original), original) == pytest.approx(-block_jumps(original, mosaic(original)))


def test_content_that_jumps_at_the_borders_does_not_count() -> None:
    y, x = np.mgrid[:64, :64]
    checks = np.repeat(((x // 8 + y // 8) % 2 * 100 + 50)[..., None], 3, 2).astype(np.uint8)
    assert block_jumps(checks, pillow_pixels(encoded(checks, quality=95))) == pytest.approx(0, abs=0.5)
    assert block_jumps(np.full_like(checks, 100), checks) == pytest.approx(100, abs=0.5)


def test_jumps_off_the_grid_of_blocks_lower_the_measure() -> None:
    original = smooth()
    shifted = np.roll(mosaic(original), (4, 4), (0, 1))[8:-8, 8:-8]
    assert block_jumps(original[8:-8, 8:-8], shifted) < 0


# DC-only blocks -----------------------------------------------------------------------------------------------------


def test_dc_only_counts_blocks_without_ac_levels() -> None:
    levels = np.zeros((4, 5, 64), np.int16)
    levels[..., 0] = 9
    levels[0, :, 63] = levels[1, 0, 1] = -1
    assert dc_only_share(levels) == 1 - 6 / 20
    assert dc_only_share(levels, np.arange(20).reshape(4, 5) < 5) == 0
    assert math.isnan(dc_only_share(levels, np.zeros((4, 5), bool)))
    with pytest.raises(InputError, match=r"got \(4, 5\)"):
        dc_only_share(levels[..., 0])
    with pytest.raises(InputError, match=r"got \(5, 4\)"):
        dc_only_share(levels, np.ones((5, 4), bool))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": "4:4:4"}, {"subsampling": "4:2:2"}])
def test_dc_only_reads_the_files_of_any_encoder(options: dict[str, Any]) -> None:
    original = photo(100, 134)
    shares = []
    for q in (95, 30, 3):
        jpeg = encoded(original, quality=q, **options)
        values = measure_artefacts(original, pillow_pixels(jpeg), jpeg)
        assert list(values) == ["block_jumps", "dc_only"]
        assert luma_levels(jpeg).shape == (13, 17, 64)
        shares.append(values["dc_only"])
    assert shares[0] < 0.05
    assert shares[0] < shares[1] < shares[2]
    assert shares[2] > 0.25


# regions ------------------------------------------------------------------------------------------------------------


def test_the_background_is_the_least_salient_part() -> None:
    ramp = np.tile(np.linspace(0, 1, 80), (40, 1))
    assert background_blocks(ramp).tolist() == [[True] * 4 + [False] * 6] * 5
    assert background_blocks(half()).tolist() == [[False] * 8 + [True] * 8] * 12  # equal values go together
    assert background_blocks(np.zeros((20, 20))).all()


def test_the_edge_is_where_the_map_is_steep() -> None:
    assert edge_blocks(half()).tolist() == [[7 <= col <= 8 for col in range(16)]] * 12
    assert edge_blocks(half().T.copy()).tolist() == [[7 <= row <= 8] * 12 for row in range(16)]
    gentle = np.tile(np.linspace(0, 1, 128), (96, 1))
    assert not edge_blocks(gentle).any()
    for steps, found in ((11, False), (9, True)):  # 1 / 11 and 1 / 9 from one block to the next
        slope = np.tile(np.repeat(np.arange(steps + 1) / steps, 8), (16, 1))
        assert edge_blocks(slope)[:, 1:-1].all() == edge_blocks(slope).any() == found
    assert edge_blocks(np.ones((8, 64))).shape == (1, 8)


def test_damage_counts_where_it_is() -> None:
    original, saliency = smooth(), half()
    spoilt = {"bg": original.copy(), "edge": original.copy()}
    spoilt["bg"][:, 80:] = mosaic(original)[:, 80:]
    spoilt["edge"][:, 56:72] = mosaic(original)[:, 56:72]
    jpeg = encoded(original, quality=90)
    background, edge = (measure_artefacts(original, pixels, jpeg, saliency) for pixels in spoilt.values())
    assert list(background) == list(ARTEFACTS)
    assert background["block_jumps_bg"] > background["block_jumps"] > background["block_jumps_edge"]
    assert edge["block_jumps_edge"] > edge["block_jumps_bg"] > 0
    assert background["dc_only_edge"] == edge["dc_only_edge"]
    assert math.isnan(measure_artefacts(original, original, jpeg, np.ones((96, 128)))["dc_only_edge"])


# beside the scores --------------------------------------------------------------------------------------------------


#: Of the crop below in steps of 16 levels: the scores as they were before there were artefact measures.
KNOWN = {
    "ssimulacra2": 66.01003080759253,
    "psnr_hvsm": 41.019547472264826,
    "ms_ssim_db": 22.964825812450353,
    "psnr_y": 38.34941730102086,
    "psnr_rgb": 34.79365475421689,
    "ssimulacra2_s": 80.87102511743632,
    "hvsm_s": 40.82386072587069,
    "ms_ssim_db_s": 28.1277581226429,
    "psnr_s": 38.33455476933321,
    "psnr_s_bg": 38.36433087033917,
}


def test_the_scores_of_a_known_pair_are_what_they_were() -> None:
    original = photo(184, 192, 100, 200)
    roi = np.tile(np.linspace(0, 1, 192), (184, 1))
    values = measure(original, original // 16 * 16 + 8, roi, with_butteraugli=False)
    assert values == pytest.approx(KNOWN, rel=1e-9)


def test_the_comparison_puts_them_beside_the_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "maps").mkdir()
    original = photo(184, 192, 100, 200)
    PilImage.fromarray(original).save(tmp_path / "images" / "one.png")
    PilImage.fromarray((half(184, 192) * 255).astype(np.uint8)).save(tmp_path / "maps" / "one.png")
    job = Job(tmp_path / "images" / "one.png", ("pillow",), (0.5,), tmp_path / "maps", with_slow=False)
    (measured,) = measure_image(job)
    scores = [name for name in measured.quality if name not in ARTEFACTS]
    assert list(measured.quality) == [*scores, *ARTEFACTS]
    assert set(KNOWN) == set(scores)
    words = ["--images", str(tmp_path / "images"), "--maps", str(tmp_path / "maps"), "--no-butteraugli"]
    words += ["--codecs", "pillow,pillow-base", "--bpp", "0.4,0.5,0.7", "--anchors", "pillow", "--champion", "pillow"]
    assert main([*words, "--metrics", "psnr_y,dc_only_bg", "--json", str(tmp_path / "runs.json")]) == 0
    printed = capsys.readouterr().out
    assert printed.count("dc_only_bg") == 6  # in the tables of quality and of gains, not in those of BD-rates
    gain = next(line for line in printed.splitlines() if line.startswith("than pillow-base"))
    assert gain.count("1 of 1") == 2  # fewer DC-only blocks is better
    kept = read_json(tmp_path / "runs.json")
    wrong: list[dict[str, Any]] = [{"more": 1}, {}, {"image": 1}, {"target_bpp": 0}, {"quality": []}, {"size": [2]}]
    for fields in (*wrong, {"quality": {"psnr_y": "x"}}):
        one = {**dataclasses.asdict(measured), **fields} if fields else {}
        (tmp_path / "other.json").write_text(json.dumps([one]))
        assert main(["--from-json", str(tmp_path / "other.json")]) == 1
        assert "must be a file that --json of a comparison wrote" in capsys.readouterr().err
    assert "BD-rate" not in render_all(kept, ["pillow"], ["dc_only"], markdown=False)
    assert main([*words, "--metrics", "dc_only_fg"]) == 1
    assert "got 'dc_only_fg'" in capsys.readouterr().err
