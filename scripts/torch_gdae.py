"""A dense auto-encoder that codes what restoration leaves: original less restored, as a quantized latent.

After Wang, Kamata and Sun, "GDAE + SPRC", 2020: dense blocks of growth 24, stride 8, a latent of 16 channels. Encoder
and decoder both see the restored picture, so the latent tells only what it does not. What the decoder adds goes through
a gate (SPRC): a sigmoid of the decoder's features of the restored picture and of its class map, which the reader
computes itself.

Beside the dense blocks, encoder and decoder have a linear way from pixels to the latent and back. It begins as the low
frequencies of the DCT: without it the latent learned to be 0 before it learned to say anything. Latents are quantized
to integers softly while training and hard when used (Agustsson et al., "Soft-to-hard vector quantization", NIPS 2017);
the chance of each integer, which training alone needs, stands in a table per channel.

For the ablation of the paper, parts can be left out: dense connections, the gate, and the soft quantization, in whose
place derivatives pass rounding as if it were not there, and the rate is read between the table's entries.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import idct
from torch import Tensor, nn
from torch.nn import functional

from saliency_jpeg.codec import _core
from saliency_jpeg.enhance.latent_network import CHANNELS, MOST, SCALE, STRIDE, build_analysis, build_synthesis
from saliency_jpeg.enhance.semantic_network import CLASSES
from saliency_jpeg.saliency.network import get_arrays, set_arrays

__all__ = ["PARTS", "Coded", "Gdae", "difference"]

PARTS: Final = ("dense", "sprc", "soft")  #: what an ablation leaves out
_WIDTH: Final = 48
_GROWTH: Final = 24
_LAYERS: Final = 3
_CHAINED: Final = 40  # channels of layers that do not see all before them: about as many weights
_OPEN: Final = 2.0  # bias of the gate at first
_RARE: Final = 3.0  # of larger integers at first: how much less the log of their chance is
_STEP: Final = 24.0  # of the DCT coefficients that the latent is at first
_SHARE: Final = 0.2  # of the dense blocks in the latent at first, against the usual weights
_PLACES: Final = ((0, 12), (1, 2), (2, 2))  # plane, and how many of its low frequencies the latent is at first


class _Dense(nn.Module):  # type: ignore[misc, unused-ignore]  # where PyTorch is not installed
    """Layers that each see all before them, joined by a 1x1 convolution and added to the input."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(_WIDTH + i * _GROWTH, _GROWTH, 3, padding=1) for i in range(_LAYERS))
        self.join = nn.Conv2d(_WIDTH + _LAYERS * _GROWTH, _WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        seen = x
        for layer in self.layers:
            seen = torch.cat([seen, functional.relu(layer(seen))], 1)
        return x + self.join(seen)


class _Chain(nn.Module):  # type: ignore[misc, unused-ignore]  # where PyTorch is not installed
    """Layers that each see the one before them, added to the input."""

    def __init__(self) -> None:
        super().__init__()
        widths = (_WIDTH, *(_LAYERS - 1) * [_CHAINED], _WIDTH)
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        seen = x
        for layer in self.layers[:-1]:
            seen = functional.relu(layer(seen))
        return x + self.layers[-1](seen)


class Coded(NamedTuple):
    """What becomes of a batch.

    Attributes:
        planes: restored with the latent's help, (n, 3, h, w).
        levels: integers of the latent, (n, channels, h / 8, w / 8).
        bits: estimate by the tables, (n,).
    """

    planes: Tensor
    levels: Tensor
    bits: Tensor


class Gdae(nn.Module):  # type: ignore[misc, unused-ignore]  # where PyTorch is not installed
    """Encoder, quantization, tables and decoder.

    Args:
        without: of :data:`PARTS`, those that it lacks.

    Raises:
        ValueError: there is no such part.
    """

    def __init__(self, without: Collection[str] = ()) -> None:
        super().__init__()
        if not set(without) <= set(PARTS):
            raise ValueError(f"parts must be of {', '.join(PARTS)}, got {', '.join(without)}")
        block = _Chain if "dense" in without else _Dense
        self.is_gated, self.is_soft = "sprc" not in without, "soft" not in without
        self.see = nn.Conv2d(6 * 16, _WIDTH, 3, padding=1)
        self.encode4, self.encode8, self.encode8b = block(), block(), block()
        self.reduce = nn.Conv2d(_WIDTH, _WIDTH, 4, 2, 1)
        self.latent = nn.Conv2d(_WIDTH, CHANNELS, 1)
        self.tables = nn.Parameter(_RARE * -torch.arange(-MOST, MOST + 1.0).abs().repeat(CHANNELS, 1))
        self.known4, self.known8 = nn.Conv2d(3 * 16, _WIDTH, 3, padding=1), nn.Conv2d(_WIDTH, _WIDTH, 4, 2, 1)
        self.enter = nn.Conv2d(CHANNELS, _WIDTH, 3, padding=1)
        self.decode8, self.decode8b, self.decode4 = block(), block(), block()
        self.enlarge = nn.ConvTranspose2d(_WIDTH, _WIDTH, 4, 2, 1)
        self.last = nn.Conv2d(_WIDTH, 3 * 16, 3, padding=1)
        self.direct = nn.Conv2d(3, CHANNELS, STRIDE, STRIDE, bias=False)
        self.back = nn.ConvTranspose2d(CHANNELS, 3, STRIDE, STRIDE, bias=False)
        self.gate = nn.Conv2d(_WIDTH + len(CLASSES), 3 * 16, 1)
        with torch.no_grad():
            self.latent.weight.mul_(_SHARE)
            self.direct.weight.copy_(_low_frequencies() * SCALE / _STEP)
            self.back.weight.copy_(_low_frequencies() * _STEP / SCALE)
        nn.init.zeros_(self.gate.weight)
        nn.init.constant_(self.gate.bias, _OPEN)
        nn.init.normal_(self.last.weight, std=1e-3)
        nn.init.zeros_(self.last.bias)

    def forward(self, original: Tensor, restored: Tensor, classes: Tensor, sharpness: float = 4.0) -> Coded:
        """Codes and decodes a batch.

        Args:
            original: Y, Cb, Cr (n, 3, h, w), 0 to 255, sides multiples of 8.
            restored: likewise.
            classes: of the restored picture in cells of 16 pixels, one-hot, (n, 10, h / 16, w / 16).
            sharpness: of the soft quantization, by which derivatives go.
        """
        z = self.analyse(original, restored)
        hard = self.integers(z)
        quantized, shares = _softly(z, hard, sharpness) if self.is_soft else _straight(z, hard)
        log_chance = torch.log_softmax(self.tables, 1)[None, :, None, None]
        bits = -(shares * log_chance).sum((1, 2, 3, 4)) / np.log(2)
        return Coded(self.synthesise(quantized, restored, classes), hard, bits)

    def analyse(self, original: Tensor, restored: Tensor) -> Tensor:
        """Computes the latent, not yet quantized, (n, channels, h / 8, w / 8)."""
        left = (original - restored) / SCALE
        seen = torch.cat([left, (restored - 128) / 64], 1)
        x = self.encode4(functional.relu(self.see(functional.pixel_unshuffle(seen, 4))))
        return self.direct(left) + self.latent(self.encode8b(self.encode8(functional.relu(self.reduce(x)))))

    def integers(self, z: Tensor) -> Tensor:
        """Rounds a latent."""
        return z.detach().round().clamp(-MOST, MOST)

    def synthesise(self, latent: Tensor, restored: Tensor, classes: Tensor) -> Tensor:
        """Adds what a latent says, through the gate, to the restored planes."""
        known = functional.relu(self.known4(functional.pixel_unshuffle((restored - 128) / 64, 4)))
        x = functional.relu(self.enter(latent) + self.known8(known))
        x = self.decode8b(self.decode8(x))
        x = self.decode4(functional.relu(self.enlarge(x) + known))
        added = self.last(x) + functional.pixel_unshuffle(self.back(latent), 4)
        if not self.is_gated:
            return restored + SCALE * functional.pixel_shuffle(added, 4)
        shown = functional.interpolate(classes, scale_factor=4, mode="bilinear")
        gate = torch.sigmoid(self.gate(torch.cat([known, shown], 1)))
        return restored + SCALE * functional.pixel_shuffle(gate * added, 4)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The weights of :mod:`saliency_jpeg.enhance.latent_network` by ``layer/index``, without the tables."""
        arrays = {}
        for name, layer in self.named_modules():
            if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                continue
            weight = layer.weight.detach().float()
            if name in ("direct", "back"):  # blocks of 8x8 pixels as 2x2 groups of 4x4
                weight = functional.pixel_unshuffle(weight, 4)
            own = name.replace(".layers.", "_").replace(".", "_")
            arrays[f"{own}/0"] = weight.permute(2, 3, 1, 0).contiguous().numpy()
            if layer.bias is not None:
                arrays[f"{own}/1"] = layer.bias.detach().float().numpy()
        return arrays


def difference(model: Gdae) -> float:
    """Returns the largest difference between the outputs in PyTorch and in Keras, for noise."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    from keras import ops

    noise = torch.Generator().manual_seed(0)
    original, restored = (60 * torch.randn((2, 3, 64, 48), generator=noise) + 128 for _ in range(2))
    labels = torch.randint(len(CLASSES), (2, 4, 3), generator=noise)
    classes = functional.one_hot(labels, len(CLASSES)).permute(0, 3, 1, 2).float()
    left, known = (
        functional.pixel_unshuffle(x, STRIDE // 2) for x in ((original - restored) / SCALE, (restored - 128) / 64)
    )
    shown = functional.interpolate(classes, scale_factor=4, mode="bilinear")
    networks, arrays, worst = (build_analysis(), build_synthesis()), model.arrays(), 0.0
    with torch.no_grad():
        z = model.analyse(original, restored)
        added = functional.pixel_unshuffle(model.synthesise(z, restored, classes) - restored, 4) / SCALE
        for network, inputs, ours in zip(networks, ([left, known], [z, known, shown]), (z, added), strict=True):
            set_arrays(network, {key: arrays[key] for key in get_arrays(network)})
            last = [ops.convert_to_tensor(x.permute(0, 2, 3, 1).numpy()) for x in inputs]
            theirs = ops.convert_to_numpy(network(last, training=False))
            worst = max(worst, float(np.abs(ours.permute(0, 2, 3, 1).numpy() - theirs).max()))
    return worst


def _softly(z: Tensor, hard: Tensor, sharpness: float) -> tuple[Tensor, Tensor]:
    """Integers and which they are, one-hot, with the derivatives of a soft choice among all."""
    values = torch.arange(-MOST, MOST + 1.0)
    shares = torch.softmax(-sharpness * (z[..., None] - values).square(), -1)
    soft = (shares * values).sum(-1)
    return soft + (hard - soft).detach(), shares + (_one_hot(hard) - shares).detach()


def _straight(z: Tensor, hard: Tensor) -> tuple[Tensor, Tensor]:
    """Integers and which they are, one-hot, with the derivatives of numbers that are not rounded."""
    z = z.clamp(-MOST, MOST)
    low = z.detach().floor().clamp(-MOST, MOST - 1)
    above = (z - low).clamp(0, 1)[..., None]
    shares = (1 - above) * _one_hot(low) + above * _one_hot(low + 1)
    return z + (hard - z).detach(), shares + (_one_hot(hard) - shares).detach()


def _one_hot(levels: Tensor) -> Tensor:
    return functional.one_hot((levels + MOST).long(), 2 * MOST + 1).float()


def _low_frequencies() -> Tensor:
    """The orthonormal DCT of blocks of 8x8 in the order of the latent, (channels, 3, 8, 8)."""
    basis = torch.from_numpy(idct(np.eye(STRIDE), norm="ortho", axis=1)).float()
    kernels = torch.zeros(CHANNELS, 3, STRIDE, STRIDE)
    places = ((plane, k) for plane, count in _PLACES for k in _core.ZIGZAG[:count])
    for kernel, (plane, k) in zip(kernels, places, strict=True):
        kernel[plane] = torch.outer(basis[k // 8], basis[k % 8])
    return kernels
