"""Encodes thousands of mixed pictures in one process and prints its memory after every hundred.

The sources are photographs scaled to 0.05 to 3 megapixels, as arrays, PIL images and the bytes of files of many kinds:
RGB, gray, RGBA, palette and CMYK, PNG, WebP, TIFF and JPEG; one in 25 is cut off, and its error is returned. The map is
that of the network. Memory must be flat after the first hundreds.

    python benchmarks/load.py [FOLDER] [--count 3000]
"""

from __future__ import annotations

import argparse
import io
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from measuring import memory_bytes
from pictures import PHOTO, mirrored
from PIL import Image

from saliency_jpeg import Encoder

MEGABYTE: Final = 1e6
SMALLEST, LARGEST = 0.05, 3.0  # megapixels
STEP: Final = 100
SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".ppm")


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="photographs (default: the repository's, mirrored)")
    parser.add_argument("--count", type=int, default=3000, help="pictures (default: 3000)")
    parser.add_argument("--saliency", default="default", help="map (default: that of the network)")
    options = parser.parse_args()
    found = sorted(options.folder.rglob("*")) if options.folder else [PHOTO]
    photos = [path for path in found if path.suffix.lower() in SUFFIXES]
    if not photos:
        parser.error(f"a folder with photographs is needed, got {options.folder}")
    saliency = None if options.saliency == "none" else options.saliency
    print_load(Encoder(quality=75, saliency=saliency), sources(photos, options.count))


def print_load(encoder: Encoder, pictures: Iterator[Any]) -> None:
    """Prints the memory of this process after every hundred results, and what they were."""
    print(f"{'pictures':>8s} {'MB now':>8s} {'MB at the peak':>15s} {'megapixels':>11s} {'errors':>7s} {'s':>7s}")
    begin, pixels, errors = time.perf_counter(), 0, Counter[str]()
    done = 0
    for done, result in enumerate(encoder.compress_many(pictures, errors="return"), 1):
        if isinstance(result, Exception):
            errors[type(result).__name__] += 1
        else:
            pixels += result.width * result.height
        if done % STEP == 0:
            print_row(done, pixels, errors, time.perf_counter() - begin)
    if done % STEP:
        print_row(done, pixels, errors, time.perf_counter() - begin)
    print("errors: " + ", ".join(f"{count} {name}" for name, count in sorted(errors.items())))


def print_row(done: int, pixels: int, errors: Counter[str], seconds: float) -> None:
    """Prints one row of the table."""
    now, peak = memory_bytes()
    row = f"{done:8d} {now / MEGABYTE:8.0f} {peak / MEGABYTE:15.0f} {pixels / 1e6:11.1f}"
    print(f"{row} {errors.total():7d} {seconds:7.0f}", flush=True)


# The pictures -------------------------------------------------------------------------------------------------------


def sources(photos: list[Path], count: int) -> Iterator[Any]:
    """Yields sources of all kinds, the same ones for the same photographs.

    Args:
        photos: paths of photographs.
        count: number of sources.
    """
    random = np.random.default_rng(0)
    kinds = list(KINDS.values())
    for number in range(count):
        megapixels = float(np.exp(random.uniform(np.log(SMALLEST), np.log(LARGEST))))
        photo = photos[int(random.integers(len(photos)))]
        rgb = mirrored(megapixels) if photo == PHOTO else scaled(photo, megapixels)
        yield kinds[number % len(kinds)](rgb)


def scaled(path: Path, megapixels: float) -> Image.Image:
    """Returns a photograph in RGB, scaled to a number of megapixels."""
    with Image.open(path) as image:
        factor = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
        size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
        return image.convert("RGB").resize(size, Image.Resampling.BILINEAR)


def as_file(kind: str, mode: str = "RGB", damage: int = 0, **form: Any) -> Callable[[Any], bytes]:
    """Returns a function that makes the bytes of a file.

    Args:
        kind: Pillow's name of the format.
        mode: Pillow's mode of the pixels.
        damage: the file is cut off behind one part of so many; 0 for a whole file.
        form: of the format.
    """

    def encode(image: Any) -> bytes:
        file = io.BytesIO()
        picture(image).convert(mode).save(file, kind, **form)
        data = file.getvalue()
        return data[: len(data) // damage] if damage else data

    return encode


def picture(image: Any) -> Image.Image:
    """Returns an array or a picture as a picture."""
    return image if isinstance(image, Image.Image) else Image.fromarray(image)


def with_alpha(image: Any) -> Image.Image:
    """Returns a picture that becomes transparent from left to right."""
    result = picture(image).convert("RGBA")
    ramp = np.linspace(0, 255, result.width).astype(np.uint8)
    result.putalpha(Image.fromarray(np.tile(ramp, (result.height, 1))))
    return result


#: 25 kinds of sources, in turn; the last one is damaged.
KINDS: Final[dict[str, Callable[[Any], Any]]] = {
    "array": lambda image: np.asarray(picture(image)),
    "gray array": lambda image: np.asarray(picture(image).convert("L")),
    "PIL": picture,
    "PIL, alpha": with_alpha,
    "PIL, palette": lambda image: picture(image).quantize(64),
    "PIL, gray and alpha": lambda image: with_alpha(image).convert("LA"),
    "PIL, CMYK": lambda image: picture(image).convert("CMYK"),
    "PNG": as_file("PNG", compress_level=1),
    "PNG, gray": as_file("PNG", "L", compress_level=1),
    "PNG, alpha": as_file("PNG", "RGBA", compress_level=1),
    "PNG, palette": as_file("PNG", "P", compress_level=1),
    "PNG, 1 bit": as_file("PNG", "1", compress_level=1),
    "WebP": as_file("WEBP", quality=80, method=0),
    "TIFF": as_file("TIFF"),
    "GIF": as_file("GIF", "P"),
    "BMP": as_file("BMP"),
    "PPM": as_file("PPM"),
    "JPEG": as_file("JPEG", quality=92),
    "JPEG, 4:4:4": as_file("JPEG", quality=92, subsampling=0),
    "JPEG, progressive": as_file("JPEG", quality=85, progressive=True),
    "JPEG, gray": as_file("JPEG", "L", quality=90),
    "JPEG, CMYK": as_file("JPEG", "CMYK", quality=90),
    "JPEG, smaller than asked": as_file("JPEG", quality=30),
    "JPEG, EXIF": as_file("JPEG", quality=95, exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"),
    "JPEG, cut off": as_file("JPEG", quality=90, damage=2),
}


if __name__ == "__main__":
    main()
