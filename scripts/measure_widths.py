"""How far the coefficients of photographs lie from the levels of our files, and what intervals of a width would forbid.

For each quality, over all photographs: quantiles of the distance, in quantization steps, for each kind that a layer of
widths tells apart; then, for intervals that hold so many of the coefficients, the squared error of a perfect
restoration that is clamped to them, in percent of that of the plain levels.

    python scripts/measure_widths.py kodak/kodim01.png kodak/kodim05.png
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saliency_jpeg import compress
from saliency_jpeg.codec import _core

QUALITIES: Final = (30, 60, 85)
SHARES: Final = {"99.9 %": 0.999, "99.95 %": 0.9995, "99.99 %": 0.9999, "all": 1.0}
KINDS: Final = ("zero", "below", "above", "DC")
FIXED: Final = {"0.5 each": (0.5, 0.5, 0.5, 0.5), "1.0, 0.5, 0.6": (1.0, 0.5, 0.6, 0.5)}

Distances = list[NDArray[np.float64]]  # of each kind


def distances(pixels: NDArray[np.uint8], quality: float) -> Iterator[tuple[str, Distances]]:
    """Yields luma and both chroma components: how far the original's coefficients lie from the levels, by kind."""
    image = _core.read_jpeg(compress(pixels, saliency=None, quality=quality))
    originals = _core.forward_dct(pixels, *image.sampling[0])
    for i, (original, levels) in enumerate(zip(originals, image.levels, strict=True)):
        steps = image.tables[image.component_tables[i]].astype(np.float64)
        exact, level = (original / steps).reshape(-1, 64), levels.reshape(-1, 64)
        ac, ac_level = exact[:, 1:].ravel(), level[:, 1:].ravel()
        outward = (np.sign(ac_level) * ac - np.abs(ac_level))[ac_level != 0]
        dc = np.abs(exact[:, 0] - level[:, 0])
        found = [np.abs(ac[ac_level == 0]), np.maximum(-outward, 0), np.maximum(outward, 0), dc]
        yield ("chroma" if i else "luma"), found


def excess(found: Distances, widths: tuple[float, ...]) -> float:
    """Squared error of a perfect restoration clamped to the widths, in percent of that of the levels themselves."""
    outside = sum(float(np.square(np.maximum(d - w, 0)).sum()) for d, w in zip(found, widths, strict=True))
    return 100 * outside / sum(float(np.square(d).sum()) for d in found)


def main() -> None:
    """Prints the means over the photographs, and behind a slash the worst."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="+", type=Path)
    images = [np.asarray(Image.open(path).convert("RGB")) for path in parser.parse_args().images]
    print("quality component | " + " | ".join(f"{kind}: {', '.join(SHARES)}" for kind in KINDS))
    print("  clamped           | " + " | ".join((*FIXED, *SHARES)))
    for quality in QUALITIES:
        by_component: dict[str, list[Distances]] = {"luma": [], "chroma": []}
        for pixels in images:
            for name, found in distances(pixels, quality):
                by_component[name].append(found)
        for name, all_found in by_component.items():
            quantiles = [[[np.quantile(d, s) if d.size else 0 for s in SHARES.values()] for d in f] for f in all_found]
            mean = np.mean(quantiles, axis=0)
            print(f"{quality} {name} | " + " | ".join(" ".join(f"{v:.2f}" for v in row) for row in mean))
            boxes = [[*FIXED.values(), *np.transpose(q)] for q in quantiles]
            lost = [[excess(f, tuple(b)) for b in box] for f, box in zip(all_found, boxes, strict=True)]
            cells = (f"{np.mean(column):.2f} / {np.max(column):.2f}" for column in np.transpose(lost))
            print("  clamped, % (mean / worst) | " + " | ".join(cells))


if __name__ == "__main__":
    main()
