"""Makes the pictures that the README opens with: a photograph by jpegli and by this library, and its map.

    python scripts/readme_pictures.py [--bpp 0.25]

The files are written into ``docs/images`` and are what the encoders wrote, not copies of it. jpegli needs the package
``ajpegli``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from saliency_jpeg import Encoder
from saliency_jpeg.evaluation.codecs import decode, find_codec
from saliency_jpeg.evaluation.comparison import load, match_size
from saliency_jpeg.metrics import ssimulacra2

ROOT = Path(__file__).resolve().parents[1]
PHOTO = ROOT / "tests" / "data" / "kodim07.png"
IMAGES = ROOT / "docs" / "images"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bpp", type=float, default=0.25, help="bits per pixel of both files")
    rgb, _ = load(PHOTO)
    theirs = match_size(find_codec("jpegli"), rgb, parser.parse_args().bpp * rgb.shape[0] * rgb.shape[1] / 8).jpeg
    ours = Encoder(target_kb=len(theirs) / 1000).compress(rgb)
    assert ours.saliency is not None
    IMAGES.mkdir(exist_ok=True)
    Image.fromarray(np.rint(255 * ours.saliency).astype(np.uint8)).save(IMAGES / "map.png", optimize=True)
    for name, jpeg in (("jpegli", theirs), ("ours", ours.jpeg)):
        (IMAGES / f"{name}.jpg").write_bytes(jpeg)
        print(f"{name}: {len(jpeg)} bytes, SSIMULACRA2 {ssimulacra2(rgb, decode(jpeg)):.1f}")


if __name__ == "__main__":
    main()
