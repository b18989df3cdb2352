"""An adversary of restoration: a discriminator at two scales that tells restored pictures from originals.

As in DSSLIC (M. Akbari, J. Liang, J. Han, ICASSP 2019) and pix2pixHD (Wang et al., CVPR 2018): it sees the class map
and the decoded picture beside the picture that it judges, learns by least squares (LSGAN, Mao et al., ICCV 2017), and
its features of both pictures are brought together. Restoration stays inside the intervals of the file all the same.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from restoration_samples import Batch
from torch import Tensor, nn
from torch.nn import functional

from saliency_jpeg.enhance.semantic_network import CLASSES

__all__ = ["Adversary", "Discriminator"]

SCALES: Final = 2
MATCHING: Final = 10.0  # weight of the features' distance against the least squares
RATE: Final = 2e-4  # of Adam
_WIDTHS: Final = (32, 64, 64)


class Discriminator(nn.Module):  # type: ignore[misc, unused-ignore]  # where PyTorch is not installed
    """Judges patches of 38 pixels: convolutions in steps of two, then a number for each place."""

    def __init__(self) -> None:
        super().__init__()
        before, layers = len(CLASSES) + 6, []
        for index, width in enumerate(_WIDTHS):
            layers.append(nn.Conv2d(before, width, 4, 2 if index < 2 else 1, 1))
            before = width
        self.layers, self.last = nn.ModuleList(layers), nn.Conv2d(before, 1, 4, 1, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Computes the features of each layer and the judgement, last."""
        found = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
            found.append(x)
        return [*found, self.last(x)]


class Adversary:
    """The discriminators of all scales with their optimizer.

    Args:
        weight: of the loss that it adds to restoration's.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self.judges = nn.ModuleList(Discriminator() for _ in range(SCALES))
        self._optimizer = torch.optim.Adam(self.judges.parameters(), lr=RATE, betas=(0.5, 0.99))

    def loss(self, batch: Batch, planes: Tensor, restored: Tensor) -> Tensor:
        """Computes what restored pictures are told apart by: a number.

        Args:
            batch: with the originals and, where there are any, the class maps.
            planes: of the plain decoder, (n, 3, h, w), 0 to 255.
            restored: likewise.
        """
        total = torch.zeros(())
        for judge, there, fake, real in self._views(batch, planes, restored):
            given = judge(torch.cat([there, fake], 1))
            with torch.no_grad():
                wanted = judge(torch.cat([there, real], 1))
            total = total + (given[-1] - 1).square().mean()
            distances = [(a - b).abs().mean() for a, b in zip(given[:-1], wanted[:-1], strict=True)]
            total = total + MATCHING * torch.stack(distances).mean()
        return self.weight * total / SCALES

    def step(self, batch: Batch, planes: Tensor, restored: Tensor) -> float:
        """Teaches the discriminators by a batch, arguments as for :meth:`loss`; returns their loss, 0.5 at first."""
        total = torch.zeros(())
        for judge, there, fake, real in self._views(batch, planes, restored.detach()):
            answers = (judge(torch.cat([there, part], 1))[-1] for part in (fake, real))
            total = (
                total + sum((answer - goal).square().mean() for answer, goal in zip(answers, (0, 1), strict=True)) / 2
            )
        self._optimizer.zero_grad()
        total.backward()
        self._optimizer.step()
        return float(total.detach()) / SCALES

    def _views(self, batch: Batch, planes: Tensor, restored: Tensor) -> Any:
        """Each discriminator with what it sees: class map and decoded picture, restored picture, original."""
        size = planes.shape[2:]
        if batch.classes is None:
            classes = planes.new_zeros((len(planes), len(CLASSES), *size))
        else:
            classes = functional.interpolate(batch.classes, size=size, mode="nearest")
        parts = [torch.cat([classes, planes / 128 - 1], 1), restored / 128 - 1, batch.target / 128 - 1]
        for judge in self.judges:
            yield (judge, *parts)
            parts = [functional.avg_pool2d(part, 2) for part in parts]

    def state_dict(self) -> dict[str, Any]:
        """The state, for a checkpoint."""
        return {"judges": self.judges.state_dict(), "optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes the state of a checkpoint."""
        self.judges.load_state_dict(state["judges"])
        self._optimizer.load_state_dict(state["optimizer"])
