"""The demonstration and the benchmark run and print what they promise."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from helpers import encoded, photo
from PIL import Image
from processes import Script


@pytest.mark.tensorflow
def test_demo(run_script: Script, tmp_path: Path) -> None:
    printed = run_script("examples/demo.py")
    ours, pillow = re.findall(r"^(?:saliency-jpeg|Pillow) +(\d+) bytes +([\d.]+) dB", printed, re.MULTILINE)
    assert 0.95 * 50_000 < int(ours[0]) <= 50_000
    assert 0.99 * int(ours[0]) < int(pillow[0]) <= int(ours[0])
    assert float(ours[1]) > float(pillow[1]) + 1
    output = tmp_path / "demo-output"
    for name, size in (("saliency-jpeg.jpg", ours[0]), ("pillow.jpg", pillow[0])):
        assert (output / name).stat().st_size == int(size)
    with Image.open(output / "comparison.png") as row, Image.open(output / "heatmap.png") as heat:
        assert row.size == (3 * 480 + 16, 480)
        assert heat.size == (768, 512)


def cells_of(printed: str, first: str) -> dict[str, list[str]]:
    """The rows of the table in Markdown whose first line begins so, by their first cell."""
    table = printed[printed.index(first) :].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {name: cells for name, *cells in rows}


def test_speed_without_mozjpeg(run_script: Script, tmp_path: Path) -> None:
    words = ("--megapixels", "0.05", "--largest", "1", "--rounds", "1", "--model", "none")
    printed = run_script("benchmarks/speed.py", *words, MOZJPEG_CJPEG=str(tmp_path / "missing"))
    assert "mozjpeg is missing" in printed
    rows = cells_of(printed, "| | ms/MP")
    sizes = [float(cells[-1]) for cells in rows.values()]
    assert len(rows) >= 5
    assert max(sizes) < 1.1 * min(sizes)
    anchor = next(iter(rows))
    assert all(float(value) > 0 for cells in rows.values() for value in cells)
    assert rows[anchor][2:6] == 4 * ["1.00"]
    assert cells_of(printed, "| wall (CPU)")[anchor] == ["1.00 (1.00)"]
    assert list(cells_of(printed, "| MP")) == ["1"]
    small = cells_of(printed, "| | ms a picture")
    assert float(small["quality 75, no map"][2]) > float(small["libjpeg-turbo, optimised progressive"][2]) == 1


def test_batches(run_script: Script, tmp_path: Path) -> None:
    words = ("--megapixels", "0.02", "--count", "4", "--rounds", "2", "--model", "none")
    printed = run_script("benchmarks/batches.py", *words, MOZJPEG_CJPEG=str(tmp_path / "missing"))
    rows = cells_of(printed, "| | files/s")
    assert list(rows) == ["one by one", "`compress_many`"]
    assert rows["one by one"][2:] == ["1.00", "1.00", "1.00", "4", rows["`compress_many`"][-1]]
    assert rows["`compress_many`"][-2] == "4"


def test_core(run_script: Script) -> None:
    printed = run_script("benchmarks/core.py", "--megapixels", "0.05", "--rounds", "1")
    for title in ("| quality 75", "| `target_kb`"):
        rows = cells_of(printed, title)
        times = {name: float(cells[0]) for name, cells in rows.items()}
        assert abs(times.pop("in all") - sum(times.values())) < 0.1
        assert "Python and NumPy" in times
        assert int(rows["write_jpeg"][2]) >= 1


def test_memory(run_script: Script) -> None:
    calls = ("compress(quality=75), no map", "load")
    printed = run_script("benchmarks/memory.py", "--megapixels", "4", "--whole", "0", "--calls", *calls)
    rows = cells_of(printed, "| |")
    encoded, loaded = ([float(cell) for cell in rows[f"`{call}`"]] for call in calls)
    assert len(loaded) == 5
    assert all(6 < value < 11 for value in loaded[:3])  # 4 bytes in Pillow, 3 in the array
    assert all(3 < value < 40 for value in encoded)


def test_measure_recompress(run_script: Script, tmp_path: Path) -> None:
    (tmp_path / "part.png").write_bytes(encoded(photo(96, 128), "PNG"))
    printed = run_script("scripts/measure_recompress.py", tmp_path / "part.png")
    rows = re.findall(r"^(80|90|95), 0\.\d+ (.*)$", printed, re.MULTILINE)
    assert len(rows) == 18
    for _, cells in rows:
        *scores, fill = (float(cell) for cell in cells.strip(" |").split(" | "))
        assert len(scores) == 4
        assert max(scores) < 100
        assert 0.95 < fill <= 1
        assert scores[3] > scores[0] - 1  # the coefficients are no worse than the decoded pixels
    assert len(re.findall(r"^without loss, saved at \d+: [1-9][\d.]* % fewer bytes$", printed, re.MULTILINE)) == 3


def test_measure_widths(run_script: Script, tmp_path: Path) -> None:
    (tmp_path / "part.png").write_bytes(encoded(photo(96, 128), "PNG"))
    printed = run_script("scripts/measure_widths.py", tmp_path / "part.png")
    rows = re.findall(r"^(?:30|60|85) (?:luma|chroma) \| (.*)$", printed, re.MULTILINE)
    clamped = re.findall(r"^  clamped, % \(mean / worst\) \| (.*)$", printed, re.MULTILINE)
    assert len(rows) == len(clamped) == 6
    for row, cells in zip(rows, clamped, strict=True):
        for kind in row.split(" | "):
            quantiles = [float(value) for value in kind.split()]
            assert quantiles == sorted(quantiles)
        half, _, *shares, everything = (float(cell.split(" / ")[0]) for cell in cells.split(" | "))
        assert half > shares[0] >= shares[1] >= shares[2] >= everything == 0


@pytest.mark.slow
def test_measure_downscale(run_script: Script, tmp_path: Path) -> None:
    """On two small photographs: the rule loses less than the plain encoding at few bits, and nothing is done twice."""
    log = tmp_path / "grid.jsonl"
    for name, left in (("a", 0), ("b", 256)):
        Image.fromarray(photo(384, 512, 64, left)).save(tmp_path / f"{name}.png")
        run_script("scripts/measure_downscale.py", "measure", log, tmp_path / "a.png", tmp_path / f"{name}.png")
    measured = [json.loads(line) for line in log.read_text().splitlines()]
    assert 115 < len({(line["name"], line["rate"], line["scale"]) for line in measured}) == len(measured) <= 2 * 7 * 9
    fitted, *lines = run_script("scripts/measure_downscale.py", "table", log).splitlines()
    assert re.fullmatch(r"fitted: [\d.]+ \* rate\*\*[\d.]+ \* complexity\*\*-?[\d.]+", fitted)
    cells = [line.replace("|", " ").split() for line in lines]
    rows = [[float(cell) for cell in row] for row in cells if row[0] in ("0.06", "0.09")]
    assert len(rows) == 4
    for _, *scores, plain, worst_plain, rule, worst_rule in rows:
        assert len(scores) == 4
        assert 0 <= rule <= worst_rule
        assert 2 * rule < plain <= worst_plain
    means = run_script("scripts/measure_downscale.py", "camera", 2, tmp_path / "a.png").splitlines()[-3:]
    plain, chosen, within = (float(line.split()[-1]) for line in means)
    assert plain == within  # 1600 pixels are more than it has
    assert chosen > plain + 5


@pytest.mark.slow
@pytest.mark.tensorflow
def test_measure_half(run_script: Script, tmp_path: Path) -> None:
    (tmp_path / "photos_cid22").mkdir()
    for name, left in (("a", 0), ("b", 256)):
        Image.fromarray(photo(384, 512, 64, left)).save(tmp_path / "photos_cid22" / f"{name}.png")
    words = ("--tuned", "--count", "1", "--bpp", "0.06,0.4")
    _, _, few, many, gains, seconds = run_script("scripts/measure_half.py", tmp_path, *words).splitlines()
    for line, wins in ((few, "1 of 1"), (many, "0 of 1")):
        _, *cells, ahead = line.strip("| ").split(" | ")
        scores, best = [float(cell) for cell in cells[:3]], float(cells[6])
        assert best == max(scores)
        assert ahead == wins
    assert re.fullmatch(r"by the enlarged picture: [+-]\d.* points \([+-].* to [+-].*\)", gains)
    assert seconds.startswith("seconds a megapixel: whole ")


def test_load(run_script: Script, tmp_path: Path) -> None:
    (tmp_path / "part.png").write_bytes(encoded(photo(96, 128), "PNG"))
    printed = run_script("benchmarks/load.py", tmp_path, "--count", "25", "--saliency", "none")
    done, now, peak, pixels, errors, _ = (float(cell) for cell in printed.splitlines()[1].split())
    assert (done, errors) == (25, 1)
    assert now <= peak
    assert pixels > 24 * 0.04
    assert printed.splitlines()[2:] == ["errors: 1 InputError"]


@pytest.mark.tensorflow
def test_stages(run_script: Script) -> None:
    words = ("--megapixels", "0.1", "--rounds", "1", "--count", "3600", "--cores", "2", "--core-hour", "2")
    printed = run_script("benchmarks/stages.py", *words, TF_CPP_MIN_LOG_LEVEL="3")
    rows = re.findall(r"^(\D+?) +(\d+\.\d{4}) +(\d+\.\d{4}) +(?:[\d.]+%)? +(\d+) +(\d+)$", printed, re.MULTILINE)
    seconds = {name: float(value) for name, value, *_ in rows}
    assert len(rows) == 9
    for _, value, of_a_pixel, hours, cost in rows:
        assert abs(float(of_a_pixel) - 10 * float(value)) < 0.02 * float(value) + 0.001
        assert abs(float(hours) - float(value)) <= 0.51
        assert abs(float(cost) - 2 * float(value)) <= 0.51
    stages = [value for name, value in seconds.items() if not name.startswith(("in all", "search"))]
    assert abs(seconds["in all, to a quality"] - sum(stages)) < 0.001
    assert "in 24 hours: 1 machines of 2 cores" in printed
    assert "images a\nsecond on" in printed
