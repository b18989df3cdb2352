"""Pillow: a single call by format name, or every JPEG file that a program writes.

python examples/with_pillow.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from saliency_jpeg.integrations import pillow

PHOTO = Path(__file__).resolve().parents[1] / "tests" / "data" / "kodim07.png"


def main(folder: Path) -> None:
    with Image.open(PHOTO) as image:
        image.save(folder / "one.jpg", format="SALIENCY_JPEG", target_kb=30)
        image.save(folder / "plain.jpg")
        pillow.install(target_kb=30)
        image.save(folder / "installed.jpg", dpi=(300, 300))
        pillow.uninstall()
        with pillow.takeover(saliency=[(400, 150, 700, 450)], strength=0.8):
            image.save(folder / "box.jpg", quality=60, progressive=True)
    for name in ("one", "plain", "installed", "box"):
        path = folder / f"{name}.jpg"
        with Image.open(path) as written:
            print(f"{path.name:14s}{path.stat().st_size:7d} bytes  {written.size} {written.info.get('dpi', '')}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
