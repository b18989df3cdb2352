#!/usr/bin/env python3
r"""Train the networks of ``decode(enhance=...)``: restoration of any JPEG file, bounded by its quantization.

Photographs are encoded by four encoders at all qualities (:mod:`restoration_data`), decoded in PyTorch as a decoder
does, corrected by the network inside the intervals of quantization, and compared with the original. The loss is the
squared error of each plane and distances by the metrics of an ``--objective`` (:mod:`restoration_objectives`), all
relative to the plain decoder's, so that every quality counts alike. By the squared error alone, pictures become
smoother than people, and SSIMULACRA2, like them. ::

    python scripts/train_restoration.py DATA OUT.npz --cache FOLDER [--preset restore|restore-fast] [--steps N]
    python scripts/train_restoration.py DATA OUT.npz --cache FOLDER --objective joint --start weights/restore.npz \
        --rate 0.1 --steps 3000
    python scripts/train_restoration.py DATA OUT.npz --cache FOLDER --preset fine --objective looks --squared 0.2 \
        --start deeper.npz --rate 0.12 --most-bpp 1.2 --batch 8 --adversarial 0.3

The network of ``fine`` is told by a class map what is seen where, which it computes as a reader does. ``deeper.npz`` is
what the same command without ``--objective``, ``--squared`` and ``--adversarial`` makes of ``weights/restore.npz``.
Checkpoints lie in the cache; a run that was ended goes on from the last one. The script ends with the largest
difference between the network in PyTorch, which is trained, and in Keras, which is used, both with the weights of the
file.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from head_training import cached
from numpy.typing import NDArray
from restoration_adversary import Adversary
from restoration_classes import class_maps
from restoration_data import SEED, Coded, make
from restoration_objectives import OBJECTIVES, Term, relative_distance
from restoration_samples import BATCH, Batch, File, Sampler, read
from torch import Tensor, nn
from torch_restoration import Restoration, difference, losses, plain, restore

from saliency_jpeg.enhance.network import PRESETS, Architecture
from saliency_jpeg.io import write
from saliency_jpeg.saliency.weights_file import WeightsFile, pack, unpack

RATE: Final = 5e-4  # of Adam
KERNEL_RATE: Final = 0.02  # of Muon, for the kernels of the convolutions
WARM_UP: Final = 200  # steps
AVERAGE: Final = 0.999  # of the weights over the steps
CHROMA: Final = 0.35  # weight of the error of Cb and of Cr; luma has 1
PERCEIVED: Final = 4  # pictures of a batch for which the distances by metrics are computed
CHECKPOINT: Final = 500  # steps


class Optimizer:
    """Muon for the kernels of the convolutions, but for the last and those of classes, and Adam for the rest.

    With Adam alone the error of luma falls by half as much in the same steps. Muon takes matrices: it gets each kernel
    as (outputs, inputs * 9), in the same memory.
    """

    def __init__(self, model: nn.Module) -> None:
        named = dict(model.named_parameters())
        self._kernels = [
            part for name, part in named.items() if part.ndim == 4 and name != "last.weight" and "_class" not in name
        ]
        self._matrices = [nn.Parameter(kernel.detach().view(len(kernel), -1)) for kernel in self._kernels]
        kept = {id(kernel) for kernel in self._kernels}
        rest = [part for part in named.values() if id(part) not in kept]
        self._adam = torch.optim.Adam(rest, lr=RATE, fused=True)
        self._muon = torch.optim.Muon(self._matrices, lr=KERNEL_RATE, weight_decay=0.0, momentum=0.95)

    def step(self, loss: Tensor, part: float) -> None:
        """Takes one step down the gradient of a loss.

        Args:
            loss: a number.
            part: of the learning rates.
        """
        for optimizer, rate in ((self._adam, RATE), (self._muon, KERNEL_RATE)):
            for group in optimizer.param_groups:
                group["lr"] = rate * part
        self._adam.zero_grad()
        for kernel in self._kernels:
            kernel.grad = None
        loss.backward()
        for kernel, matrix in zip(self._kernels, self._matrices, strict=True):
            assert kernel.grad is not None
            matrix.grad = kernel.grad.reshape(matrix.shape)
        self._adam.step()
        self._muon.step()

    def state_dict(self) -> dict[str, Any]:
        """The state, for a checkpoint."""
        return {"adam": self._adam.state_dict(), "muon": self._muon.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes the state of a checkpoint."""
        self._adam.load_state_dict(state["adam"])
        self._muon.load_state_dict(state["muon"])


def schedule(step: int, steps: int) -> float:
    """Part of the learning rates at a step: rises over the first ones, then falls along a cosine."""
    return min(1.0, (step + 1) / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * min(1.0, step / steps))) + 1e-3


