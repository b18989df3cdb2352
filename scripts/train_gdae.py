#!/usr/bin/env python3
"""Train the auto-encoder of :mod:`torch_gdae` on what ``restore`` leaves of this library's files at low rates.

The loss is the squared error of each plane and the distance by SSIMULACRA2, both relative to the restored picture's,
times the exponential of ``--price`` times the growth of the file: about so, with a price of 0.9, the errors of a JPEG
file fall as it grows a little, and the loss stays as it is where the latent does as well as more bytes of the file
would. With ``--minutes`` the schedule ends then at the latest. ``--without`` leaves out parts, for the ablation. ::

    python scripts/train_gdae.py DATA OUT.pt --cache FOLDER [--steps N] [--minutes M] [--price P] [--adversarial WEIGHT]
        [--start WEIGHTS.pt] [--without dense,sprc,soft]
    python scripts/train_gdae.py DATA OUT.pt --measure --whole KODAK [--count N] [--bpp 0.15,0.3,0.5]

Checkpoints lie in the cache; a run that was ended goes on from the last one. ``--measure`` prints, for files of so many
bits per pixel, what the latent of the shipped preset takes and gains, and beside it a plain file of the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Callable, Sequence
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
from restoration_samples import Batch, File, Sampler, read
from torch_gdae import PARTS, Gdae
from torch_restoration import Restoration, losses, plain, restore
from train_restoration import CHROMA, PERCEIVED, schedule

from saliency_jpeg.enhance.network import PRESETS
from saliency_jpeg.enhance.presets import find
from saliency_jpeg.evaluation.arguments import comma_separated
from saliency_jpeg.saliency.weights_file import WeightsFile, pack

RATE: Final = 1e-3  # of Adam
TABLES: Final = 20.0  # of that, for the tables
SHARPNESS: Final = (2.0, 8.0)  # of the soft quantization, at first and in the end
LEAST_BPP: Final = 0.08  # of the base files
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
    model: Gdae | None = None,
    rise: float = 0.1,
) -> Gdae:
    """Trains the auto-encoder, on from the checkpoint if there is one.

    Args:
        files: base files to draw from.
        restoration: restores them; it is not trained.
        steps: of the whole training.
        price: of the file's growth.
        seed: of weights and draws.
        path: of the checkpoint.
        every: steps from one checkpoint, and line of output, to the next.
        adversary: joins in for the last fifth of the steps; None for none.
        minutes: after which the schedule ends, if it has not ended by the steps.
        model: to train; None for a new one.
        rise: part of the training in which the price rises from 0.

    Returns:
        The network.
    """
    torch.manual_seed(seed)
    model, step = model or Gdae(), 0
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
            group["lr"] = RATE * group["part"] * schedule(step, max(1, round(step / max(done, 1e-9))))
        sharpness = SHARPNESS[0] * (SHARPNESS[1] / SHARPNESS[0]) ** done
        joined = adversary if done >= GAN_STAGE else None
        asked = price * min(1, done / rise)
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
    bpp = coded.bits / batch.target[0, 0].numel()
    loss = (error + term.weight * distance) * (price * bpp / batch.bpp).exp().mean()
    total = loss if adversary is None else loss + adversary.loss(shown, restored, planes)
    optimizer.zero_grad()
    total.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if adversary is not None:
        adversary.step(shown, restored, planes)
    return [float(x.detach()) for x in (loss, *relative.mean(0), distance, bpp.mean())]


# ---- figures -------------------------------------------------------------------------------------------------------


def measure(photographs: Sequence[Path], rates: Sequence[float]) -> NDArray[np.float64]:
    """Measures files with a latent of the preset against plain ones of the same bytes in all, both restored.

    The scores of a plain file are interpolated between two of about the same bytes.

    Returns:
        float64 (photographs, rates, 2, 7), with a latent and without: bits per pixel in all and of the latent's layer;
        PSNR, MS-SSIM in dB, SSIMULACRA2, the same of the salient part; milliseconds that ``decode()`` takes.
    """
    from PIL import Image

    from saliency_jpeg import SaliencyModel, compress, list_layers

    model, rows = SaliencyModel.from_preset("gaze"), []
    for path in photographs:
        with Image.open(path) as image:
            rgb = np.asarray(image.convert("RGB"))
        score = _scores(rgb, model.predict(rgb))
        pixels = rgb.shape[0] * rgb.shape[1]
        for rate in rates:
            jpeg = compress(rgb, target_kb=rate * pixels / 8000, saliency=None, layers="latent")
            near = [compress(rgb, target_kb=part * len(jpeg) / 1000, saliency=None) for part in (1.0, 1.03)]
            scores = np.array([score(plain) for plain in near])
            lengths = [len(plain) for plain in near]
            length = sum(layer.length for layer in list_layers(jpeg))
            between = (len(jpeg) - lengths[0]) / max(1, lengths[1] - lengths[0])
            rows.append([8 * len(jpeg) / pixels, 8 * length / pixels, *score(jpeg)])
            rows.append([8 * len(jpeg) / pixels, 0.0, *scores[0] + between * (scores[1] - scores[0])])
        print(f"  {path.name}", flush=True)
    return np.array(rows).reshape(len(photographs), len(rates), 2, 7)


def _scores(rgb: NDArray[np.uint8], salient: NDArray[np.float32]) -> Callable[[bytes], list[float]]:
    """The scores of what ``decode()`` makes of a file, and the time that it takes."""
    from saliency_jpeg import decode
    from saliency_jpeg.metrics import ms_ssim_db, psnr
    from saliency_jpeg.rate_control import Judge

    judges = Judge(rgb), Judge(rgb, "ssimulacra2_s", salient)

    def score(jpeg: bytes) -> list[float]:
        times = []
        for _ in range(3):
            began = time.perf_counter()
            decoded = decode(jpeg)
            times.append(1000 * (time.perf_counter() - began))
        judged = [judge.of_pixels(decoded) for judge in judges]
        return [psnr(rgb, decoded), ms_ssim_db(rgb, decoded), *judged, min(times)]

    return score


def print_figures(rows: NDArray[np.float64]) -> None:
    """Prints the means over photographs for each rate, and on how many the latent is ahead."""
    titles = ("in all, bpp", "latent, bpp", "PSNR", "MS-SSIM, dB", "SSIMULACRA2", "salient", "decode, ms")
    print(f"| file | {' | '.join(titles)} | ahead |")
    print(f"|---|{len(titles) * '---:|'}---:|")
    for index in range(rows.shape[1]):
        ahead = int((rows[:, index, 0, 4] > rows[:, index, 1, 4]).sum())
        for name, values in zip(("latent", "plain"), rows[:, index].mean(0), strict=True):
            cells = " | ".join(
                f"{value:.{digits}f}" for value, digits in zip(values, (3, 4, 2, 2, 2, 2, 0), strict=True)
            )
            print(f"| {name} | {cells} | {f'{ahead} of {len(rows)}' if name == 'latent' else ''} |")


# ---- command line --------------------------------------------------------------------------------------------------


def _files(args: argparse.Namespace) -> list[File]:
    """Base files of this library in color, with their class maps."""
    made: list[Coded] = cached(
        args.cache, f"coded-{args.seed}-{args.count}", lambda: make(args.data, args.seed, args.count)
    )
    coded = [_of_ours(item, args.most_bpp) for item in made]
    maps = cached(args.cache, f"gdae-classes-{args.seed}-{args.count}-{args.most_bpp}", lambda: class_maps(coded))
    files = [replace(file, classes=known) for file, known in zip(read(coded), maps, strict=True)]
    return [file for file in files if file.sampling is not None]


def _of_ours(item: Coded, most_bpp: float) -> Coded:
    """The files of this library at low rates."""
    pixels = item.original.rgb.size / 3
    small = [
        (name, jpeg) for name, jpeg in item.files if name == "ours" and LEAST_BPP <= 8 * len(jpeg) / pixels <= most_bpp
    ]
    return replace(item, files=small)


def save(model: Gdae, path: Path) -> None:
    """Writes the networks as a weights file in float16."""
    data = pack(WeightsFile(model.half().float().arrays()))
    path.write_bytes(data)
    print(f"{path}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


def _restoration() -> Restoration:
    preset = find("restore")
    model = Restoration(PRESETS["restore"])
    model.fill(preset.read_weights())
    model.requires_grad_(False)
    return model


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("out", type=Path, help="weights file of PyTorch; beside it one of the library, .npz")
    parser.add_argument("--cache", type=Path, help="folder of the files and the checkpoints")
    parser.add_argument("--count", type=int, help="about how many photographs; all by default")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--rise", type=float, default=0.1, help="part of them in which the price rises (default: 0.1)")
    parser.add_argument("--minutes", type=float, default=np.inf, help="after which the schedule ends at the latest")
    parser.add_argument("--most-bpp", type=float, default=0.45, help="of the base files (default: 0.45)")
    parser.add_argument("--price", type=float, default=0.65, help="of the file's growth (default: 0.65)")
    parser.add_argument(
        "--adversarial", type=float, default=0.0, metavar="WEIGHT", help="in the last fifth of the steps"
    )
    parser.add_argument("--start", type=Path, help="weights file of PyTorch to go on from")
    parser.add_argument("--without", type=comma_separated, default=[], help=f"of {', '.join(PARTS)}")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--every", type=int, default=100, help="steps from one checkpoint to the next")
    parser.add_argument("--measure", action="store_true", help="measure the preset that ships")
    parser.add_argument("--whole", type=Path, help="folder of lossless photographs to measure on")
    parser.add_argument("--bpp", type=comma_separated, default="0.15,0.3,0.5")
    return parser


def main() -> None:
    """Trains or measures."""
    parser = _parser()
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.measure:
        if args.whole is None:
            parser.error("--measure needs --whole FOLDER")
        print_figures(measure(sorted(args.whole.glob("*.png"))[: args.count], [float(rate) for rate in args.bpp]))
        return
    files = _files(args)
    print(f"  {len(files)} files", flush=True)
    checkpoint = args.cache / "gdae.pt" if args.cache else None
    torch.manual_seed(args.seed)  # of the weights
    adversary = Adversary(args.adversarial) if args.adversarial else None
    model = Gdae(args.without)
    if args.start:
        model.load_state_dict(torch.load(args.start, weights_only=True))
    model = train(
        files,
        _restoration(),
        args.steps,
        args.price,
        args.seed,
        path=checkpoint,
        every=args.every,
        adversary=adversary,
        minutes=args.minutes,
        model=model,
        rise=args.rise,
    )
    torch.save(model.state_dict(), args.out)
    if not args.without:
        save(model, args.out.with_suffix(".npz"))


if __name__ == "__main__":
    main()
