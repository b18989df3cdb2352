"""``saliency-jpeg duel``: the page and the sheets show the files of the key and give nothing away."""

from __future__ import annotations

import base64
import html.parser
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import photo
from numpy.typing import NDArray
from PIL import Image
from processes import Capture, Script, needs, run, usage_error

from saliency_jpeg.errors import OptionError
from saliency_jpeg.evaluation.codecs import CODECS, decode, find_codec
from saliency_jpeg.evaluation.comparison import match_size
from saliency_jpeg.evaluation.duel import DuelPlan, make_duels

PAIR = ("pillow", "saliency_jpeg-off")
SIZES = ("--bpp", "1,2", "--count", "2")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures of 80 x 64 pixels in a folder of images."""
    images = tmp_path / "images"
    images.mkdir()
    for i in range(3):
        Image.fromarray(photo(64, 80, 180, 100 + 150 * i)).save(images / f"p{i}.png")
    return tmp_path


def make(folder: Path, *words: object, codecs: tuple[str, ...] = PAIR) -> int:
    return run("duel", "make", "--images", folder / "images", "--codecs", ",".join(codecs), *SIZES, *words)


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def files_of(pair: dict[str, Any], original: NDArray[np.uint8]) -> dict[str, bytes]:
    """Both files of a pair of the key by their sides, encoded once more."""
    rival = next(side for side in ("left", "right") if pair[side] != "pillow")
    theirs = match_size(find_codec(pair[rival]), original, pair["bpp"] * 640).jpeg
    ours = match_size(find_codec("pillow"), original, len(theirs)).jpeg
    return {rival: theirs, "right" if rival == "left" else "left": ours}


class Page(html.parser.HTMLParser):
    """Tags, and the text of scripts by id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: dict[str, str] = {}
        self._script: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._script = dict(attrs).get("id") or "program" if tag == "script" else None

    def handle_data(self, data: str) -> None:
        if self._script:
            self.scripts[self._script] = self.scripts.get(self._script, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._script = None

    def picture(self, name: str) -> Image.Image:
        return Image.open(io.BytesIO(base64.b64decode(self.scripts[name])))


# make ---------------------------------------------------------------------------------------------------------------


def test_the_page_shows_the_files_of_the_key(folder: Path, capsys: Capture) -> None:
    assert make(folder, "-o", folder / "duel.html", "--seed", "5") == 0
    said = capsys.readouterr().out
    assert "4 pairs, their sizes differ by at most 0." in said
    key, page = read_json(folder / "duel-key.json"), Page((folder / "duel.html").read_text())
    assert [pair["pair"] for pair in key["pairs"]] == [1, 2, 3, 4]
    assert sorted(pair["bpp"] for pair in key["pairs"]) == [1, 1, 2, 2]
    assert len(page.scripts) == 1 + 3 * 4
    for pair in key["pairs"]:
        original = np.asarray(Image.open(folder / "images" / pair["image"]))
        np.testing.assert_array_equal(np.asarray(page.picture(f"original-{pair['pair']}")), original)
        assert pair["bytes"][0] == pytest.approx(pair["bytes"][1], rel=0.005)
        assert pair["bytes"] == pytest.approx([pair["bpp"] * 640] * 2, rel=0.05)
        for side, jpeg in files_of(pair, original).items():
            assert len(jpeg) == pair["bytes"][side == "right"]
            np.testing.assert_array_equal(np.asarray(page.picture(f"{side}-{pair['pair']}")), decode(jpeg))


def test_the_page_gives_nothing_away_and_needs_nothing_else(folder: Path) -> None:
    assert make(folder, "-o", folder / "duel.html") == 0
    text = (folder / "duel.html").read_text()
    page = Page(text)
    plain = re.sub(r'(<script type="text/plain" id="\w+-\d">)[^<]*', r"\1", text)
    assert len(plain) < len(text) / 2
    for word in (*CODECS, "saliency", "jpeg", "png", "bpp", "p0", "p1", "p2", "--seed"):
        assert word not in plain.lower(), word
    assert {page.picture(name).format for name in page.scripts if name != "program"} == {"WEBP"}
    assert not re.search(r"(src|href)=\"|url\(|https?://|@import", plain)
    policy = next(attrs["content"] for tag, attrs in page.tags if "http-equiv" in attrs)
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_the_page_works_with_keys_and_has_labels(folder: Path) -> None:
    assert make(folder, "-o", folder / "duel.html") == 0
    page = Page((folder / "duel.html").read_text())
    buttons = {attrs["id"]: attrs["aria-keyshortcuts"] for tag, attrs in page.tags if tag == "button"}
    expected = {"left": "1", "same": "0", "right": "2", "original": "O", "flip": "F", "switch": "X"}
    assert buttons == {**expected, "back": "B", "next": "N", "save": "S"}
    program = page.scripts["program"]
    for name, shortcut in buttons.items():
        assert re.search(rf'"?{re.escape(str(shortcut).lower())}"?: "{name}"', program), name
    assert all(attrs["alt"] for tag, attrs in page.tags if tag == "img")
    assert "htmllang" in "".join(tag + "".join(attrs) for tag, attrs in page.tags)


@pytest.mark.slow
def test_a_browser_judges_by_keys(folder: Path, tmp_path: Path) -> None:
    needs(programs=("chromium",))
    assert make(folder, "-o", folder / "duel.html") == 0
    typed = """<script>setTimeout(() => {
      HTMLAnchorElement.prototype.click = function () {
        const found = document.createElement("pre");
        found.textContent = this.download + decodeURIComponent(this.href).split("utf-8,")[1];
        found.id = "found";
        document.body.append(found);
      };
      for (const key of "12bb0fxo2n1s") document.dispatchEvent(new KeyboardEvent("keydown", {key}));
    }, 500)</script></body>"""
    (folder / "typed.html").write_text((folder / "duel.html").read_text().replace("</body>", typed))
    dom = browse(folder / "typed.html")
    name, answers = re.search(r'<pre id="found">(\S+?)(\{.*?)</pre>', dom, re.DOTALL).groups()  # type: ignore[union-attr]
    assert name == "answers.json"
    chosen = {answer["pair"]: answer["choice"] for answer in json.loads(answers)["answers"]}
    assert chosen == {1: "same", 2: "right", 4: "left"}
    (folder / "answers.json").write_text(answers)
    assert run("duel", "score", folder / "duel-key.json", folder / "answers.json") == 0


def browse(page: Path) -> str:
    """The document after the page has run for some seconds of its own time."""
    import subprocess

    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"]
    words = [str(shutil.which("chromium")), *options, f"--user-data-dir={page.parent / 'profile'}", page.as_uri()]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=120).stdout