@dataclass
class Checkpoint:
    """What a run goes on from.

    Attributes:
        model: the network.
        average: the network with the averaged weights.
        optimizer: its state belongs to the run too.
        step: how many steps were taken.
        adversary: that the network learns against, if any.
    """

    model: Restoration
    average: Restoration
    optimizer: Optimizer
    step: int = 0
    adversary: Adversary | None = None

    def save(self, path: Path) -> None:
        """Writes it whole or not at all."""
        new = path.with_suffix(".new")
        torch.save({**{name: part.state_dict() for name, part in self._parts.items()}, "step": self.step}, new)
        new.replace(path)

    def load(self, path: Path) -> None:
        """Takes the state that :meth:`save` wrote."""
        saved = torch.load(path, weights_only=True)
        for name, part in self._parts.items():
            part.load_state_dict(saved[name])
        self.step = saved["step"]

    @property
    def _parts(self) -> dict[str, Any]:
        parts = {"model": self.model, "average": self.average, "optimizer": self.optimizer}
        return parts if self.adversary is None else {**parts, "adversary": self.adversary}


def train(
    files: list[File],
    size: Architecture,
    steps: int,
    seed: int,
    path: Path | None = None,
    every: int = CHECKPOINT,
    *,
    terms: tuple[Term, ...] = OBJECTIVES["ssimulacra2"],
    start: Path | None = None,
    rate: float = 1.0,
    adversary: Adversary | None = None,
    squared: float = 1.0,
    batch: int = BATCH,
) -> Restoration:
    """Trains the network, on from the checkpoint if there is one.

    Args:
        files: to draw from.
        size: of the network.
        steps: of the whole training.
        seed: of weights and draws.
        path: of the checkpoint.
        every: steps from one checkpoint, and line of output, to the next.
        terms: of the loss, beside the squared error.
        start: weights file that the network starts from; None for random weights.
        rate: factor of the learning rates.
        adversary: to learn against; None for none.
        squared: weight of the squared error.
        batch: crops in a step.

    Returns:
        The network with the averaged weights.
    """
    torch.manual_seed(seed)
    model = Restoration(size)
    if start is not None:
        model.fill(unpack(start.read_bytes(), str(start)))
    state = Checkpoint(model, copy.deepcopy(model), Optimizer(model), adversary=adversary)
    if path is not None and path.exists():
        state.load(path)
    sample, seen, began = Sampler(files, seed + state.step, batch), np.zeros((0, 3 + len(terms))), time.perf_counter()
    names = " ".join(term.name for term in terms)
    while state.step < steps:
        part = rate * schedule(state.step, steps)
        seen = np.concatenate([seen, _step(model, sample(), state.optimizer, part, terms, adversary, squared)])
        state.step += 1
        _average(state)
        if state.step % every == 0 or state.step == steps:
            errors = " ".join(f"{error:.3f}" for error in np.nanmean(seen, 0))
            took = f"{time.perf_counter() - began:.0f} s"
            print(
                f"  step {state.step}/{steps}: error of Y Cb Cr {names} {errors} of the plain decoder's, {took}",
                flush=True,
            )
            seen = seen[:0]
            if path is not None:
                state.save(path)
    return state.average


def _average(state: Checkpoint) -> None:
    share = min(AVERAGE, state.step / (state.step + 9))
    with torch.no_grad():
        for kept, new in zip(state.average.parameters(), state.model.parameters(), strict=True):
            kept.lerp_(new, 1 - share)


def _step(
    model: nn.Module,
    batch: Batch,
    optimizer: Optimizer,
    part: float,
    terms: tuple[Term, ...],
    adversary: Adversary | None = None,
    squared: float = 1.0,
) -> NDArray[np.float64]:
    """Takes one step; returns the relative errors of Y, Cb, Cr and by the terms, (1, 3 + terms), NaN where none is."""
    with torch.no_grad():
        coefficients, planes = plain(batch)
    restored = restore(model, batch, coefficients, planes)
    seen, loss = _errors(restored, planes, batch.target, terms, squared)
    if adversary is None or batch.sampling is None:
        optimizer.step(loss, part)
    else:
        optimizer.step(adversary.joined(loss, batch, planes, restored), part)
        adversary.step(batch, planes, restored)
    return seen[None]


def _errors(
    restored: Tensor, planes: Tensor, target: Tensor, terms: tuple[Term, ...], squared: float = 1.0
) -> tuple[NDArray[np.float64], Tensor]:
    """The relative errors, (3 + terms,), NaN where none is, and the loss."""
    relative = losses(restored, planes, target)
    count = relative.shape[1]
    loss = squared * (relative * torch.tensor([1.0, CHROMA, CHROMA])[:count]).sum(1).mean()
    seen = np.full(3 + len(terms), np.nan)
    seen[:count] = relative.detach().mean(0).numpy()
    if count == 3:
        for place, term in enumerate(terms):
            distance = relative_distance(term, *(x[:PERCEIVED] for x in (restored, planes, target)))
            loss = loss + term.weight * distance
            seen[3 + place] = float(distance.detach())
    return seen, loss


