#!/usr/bin/env python3
"""Train the auto-encoder of :mod:`torch_gdae` on what ``restore`` leaves of this library's files at low rates.

The loss is the squared error of each plane and the distance by SSIMULACRA2, both relative to the restored picture's,
and ``--price`` times the bits per pixel of the latent. With ``--minutes`` the schedule ends at that time at the latest. ::

    python scripts/train_gdae.py DATA OUT.pt --cache FOLDER [--steps N] [--minutes M] [--price P] [--adversarial WEIGHT]
    python scripts/train_gdae.py DATA OUT.pt --measure --whole KODAK [--bpp 0.15,0.3,0.5]

Checkpoints lie in the cache; a run that was ended goes on from the last one. ``--measure`` prints, for base files of so
many bits per pixel, what the latent takes and gains, and beside it what a larger base of the same bytes in all gains.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from head_training import cached
from numpy.typing import NDArray
from restoration_adversary import Adversary
from restoration_classes import class_maps
from restoration_data import SEED, Coded, make
from restoration_objectives import OBJECTIVES, relative_distance
from restoration_samples import Batch, File, Sampler, read, to_ycbcr
from torch_gdae import STRIDE, Gdae, adaptive_bits
from torch_restoration import Restoration, losses, plain, restore
from train_restoration import CHROMA, PERCEIVED, below, schedule

from saliency_jpeg.enhance.network import PRESETS
from saliency_jpeg.enhance.presets import find
from saliency_jpeg.evaluation.arguments import comma_separated

RATE: Final = 1e-3  # of Adam
TABLES: Final = 20.0  # of that, for the tables
SHARPNESS: Final = (2.0, 8.0)  # of the soft quantization, at first and in the end
CODED_BPP: Final = 1.6  # of the files whose class maps are computed, as in train_restoration.py
BASE_BPP: Final = (0.08, 0.45)  # of the base files
FREE: Final = 0.1  # part of the steps in which the price of a bit rises from 0
GAN_STAGE: Final = 0.8  # part of the steps after which an adversary joins in


def train(
    files: list[File],
    restoration: Restoration,
    steps: int,
    price: float,
    seed: int,
    path: Path | None = None,
    every: int = 100,
    adversary: Adversary | None = None,
    minutes: float = np.inf,
) -> Gdae:
    """Trains the auto-encoder, on from the checkpoint if there is one.

    Args:
        files: base files to draw from.
        restoration: restores them; it is not trained.
        steps: of the whole training.
        price: of a bit per pixel.
        seed: of weights and draws.
        path: of the checkpoint.
        every: steps from one checkpoint, and line of output, to the next.
        adversary: joins in for the last fifth of the steps; None for none.
        minutes: after which the schedule ends, if it has not ended by the steps.

    Returns:
        The network.
    """
    torch.manual_seed(seed)
    model, step = Gdae(), 0
    tables, others = [model.tables], [part for name, part in model.named_parameters() if name != "tables"]
    optimizer = torch.optim.Adam([{"params": others, "part": 1.0}, {"params": tables, "part": TABLES}], fused=True)
    parts: dict[str, Any] = {"model": model, "optimizer": optimizer}
    if adversary is not None:
        parts["adversary"] = adversary
    if path is not None and path.exists():
        saved = torch.load(path, weights_only=True)
        step = saved["step"]
        for name, part in parts.items():
            part.load_state_dict(saved[name])
    sample, seen, began = Sampler(files, seed + step), [], time.perf_counter()
    while (done := max(step / steps, (time.perf_counter() - began) / (60 * minutes))) < 1:
        for group in optimizer.param_groups:
            group["lr"] = RATE * group["part"] * schedule(step, max(1.0, step / max(done, 1e-9)))
        sharpness = SHARPNESS[0] * (SHARPNESS[1] / SHARPNESS[0]) ** done
        joined = adversary if done >= GAN_STAGE else None
        asked = price * min(1, done / FREE)
        seen.append(_step(model, optimizer, sample(), restoration, asked, sharpness, joined))
        step += 1
        if step % every == 0 or step == steps:
            values = " ".join(f"{value:.3f}" for value in np.nanmean(seen, 0))
            print(
                f"  step {step}/{steps}: loss, error of Y Cb Cr SSIMULACRA2, bpp {values}, "
                f"{time.perf_counter() - began:.0f} s",
                flush=True,
            )
            seen = []
            if path is not None:
                new = path.with_suffix(".new")
                torch.save({**{name: part.state_dict() for name, part in parts.items()}, "step": step}, new)
                new.replace(path)
    return model


def _step(
    model: Gdae,
    optimizer: Any,
    batch: Batch,
    restoration: Restoration,
    price: float,
    sharpness: float,
    adversary: Adversary | None,
) -> list[float]:
    """Takes one step; returns the loss, the relative errors of Y, Cb, Cr and by SSIMULACRA2, and bits per pixel."""
    shown, batch = batch, replace(batch, classes=None)
    with torch.no_grad():
        restored = restore(restoration, batch, *plain(batch))
        restored = restored if restored.shape[1] == 3 else torch.cat([restored, batch.target[:, 1:]], 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        coded = model(batch.target, restored, shown.classes, sharpness)
    planes = coded.planes.float()
    relative = losses(planes, restored, batch.target)
    error = (relative * torch.tensor([1.0, CHROMA, CHROMA])).sum(1).mean()
    (term,) = OBJECTIVES["ssimulacra2"]
    distance = relative_distance(term, *(x[:PERCEIVED] for x in (planes, restored, batch.target)))
    bpp = coded.bits.mean() / batch.target[0, 0].numel()
    loss = error + term.weight * distance + price * bpp
    total = loss if adversary is None else loss + adversary.loss(shown, restored, planes)
    optimizer.zero_grad()
    total.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if adversary is not None:
        adversary.step(shown, restored, planes)
    return [float(x.detach()) for x in (loss, *relative.mean(0), distance, bpp)]


# ---- figures -------------------------------------------------------------------------------------------------------


def measure(model: Gdae, photographs: Sequence[Path], rates: Sequence[float]) -> NDArray[np.float64]:
    """Measures base and latent against a larger base of the same bytes in all, both restored.

    Returns:
        float64 (photographs, rates, 8): bits per pixel of base and latent; PSNR of luma and SSIMULACRA2 of the restored
        base, with the latent, and of the larger base restored.
    """
    from PIL import Image

    from saliency_jpeg import compress
    from saliency_jpeg.codec import _core
    from saliency_jpeg.enhance.restoration import Restorer
    from saliency_jpeg.metrics import Ssimulacra2, psnr
    from saliency_jpeg.metrics.ycbcr import from_ycbcr

    restorer, rows = Restorer.from_preset(), []
    for path in photographs:
        with Image.open(path) as image:
            rgb = np.asarray(image.convert("RGB"))
        rgb = rgb[: rgb.shape[0] // STRIDE * STRIDE, : rgb.shape[1] // STRIDE * STRIDE]
        metric, pixels = Ssimulacra2(rgb), rgb.shape[0] * rgb.shape[1]

        def scores(planes: NDArray[Any], rgb: Any = rgb, metric: Any = metric) -> list[float]:
            decoded = from_ycbcr(np.moveaxis(planes, 0, -1).astype(np.float64))
            return [psnr(rgb, decoded), metric.score(decoded)]

        for rate in rates:
            base = _bytes(compress, rgb, rate * pixels / 8)
            restored = np.stack(restorer.restore(_core.read_jpeg(base)))
            original = to_ycbcr(torch.from_numpy(np.ascontiguousarray(rgb))[None].float())
            with torch.no_grad():
                coded = model(original, torch.from_numpy(restored)[None])
            bits = adaptive_bits(coded.levels[0].long().numpy(), model.integer_tables())
            larger = _bytes(compress, rgb, len(base) + bits / 8)
            with_latent = coded.planes[0].numpy()
            rival = np.stack(restorer.restore(_core.read_jpeg(larger)))
            rows.append(
                [8 * len(base) / pixels, bits / pixels, *scores(restored), *scores(with_latent), *scores(rival)]
            )
        print(f"  {path.name}", flush=True)
    return np.array(rows).reshape(len(photographs), len(rates), 8)


def _bytes(compress: Any, rgb: Any, count: float) -> bytes:
    jpeg: bytes = compress(rgb, target_kb=count / 1000, saliency=None, metadata="strip")
    return jpeg


def print_figures(rows: NDArray[np.float64]) -> None:
    """Prints the means over photographs for each rate, and how many gain more by the latent."""
    titles = ("base, bpp", "latent, bpp", "restored, dB / SSIMULACRA2", "with the latent", "larger base, restored")
    print(f"| {' | '.join(titles)} | latent ahead |")
    print("|---:|---:|---:|---:|---:|---:|")
    for index in range(rows.shape[1]):
        base, latent, *scores = rows[:, index].mean(0)
        cells = " | ".join(f"{scores[i]:.2f} / {scores[i + 1]:.2f}" for i in (0, 2, 4))
        ahead = int((rows[:, index, 5] > rows[:, index, 7]).sum())
        print(f"| {base:.3f} | {latent:.4f} | {cells} | {ahead} of {len(rows)} |")


# ---- command line --------------------------------------------------------------------------------------------------


def _files(args: argparse.Namespace) -> list[File]:
    """Base files of this library in color, with their class maps."""
    made: list[Coded] = cached(
        args.cache, f"coded-{args.seed}-{args.count}", lambda: make(args.data, args.seed, args.count)
    )
    coded = [below(item, CODED_BPP) for item in made]
    maps = cached(args.cache, f"classes-{args.seed}-{args.count}-{CODED_BPP}", lambda: class_maps(coded))
    sizes = [
        8 * len(jpeg) / (item.original.rgb.size / 3) if name == "ours" else 0.0
        for item in coded
        for name, jpeg in item.files
    ]
    return [
        replace(file, classes=known)
        for file, known, size in zip(read(coded), maps, sizes, strict=True)
        if file.sampling is not None and BASE_BPP[0] <= size <= BASE_BPP[1]
    ]


def _restoration() -> Restoration:
    preset = find("restore")
    model = Restoration(PRESETS["restore"])
    model.fill(preset.read_weights())
    model.requires_grad_(False)
    return model


def main() -> None:
    """Trains or measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("out", type=Path, help="weights file of PyTorch, written, or read with --measure")
    parser.add_argument("--cache", type=Path, help="folder of the files and the checkpoints")
    parser.add_argument("--count", type=int, help="about how many photographs; all by default")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=np.inf, help="after which the schedule ends at the latest")
    parser.add_argument("--price", type=float, default=4.0, help="of a bit per pixel (default: 4)")
    parser.add_argument(
        "--adversarial", type=float, default=0.0, metavar="WEIGHT", help="in the last fifth of the steps"
    )
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--every", type=int, default=100, help="steps from one checkpoint to the next")
    parser.add_argument("--measure", action="store_true", help="measure OUT")
    parser.add_argument("--whole", type=Path, help="folder of lossless photographs to measure on")
    parser.add_argument("--bpp", type=comma_separated, default="0.15,0.3,0.5")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.measure:
        if args.whole is None:
            parser.error("--measure needs --whole FOLDER")
        model = Gdae()
        model.load_state_dict(torch.load(args.out, weights_only=True))
        print_figures(measure(model, sorted(args.whole.glob("*.png"))[: args.count], [float(r) for r in args.bpp]))
        return
    files = _files(args)
    print(f"  {len(files)} files", flush=True)
    checkpoint = args.cache / "gdae.pt" if args.cache else None
    torch.manual_seed(args.seed)  # of the adversary
    adversary = Adversary(args.adversarial) if args.adversarial else None
    model = train(
        files, _restoration(), args.steps, args.price, args.seed, checkpoint, args.every, adversary, args.minutes
    )
    torch.save(model.state_dict(), args.out)
    count = sum(part.numel() for part in model.parameters())
    print(f"{args.out}: {count} parameters")


if __name__ == "__main__":
    main()
