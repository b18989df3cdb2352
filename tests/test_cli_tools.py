"""The commands beside compress and map: compare, info, bench, completion."""

from __future__ import annotations

import base64
import html.parser
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import KODIM07 as PHOTO
from PIL import Image
from processes import NONE, Capture, command, command_words, interpreter, needs, run, usage_error

from saliency_jpeg import compress
from saliency_jpeg.cli import embed
from saliency_jpeg.metrics import ssimulacra2


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A photograph and a JPEG file of it, with names that HTML has to escape."""
    first, second = tmp_path / "a & <b>.bmp", tmp_path / "b.jpg"
    Image.open(PHOTO).convert("RGB").crop((100, 100, 340, 300)).save(first)
    second.write_bytes(compress(first, quality=40, saliency=None))
    return first, second


@pytest.mark.parametrize("command", ["compress", "map", "bits"])
def test_no_output_overwrites_what_is_read(command: str, tmp_path: Path, capsys: Capture) -> None:
    image, other = tmp_path / "a.png", tmp_path / f"b.{'jpg' if command == 'compress' else 'png'}"
    Image.new("RGB", (24, 16)).save(image)
    Image.new("RGB", (24, 16)).save(other, "JPEG" if command == "bits" else "PNG")
    before = other.read_bytes()
    words: dict[str, tuple[object, ...]] = {
        "compress": ("compress", image, "-o", other, *NONE, "--protect", other),
        "map": ("map", image, "-o", other, "--saliency", other),
        "bits": ("info", other, "--bits", other),
    }
    assert "would overwrite an input" in usage_error(capsys, *words[command])
    assert other.read_bytes() == before


# compare ------------------------------------------------------------------------------------------------------------


class Page(html.parser.HTMLParser):
    """Every tag of a page, and the pictures in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.images = [Image.open(io.BytesIO(self.decoded(a["src"]))) for tag, a in self.tags if tag == "img"]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @staticmethod
    def decoded(source: str | None) -> bytes:
        assert source is not None
        assert source.startswith("data:image/")
        return base64.b64decode(source.split(",", 1)[1])


def test_compare_tells_the_metrics(pair: tuple[Path, Path], capsys: Capture) -> None:
    first, second = pair
    assert run("compare", first, second, "--json", "--no-butteraugli", *NONE) == 0
    facts = json.loads(capsys.readouterr().out)
    expected = ssimulacra2(np.asarray(Image.open(first)), np.asarray(Image.open(second)))
    assert facts["ssimulacra2"] == pytest.approx(expected)
    assert facts["bytes"] == [first.stat().st_size, second.stat().st_size]
    assert (facts["width"], facts["height"]) == (240, 200)
    assert "psnr_s" not in facts
    assert run("compare", first, second, "--no-butteraugli", *NONE) == 0
    assert re.search(rf"^SSIMULACRA2 +{expected:.4f}  higher is better$", capsys.readouterr().out, re.MULTILINE)


def test_compare_makes_a_page_that_needs_nothing_else(pair: tuple[Path, Path], tmp_path: Path, capsys: Capture) -> None:
    first, second = pair
    mask, output = tmp_path / "mask.png", tmp_path / "page.html"
    white = np.zeros((200, 240), np.uint8)
    white[:100] = 255
    Image.fromarray(white).save(mask)
    assert run("compare", first, second, "-o", output, "--no-butteraugli", "--saliency", mask) == 0
    assert "salient" in capsys.readouterr().out
    text = output.read_text()
    page = Page(text)
    assert page.open == []
    assert "a &amp; &lt;b&gt;.bmp" in text
    assert "<b>" not in text
    assert not re.search(r"(src|href)=\"(?!data:)|url\(|https?://", text)
    original, shown, heat, bits = page.images
    np.testing.assert_array_equal(np.asarray(original), np.asarray(Image.open(first)))
    assert page.decoded(page.tags[[tag for tag, _ in page.tags].index("img") + 1][1]["src"]) == second.read_bytes()
    assert shown.size == heat.size == bits.size == (240, 200)
    assert np.asarray(heat)[:100].mean() > 2 * np.asarray(heat)[100:].mean()
    modes = [a["value"] for tag, a in page.tags if tag == "input" and a.get("name") == "mode"]
    assert modes == ["split", "a", "b", "difference", "map", "bits"]


