"""The front doors as a whole: what they load, what they say when their other side is missing, what they are called."""

from __future__ import annotations

from pathlib import Path

import pytest
from processes import interpreter, python

from saliency_jpeg import integrations

FOLDER = Path(integrations.__file__).parent
DOORS = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))
OPTIONAL = {
    "imageio": "imageio",
    "thumbor": "thumbor",
    "willow": "Willow",
    "scrapy": "Scrapy",
    "django": "Django",
    "ray": "Ray",
}
HEAVY = (
    "tensorflow",
    "keras",
    "cv2",
    "torch",
    "imageio",
    "thumbor",
    "willow",
    "scrapy",
    "django",
    "scipy",
    "piexif",
    "ray",
    "pyarrow",
    "pandas",
)


def test_every_door_is_in_the_list() -> None:
    assert integrations.__doc__ is not None
    listed = [line.split("``")[1] for line in integrations.__doc__.splitlines() if line.startswith("``")]
    assert sorted(listed) == DOORS


def test_the_package_opens_no_door() -> None:
    program = "import sys, saliency_jpeg; print([n for n in sys.modules if n.startswith('saliency_jpeg.integrations')])"
    assert python("-c", program) == "[]\n"


@pytest.mark.parametrize("door", ["batch", "pillow", "opencv", "torch"])
def test_doors_that_need_nothing_load_nothing(door: str) -> None:
    program = f"import sys; import saliency_jpeg.integrations.{door}; print([n for n in {HEAVY} if n in sys.modules])"
    assert python("-c", program) == "[]\n"


MISSING = """
import importlib, sys
sys.modules[sys.argv[1]] = None
try:
    importlib.import_module(f"saliency_jpeg.integrations.{sys.argv[1]}")
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize("door", OPTIONAL)
def test_a_plain_message_where_the_other_side_is_missing(door: str) -> None:
    assert python("-c", MISSING, door) == (
        f"this needs {OPTIONAL[door]}, which is not installed: pip install 'saliency-jpeg[{door}]' (or {door} itself)\n"
    )


RAY = """
import sys
sys.modules["ray"] = None
from saliency_jpeg import cli
cli.main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "--ray: this needs Ray, which is not installed: pip install 'saliency-jpeg[ray]' (or ray itself)"),
        (("--dry-run",), "--dry-run does not go with --ray"),
        (("-",), "standard input does not go with --ray"),
        (("--columns", "name"), "--columns must be two names with a comma in between, got 'name'"),
    ],
)
def test_what_the_command_line_says_of_ray(words: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    (tmp_path / "x.png").touch()
    command = ["compress", *words, tmp_path / "x.png", "-o", tmp_path / "out", "--saliency", "none"]
    done = interpreter("-c", RAY, *command, "--ray", "local")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"saliency-jpeg compress: error: {complaint}"
    assert not (tmp_path / "out").exists()
