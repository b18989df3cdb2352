"""What users may rely on: the public names, the tree of errors, no heavy import."""

import inspect

import pytest

import saliency_jpeg

NAMES = [
    "Compressed",
    "Encoder",
    "InputError",
    "OptionError",
    "Options",
    "PresetError",
    "SaliencyJpegError",
    "SaliencyModel",
    "SegmentError",
    "TargetError",
    "__version__",
    "compress",
    "recompress",
    "saliency_map",
]
TREE = {"InputError": ValueError, "OptionError": ValueError, "PresetError": LookupError, "SegmentError": ValueError}


def test_the_public_names() -> None:
    assert saliency_jpeg.__all__ == NAMES
    for name in NAMES:
        assert getattr(saliency_jpeg, name) is not None


@pytest.mark.parametrize("name", [n for n in NAMES if not n.startswith("_")])
def test_public_things_say_what_they_are(name: str) -> None:
    documented = inspect.getdoc(getattr(saliency_jpeg, name))
    assert documented
    assert len(documented) > 40


@pytest.mark.parametrize("name", TREE)
def test_the_tree_of_errors(name: str) -> None:
    error = getattr(saliency_jpeg, name)
    assert issubclass(error, saliency_jpeg.SaliencyJpegError)
    assert issubclass(error, TREE[name])


def test_a_target_error_carries_the_smallest_file() -> None:
    error = saliency_jpeg.TargetError("too small", b"jpeg")
    assert error.best == b"jpeg"
    assert str(error) == "too small"


def test_the_fields_of_a_result() -> None:
    assert saliency_jpeg.Compressed._fields == (
        "jpeg",
        "bits_per_pixel",
        "quality",
        "lmbda",
        "passes",
        "saliency",
        "score",
    )
