"""OpenCV: the same flags; and a target size instead of a quality, with a salient box.

python examples/with_opencv.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2

from saliency_jpeg.integrations.opencv import imencode, imwrite

PHOTO = Path(__file__).resolve().parents[1] / "tests" / "data" / "kodim07.png"


def main(folder: Path) -> None:
    image = cv2.imread(str(PHOTO))
    assert image is not None
    flags = [cv2.IMWRITE_JPEG_QUALITY, 80, cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    _, theirs = cv2.imencode(".jpg", image, flags)
    _, ours = imencode(".jpg", image, flags, saliency=None)
    print(f"cv2.imencode  {theirs.size:7d} bytes")
    print(f"imencode      {ours.size:7d} bytes, the same flags")
    path = folder / "opencv.jpg"
    imwrite(path, image, target_kb=25, saliency=[(400, 150, 700, 450)])
    print(f"{path.name:14s}{path.stat().st_size:7d} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
