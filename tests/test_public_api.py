"""What users may rely on: the public names, the tree of errors, no heavy import."""

import dataclasses
import inspect
from pathlib import Path
from typing import Any

import pytest

import saliency_jpeg

NAMES = [
    "Compressed",
    "DecodeOptions",
    "Decoded",
    "Decoder",
    "Encoder",
    "InputError",
    "LayerInfo",
    "LayerWarning",
    "LowRateWarning",
    "OptionError",
    "Options",
    "PresetError",
    "SaliencyJpegError",
    "SaliencyModel",
    "SegmentError",
    "TargetError",
    "__version__",
    "compress",
    "decode",
    "list_layers",
    "merge_layers",
    "perceptual_score",
    "recompress",
    "saliency_map",
    "strip_layers",
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


def result(**changes: Any) -> saliency_jpeg.Compressed:
    picture: dict[str, Any] = {"jpeg": b"\xff\xd8jpeg", "width": 4, "height": 3, "saliency_map": None}
    return saliency_jpeg.Compressed(**{**picture, "quality": 70.25, "lmbda": 0.05, "passes": 3, **changes})


def test_the_fields_of_a_result() -> None:
    names = [field.name for field in dataclasses.fields(saliency_jpeg.Compressed)]
    assert names == ["jpeg", "width", "height", "quality", "lmbda", "passes", "saliency_map", "score", "warnings"]
    assert result().bits_per_pixel == 8 * 6 / 12


def test_the_fields_of_a_decoded_picture() -> None:
    names = [field.name for field in dataclasses.fields(saliency_jpeg.Decoded)]
    assert names == ["pixels", "metadata", "enhanced"]
    returned = inspect.signature(saliency_jpeg.Decoder.decode_picture, eval_str=True).return_annotation
    assert returned is saliency_jpeg.Decoded


def test_a_result_shows_itself_in_a_line_and_as_a_picture() -> None:
    assert repr(result()) == "<Compressed 4x3, 6 bytes, 4.00 bpp, quality 70.2, 3 passes>"
    scored = result(passes=0, score=71.5, jpeg=bytes(100_000))
    assert repr(scored) == "<Compressed 4x3, 100000 bytes, 66666.67 bpp, quality 70.2, score 71.50, passed through>"
    assert result()._repr_jpeg_() == result().jpeg


def test_a_result_is_saved_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"old")
    path.chmod(0o640)
    result().save(path)
    assert path.read_bytes() == result().jpeg
    assert path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(FileNotFoundError):
        result().save(tmp_path / "missing" / "photo.jpg")
    assert [p.name for p in tmp_path.iterdir()] == ["photo.jpg"]
