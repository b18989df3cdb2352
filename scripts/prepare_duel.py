"""Prepares the pictures of the blind test: report pictures of several data sets, at most 800x600, as PNG files.

    python scripts/prepare_duel.py DATA OUT
    saliency-jpeg duel make --images OUT --count 20 --seed 12 -o duel.html --sheets sheets

The encoder was not tuned on these pictures and the map not trained on them: Kodak 7 to 12, the half of CID22 that
``scripts/tune_encoder.py`` reports on, the images of OSIE that no script trains on or selects by, ECSSD, and
photographs of 2 megapixels and more.  Pictures that come as JPEG files are made smaller by two or more in each
direction, which averages their artefacts out.  Everything is seeded.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from score_tables import report_names
from tune_encoder import split

SEED = 2026
LONGEST, SHORTEST = 800, 600  # most pixels of a picture, along its longer and shorter side


@dataclass(frozen=True)
class Source:
    """Pictures of one data set.

    Attributes:
        name: of the folder that is written.
        count: most pictures that are written, drawn at random; so many of them meet in a test.
        find: returns the files, from the folder of all data.
        prepare: returns what is made of a file.
    """

    name: str
    count: int
    find: Callable[[Path], Iterable[Path]]
    prepare: Callable[[Image.Image], list[Image.Image]]


def whole(image: Image.Image) -> list[Image.Image]:
    """The picture as it is."""
    return [image]


def halved(image: Image.Image) -> list[Image.Image]:
    """The picture at half of its height and width."""
    return [image.reduce(2)]


def large(image: Image.Image) -> list[Image.Image]:
    """A large photograph: the whole of it, and its middle at half of its height and width, both within the limits."""
    views = [image.copy(), image.reduce(2)]
    views[0].thumbnail(limits(image), Image.Resampling.LANCZOS)
    return [views[0], middle(views[1])]


def limits(image: Image.Image) -> tuple[int, int]:
    """Largest width and height of a picture in the same position."""
    return (LONGEST, SHORTEST) if image.width >= image.height else (SHORTEST, LONGEST)


def middle(image: Image.Image) -> Image.Image:
    """The middle of a picture, within the limits."""
    width, height = (min(side, limit) for side, limit in zip(image.size, limits(image), strict=True))
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def find_kodak(data: Path) -> list[Path]:
    return [data / "kodak" / f"kodim{number:02}.png" for number in range(7, 13)]


def find_osie(data: Path) -> list[Path]:
    return [data / "osie" / "images" / f"{name}.jpg" for name in report_names(data)]


SOURCES = (
    Source("kodak", 6, find_kodak, whole),
    Source("cid22", 36, lambda data: split(data / "photos_cid22")[1], whole),
    Source("osie", 36, find_osie, halved),
    Source("ecssd", 10, lambda data: (data / "ecssd" / "images").glob("*.jpg"), halved),
    Source(
        "large", 36, lambda data: (p for p in (data / "photos_large").iterdir() if p.suffix in (".png", ".jpg")), large
    ),
)


def write(source: Source, data: Path, out: Path) -> int:
    """Writes the pictures of a data set; returns how many."""
    folder = out / source.name
    folder.mkdir(parents=True)
    paths = sorted(source.find(data))
    random.Random(f"{SEED} {source.name}").shuffle(paths)
    written = 0
    for path in paths:
        with Image.open(path) as image:
            views = source.prepare(image.convert("RGB"))
        for view, letter in zip(views, "ab", strict=False):
            if written < source.count:
                view.save(folder / f"{path.stem[:24]}{letter if len(views) > 1 else ''}.png")
                written += 1
    return written


def main() -> None:
    """Parses the command line and writes all pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "data", type=Path, help="folder of the data sets: kodak/, photos_cid22/, osie/, ecssd/, photos_large/"
    )
    parser.add_argument("out", type=Path, help="folder to write; it must not exist")
    arguments = parser.parse_args()
    arguments.out.mkdir()
    for source in SOURCES:
        print(f"{source.name}: {write(source, arguments.data, arguments.out)} pictures", flush=True)


if __name__ == "__main__":
    main()
