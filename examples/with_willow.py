"""Willow, and through it Wagtail: a rendition of at most 15 kB.

    python examples/with_willow.py [FOLDER]

Willow runs the optimizers named in ``WILLOW_OPTIMIZERS``: an environment variable, or a Django setting where Django is
installed.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

PHOTO = Path(__file__).resolve().parents[1] / "tests" / "data" / "kodim07.png"


def main(folder: Path) -> None:
    os.environ["WILLOW_OPTIMIZERS"] = "saliency-jpeg"
    with contextlib.suppress(ImportError):
        from django.conf import settings

        settings.configure(WILLOW_OPTIMIZERS=["saliency-jpeg"])
    from willow.image import Image
    from willow.registry import registry

    from saliency_jpeg import Options
    from saliency_jpeg.integrations.willow import SaliencyJpeg

    class Renditions(SaliencyJpeg):
        options = Options(target_kb=15, saliency=[(200, 75, 350, 225)])

    for name in ("plain", "willow"):
        path = folder / f"{name}.jpg"
        with PHOTO.open("rb") as photo, path.open("w+b") as file:
            Image.open(photo).resize((384, 256)).save_as_jpeg(file, quality=95)
        print(f"{path.name:14s}{path.stat().st_size:7d} bytes")
        registry.register_optimizer(Renditions)  # from here on


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
