"""Ray's door on a local cluster of two nodes with one processor each; workers and a node are killed on the way."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import encoded, photo
from marks import implies
from processes import needs

needs("ray")
pytestmark = pytest.mark.filterwarnings("ignore")

import pyarrow  # noqa: E402
import pyarrow.fs  # noqa: E402
import ray  # noqa: E402
from pyarrow import parquet  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402

from saliency_jpeg import Encoder, InputError, OptionError, cli, compress  # noqa: E402
from saliency_jpeg.batch.plan import Job, PlanError  # noqa: E402
from saliency_jpeg.integrations import ray as door  # noqa: E402
from saliency_jpeg.integrations.batch import COLUMNS, BatchCompressor  # noqa: E402
from saliency_jpeg.options import Options  # noqa: E402
from saliency_jpeg.saliency import combine  # noqa: E402

COUNT = 24
STORE = 80_000_000  # bytes of shared memory for a node
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # the workers cannot import a test


@pytest.fixture(scope="module")
@implies("slow")
def cluster() -> Iterator[Cluster]:
    """A head node that runs no tasks, and two nodes; one claims to have a GPU."""
    soon = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 300, "health_check_failure_threshold": 3}
    head = {"num_cpus": 0, "object_store_memory": STORE, "_system_config": soon}  # to notice a lost node quickly
    made = Cluster(initialize_head=True, head_node_args=head)
    made.add_node(num_cpus=1, object_store_memory=STORE)
    made.add_node(num_cpus=1, object_store_memory=STORE, num_gpus=1)
    ray.init(address=made.address, log_to_driver=False, logging_level="error")
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield made
    ray.shutdown()
    made.shutdown()


def png(seed: int) -> bytes:
    return encoded(photo(24, 24, 5 * seed, 9 * seed), "PNG")


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Images in two folders, and a file that is not an image."""
    folder = tmp_path / "album"
    (folder / "more").mkdir(parents=True)
    for i in range(COUNT):
        (folder / ("more" if i % 3 else ".") / f"{i:02d}.png").write_bytes(png(i))
    (folder / "bad.png").write_bytes(b"no image")
    return folder


