"""Forked processes: a network that is used on both sides of a fork is an error at once, never a hang."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks"),
]

HEAD = """
import multiprocessing, os, pickle, select, signal, sys
import numpy as np
import saliency_jpeg
from saliency_jpeg import Encoder, OptionError, SaliencyModel, compress

image = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)

def in_child(work, timeout=100):
    "What the work returns in a forked process, or its OptionError; a hang is an error."
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            made = work()
        except OptionError as error:
            made = error
        except BaseException as error:
            made = repr(error)
        os.write(writer, pickle.dumps(made))
        os._exit(0)
    os.close(writer)
    try:
        assert select.select([reader], [], [], timeout)[0], "the child hangs"
        return pickle.loads(open(reader, "rb").read())
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

def refused(work):
    error = in_child(work, 20)
    assert isinstance(error, OptionError) and "'spawn'" in str(error), error
"""


def run(script: str, *arguments: object) -> str:
    """What a process of its own prints, "done" at last: the tests' process must not be forked once it has threads."""
    line = [sys.executable, "-c", HEAD + textwrap.dedent(script) + "\nprint('done')", *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.tensorflow
def test_a_child_of_a_process_that_used_the_network_is_told_at_once() -> None:
    assert run("""
        own = SaliencyModel.from_preset("cam")
        by_tensorflow = {"saliency": "default", "device": "cpu"}
        before = compress(image, **by_tensorflow), own.predict(image)
        refused(lambda: len(compress(image, **by_tensorflow)))
        refused(lambda: own.predict(image).shape)
        refused(lambda: SaliencyModel.from_preset("cam", device="gpu"))
        refused(lambda: len(list(Encoder(**by_tensorflow).compress_many([image, image]))))
        refused(lambda: len(list(Encoder(**by_tensorflow).compress_many([image, image], errors="return"))))
        assert in_child(lambda: refused(lambda: len(compress(image, **by_tensorflow)))) is None  # in a child's child
        assert in_child(lambda: compress(image, saliency=None)) == compress(image, saliency=None)
        assert in_child(lambda: compress(image, saliency=[(0, 0, 9, 9)])) == compress(image, saliency=[(0, 0, 9, 9)])
        assert compress(image, **by_tensorflow) == before[0]  # the parent goes on
        with multiprocessing.get_context("fork").Pool(2) as pool:
            try:
                raise AssertionError(pool.map_async(own.predict, [image, image]).get(timeout=30))
            except OptionError:
                pass
        """).endswith("done\n")


@pytest.mark.tensorflow
def test_a_child_loads_a_network_of_its_own() -> None:
    assert run("""
        from saliency_jpeg.saliency.tensorflow_runtime import load_tensorflow

        compress(image, saliency=None)
        load_tensorflow()  # loaded, but not used
        model = SaliencyModel.from_preset("cam")
        made = in_child(lambda: (compress(image), model.predict(image).tobytes()))
        assert made == (compress(image), model.predict(image).tobytes())
        """).endswith("done\n")


@pytest.mark.tensorflow
def test_tensorflow_that_the_application_used_counts_too() -> None:
    assert run("""
        import tensorflow

        tensorflow.constant(1) + 1
        refused(lambda: len(compress(image, device="cpu")))
        """).endswith("done\n")


def test_locks_that_another_thread_holds_do_not_hang_a_child() -> None:
    assert run("""
        from saliency_jpeg.saliency import sources, tensorflow_runtime

        with sources._PRESET_LOCK, tensorflow_runtime._running:
            assert in_child(lambda: sources._PRESET_LOCK.locked() or tensorflow_runtime._running.locked(), 20) is False
        with tensorflow_runtime._loading:  # another thread imports TensorFlow
            refused(lambda: len(compress(image, device="cpu")))
        """).endswith("done\n")


def test_a_network_of_decoding_that_another_thread_loads_does_not_hang_a_child() -> None:
    assert run("""
        from saliency_jpeg.enhance import loading

        with loading._load.lock:
            assert in_child(lambda: loading._load.lock.locked(), 20) is False
        """).endswith("done\n")


def test_the_default_network_works_in_children_of_a_process_that_used_it() -> None:
    pytest.importorskip("ai_edge_litert")
    assert run("""
        before = compress(image)
        assert in_child(lambda: compress(image)) == before
        model = SaliencyModel.from_preset()
        made = model.predict(image).tobytes()
        with model._building:  # another thread loads the network
            assert in_child(lambda: model.predict(image).tobytes(), 20) == made
        assert compress(image) == before
        """).endswith("done\n")


@pytest.mark.tensorflow
def test_litert_works_in_children(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    path = tmp_path / "cam.tflite"
    assert run("SaliencyModel.from_preset('cam').export(sys.argv[1])", path).endswith("done\n")
    assert run(
        """
        model = SaliencyModel.from_file(sys.argv[1])
        before = model.predict(image).tobytes()
        assert in_child(lambda: model.predict(image).tobytes()) == before
        assert model.predict(image).tobytes() == before
        """,
        path,
    ).endswith("done\n")


def test_a_child_makes_its_own_interpreter_of_litert() -> None:
    assert run("""
        from saliency_jpeg.saliency import litert

        class Interpreter:
            def __init__(self, model_content, num_threads):
                self.process = os.getpid()  # whose threads it would have

            def get_input_details(self):
                return [{"index": 0, "shape": (1, 32, 32, 3)}]

            def get_tensor(self, index):
                return self.process

            get_output_details = get_input_details
            resize_tensor_input = set_tensor = lambda self, index, value: None
            allocate_tensors = invoke = lambda self: None

        litert._interpreter_class = lambda: Interpreter
        runner = litert.LiteRunner(b"network", "name")
        assert runner.head(image) == os.getpid()
        with runner._changed:  # another thread makes a map
            assert in_child(lambda: runner.head(image) == os.getpid(), 20) is True
        """).endswith("done\n")