@pytest.mark.parametrize(("kind", "most"), [("png", 110_000), ("jpg", 200_000)])  # fewer bytes than both files take
def test_a_page_of_large_pictures_is_kept_small(
    kind: str, most: int, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embed, "PAGE_BYTES", most)
    second, output = tmp_path / f"b.{kind}", tmp_path / "page.html"
    Image.open(PHOTO).convert("RGB").save(second, quality=97)
    assert run("compare", PHOTO, second, "-o", output, "--no-butteraugli", *NONE) == 0
    assert most / 2 < output.stat().st_size <= most
    text = output.read_text()
    page = Page(text)
    original, shown = page.images[:2]
    assert original.size == shown.size
    assert 320 < original.width < 768
    assert f"{original.width} x {original.height} pixels" in text
    assert text.count("the scores are of the file itself") == 2
    assert f'width="{original.width}" height="{original.height}"' in text


def test_compare_looks_at_pictures_upright(pair: tuple[Path, Path], tmp_path: Path, capsys: Capture) -> None:
    turned, exif = tmp_path / "turned.jpg", Image.Exif()
    exif[0x0112] = 6
    Image.open(pair[0]).rotate(90, expand=True).save(turned, exif=exif, quality=95, subsampling=0)
    assert run("compare", pair[0], turned, "--json", "--no-butteraugli", *NONE) == 0
    assert json.loads(capsys.readouterr().out)["psnr_y"] > 35


