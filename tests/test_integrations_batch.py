"""The callable for data engines, on every kind of table; Ray has a test file of its own, Dask and Spark examples."""

from __future__ import annotations

import importlib
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import encoded, photo
from processes import needs

from saliency_jpeg import Encoder, InputError, OptionError, PresetError, compress
from saliency_jpeg.batch.plan import PlanError
from saliency_jpeg.integrations.batch import COLUMNS, BatchCompressor, BatchMapper, check_outputs, output_name
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
    return package.DataFrame(rows, dtype=object) if kind == "pandas" else package.Table.from_pylist(rows)


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


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_is_not_utf8(kind: str, tmp_path: Path) -> None:
    rows = [{**ROWS[0], "name": "a\udcff.png"}, ROWS[1]]
    if kind == "pyarrow":  # which cannot hold the name, but the folder may have one
        rows = ROWS
    batch = table(kind, rows)
    folder = tmp_path / ("out\udcff" if kind == "pyarrow" else "out")
    found = dicts(BatchCompressor(folder, saliency=None)(batch))
    assert [row["status"] for row in found] == ["written"] * len(rows)
    if kind != "list":
        assert "\\udcff" in found[0]["output"]
    assert len(list(folder.rglob("*.jpg"))) == len(rows)


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


@pytest.mark.parametrize("data", ["foo://x/y.png", "s3://", "://", "\0", memoryview(png(0))[::2], None, 5, ...])
@pytest.mark.parametrize("done", [set(), {"00" * 16}])
def test_a_row_that_cannot_be_read_fails_alone(data: Any, done: set[str], tmp_path: Path) -> None:
    rows = [{"name": "x"} if data is ... else {"name": "x", "bytes": data}, ROWS[1]]
    found = BatchCompressor(tmp_path, saliency=None, done=done)(rows)
    assert [row["status"] for row in found] == ["failed", "written"]
    assert found[0]["error"]
    assert [row["saliency"] is None for row in BatchMapper(saliency=[(0, 0, 9, 9)])(rows)] == [True, False]


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


@pytest.mark.parametrize("name", ["../x.png", "/x.png", "a/../../x", "", ".", "a/", "x\0.png", None, 1.5, True])
def test_names_stay_below_the_folder(name: Any, tmp_path: Path) -> None:
    (row,) = BatchCompressor(tmp_path / "out", saliency=None)([{**ROWS[0], "name": name}])
    assert row["status"] == "failed"
    assert row["error"].startswith("an image's name must be a relative path without '..'")
    assert list(tmp_path.iterdir()) == []


def test_two_images_of_one_file_are_found(tmp_path: Path) -> None:
    rows = [{**ROWS[0], "name": "b/x.png"}, {**ROWS[1], "name": "b/x.webp"}, {**ROWS[2], "name": "b/y.png"}]
    found = BatchCompressor(tmp_path, saliency=None)(rows)
    assert [row["status"] for row in found] == ["failed", "failed", "written"]
    assert found[0]["error"] == "b/x.png and b/x.webp would both become b/x.jpg; rename one of them"
    assert [path.name for path in tmp_path.rglob("*.jpg")] == ["y.jpg"]
    assert [row["status"] for row in BatchCompressor(saliency=None)(rows)] == ["encoded"] * 3  # no files, no names


def test_two_images_of_one_file_are_found_in_a_whole_table() -> None:
    check_outputs(iter(["a.png", "b.png", 7]))
    check_outputs([".", "", None, None])  # which fail alone
    for names in (["a.png", "b", "a.webp"], ["a.png", "b", "a.png"]):
        with pytest.raises(PlanError, match=r"a.png and a\.(png|webp) would both become a.jpg"):
            check_outputs(names)


@pytest.mark.parametrize("engine", ["dask", "pandas"])
def test_names_of_a_table_are_brought_together(engine: str) -> None:
    needs("pandas", engine)
    frame = importlib.import_module("pandas").DataFrame({"name": ["a.png", "b.png", "c.png", "a.gif"]})
    names = frame["name"]
    if engine == "dask":
        names = importlib.import_module("dask.dataframe").from_pandas(frame, npartitions=2)["name"].compute()
    with pytest.raises(PlanError, match=r"a\.png and a\.gif"):
        check_outputs(names)


