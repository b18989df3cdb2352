"""PyTorch: torchvision's call, on a tensor where PyTorch is installed, else on a NumPy array.

python examples/with_torch.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from saliency_jpeg.integrations.torch import encode_jpeg

PHOTO = Path(__file__).resolve().parents[1] / "tests" / "data" / "kodim07.png"


def main(folder: Path) -> None:
    with Image.open(PHOTO) as image:
        pixels = np.asarray(image.convert("RGB"))
    try:
        import torch

        tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
    except ImportError:
        tensor = np.moveaxis(pixels, -1, 0)
    data = encode_jpeg(tensor, target_kb=25, saliency=[(400, 150, 700, 450)])
    path = folder / "tensor.jpg"
    path.write_bytes(bytes(np.asarray(data)))
    print(f"{path.name:14s}{path.stat().st_size:7d} bytes, from and to {type(data).__name__}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