def test_the_same_seed_gives_the_same_page(folder: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        assert make(folder, "-o", folder / f"{name}.html", "--seed", seed) == 0
    pages = [(folder / f"{name}.html").read_bytes() for name in "abc"]
    keys = [(folder / f"{name}-key.json").read_bytes() for name in "abc"]
    assert pages[0] == pages[1] != pages[2]
    assert keys[0] == keys[1] != keys[2]


def test_sides_are_drawn(folder: Path) -> None:
    sizes = ",".join(f"{2 + 0.1 * i:.1f}" for i in range(24))
    words = ("--bpp", sizes, "--count", "1", "-o", folder / "duel.html")
    assert make(folder, *words, codecs=("pillow", "pillow-base")) == 0
    pairs = read_json(folder / "duel-key.json")["pairs"]
    assert len(pairs) == 24
    assert 4 < sum(pair["left"] == "pillow" for pair in pairs) < 20
    assert [pair["bpp"] for pair in pairs] != sorted(pair["bpp"] for pair in pairs)


def test_sheets_have_both_pictures_and_neutral_names(folder: Path) -> None:
    assert make(folder, "--sheets", folder / "sheets", "--key", folder / "secret.json") == 0
    names = sorted(str(path.relative_to(folder / "sheets")) for path in (folder / "sheets").rglob("*.png"))
    assert names == [f"00{i}.png" for i in range(1, 5)] + [f"originals/00{i}.png" for i in range(1, 5)]
    for pair in read_json(folder / "secret.json")["pairs"]:
        with Image.open(folder / "sheets" / f"00{pair['pair']}.png") as sheet:
            assert sheet.size == (2 * 80 + 72, 64 + 56)
            assert sheet.info == {}
            pixels = np.asarray(sheet)
        with Image.open(folder / "images" / pair["image"]) as picture:
            original = np.asarray(picture)
        files = files_of(pair, original)
        for side, x in (("left", 24), ("right", 128)):
            jpeg = files[side]
            np.testing.assert_array_equal(pixels[32:96, x : x + 80], decode(jpeg))
            assert pixels[:32, x : x + 80].max() == 255  # its letter


def test_pictures_that_miss_the_size_are_passed_over(folder: Path, capsys: Capture) -> None:
    Image.new("RGB", (80, 64), "white").save(folder / "images" / "flat.png")
    passed = []
    plan = DuelPlan(folder / "images", PAIR, [2.0], 3, seed=1)
    duels = make_duels(plan, on_passed=lambda *words: passed.append(words))
    assert {duel.image for duel in duels} == {"p0.png", "p1.png", "p2.png"}
    assert passed == [("flat.png", "saliency_jpeg-off", 2.0)]
    assert make(folder, "--count", "4", "-o", folder / "duel.html") == 1
    said = capsys.readouterr().err
    assert "flat.png is passed over, its files against saliency_jpeg-off miss 1 bpp" in said
    assert "3 of 4 pictures" in said
    assert not (folder / "duel.html").exists()


def test_halving_takes_jpeg_files(folder: Path) -> None:
    shutil.rmtree(folder / "images")
    (folder / "images").mkdir()
    for i in range(2):
        Image.fromarray(photo(128, 160, 180, 100 + 100 * i)).save(folder / "images" / f"p{i}.jpg", quality=92)
    assert make(folder, "--halve", "-o", folder / "duel.html") == 0
    assert Page((folder / "duel.html").read_text()).picture("original-1").size == (80, 64)


def test_make_refusals(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    out = ("-o", folder / "duel.html")
    start = ("duel", "make", "--images", folder / "images")
    assert "give -o OUT.html" in usage_error(capsys, *start)
    assert "must end in .html" in usage_error(capsys, *start, "-o", folder / "duel.png")
    assert "two or more different ones, got 'pillow'" in usage_error(capsys, *start, *out, "--codecs", "pillow")
    assert "got 'jpeg3000'" in usage_error(capsys, *start, *out, "--codecs", "pillow,jpeg3000")
    assert "must be above 0, got [0.0]" in usage_error(capsys, *start, *out, "--bpp", "0")
    assert "must be 1 or more, got 0" in usage_error(capsys, *start, *out, "--count", "0")
    assert "must be another file than the page" in usage_error(capsys, *start, *out, "--key", out[1])
    assert "must be new or empty" in usage_error(capsys, *start, "--sheets", folder / "images")
    assert "does not exist" in usage_error(capsys, *start, *out, "--key", folder / "no" / "key.json")
    monkeypatch.setenv("GUETZLI", "")
    monkeypatch.setenv("PATH", "")
    assert "guetzli cannot run here" in usage_error(capsys, *start, *out, "--codecs", "pillow,guetzli")
    with pytest.raises(OptionError, match="got 'pillow,pillow'"):
        DuelPlan(folder, ("pillow", "pillow"), [1.0], 1)


# score --------------------------------------------------------------------------------------------------------------


def test_answers_give_the_win_rate(folder: Path, capsys: Capture) -> None:
    assert make(folder, "-o", folder / "duel.html", "-q") == 0
    key = read_json(folder / "duel-key.json")
    best = {p["pair"]: "left" if p["left"] == "pillow" else "right" for p in key["pairs"]}
    page = {"set": key["set"], "judge": "", "answers": [{"pair": n, "choice": choice} for n, choice in best.items()]}
    (folder / "a.json").write_text(json.dumps(page))
    (folder / "b.csv").write_text("pair,choice\n" + "".join(f"{n},same\n" for n in best))
    assert run("duel", "score", folder / "duel-key.json", folder / "a.json") == 0
    printed = capsys.readouterr().out
    assert re.search(
        r"^pillow against saliency_jpeg-off +all +4 +0 +0 +100\.0 \[51\.0, 100\.0\] +100\.0$", printed, re.M
    )
    assert run("duel", "score", folder / "duel-key.json", folder / "a.json", folder / "b.csv", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert [judge["records"][-1]["won"] for judge in facts["judges"]] == [4, 0]
    assert run("duel", "score", folder / "duel-key.json", folder / "b.csv", "--markdown") == 0
    assert "| pillow against saliency_jpeg-off | all | 0 | 0 | 4 | - | 50.0 |" in capsys.readouterr().out


def test_score_refusals(folder: Path, capsys: Capture) -> None:
    assert make(folder, "-o", folder / "duel.html", "-q") == 0
    (folder / "a.csv").write_text("pair,choice\n9,left\n")
    assert run("duel", "score", folder / "duel-key.json", folder / "a.csv") == 1
    assert "got pair 9" in capsys.readouterr().err
    (folder / "a.csv").write_text("pair,choice\n1,left\n")
    assert "different names" in usage_error(capsys, "duel", "score", folder / "duel-key.json", *[folder / "a.csv"] * 2)


# the prepared pictures ----------------------------------------------------------------------------------------------


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


@pytest.mark.slow
def test_prepare_duel(run_script: Script, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for name, kind, count in (("kodak", "png", 12), ("photos_cid22", "png", 4), ("photos_large", "jpg", 1)):
        (data / name).mkdir(parents=True)
        for i in range(1, count + 1):
            size = (1200, 1000) if name == "photos_large" else (48, 32)
            Image.fromarray(photo(32, 48, 180, 20 * i)).resize(size).save(data / name / f"kodim{i:02}.{kind}")
    for name, count in (("osie", 222), ("ecssd", 1)):
        (data / name / "images").mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", (40, 30), (i, 9, 9)).save(data / name / "images" / f"{i:03}.jpg")
    printed = run_script("scripts/prepare_duel.py", data, tmp_path / "out")
    assert [int(line.split()[1]) for line in printed.splitlines()] == [6, 2, 2, 1, 2]
    sizes = {path: size_of(path) for path in (tmp_path / "out").rglob("*.png")}
    assert sorted(path.name for path in sizes if path.parent.name == "kodak") == [
        f"kodim{i:02}.png" for i in range(7, 13)
    ]
    assert {size for path, size in sizes.items() if path.parent.name in ("osie", "ecssd")} == {(20, 15)}
    assert {size for path, size in sizes.items() if path.parent.name == "large"} == {(720, 600), (600, 500)}