def evaluate(model: Restoration, files: list[File], terms: tuple[Term, ...], batches: int = 60) -> NDArray[np.float64]:
    """Computes the mean relative errors on files that are held back, always on the same crops.

    Returns:
        Errors of Y, Cb, Cr and by the terms, (batches, 3 + terms), NaN where none is.
    """
    sample, rows = Sampler(files, SEED), []
    for _ in range(batches):
        batch = sample()
        with torch.no_grad():
            coefficients, planes = plain(batch)
            rows.append(_errors(restore(model, batch, coefficients, planes), planes, batch.target, terms)[0])
    return np.stack(rows)


def main() -> None:
    """Makes the files, trains, writes the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("out", type=Path, help="weights file to write")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="restore", help="which network")
    parser.add_argument("--objective", choices=list(OBJECTIVES), default="ssimulacra2", help="beside squared error")
    parser.add_argument(
        "--adversarial", type=float, default=0.0, metavar="SHARE", help="learn also against a discriminator"
    )
    parser.add_argument(
        "--squared", type=float, default=1.0, metavar="WEIGHT", help="of the squared error (default: 1)"
    )
    parser.add_argument("--batch", type=int, default=BATCH, metavar="N", help=f"crops in a step (default: {BATCH})")
    parser.add_argument("--start", type=Path, help="weights file to start from (default: random weights)")
    parser.add_argument("--rate", type=float, default=1.0, help="factor of the learning rates (default: 1)")
    parser.add_argument("--held-back", type=int, metavar="N", help="measure every N-th photograph instead of training")
    parser.add_argument("--most-bpp", type=float, default=math.inf, help="leave larger files out")
    parser.add_argument("--cache", type=Path, help="folder of the files and the checkpoints")
    parser.add_argument("--steps", type=int, default=45_000)
    parser.add_argument("--count", type=int, help="about how many photographs; all by default")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--every", type=int, default=CHECKPOINT, help="steps from one checkpoint to the next")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    files, held_back = _files(args)
    print(f"  {len(files)} files, {len(held_back)} held back", flush=True)
    name = args.preset if args.objective == "ssimulacra2" else f"{args.preset}-{args.objective}"
    name += "-adversarial" if args.adversarial else ""
    torch.manual_seed(args.seed)  # of the adversary
    checkpoint = args.cache / f"{name}.pt" if args.cache else None
    model = train(
        files, PRESETS[args.preset], args.steps, args.seed, checkpoint, args.every,
        terms=OBJECTIVES[args.objective], start=args.start, rate=args.rate,
        adversary=Adversary(args.adversarial) if args.adversarial else None, squared=args.squared, batch=args.batch,
    )  # fmt: skip
    data = pack_half(model)
    if held_back:
        errors = " ".join(f"{x:.4f}" for x in np.nanmean(evaluate(model, held_back, OBJECTIVES[args.objective]), 0))
        print(f"held back: {errors} of the plain decoder's")
    write(str(args.out.absolute()), data)
    print(f"{args.out}: {len(data)} bytes, sha256 {sha256(data).hexdigest()}")
    print(f"largest difference of the outputs from those of Keras: {difference(model, PRESETS[args.preset]):.1e}")


def _files(args: argparse.Namespace) -> tuple[list[File], list[File]]:
    """The files to train on, and those of every ``args.held_back``-th photograph, as the command line asks."""
    coded = cached(args.cache, f"coded-{args.seed}-{args.count}", lambda: make(args.data, args.seed, args.count))
    coded = [below(item, args.most_bpp) for item in coded]
    files, counts = read(coded), [len(item.files) for item in coded]
    if PRESETS[args.preset].classes:
        maps = cached(args.cache, f"classes-{args.seed}-{args.count}-{args.most_bpp}", lambda: class_maps(coded))
        files = [replace(file, classes=known) for file, known in zip(files, maps, strict=True)]
    rest = np.repeat(np.arange(len(coded)) % args.held_back if args.held_back else np.ones(len(coded)), counts)
    parts = [[file for file, kept in zip(files, rest, strict=True) if bool(kept) == wanted] for wanted in (True, False)]
    return parts[0], parts[1]


def below(item: Coded, bpp: float) -> Coded:
    """A photograph with the files of at most so many bits per pixel."""
    height, width = item.original.rgb.shape[:2]
    files = [(name, jpeg) for name, jpeg in item.files if 8 * len(jpeg) <= bpp * height * width]
    return replace(item, files=files)


def pack_half(model: Restoration) -> bytes:
    """Rounds the weights to float16, in place, and returns them as a weights file.

    Raises:
        OverflowError: a weight is too large for float16, or no number.
    """
    arrays = model.half().float().arrays()
    if bad := [name for name, array in arrays.items() if not np.isfinite(array).all()]:
        raise OverflowError(f"all weights must be finite in float16, got others in {', '.join(bad)}")
    return pack(WeightsFile(arrays))


if __name__ == "__main__":
    main()
