"""What is released: versions named in several places agree, and each compiler gets the flags that keep bytes equal."""

from __future__ import annotations

import configparser
import re
import runpy
import subprocess
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import setuptools  # type: ignore[import-untyped]
from helpers import ROOT
from processes import needs

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BOUND = re.compile(r"([\w.-]+)(?:\[\w+\])?(?:>=([\d.]+))?(?:;.*)?")
EXACT = "-ffp-contract=off"


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def bounds(requirements: list[str]) -> set[tuple[str, str]]:
    """Name and lower bound of each requirement that has one."""
    found = [BOUND.fullmatch(line) for line in requirements]
    assert all(found), requirements
    return {(match[1], match[2]) for match in found if match and match[2]}


def required() -> list[str]:
    """Requirements of the package and its extras, but for the tools with pinned versions."""
    extras = setup_cfg()["options.extras_require"]
    return lines(setup_cfg()["options"]["install_requires"]) + [
        line for name, text in extras.items() if name != "lint" for line in lines(text)
    ]


def classified() -> list[str]:
    return re.findall(r"Python :: (3\.\d+)$", setup_cfg()["metadata"]["classifiers"], re.MULTILINE)


# versions ------------------------------------------------------------------------------------------------------------


def test_lowest_versions_are_the_bounds() -> None:
    pins = lines((ROOT / "tests" / "constraints-lowest.txt").read_text())
    assert {tuple(pin.split("==")) for pin in pins} == bounds(required())
    assert len(pins) == len({name for name, _ in bounds(required())}), "one package with two bounds"


def test_what_builds_the_package_has_the_bounds_of_the_tests() -> None:
    build = pyproject()["build-system"]["requires"]
    assert bounds(build) <= bounds(required())
    assert {"setuptools", "pybind11"} == {name for name, _ in bounds(build)}


def test_every_named_python_is_tested_and_gets_wheels() -> None:
    (matrix,) = re.findall(r"python: \[(.*)\]", (ROOT / ".github" / "workflows" / "test.yml").read_text())
    assert re.findall(r'"([\d.]+)"', matrix) == classified()
    assert pyproject()["tool"]["cibuildwheel"]["build"] == [f"cp{name.replace('.', '')}-*" for name in classified()]
    assert setup_cfg()["options"]["python_requires"] == f">={classified()[0]}"


def test_tests_of_wheels_exist() -> None:
    command = pyproject()["tool"]["cibuildwheel"]["test-command"]
    names = re.findall(r"\{project\}/(\S+)", command)
    assert len(names) == 5
    assert [name for name in names if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_pin_actions_and_grant_little(path: Path) -> None:
    text = path.read_text()
    actions = re.findall(r"uses: (\S+)", text)
    assert actions
    assert [name for name in actions if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", name)] == []
    assert "\npermissions: {}\n" in text
    assert "secrets." not in text
    made = re.findall(r"run: make ([\w-]+)", text)
    assert made
    assert [name for name in made if f"\n{name}: " not in (ROOT / "Makefile").read_text()] == []


# setup.py ------------------------------------------------------------------------------------------------------------


class Built(SimpleNamespace):
    """What setup.py hands to setuptools, compiled by nothing."""

    def run(self, monkeypatch: pytest.MonkeyPatch, compiler: Any) -> list[Any]:
        """The extension modules with the flags for a compiler."""
        command = self.cmdclass["build_ext"](setuptools.Distribution())
        command.compiler, command.extensions, command.plat_name = compiler, self.ext_modules, "win-amd64"
        monkeypatch.setattr("setuptools.command.build_ext.build_ext.build_extensions", lambda self: None)
        command.build_extensions()
        return list(self.ext_modules)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Built:
    needs("pybind11")
    keywords: dict[str, Any] = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("setuptools.setup", lambda **given: keywords.update(given))
    monkeypatch.setattr("pybind11.setup_helpers.ParallelCompile.install", lambda self: self)
    runpy.run_path("setup.py")
    return Built(**keywords)


def windows() -> Any:
    return SimpleNamespace(compiler_type="msvc", initialized=True, cc="cl.exe")


def clang_cl(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = folder / "clang-cl"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CC", raising=False)
    return program


def test_gcc_and_clang_do_not_fuse_and_warn(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in built.run(monkeypatch, SimpleNamespace(compiler_type="unix")):
        assert {EXACT, "-O3", "-Wall"} <= set(module.extra_compile_args)
        assert not [flag for flag in module.extra_compile_args if flag.startswith("/")]


def test_windows_compiles_with_clang_cl(built: Built, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program, compiler = clang_cl(tmp_path, monkeypatch), windows()
    for module in built.run(monkeypatch, compiler):
        assert f"/clang:{EXACT}" in module.extra_compile_args
        assert EXACT not in module.extra_compile_args  # which clang-cl would pass over
        assert module.extra_link_args == ["/Brepro"]
    assert compiler.cc == str(program)


@pytest.mark.parametrize("name", ["clang-cl-is-not-here", "cl"])
def test_windows_without_clang_cl_is_one_clear_error(
    built: Built, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    (tmp_path / "cl").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CC", name)
    with pytest.raises(SystemExit, match=f"put clang-cl on the PATH .* got '{name}'"):
        built.run(monkeypatch, windows())


def test_clang_cl_takes_the_flags(built: Built, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    needs(programs=("clang",))
    with monkeypatch.context() as patch:
        clang_cl(tmp_path, patch)
        module = built.run(patch, windows())[0]
    driver = ["clang", "--driver-mode=cl", "--target=x86_64-pc-windows-msvc", "-###", "-c"]
    flags = [flag for flag in module.extra_compile_args if flag.startswith("/")]
    done = subprocess.run([*driver, *flags, f"/Tp{module.sources[0]}"], capture_output=True, text=True, check=True)
    assert f'"{EXACT}"' in done.stderr
    assert "warning:" not in done.stderr