# Stores --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def store() -> Any:
    """A store of fsspec in the memory of this process, emptied."""
    needs("fsspec", "pyarrow")
    memory = importlib.import_module("fsspec").filesystem("memory")
    memory.store.clear()
    return memory


def test_images_and_outputs_in_a_store(store: Any) -> None:
    for row in ROWS:
        store.pipe(f"/photos/{row['name']}", row["bytes"])
    rows = [{"name": row["name"], "bytes": f"memory://photos/{row['name']}"} for row in ROWS]
    rows.append({"name": "missing.png", "bytes": "memory://photos/missing.png"})
    work = pickle.loads(pickle.dumps(BatchCompressor("memory://smaller", saliency=None)))
    found = work(rows)
    assert [row["status"] for row in found] == ["written"] * 3 + ["failed"]
    assert found[0]["output"] == "memory://smaller/a/0.jpg"
    assert [store.cat(f"/smaller/a/{i}.jpg") for i in range(3)] == [compress(png(i), saliency=None) for i in range(3)]
    done = {row["done"] for row in found if row["done"]}
    again = BatchCompressor("memory://smaller", saliency=None, done=done)
    assert [row["status"] for row in again(rows)] == ["skipped"] * 3 + ["failed"]
    store.pipe("/smaller/a/1.jpg", b"of someone else")
    assert [row["status"] for row in again(rows)] == ["skipped", "written", "skipped", "failed"]


def test_file_systems_that_are_given(store: Any, tmp_path: Path) -> None:
    from pyarrow import fs

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "0.png").write_bytes(png(0))
    below = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    for filesystem in (below, store):
        if filesystem is store:
            store.pipe("/in/0.png", png(0))
        work = BatchCompressor("any://out", saliency=None, filesystem=filesystem)
        (row,) = work([{"name": "0.png", "bytes": "any://in/0.png"}])
        assert (row["status"], row["error"]) == ("written", None)
    assert (tmp_path / "out" / "0.jpg").read_bytes() == store.cat("/out/0.jpg") == compress(png(0), saliency=None)


def test_a_store_that_fails_behind_the_file(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def state(folder: Any, name: str) -> None:
        raise RuntimeError("of the store's library")

    monkeypatch.setattr("saliency_jpeg.io.folders.RemoteFolder.state", state)
    found = BatchCompressor("memory://smaller", saliency=None)(ROWS[:2])
    assert [row["error"] for row in found] == ["RuntimeError of the store's library"] * 2


# Images that kill their worker ---------------------------------------------------------------------------------------


class Notes:
    """What a cluster keeps of the images that are worked on."""

    def __init__(self, lost: dict[str, int]) -> None:
        self.counts, self.log = Counter(lost), list[tuple[str, str]]()

    def begun(self, name: str) -> None:
        self.log.append(("begun", name))

    def ended(self, name: str) -> None:
        self.log.append(("ended", name))

    def lost(self, name: str) -> int:
        return self.counts[name]


def test_what_was_lost_is_encoded_alone_and_given_up_the_second_time() -> None:
    work = BatchCompressor(saliency=None)
    work.attempts = notes = Notes({"a/1.png": 1, "a/2.png": 2})
    rows = work(ROWS)
    assert [row["status"] for row in rows] == ["encoded", "encoded", "failed"]
    assert rows[2]["error"] == "a/2.png was given up: its worker died 2 times while it was encoded"
    assert notes.log == [(what, name) for name in ("a/1.png", "a/0.png") for what in ("begun", "ended")]


def test_outputs_that_are_given_are_compared_as_files(tmp_path: Path) -> None:
    rows = [{**row, "output": path} for row, path in zip(ROWS, ("a/b.jpg", "./a//b.jpg", "c.jpg"), strict=True)]
    assert [row["status"] for row in BatchCompressor(tmp_path, saliency=None)(rows)] == ["failed", "failed", "written"]


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
