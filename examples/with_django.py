"""Django: an upload that is stored in at most 25 kB.

    python examples/with_django.py [FOLDER]

A project names the storage in ``STORAGES``; see ``saliency_jpeg/integrations/django.py``.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from django.conf import settings
from PIL import Image

PHOTO = Path(__file__).resolve().parents[1] / "tests" / "data" / "kodim07.png"
OPTIONS = {"target_kb": 25, "metadata": "safe", "saliency": [(400, 150, 700, 450)]}


def main(folder: Path) -> None:
    settings.configure()
    from django.core.files.uploadedfile import SimpleUploadedFile

    from saliency_jpeg.integrations.django import SaliencyFileSystemStorage

    upload = io.BytesIO()
    with Image.open(PHOTO) as image:
        image.save(upload, "JPEG", quality=95)
    storage = SaliencyFileSystemStorage(location=folder, saliency_jpeg=OPTIONS)
    name = storage.save("upload.jpg", SimpleUploadedFile("upload.jpg", upload.getvalue()))
    print(f"uploaded      {len(upload.getvalue()):7d} bytes")
    print(f"{name:14s}{storage.size(name):7d} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
