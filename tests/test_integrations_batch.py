"""The callable for data engines, on every kind of table; Ray has a test file of its own, Dask and Spark examples."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import encoded, photo
from processes import needs

from saliency_jpeg import Encoder, InputError, OptionError, PresetError, compress
from saliency_jpeg.integrations.batch import COLUMNS, BatchCompressor, BatchMapper, output_name
from saliency_jpeg.saliency import combine

KINDS = ("list", "pandas", "pyarrow")


def png(seed: int, side: int = 24) -> bytes:
    return encoded(photo(side, side, 40 * seed, 60 * seed), "PNG")


ROWS: list[dict[str, Any]] = [{"name": f"a/{i}.png", "bytes": png(i)} for i in range(3)]
BAD: dict[str, Any] = {"name": "bad.png", "bytes": b"no image"}


def table(kind: str, rows: list[dict[str, Any]]) -> Any:
    if kind == "list":
        return rows
    needs(kind)
    package = importlib.import_module(kind)
    return package.DataFrame(rows) if kind == "pandas" else package.Table.from_pylist(rows)


def dicts(batch: Any) -> list[dict[str, Any]]:
    if isinstance(batch, list):
        return batch
    found: list[dict[str, Any]] = batch.to_pylist() if hasattr(batch, "to_pylist") else batch.to_dict("records")
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_every_kind(kind: str, tmp_path: Path) -> None:
    batch = table(kind, [*ROWS, BAD])
    work = pickle.loads(pickle.dumps(BatchCompressor(tmp_path / "out", saliency=None, quality=60)))
    found = work(batch)
    assert type(found) is type(batch)
    rows = dicts(found)
    assert [list(row) for row in rows] == [list(COLUMNS)] * 4
    assert [row["status"] for row in rows] == ["written"] * 3 + ["failed"]
    for row, given in zip(rows[:3], ROWS, strict=True):
        jpeg = compress(given["bytes"], saliency=None, quality=60)
        assert Path(row["output"]).read_bytes() == jpeg
        assert row["bytes_in"] == len(given["bytes"])
        assert row["bytes_out"] == len(jpeg)
        assert row["bits_per_pixel"] == 8 * len(jpeg) / 24**2
        assert abs(row["quality"] - 60) < 1e-6
    assert sorted(path.name for path in tmp_path.rglob("*.jpg")) == ["0.jpg", "1.jpg", "2.jpg"]
    assert "is not an image" in rows[3]["error"]
    assert rows[3]["bytes_out"] == 0


@pytest.mark.parametrize("kind", KINDS[1:])
def test_types_of_an_empty_batch(kind: str, tmp_path: Path) -> None:
    full = BatchCompressor(tmp_path, saliency=None)(table(kind, ROWS))
    empty = BatchCompressor(tmp_path, saliency=None)(table(kind, ROWS)[:0])
    if kind == "pyarrow":
        assert empty.schema == full.schema
        assert len(empty) == 0
    else:
        assert empty.dtypes.equals(full.dtypes)
        assert len(empty) == 0
        assert BatchCompressor(tmp_path, saliency=None).empty().dtypes.equals(full.dtypes)


def test_without_a_folder_the_files_are_a_column() -> None:
    rows = BatchCompressor(saliency=None)([*ROWS, BAD])
    assert [row["status"] for row in rows] == ["encoded"] * 3 + ["failed"]
    assert [row["jpeg"] for row in rows] == [*(compress(row["bytes"], saliency=None) for row in ROWS), None]


def test_paths_in_place_of_bytes(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(ROWS[0]["bytes"])
    rows = [{"key": 7, "where": str(tmp_path / "x.png")}, {"key": 8, "where": str(tmp_path / "missing.png")}]
    found = BatchCompressor(tmp_path / "out", saliency=None, name="key", data="where")(rows)
    assert [row["status"] for row in found] == ["written", "failed"]
    assert (tmp_path / "out" / "7.jpg").read_bytes() == compress(ROWS[0]["bytes"], saliency=None)
    assert "No such file" in found[1]["error"]


def test_done_images_are_skipped_while_nothing_has_changed(tmp_path: Path) -> None:
    def statuses(rows: list[dict[str, Any]], **options: Any) -> list[str]:
        work = BatchCompressor(tmp_path, done=done, **{"saliency": None, **options})
        return [row["status"] for row in work(rows)]

    done: set[str] = set()
    done |= {row["done"] for row in BatchCompressor(tmp_path, saliency=None)([*ROWS, BAD]) if row["done"]}
    assert len(done) == 3
    assert statuses([*ROWS, BAD]) == ["skipped"] * 3 + ["failed"]
    assert statuses(ROWS, quality=50) == ["written"] * 3  # and their times of change are others now
    done |= {row["done"] for row in BatchCompressor(tmp_path, saliency=None)(ROWS)}
    assert statuses([{**ROWS[0], "bytes": ROWS[1]["bytes"]}, *ROWS[1:]]) == ["written", "skipped", "skipped"]
    (tmp_path / "a" / "1.jpg").unlink()
    (tmp_path / "a" / "2.jpg").write_bytes(b"of someone else")
    assert statuses(ROWS) == ["written"] * 3


@pytest.mark.parametrize("name", ["../x.png", "/x.png", "a/../../x", "", "a/", "x\0.png", None, 1.5, True])
def test_names_stay_below_the_folder(name: Any, tmp_path: Path) -> None:
    (row,) = BatchCompressor(tmp_path / "out", saliency=None)([{**ROWS[0], "name": name}])
    assert row["status"] == "failed"
    assert row["error"].startswith("an image's name must be a relative path without '..'")
    assert list(tmp_path.iterdir()) == []


def test_names_of_outputs() -> None:
    names = {"a/b.PNG": "a/b.jpg", "x": "x.jpg", "v1.5": "v1.5.jpg", "https://e.org/a.webp": "https:/e.org/a.jpg"}
    assert {name: output_name(name) for name in names} == names


def test_one_image_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file where a folder has to be")
    rows = BatchCompressor(tmp_path, saliency=None)([ROWS[0], {**ROWS[1], "name": "fine"}])
    assert [row["status"] for row in rows] == ["failed", "written"]


def test_an_unexpected_error_is_reported_in_the_row(tmp_path: Path) -> None:
    def saliency(pixels: Any) -> Any:
        raise ZeroDivisionError("by some other package")

    (row,) = BatchCompressor(tmp_path, saliency=saliency)([ROWS[0]])
    assert row["error"] == "ZeroDivisionError by some other package"


@pytest.mark.parametrize(
    ("batch", "complaint"),
    [
        ([{"name": "x"}], "no column 'bytes', got columns name"),
        (7, "must be a pandas or pyarrow table"),
        ("text", "must be a pandas or pyarrow table"),
    ],
)
def test_wrong_batches(batch: Any, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        BatchCompressor(saliency=None)(batch)
    with pytest.raises(InputError, match=complaint):
        BatchMapper(saliency=None)(batch)


def test_wrong_options() -> None:
    with pytest.raises(OptionError, match="quality"):
        BatchCompressor(quality=101)
    for work in (BatchCompressor(saliency="nonsense"), BatchMapper(saliency="nonsense")):
        with pytest.raises(PresetError, match="nonsense"):
            work(ROWS)


# Maps from BatchMapper -----------------------------------------------------------------------------------------------


def box(pixels: np.ndarray[Any, Any]) -> Any:
    height, width = pixels.shape[:2]
    return [(width // 3, 2, width // 2, height)]


@pytest.mark.tensorflow
@pytest.mark.parametrize("kind", KINDS)
def test_maps_in_a_column_give_the_same_files(kind: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"saliency": combine("default", box), "target_kb": 0.9}
    small = compress(photo(24, 24), quality=5, saliency=None)
    batch = table(kind, [*ROWS, BAD, {"name": "small", "bytes": small}])
    mapped = BatchMapper(workers=2, **options)(batch)
    packed = [row["saliency"] for row in dicts(mapped)]
    assert [isinstance(values, bytes) for values in packed] == [True, True, True, False, False]
    rows = dicts(BatchCompressor(tmp_path, workers=2, **options)(mapped))
    assert [row["status"] for row in rows] == ["written", "written", "written", "failed", "written"]
    encoder = Encoder(**options)
    expected = [*(result.jpeg for result in encoder.compress_many(row["bytes"] for row in ROWS)), small]
    names = ["a/0.jpg", "a/1.jpg", "a/2.jpg", "small.jpg"]
    assert [(tmp_path / name).read_bytes() for name in names] == expected


def test_a_map_that_fails_affects_only_its_image(tmp_path: Path) -> None:
    def picky(pixels: np.ndarray[Any, Any]) -> Any:
        return np.zeros((5, 5)) if pixels.shape[0] == 16 else [(0, 0, 9, 9)]

    rows = [ROWS[0], {"name": "odd", "bytes": png(1, 16)}, ROWS[2]]
    found = BatchCompressor(tmp_path, saliency=picky)(BatchMapper(saliency=picky)(rows))
    assert [row["status"] for row in found] == ["written", "failed", "written"]
    assert "a saliency map must have the image's shape (16, 16), got (5, 5)" in found[1]["error"]


@pytest.mark.tensorflow
def test_packed_maps_are_small() -> None:
    pixels = photo(240, 320)
    (row,) = BatchMapper()([{"bytes": encoded(pixels, "PNG")}])
    assert len(row["saliency"]) < 0.2 * pixels.shape[0] * pixels.shape[1]


def test_needs_neither_pandas_nor_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("pandas", "pyarrow"):
        monkeypatch.setitem(importlib.import_module("sys").modules, package, None)
    assert [row["status"] for row in BatchCompressor(saliency=None)(ROWS)] == ["encoded"] * 3
