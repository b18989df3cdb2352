"""The documentation against the code: links, command lines, module names, file names, tables, and the examples."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import io
import re
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, photo
from PIL import Image
from processes import python

import saliency_jpeg
from saliency_jpeg import DecodeOptions, Options, cli, errors, integrations
from saliency_jpeg.evaluation import __main__ as evaluation
from saliency_jpeg.evaluation import saliency_table
from saliency_jpeg.saliency import preset_names, presets

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
FOLDERS = ("saliency_jpeg", "tests", "docs", "examples", "scripts", "benchmarks", "weights")
PLACEHOLDER = re.compile(r"\bname\b|_name\b|[*<{]")  # in a file name: the reader's own


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def pages(find: Callable[[str], list[str]], paths: list[Path] = PAGES) -> list[tuple[str, str]]:
    """What a search finds in each page, with the page's name."""
    return [(str(path.relative_to(ROOT)), found) for path in paths for found in find(path.read_text("utf-8"))]


def code_lines(text: str) -> list[str]:
    """Lines of indented and shell blocks, without the prompt; a line that ends in a backslash is joined to the next."""
    blocks = re.sub(r"^```python\n.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    joined = blocks.replace("\\\n", " ")
    lines = re.findall(r"^    +(?:\$ )?(\S.*)$", joined, re.MULTILINE)
    return [line for line in lines if not line.startswith(("|", "+"))]


def words_of(line: str) -> list[str]:
    """The arguments of a command, without comments and redirections."""
    words = shlex.split(re.sub(r"\s[<>]\s*\S+", "", line), comments=True)
    return words[: words.index("&&")] if "&&" in words else words


def section(page: str, heading: str) -> str:
    """What stands below a heading, up to the next one."""
    below = re.split(rf"^#+ {re.escape(heading)}$", text_of(page), flags=re.MULTILINE)[1]
    return re.split(r"^#", below, maxsplit=1, flags=re.MULTILINE)[0]


def table(page: str, heading: str) -> list[list[str]]:
    """Cells of the first table below a heading, without its head."""
    rows = re.search(r"(?:^\|.*\n)+", section(page, heading), re.MULTILINE)
    assert rows is not None, f"no table below {heading} in {page}"
    return [[cell.strip() for cell in row[1:-1].split("|")] for row in rows[0].splitlines()[2:]]


# Links --------------------------------------------------------------------------------------------------------------


def links(text: str) -> list[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link for link in found if not re.match(r"\w+:", link)]


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def resolves(link: str, folder: Path, own: str) -> bool:
    """Whether a relative link leads to a file and, if it names one, to a heading in it."""
    name, _, anchor = link.partition("#")
    target = folder / name
    if name and not target.exists():
        return False
    return not anchor or anchor in anchors(target.read_text("utf-8") if name else own)


@pytest.mark.parametrize(("page", "link"), pages(links))
def test_links_resolve(page: str, link: str) -> None:
    assert resolves(link, (ROOT / page).parent, text_of(page))


def test_every_page_can_be_reached() -> None:
    reached = {(ROOT / page).parent / link.partition("#")[0] for page, link in pages(links)}
    assert {path for path in PAGES if path.name != "README.md"} <= {path.resolve() for path in reached}


def test_no_heading_is_empty() -> None:
    for path in PAGES:
        lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
        for line, after in zip(lines, [*lines[1:], "# end"], strict=True):
            depth, next_depth = (len(re.match("#*", text)[0]) for text in (line, after))  # type: ignore[index]
            assert not (depth and 0 < next_depth <= depth), f"{path.name}: {line}"


# Commands -----------------------------------------------------------------------------------------------------------


def commands(text: str) -> list[str]:
    return [line for line in code_lines(text) if re.match(r"(saliency-jpeg|python) ", line)]


def check_command(line: str) -> None:
    """Parses a command line with the parser that would parse it; scripts must be there."""
    program, *words = words_of(line)
    if program == "saliency-jpeg":
        cli.make_parser().parse_args(words)
    elif words[:2] == ["-m", "saliency_jpeg.evaluation"]:
        judges_maps = words[2:3] == ["saliency"]
        parser = saliency_table.build_parser() if judges_maps else evaluation.build_parser()
        parser.parse_args(words[3:] if judges_maps else words[2:])
    else:
        assert (ROOT / words[0]).is_file(), words[0]
        options = re.findall(r"(?<!\S)--[\w-]+", line.partition("#")[0])
        assert all(f'"{option}"' in (ROOT / words[0]).read_text("utf-8") for option in options), line


@pytest.mark.parametrize(("page", "line"), pages(commands))
def test_commands_parse(page: str, line: str) -> None:
    with contextlib.redirect_stderr(io.StringIO()) as complaint:
        try:
            check_command(line)
        except SystemExit:
            pytest.fail(f"{page}: {line}\n{complaint.getvalue()}")


def test_every_command_is_described() -> None:
    listed = re.findall(r"^\| `saliency-jpeg (\w+)`", text_of("docs/command_line.md"), re.MULTILINE)
    described = anchors(text_of("docs/command_line.md"))
    parser = cli.make_parser()
    with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
        parser.parse_args(["--help"])
    for name in listed:
        assert re.search(rf"^ +{name}\b", shown.getvalue(), re.MULTILINE)
        assert name in described
    assert len(listed) == len(re.findall(r"^    \w+", shown.getvalue().partition("options:")[0], re.MULTILINE))


# Names of modules and files -----------------------------------------------------------------------------------------


def dotted_names(text: str) -> list[str]:
    return sorted(set(re.findall(r"\bsaliency_jpeg(?:\.[A-Za-z_]\w*)+", text)))


def exists(name: str) -> bool:
    """Whether a dotted name is a module, or something that one defines or imports; nothing is imported for it."""
    folder, parts = ROOT / "saliency_jpeg", name.split(".")[1:]
    while parts and (folder / parts[0] / "__init__.py").is_file():
        folder /= parts.pop(0)
    if parts == ["weights"]:  # package_dir in setup.cfg
        return True
    files = [folder / f"{parts[0]}{suffix}" for suffix in (".py", ".pyi")] if parts else []
    module = next((file for file in files if file.is_file()), None)
    return set(parts[0 if module is None else 1 :]) <= defined_in(module or folder / "__init__.py")


def defined_in(module: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(module.read_text("utf-8"))))
    imported = {
        alias.asname or alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    return imported | {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}


@pytest.mark.parametrize(("page", "name"), pages(dotted_names))
def test_modules_exist(page: str, name: str) -> None:
    assert exists(name)


def file_names(text: str) -> list[str]:
    """Paths below the repository's folders that stand between backticks, alone or in a command."""
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    found = re.findall(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./*{{}}<>-]*", " ".join(spans))
    return sorted({name for name in found if not PLACEHOLDER.search(Path(name).stem)})


@pytest.mark.parametrize(("page", "name"), pages(file_names))
def test_files_exist(page: str, name: str) -> None:
    assert (ROOT / name).exists()


def test_names_that_modules_have_now() -> None:
    now = [row[1].strip("`") for row in table("docs/decisions.md", "Names")]
    assert len(now) > 40
    assert [name for name in now if not (ROOT / "saliency_jpeg" / name).exists()] == []


# Tables -------------------------------------------------------------------------------------------------------------


def test_the_rows_of_a_table_have_as_many_cells_as_its_head() -> None:
    for path in PAGES:
        for rows in re.findall(r"(?:^\|.*\n)+", path.read_text("utf-8"), re.MULTILINE):
            head, *others = rows.splitlines()
            assert [row for row in others if row.count("|") != head.count("|")] == [], path.name


def test_the_table_of_options() -> None:
    rows = {row[0].strip("`"): row for row in table("docs/python.md", "Options")}
    fields = {field.name: field for field in dataclasses.fields(Options)}
    assert list(rows) == list(fields)
    with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
        cli.make_parser().parse_args(["compress", "--help"])
    for name, row in rows.items():
        assert ast.literal_eval(row[2].strip("`")) == fields[name].default, name
        assert re.search(rf"^ +{row[1].strip('`')}\b", shown.getvalue(), re.MULTILINE), row[1]


def test_the_table_of_decoding_options() -> None:
    rows = {row[0].strip("`"): row for row in table("docs/decoding.md", "Decoding options")}
    fields = {field.name: field.default for field in dataclasses.fields(DecodeOptions)}
    assert list(rows) == list(fields)
    with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
        cli.make_parser().parse_args(["decode", "--help"])
    for name, row in rows.items():
        assert eval(row[2].strip("`"), {"np": np}) == fields[name], name  # np.uint8 is no literal
        assert not row[1] or re.search(rf"^ +{row[1].strip('`')}\b", shown.getvalue(), re.MULTILINE), row[1]


def test_the_table_of_results() -> None:
    named = {name for row in table("docs/python.md", "Results") for name in re.findall(r"`(\w+)", row[0])}
    fields = {name for name in saliency_jpeg.Compressed.__annotations__ if name[0] != "_"}
    public = {name for name in dir(saliency_jpeg.Compressed) if name[0] != "_"}
    assert fields <= named <= fields | public


def test_the_table_of_errors() -> None:
    rows = {row[0].strip("`"): row[1].strip("`") for row in table("docs/python.md", "Errors")}
    assert set(rows) == set(errors.__all__) - {"SaliencyJpegError"}
    for name, base in rows.items():
        bases = [parent.__name__ for parent in getattr(errors, name).__bases__]
        own = [] if name.endswith("Warning") else ["SaliencyJpegError"]
        assert bases == [*own, *([base] if base else [])]


def test_the_tables_of_front_doors() -> None:
    doors = {path.stem for path in Path(integrations.__file__).parent.glob("*.py") if path.stem[0] != "_"}
    short = {
        name for row in table("README.md", "In place of another encoder") for name in re.findall(r"`(\w+)`", row[1])
    }
    assert short == doors
    assert set(re.findall(r"saliency_jpeg\.integrations\.(\w+)", text_of("docs/integrations.md"))) == doors


def test_the_table_of_presets() -> None:
    rows = [re.match(r"`(\w+)`", row[0]) for row in table("docs/saliency.md", "Presets")]
    assert {row[1] for row in rows if row} == set(preset_names()) - {"default"}
    cards = {f"../weights/{presets.find(name).card}" for name in preset_names()}
    assert cards <= set(links(text_of("docs/saliency.md")))


def test_the_drawing_of_the_rooms() -> None:
    """It has all rooms, in the order that import-linter holds."""
    contracts = tomllib.loads(text_of("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    drawn = re.findall(r"\| ([a-z_]+(?:, [a-z_]+)*) +\|  ", section("docs/architecture.md", "The rooms"))
    assert ", ".join(drawn).split(", ") == layers


# Papers -------------------------------------------------------------------------------------------------------------


def test_the_readme_is_short() -> None:
    assert len(text_of("README.md").splitlines()) <= 180


def test_the_changelog_has_a_line_for_each_change() -> None:
    unreleased = text_of("CHANGELOG.md").split("\n## ")[1]
    assert unreleased.startswith("Unreleased\n")
    assert set(re.findall(r"^### (.+)$", unreleased, re.MULTILINE)) <= {"Added", "Changed", "Fixed", "Removed"}
    changes = unreleased.partition("\n### ")[2].splitlines()
    assert [line for line in changes[1:] if line and not re.match(r"- |### ", line)] == []
    assert max(map(len, changes)) <= 120


def test_the_citation_has_this_version() -> None:
    assert f"\nversion: {saliency_jpeg.__version__}\n" in text_of("CITATION.cff")


def test_pages_and_what_they_link_to_are_in_the_source_archive() -> None:
    lines = [line.split() for line in text_of("MANIFEST.in").splitlines()]
    shipped = {name for line in lines if line[0] in ("include", "graft") for name in line[1:]}
    linked = {((ROOT / page).parent / link.partition("#")[0]).resolve() for page, link in pages(links)}
    tops = {path.relative_to(ROOT).parts[0] for path in [*PAGES, *linked] if path != ROOT}
    assert tops <= shipped


# Examples -----------------------------------------------------------------------------------------------------------


def python_blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", text_of(page), re.DOTALL | re.MULTILINE)


READER = """
import numpy as np, saliency_jpeg
from PIL import Image
photo = Image.open("photo.png")
mask = sky = np.zeros((160, 192), bool)
find_faces = lambda rgb: [(10, 10, 60, 60)]
"""


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/python.md", "docs/saliency.md", "docs/decoding.md"])
def test_examples_run(page: str, tmp_path: Path) -> None:
    """In a folder with the files that a reader would have, and with the reader's own names."""
    small = Image.fromarray(photo(160, 192, 100, 300))
    for name in ("photo.png", "a.png", "photo.jpg", "b.jpg"):
        small.save(tmp_path / name)
    program = "\n".join([READER, *python_blocks(page), "print('read to the end')"])
    assert python("-c", program, folder=tmp_path).splitlines()[-1] == "read to the end"


# The checks themselves ----------------------------------------------------------------------------------------------


def test_what_is_wrong_is_found() -> None:
    assert resolves("docs/python.md#options", ROOT, "")
    assert resolves("#own", ROOT, "## Own\n")
    assert not resolves("docs/nowhere.md", ROOT, "")
    assert not resolves("docs/python.md#nothing", ROOT, "")
    assert exists("saliency_jpeg.saliency.combine")
    assert not exists("saliency_jpeg.nothing")
    assert not exists("saliency_jpeg.saliency.nothing")
    assert file_names("`python scripts/nowhere.py PHOTOS` `tests/test_integrations_name.py`") == ["scripts/nowhere.py"]
    assert commands("    $ saliency-jpeg map a.png \\\n      -o b.png\n") == ["saliency-jpeg map a.png        -o b.png"]
    assert words_of("saliency-jpeg compress - -o - < a.png > b.jpg  # so") == [
        "saliency-jpeg",
        "compress",
        "-",
        "-o",
        "-",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "saliency-jpeg compress a.png -o b.jpg --nothing",
        "saliency-jpeg shrink a.png",
        "python -m saliency_jpeg.evaluation --images A --nothing",
        "python -m saliency_jpeg.evaluation saliency --nothing",
        "python scripts/nowhere.py",
        "python benchmarks/effort.py PHOTOS --nothing",
    ],
)
def test_a_wrong_command_is_found(line: str) -> None:
    with contextlib.redirect_stderr(io.StringIO()), pytest.raises((SystemExit, AssertionError)):
        check_command(line)
