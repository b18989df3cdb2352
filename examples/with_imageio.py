"""imageio and scikit-image: one call that names the plugin, and every call that writes a JPEG file.

python examples/with_imageio.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import imageio.v3 as iio
import skimage.io

from saliency_jpeg.integrations import imageio as saliency_imageio

PHOTO = Path(__file__).resolve().parents[1] / "tests" / "data" / "kodim07.png"


def main(folder: Path) -> None:
    image = iio.imread(PHOTO)
    one, plain, scikit = (folder / name for name in ("imageio.jpg", "plain.jpg", "scikit.jpg"))
    iio.imwrite(plain, image)
    saliency_imageio.register()
    iio.imwrite(one, image, plugin="saliency_jpeg", target_kb=25, saliency=[(400, 150, 700, 450)])
    skimage.io.imsave(scikit, image, check_contrast=False)
    saliency_imageio.unregister()
    for path in (one, plain, scikit):
        print(f"{path.name:14s}{path.stat().st_size:7d} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