def logged(output: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(output / door.LOG_NAME).to_pylist()
    return rows


def outputs(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.jpg")}


def expected(album: Path, **options: Any) -> dict[str, bytes]:
    """Returns the files of the images encoded one by one."""
    found = sorted(path for path in album.rglob("*.png") if path.name != "bad.png")
    return {str(path.relative_to(album).with_suffix(".jpg")): compress(path, **options) for path in found}


# The command line ----------------------------------------------------------------------------------------------------


def test_the_command_line(cluster: Cluster, album: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ray.shutdown()
    try:
        words = ["compress", str(album), "-o", str(tmp_path / "out"), "-r", "--ray", cluster.address]
        words += ["--saliency", "none", "--quality", "60"]
        assert cli.main(words) == 1
        printed = capfd.readouterr()
        assert f"\n{COUNT} written, 1 failed: " in printed.out
        assert printed.out.count("\n") == COUNT + 1
        bad = f"{album / 'bad.png'}: the data (8 bytes) is not an image that Pillow can read"
        assert printed.err == f"saliency-jpeg: {bad}\nsaliency-jpeg: 1 of {COUNT + 1} failed:\n  {bad}\n"
        assert outputs(tmp_path / "out") == expected(album, saliency=None, quality=60)
        assert cli.main([*words, "--json"]) == 1
        assert f'"summary": {{"written": 0, "skipped": {COUNT}, "failed": 1}}' in capfd.readouterr().out
        assert len(logged(tmp_path / "out")) == COUNT + 2  # the bad one was tried again
    finally:
        ray.init(address=cluster.address, log_to_driver=False, logging_level="error")


# Lost workers --------------------------------------------------------------------------------------------------------


class Trap:
    """A saliency function that waits at one image until the worker calling it is killed."""

    def __init__(self, folder: Path, bait: Any) -> None:
        folder.mkdir()
        self.bait = bait
        self.caught, self.sprung = folder / "caught", folder / "sprung"

    def __call__(self, pixels: Any) -> list[tuple[int, int, int, int]]:
        if not self.sprung.exists() and np.array_equal(pixels, self.bait):
            node = ray.get_runtime_context().get_node_id()
            self.caught.with_suffix(".new").write_text(f"{os.getpid()} {node}")
            self.caught.with_suffix(".new").rename(self.caught)
            while not self.sprung.exists():
                time.sleep(0.02)
        return [(0, 0, 12, 12)]

    def spring(self, kill: Callable[[int, str], None]) -> None:
        """Waits until a worker has reached the image, and kills it."""
        while not self.caught.exists():
            time.sleep(0.02)
        process, node = self.caught.read_text().split()
        kill(int(process), node)
        self.sprung.touch()


def test_a_worker_is_killed_in_the_middle(cluster: Cluster, album: Path, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill(process: int, node: str) -> None:
        killed.append(process)
        os.kill(process, signal.SIGKILL)

    lost_and_found(album, tmp_path, kill)
    assert len(killed) == 1
    assert len(outputs(tmp_path / "out")) == COUNT


def test_a_node_is_lost_in_the_middle(cluster: Cluster, album: Path, tmp_path: Path) -> None:
    gpus: list[int] = []

    def remove(process: int, node: str) -> None:
        gpus.append(int(next(each["Resources"].get("GPU", 0) for each in ray.nodes() if each["NodeID"] == node)))
        (lost,) = (each for each in cluster.list_all_nodes() if each.node_id == node)
        cluster.remove_node(lost, allow_graceful=False)

    try:
        lost_and_found(album, tmp_path, remove)
        assert len(gpus) == 1
        assert len(outputs(tmp_path / "out")) == COUNT
    finally:
        cluster.add_node(num_cpus=1, object_store_memory=STORE, num_gpus=gpus[0])


def lost_and_found(album: Path, tmp_path: Path, kill: Callable[[int, str], None]) -> None:
    """Runs while a worker is killed; checks that every image has one file and one row."""
    trap, output = Trap(tmp_path / "trap", photo(24, 24, 5 * 10, 9 * 10)), tmp_path / "out"
    hunter = threading.Thread(target=trap.spring, args=(kill,), daemon=True)
    hunter.start()
    seen: list[str] = []
    found = door.compress(album, output, saliency=trap, quality=70, gpus=0, report=lambda row: seen.append(row["name"]))
    hunter.join()
    assert trap.caught.exists()
    assert found == {"written": COUNT, "skipped": 0, "failed": 1}
    assert outputs(output) == expected(album, saliency=[(0, 0, 12, 12)], quality=70)
    rows = logged(output)
    assert sorted(row["name"] for row in rows) == sorted(seen) == sorted(str(path) for path in album.rglob("*.png"))
    assert [Path(row["name"]).name for row in rows if row["error"]] == ["bad.png"]


def test_an_image_that_kills_its_worker_twice_is_given_up(cluster: Cluster, album: Path, tmp_path: Path) -> None:
    bait, deaths = photo(24, 24, 5 * 10, 9 * 10), tmp_path / "deaths"

    def saliency(pixels: Any) -> list[tuple[int, int, int, int]]:
        if np.array_equal(pixels, bait):
            with deaths.open("a") as file:
                file.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
        return [(0, 0, 12, 12)]

    found = door.compress(album, tmp_path / "out", saliency=saliency, quality=70, gpus=0)
    assert found == {"written": COUNT - 1, "skipped": 0, "failed": 2}
    assert deaths.read_text() == "xx"
    errors = {Path(row["name"]).name: row["error"] for row in logged(tmp_path / "out") if row["error"]}
    assert errors["10.png"].endswith("10.png was given up: its worker died 2 times while it was encoded")
    assert sorted(errors) == ["10.png", "bad.png"]


def test_workers_count_for_prometheus(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    added: list[tuple[str, float, Any]] = []
    monkeypatch.setattr(
        ray.util.metrics.Counter, "inc", lambda self, value, tags=None: added.append((self._name, value, tags))
    )
    work = door._Actor(BatchCompressor(saliency=None), 1)
    work(pyarrow.table({"name": ["a", "b"], "bytes": [png(0), b"no image"]}))
    size = len(compress(png(0), saliency=None))
    assert added == [
        ("saliency_jpeg_images", 1, {"status": "encoded"}),
        ("saliency_jpeg_bytes_in", len(png(0)), None),
        ("saliency_jpeg_bytes_out", size, None),
        ("saliency_jpeg_images", 1, {"status": "failed"}),
    ]


def test_a_run_that_is_stopped_goes_on(cluster: Cluster, album: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    reported: list[str] = []

    def stop(row: Any) -> None:
        reported.append(row["name"])
        if len(reported) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        door.compress(album, output, saliency=None, report=stop)
    before = {row["output"] for row in logged(output) if row["done"]}
    assert 4 <= len(before) < COUNT
    damaged = output / door.LOG_NAME / "part-0.parquet"
    damaged.write_bytes(b"cut off")
    found = door.compress(album, output, saliency=None)
    assert found == {"written": COUNT - len(before), "skipped": len(before), "failed": 1}
    assert outputs(output) == expected(album, saliency=None)
    damaged.unlink()
    done = [row["output"] for row in logged(output) if row["done"]]
    assert len(done) == len(set(done)) == COUNT


# Tables --------------------------------------------------------------------------------------------------------------


def table(path: Path, keys: list[str | None], images: list[bytes | None]) -> Path:
    parquet.write_table(pyarrow.table({"key": keys, "image": images, "other": keys}), path, row_group_size=4)
    return path


def test_a_table(cluster: Cluster, tmp_path: Path) -> None:
    keys = [*(f"shelf/{i}" for i in range(6)), "nothing", "noise", "../outside", "", "", None, None]
    source = table(tmp_path / "x.parquet", keys, [*(png(i) for i in range(6)), None, b"noise", *[png(0)] * 5])
    output = tmp_path / "out"
    found = door.compress(str(source), output, columns=("key", "image"), saliency=None)
    assert found == {"written": 6, "skipped": 0, "failed": 7}
    assert outputs(output) == {f"shelf/{i}.jpg": compress(png(i), saliency=None) for i in range(6)}
    assert not (tmp_path / "outside.jpg").exists()
    assert {row["name"] for row in logged(output) if row["status"] == "failed"} == set(map(str, keys[6:]))
    assert list(logged(output)[0]) == list(COLUMNS)


def test_tables_that_are_refused(cluster: Cluster, tmp_path: Path) -> None:
    source = table(tmp_path / "x.parquet", ["a.png", "b", "a.webp"], [png(0)] * 3)
    with pytest.raises(PlanError, match=r"a\.(png|webp) and a\.(png|webp) would both become a.jpg"):
        door.compress(str(source), tmp_path / "out", columns=("key", "image"))
    with pytest.raises(InputError, match="no column 'bytes', got columns key, image, other"):
        door.compress(str(source), tmp_path / "out", columns=("key", "bytes"))
    with pytest.raises(PlanError, match="file names must be UTF-8"):
        door.from_files([Job("a\udcff.png", "out/a.jpg", Path("out"))])
    with pytest.raises(OptionError, match="got 101"):
        door.compress(str(source), tmp_path / "out", columns=("other", "image"), quality=101)
    assert not (tmp_path / "out").exists()


def test_between_other_stages(cluster: Cluster) -> None:
    images = ray.data.from_items([{"name": str(i), "bytes": png(i)} for i in range(4)])
    rows = door.compress_dataset(images, None, saliency=None).sort("name").take_all()
    assert [row["jpeg"] for row in rows] == [compress(png(i), saliency=None) for i in range(4)]


# Stores --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """Address of an empty bucket on an S3 server of this machine."""
    needs("moto", "flask")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stderr=subprocess.DEVNULL)
    options = f"endpoint_override=127.0.0.1:{port}&scheme=http&allow_bucket_creation=true"
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        filesystem, path = pyarrow.fs.FileSystem.from_uri(f"s3://key:secret@bucket?{options}")
        filesystem.create_dir(path)
        yield f"s3://key:secret@bucket/{{}}?{options}"
    finally:
        process.terminate()
        process.wait(30)


def test_a_bucket_of_s3(cluster: Cluster, bucket: str, album: Path) -> None:
    filesystem, path = pyarrow.fs.FileSystem.from_uri(bucket.format("photos"))
    for source in album.rglob("*.png"):
        with filesystem.open_output_stream(f"{path}/{source.relative_to(album)}") as file:
            file.write(source.read_bytes())
    found = door.compress(bucket.format("photos"), bucket.format("smaller"), saliency=None, quality=60)
    assert found == {"written": COUNT, "skipped": 0, "failed": 1}
    for name, jpeg in expected(album, saliency=None, quality=60).items():
        with filesystem.open_input_stream(f"bucket/smaller/{name}") as file:
            assert file.read() == jpeg
    log = parquet.read_table(f"bucket/smaller/{door.LOG_NAME}", filesystem=filesystem)
    assert min(log["output"].to_pylist()) == "s3://bucket/smaller/00.jpg"  # and nothing of the key
    again = door.compress(bucket.format("photos"), bucket.format("smaller"), saliency=None, quality=60)
    assert again == {"written": 0, "skipped": COUNT, "failed": 1}


# GPUs ----------------------------------------------------------------------------------------------------------------


@pytest.mark.tensorflow
def test_maps_are_made_where_the_gpu_is(cluster: Cluster, tmp_path: Path) -> None:
    def saliency(pixels: Any) -> Any:
        assert ray.get_gpu_ids() == [0], "a map made elsewhere"
        return [(0, 0, 12, 12)]

    images = ray.data.from_items([{"name": str(i), "bytes": png(i)} for i in range(4)] + [{"name": "x", "bytes": b""}])
    rows = door.compress_dataset(images, None, saliency=combine("default", saliency)).sort("name").take_all()
    assert [row["error"] for row in rows[:4]] == [None] * 4
    assert rows[4]["status"] == "failed"
    encoder = Encoder(saliency=combine("default", [(0, 0, 12, 12)]))
    assert [row["jpeg"] for row in rows[:4]] == [encoder.compress(png(i)).jpeg for i in range(4)]


@pytest.mark.parametrize(
    ("saliency", "resources", "gpus"),
    [("default", {"GPU": 4}, 1), ("default", {"CPU": 4}, 0), (None, {"GPU": 4}, 0), (np.zeros((4, 4)), {"GPU": 1}, 0)],
)
def test_who_makes_the_maps(saliency: Any, resources: dict[str, float], gpus: float) -> None:
    assert door.gpus_per_actor(Options(saliency=saliency), resources) == gpus
