"""Makes the README's pictures: a photograph by jpegli and by this library, its map, and an old file restored.

    python scripts/readme_pictures.py [--bpp 0.25]
    python scripts/readme_pictures.py --restored [--quality 30]

The files are written into ``docs/images``. Those of the encoders are what they wrote, not copies of it; jpegli needs
the package ``ajpegli``. ``--restored`` makes an enlarged part of the photograph as Pillow's file shows it, decoded
plainly and restored.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from saliency_jpeg import Encoder
from saliency_jpeg.evaluation.codecs import decode, find_codec
from saliency_jpeg.evaluation.comparison import load, match_size
from saliency_jpeg.evaluation.decoders import find_decoder
from saliency_jpeg.metrics import ssimulacra2
from saliency_jpeg.metrics.arrays import Pixels

ROOT = Path(__file__).resolve().parents[1]
PHOTO = ROOT / "tests" / "data" / "kodim07.png"
IMAGES = ROOT / "docs" / "images"
PART: Final = (336, 160, 432, 244)  # left, top, right and bottom, in pixels
ENLARGED: Final = 3
#: Files of the restored pair, and the decoders that show it.
PAIR: Final = {"old": "plain", "restored": "restore"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bpp", type=float, default=0.25, help="bits per pixel of both files")
    parser.add_argument("--restored", action="store_true", help="make the pair of an old file")
    parser.add_argument("--quality", type=int, default=30, help="of the old file (default: 30)")
    parser.add_argument("--output", type=Path, default=IMAGES, help="folder (default: docs/images)")
    options = parser.parse_args()
    rgb, _ = load(PHOTO)
    options.output.mkdir(exist_ok=True)
    if options.restored:
        restored_pair(rgb, options.quality, options.output)
    else:
        encoded_pair(rgb, options.bpp, options.output)


def restored_pair(rgb: Pixels, quality: int, folder: Path) -> None:
    """Writes ``old.png`` and ``restored.png``, a part of Pillow's file by both decoders, and prints the scores."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality)
    print(f"Pillow at quality {quality}: {len(file.getvalue())} bytes")
    size = ((PART[2] - PART[0]) * ENLARGED, (PART[3] - PART[1]) * ENLARGED)
    for name, decoder in PAIR.items():
        pixels = find_decoder(decoder)(file.getvalue())
        part = Image.fromarray(pixels).crop(PART).resize(size, Image.Resampling.NEAREST)
        part.save(folder / f"{name}.png", optimize=True)
        print(f"{name}: SSIMULACRA2 {ssimulacra2(rgb, pixels):.1f}")


def encoded_pair(rgb: Pixels, bpp: float, folder: Path) -> None:
    """Writes the files of jpegli and of this library, and the map, and prints sizes and scores."""
    theirs = match_size(find_codec("jpegli"), rgb, bpp * rgb.shape[0] * rgb.shape[1] / 8).jpeg
    ours = Encoder(target_kb=len(theirs) / 1000).compress(rgb)
    assert ours.saliency is not None
    Image.fromarray(np.rint(255 * ours.saliency).astype(np.uint8)).save(folder / "map.png", optimize=True)
    for name, jpeg in (("jpegli", theirs), ("ours", ours.jpeg)):
        (folder / f"{name}.jpg").write_bytes(jpeg)
        print(f"{name}: {len(jpeg)} bytes, SSIMULACRA2 {ssimulacra2(rgb, decode(jpeg)):.1f}")


if __name__ == "__main__":
    main()
