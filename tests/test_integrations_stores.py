"""Names in stores; stores of Google and Azure, by their emulators on this machine, where these are installed."""

from __future__ import annotations

import base64
import contextlib
import importlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from helpers import encoded, photo
from marks import implies
from processes import needs

from saliency_jpeg import compress
from saliency_jpeg.integrations.batch import BatchCompressor
from saliency_jpeg.io import RemoteFolder, remote_file

PICTURE = encoded(photo(), "PNG")


NAMES = ("a b", "a%20b", "a+b", "a#b", "a?b", "a?b=c", "a&b=c", "[a]*", "\u00fc\u540d", "a\\b", "a:b@c", "~")


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_names_are_those_of_the_store(kind: str, tmp_path: Path) -> None:
    """No character of a name has a meaning, in folders and in files."""
    needs("fsspec", "pyarrow")
    root = RemoteFolder(f"memory://{tmp_path.name}" if kind == "memory" else f"file://{tmp_path}")
    names = sorted(f"{folder}/{file}.png" for folder in NAMES for file in NAMES)
    for name in names:
        root.write(name, name.encode())
    assert list(root.names(recursive=True)) == names
    for name in names:
        folder, file = remote_file(root.full_address(name))
        assert folder.read(file) == name.encode()
        below = root.below(name.rpartition("/")[0])
        assert below.read(file) == name.encode()


def test_addresses_with_options() -> None:
    folder = RemoteFolder("s3://user:secret@bucket/a?b/?region=x&endpoint_override=http://localhost:9")
    assert folder.locate("c?d.png") == "s3://bucket/a?b/c?d.png"
    address = folder.full_address("c?d.png")
    assert address == "s3://user:secret@bucket/a?b/c?d.png?region=x&endpoint_override=http://localhost:9"
    assert remote_file(address) == (folder, "c?d.png")


class Store(NamedTuple):
    """An emulated store with a bucket of the name ``bucket``.

    Attributes:
        address: of a folder in it.
        put: stores bytes under a path.
        get: reads them.
    """

    address: Callable[[str], str]
    put: Callable[[str, bytes], None]
    get: Callable[[str], bytes]


@contextlib.contextmanager
def running(*words: object, **environment: str) -> Iterator[int]:
    """A server in a process of its own; its port, which is the last word's place in the command."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [str(word).format(port=port) for word in words]
    process = subprocess.Popen(command, env={**os.environ, **environment}, **quiet)  # type: ignore[call-overload]
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
@implies("slow")
def google() -> Iterator[Store]:
    needs("gcp_storage_emulator", "pyarrow")
    from pyarrow import fs

    program = "from gcp_storage_emulator.__main__ import main; main()"
    with running(sys.executable, "-c", program, "start", "--host=127.0.0.1", "--port={port}", "--in-memory") as port:
        options = f"scheme=http&endpoint_override=127.0.0.1%3A{port}"
        store = fs.GcsFileSystem(anonymous=True, scheme="http", endpoint_override=f"127.0.0.1:{port}", project_id="x")
        store.create_dir("bucket")

        def put(path: str, data: bytes) -> None:
            with store.open_output_stream(f"bucket/{path}") as file:
                file.write(data)

        def get(path: str) -> bytes:
            with store.open_input_stream(f"bucket/{path}") as file:
                found: bytes = file.read()
            return found

        yield Store(lambda path: f"gs://anonymous@bucket/{path}?{options}", put, get)


@pytest.fixture
@implies("slow")
def azure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    needs("adlfs", "pyarrow", programs=("azurite-blob",))
    key = base64.b64encode(os.urandom(32)).decode()
    words = ("--blobPort", "{port}", "--location", tmp_path, "--skipApiVersionCheck", "--silent", "--disableTelemetry")
    with running("azurite-blob", *words, AZURITE_ACCOUNTS=f"account:{key}") as port:
        where = f"DefaultEndpointsProtocol=http;BlobEndpoint=http://127.0.0.1:{port}/account"
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", f"{where};AccountName=account;AccountKey={key};")
        store: Any = importlib.import_module("fsspec").filesystem("az", skip_instance_cache=True)
        store.mkdir("bucket")
        yield Store(
            lambda path: f"az://bucket/{path}",
            lambda path, data: store.pipe(f"bucket/{path}", data),
            lambda path: bytes(store.cat(f"bucket/{path}")),
        )


@pytest.mark.parametrize("kind", ["google", "azure"])
def test_images_and_outputs(kind: str, request: pytest.FixtureRequest) -> None:
    store: Store = request.getfixturevalue(kind)
    store.put("photos/a.png", PICTURE)
    rows = [{"name": name, "bytes": store.address(f"photos/{name}")} for name in ("a.png", "missing.png")]
    output = store.address("smaller")
    found = BatchCompressor(output, saliency=None)(rows)
    assert [row["status"] for row in found] == ["written", "failed"]
    assert store.get("smaller/a.jpg") == compress(PICTURE, saliency=None)
    done = {row["done"] for row in found if row["done"]}
    again = BatchCompressor(output, saliency=None, done=done)
    assert [row["status"] for row in again(rows)] == ["skipped", "failed"]
    store.put("smaller/a.jpg", b"of someone else")
    assert [row["status"] for row in again(rows)] == ["written", "failed"]
