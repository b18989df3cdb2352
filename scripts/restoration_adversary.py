"""An adversary of restoration: a discriminator at two scales that tells restored pictures from originals.

As in DSSLIC (M. Akbari, J. Liang, J. Han, ICASSP 2019) and pix2pixHD (Wang et al., CVPR 2018): it sees the class map
and the decoded picture beside what the picture that it judges adds to its luma, learns by least squares (LSGAN, Mao et
al., ICCV 2017), and its features of both pictures are brought together. It does not judge what is added to chroma: that
would bring blotches of colour. Restoration stays inside the intervals of the file all the same.
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
MATCHING: Final = 2.0  # weight of the features' distance against the least squares
RATE: Final = 4e-4  # of Adam
ADDED: Final = 8.0  # sample values of what a picture adds to the decoded one that count as 1
WARM_UP: Final = 300  # steps until it counts in full
_WIDTHS: Final = (32, 64, 64)


class Discriminator(nn.Module):  # type: ignore[misc, unused-ignore]  # where PyTorch is not installed
    """Judges patches of 38 pixels: convolutions in steps of two, then a number for each place."""

    def __init__(self) -> None:
        super().__init__()
        before, layers = len(CLASSES) + 3 + 1, []
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
        share: length of its gradient by the restored picture, as a part of that of restoration's own loss. So it
            counts the same whether it tells the pictures apart easily or not.
    """

    def __init__(self, share: float) -> None:
        self.share = share
        self.judges = nn.ModuleList(Discriminator() for _ in range(SCALES))
        self.steps = 0
        self._optimizer = torch.optim.Adam(self.judges.parameters(), lr=RATE, betas=(0.5, 0.99))

    def joined(self, loss: Tensor, batch: Batch, planes: Tensor, restored: Tensor) -> Tensor:
        """Returns a number whose gradient is that of a loss and of :meth:`loss`, at the wanted share.

        Args:
            loss: of the restored picture.
            batch: as for :meth:`loss`.
            planes: likewise.
            restored: likewise.
        """
        (own,) = torch.autograd.grad(loss, restored)
        (added,) = torch.autograd.grad(self.loss(batch, planes, restored), restored)
        factor = self.share * min(1.0, self.steps / WARM_UP) * own.norm() / added.norm().clamp_min(1e-12)
        return (restored * (own + factor * added)).sum()

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
        return total / SCALES

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
        self.steps += 1
        return float(total.detach()) / SCALES

    def _views(self, batch: Batch, planes: Tensor, restored: Tensor) -> Any:
        """Each discriminator with what it sees: class map and decoded picture, restored picture, original."""
        size = planes.shape[2:]
        if batch.classes is None:
            classes = planes.new_zeros((len(planes), len(CLASSES), *size))
        else:
            classes = functional.interpolate(batch.classes, size=size, mode="nearest")
        added = ((x - planes)[:, :1] / ADDED for x in (restored, batch.target))
        parts = [torch.cat([classes, planes / 128 - 1], 1), *added]
        for judge in self.judges:
            yield (judge, *parts)
            parts = [functional.avg_pool2d(part, 2) for part in parts]

    def state_dict(self) -> dict[str, Any]:
        """The state, for a checkpoint."""
        return {"judges": self.judges.state_dict(), "optimizer": self._optimizer.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes the state of a checkpoint."""
        self.judges.load_state_dict(state["judges"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.steps = state["steps"]