def test_compare_without_a_map_has_no_map(pair: tuple[Path, Path], capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    done = command("compare", *pair, "-o", "-", "--no-butteraugli", *NONE)
    assert len(Page(done.stdout.decode()).images) == 3  # with the bits
    assert b"SSIMULACRA2" in done.stderr


def test_compare_refusals(pair: tuple[Path, Path], tmp_path: Path, capsys: Capture) -> None:
    first, _ = pair
    assert "must end in .html" in usage_error(capsys, "compare", first, first, "-o", tmp_path / "x.png", *NONE)
    assert "only one of the two" in usage_error(capsys, "compare", "-", "-", *NONE)
    assert run("compare", first, PHOTO, *NONE) == 1
    assert "must have the same size, got 240 x 200 and 768 x 512 pixels" in capsys.readouterr().err
    assert run("compare", first, tmp_path / "missing.png", *NONE) == 1
    assert f"{tmp_path / 'missing.png'}: No such file" in capsys.readouterr().err


# info ---------------------------------------------------------------------------------------------------------------


def test_info_tells_what_a_file_is_made_of(pair: tuple[Path, Path], capsys: Capture) -> None:
    _, second = pair
    assert run("info", second) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{second}: {second.stat().st_size} bytes, 240 x 200 pixels, ")
    assert "progressive, 4:2:0" in text
    assert "SOF2" in text
    assert "quantization table of Y" in text
    steps = [line for line in text.splitlines() if re.fullmatch(r"  ( +\d+){8}", line)]
    assert len(steps) == 3 * 8
    assert run("info", second, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["subsampling"] == "4:2:0"
    assert sum(facts["bytes_by_use"].values()) == facts["bytes"]
    assert [len(table) for table in facts["tables"]] == [64, 64, 64]


def test_info_draws_the_bits(tmp_path: Path) -> None:
    pixels = np.full((64, 96, 3), 128, np.uint8)
    pixels[:, :32] = np.random.default_rng(0).integers(0, 256, (64, 32, 3), np.uint8)
    source, output = tmp_path / "in.jpg", tmp_path / "bits.png"
    source.write_bytes(compress(pixels, saliency=None))
    assert run("info", source, "--bits", output) == 0
    with Image.open(output) as drawn:
        red = np.asarray(drawn)[..., 0]
    assert red.shape == (64, 96)
    assert red[:, :32].mean() > 2 * red[:, 48:].mean()


def test_info_goes_on_past_what_is_no_jpeg(pair: tuple[Path, Path], tmp_path: Path, capsys: Capture) -> None:
    assert run("info", PHOTO, pair[1], tmp_path / "missing.jpg", "--json") == 1
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    assert len(captured.err.splitlines()) == 2
    assert "--bits takes one input, got 2" in usage_error(capsys, "info", PHOTO, pair[1], "--bits", tmp_path / "x.png")
    assert "must end in .png" in usage_error(capsys, "info", PHOTO, "--bits", tmp_path / "x.jpg")


@pytest.mark.parametrize("command", ["compare", "info", "map"])
def test_too_little_memory_is_a_line(
    command: str, pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def fail(*words: object, **options: object) -> None:
        raise MemoryError("std::bad_alloc")

    words: dict[str, tuple[object, ...]] = {
        "compare": (*pair, *NONE),
        "info": (pair[1], pair[1]),
        "map": (pair[0], "-o", tmp_path / "x.png"),
    }
    module = sys.modules[f"saliency_jpeg.cli.{command}"]
    monkeypatch.setattr(module, "inspect_jpeg" if command == "info" else "load", fail)
    assert run(command, *words[command]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == (2 if command == "info" else 1)
    assert all(re.fullmatch("saliency-jpeg: (.*: )?not enough memory", line) for line in lines)


# bench --------------------------------------------------------------------------------------------------------------


def test_bench_prints_tables(pair: tuple[Path, Path], tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    shutil.copy(pair[0], folder / "one.bmp")
    words = ("--codecs", "pillow,saliency_jpeg-off", "--bpp", "1.0", "--no-butteraugli", "--metrics", "psnr_y")
    assert run("bench", "--images", folder, *words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["1", "bpp", "psnr_y", "worst", "size", "error"]
    assert [line.split()[0] for line in lines[1:3]] == ["pillow", "saliency_jpeg-off"]
    assert "--images FOLDER" in usage_error(capsys, "bench")
    assert run("bench", "--images", tmp_path / "nowhere") == 1
    assert "no lossless images" in capsys.readouterr().err


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """Measurements of pictures whose names ASCII lacks, so that the tables have them as the worst."""
    path = tmp_path / "measured.json"
    fields = {"image": "caf\u00e9.png", "knob": 1}
    rows = [
        {**fields, "codec": codec, "target_bpp": b, "bits_per_pixel": b, "size": 9, "quality": {"psnr_y": q + 30 * b}}
        for codec, q in (("pillow", 0), ("jpegli", 1))
        for b in (0.25, 0.5, 1, 2)
    ]
    path.write_text(json.dumps(rows))
    return path


def test_tables_of_bench_are_printed_in_any_encoding(measured: Path) -> None:
    done = interpreter("-m", "saliency_jpeg", "bench", "--from-json", measured, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "caf\\xe9.png" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
def test_bench_goes_on_without_a_reader(measured: Path, tmp_path: Path) -> None:
    needs("matplotlib")
    plot = tmp_path / "plot.html"
    words = command_words("bench", "--from-json", measured, "--plot", plot)
    receiving, sending = os.pipe()
    os.close(receiving)
    with os.fdopen(sending, "wb") as pipe:
        done = subprocess.run(words, stdout=pipe, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr
    assert plot.exists()
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"saliency-jpeg: <stdout>: No space left on device\n")


# completion ---------------------------------------------------------------------------------------------------------


def completions(shell: str) -> str:
    needs("shtab", programs=(shell,))
    return command("completion", shell).stdout.decode()


_ASK_BASH = """
source {script}
function=$(complete -p saliency-jpeg | sed 's/.*-F \\([^ ]*\\).*/\\1/')
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMP_LINE="$*"; COMP_POINT=${{#COMP_LINE}}
$function saliency-jpeg "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["com"], {"compress", "compare", "completion"}),
        (["compress", "--target"], {"--target", "--target-kb", "--target-metric", "--target-score"}),
        (["compress", "--metadata", ""], {"keep", "safe", "strip"}),
        (["compress", "x.png", "--tune", "s"], {"ssimulacra2"}),
        (["compress", "ho"], {"holiday"}),
        (["compress", "x.png", "-o", "ho"], {"holiday"}),
        (["info", "--bits", "ho"], {"holiday"}),
        (["completion", "f"], {"fish"}),
        (["train", "ho"], {"holiday"}),
        (["train", "--from", ""], {"default", "gaze", "objects"}),
    ],
)
def test_bash_completes(words: list[str], expected: set[str], tmp_path: Path) -> None:
    script = tmp_path / "completions"
    script.write_text(completions("bash"))
    (tmp_path / "holiday").mkdir()
    ask = ["bash", "--norc", "-c", _ASK_BASH.format(script=script), "bash", "saliency-jpeg", *words]
    done = subprocess.run(ask, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert {word.rstrip("/") for word in done.stdout.split()} == expected


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_accept_their_completions(shell: str, tmp_path: Path) -> None:
    script = tmp_path / "completions"
    script.write_text(completions(shell))
    subprocess.run([shell, "-n", str(script)], check=True)
    if shell == "fish":
        ask = f"source {script}; complete -C 'saliency-jpeg compress --target-'"
        found = subprocess.run([shell, "-c", ask], capture_output=True, text=True, check=True).stdout
        assert {line.split("\t")[0] for line in found.splitlines()} == {
            "--target",
            "--target-kb",
            "--target-metric",
            "--target-score",
        }


def test_completion_without_its_package(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert "pip install shtab" in usage_error(capsys, "completion", "bash")


# What libraries print -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.tensorflow
def test_a_network_that_is_not_the_maps_loads_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    Image.open(PHOTO).crop((0, 0, 160, 120)).save(tmp_path / "a.png")
    for words in (
        ("compress", tmp_path / "a.png", "-o", tmp_path / "a.jpg", "--effort", 8, *NONE),
        ("compare", tmp_path / "a.png", tmp_path / "a.jpg", *NONE),
    ):
        done = command(*words)
        assert (done.returncode, done.stderr) == (0, b"")
