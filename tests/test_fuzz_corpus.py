"""The stored inputs of the fuzz targets (tests/fuzz), replayed; docs/fuzzing.md says how to look for new ones."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from helpers import ROOT
from processes import python
from sanitizers import Sanitized, run

FUZZ = ROOT / "tests" / "fuzz"
CORPUS = FUZZ / "corpus"
MOST_BYTES, MOST_FILES = 4096, 160  # of a corpus in the repository


def loaded(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"fuzz_{name}", FUZZ / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


RUN = loaded("run")
PARSERS = loaded("parsers")


def stored(entry: str) -> list[Path]:
    return sorted((CORPUS / entry).iterdir())


@pytest.mark.parametrize("entry", RUN.IN_CPP)
def test_the_compiled_core_stands_its_corpus(entry: str, sanitized: Sanitized) -> None:
    program = sanitized.link(entry, FUZZ / f"{entry}.cc", FUZZ / "replay.cc")
    done = run(program, *stored(entry))
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == f"{len(stored(entry))} inputs\n"


@pytest.mark.slow
def test_the_parsers_stand_their_corpus(tmp_path: Path) -> None:
    printed = python(FUZZ / "parsers.py", "--replay", CORPUS / "parsers", folder=tmp_path)
    assert printed == f"{len(stored('parsers'))} inputs\n"


def test_every_entry_point_and_parser_has_inputs_small_and_few() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(RUN.ENTRIES)
    for entry in RUN.ENTRIES:
        assert 12 <= len(stored(entry)) <= MOST_FILES
        assert max(path.stat().st_size for path in stored(entry)) <= MOST_BYTES
    letters = {path.read_bytes()[:1] for path in stored("parsers")}
    assert letters == set(PARSERS.PARSERS)


def test_the_report_adds_up_the_runs(tmp_path: Path) -> None:
    runs = [{"entry": "parsers", "cpu_seconds": 1800, "executions": n, "edges": n, "status": 0} for n in (1000, 2000)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(run) + "\n" for run in runs))
    (tmp_path / "parsers").mkdir()
    (tmp_path / "parsers" / "crash-0123").touch()
    rows = {line.split()[0]: line.split()[1:] for line in RUN.report(tmp_path).splitlines()}
    assert rows["parsers"] == ["1.00", "4", "3,000", "2000", "1"]
    assert rows["read_jpeg"] == ["0.00", "4", "0", "0", "0"]
