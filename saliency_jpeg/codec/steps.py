"""Step policies: which quantization steps a scale stands for.

The encoder's own tables at a scale (:class:`TunedSteps`), tables of the caller (:class:`GivenSteps`), or those of a
file that is encoded again, where they are close (:class:`KeptSteps`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from . import tables
from .parameters import KEEP_TABLE_BELOW, Tuning

__all__ = ["GivenSteps", "KeptSteps", "ShapedSteps", "StepPolicy", "Steps", "TunedSteps"]


class Steps(NamedTuple):
    """Quantization steps at a scale, natural order.

    Attributes:
        ideal: float64 (components, 64), the real steps that are wanted.
        tables: uint16 (components, 64), the integer steps of the file.
    """

    ideal: NDArray[np.float64]
    tables: NDArray[np.uint16]


class StepPolicy(Protocol):
    """Chooses the steps for a scale."""

    def at(self, scale: float) -> Steps:
        """Returns the steps at a scale above 0; larger scales give coarser steps."""
        ...

    def with_rounding(self, rounding: float) -> StepPolicy:
        """Returns the policy with other offsets, 0 to 1, by which real steps become integers."""
        ...


@dataclass(frozen=True)
class TunedSteps:
    """The tables of a tuning, see :func:`.tables.ideal_steps`.

    Attributes:
        tuning: shape of the tables.
        components: 1 or 3.
        rounding: see :func:`.tables.to_table`.
    """

    tuning: Tuning
    components: int
    rounding: float = 0.0

    def at(self, scale: float) -> Steps:
        """Returns the steps at a scale."""
        ideal = tables.ideal_steps(scale, self.tuning)[: self.components]
        return Steps(ideal, tables.to_table(ideal, self.rounding))

    def with_rounding(self, rounding: float) -> TunedSteps:
        """Returns the policy with other rounding offsets."""
        return replace(self, rounding=rounding)


@dataclass(frozen=True, eq=False)
class ShapedSteps:
    """The steps of another policy, each times a factor of its own.

    Attributes:
        policy: the other policy.
        factors: float64 (components, 64), natural order, above 0.
    """

    policy: StepPolicy
    factors: NDArray[np.float64]

    def at(self, scale: float) -> Steps:
        """Returns the steps at a scale; they fit into 8 bits where those of the policy do."""
        steps = self.policy.at(scale)
        ideal = np.clip(steps.ideal * self.factors, 1, 255 if steps.tables.max() <= 255 else 65535)
        return Steps(ideal, np.rint(ideal).astype(np.uint16))

    def with_rounding(self, rounding: float) -> ShapedSteps:
        """Returns the policy with other rounding offsets of the other policy."""
        return replace(self, policy=self.policy.with_rounding(rounding))


@dataclass(frozen=True, eq=False)
class GivenSteps:
    """Tables of the caller times the scale.

    Attributes:
        tables: uint16 (components, 64), steps from 1. Where all fit into 8 bits, scaled ones do too.
    """

    tables: NDArray[np.uint16]

    def at(self, scale: float) -> Steps:
        """Returns the steps at a scale; at 1 the tables as they are."""
        ideal = np.clip(self.tables * scale, 1, 255 if self.tables.max() <= 255 else 65535)
        return Steps(ideal, np.rint(ideal).astype(np.uint16))

    def with_rounding(self, rounding: float) -> GivenSteps:
        """Returns the policy itself: tables of the caller are rounded to the nearest."""
        return self


@dataclass(frozen=True, eq=False)
class KeptSteps:
    """The tables of a file, wherever the wanted step is not much larger than the one in the file.

    The coefficients of such a file lie on a grid. Quantized with steps a little larger than those of the grid, most of
    them move and few become cheaper. So a step of the file stays while the wanted one is less than ``below`` times as
    large, and only the levels are decided anew, at the price that the wanted step would set
    (``scripts/measure_recompress.py`` prints what this is worth).

    Attributes:
        wanted: policy for the wanted steps.
        own: uint16 (components, 64), the tables of the file.
        below: ratio of wanted to own step from which a step is replaced.
    """

    wanted: StepPolicy
    own: NDArray[np.uint16]
    below: float = KEEP_TABLE_BELOW

    def at(self, scale: float) -> Steps:
        """Returns the steps at a scale."""
        steps = self.wanted.at(scale)
        return Steps(steps.ideal, np.where(steps.tables < self.below * self.own, self.own, steps.tables))

    def with_rounding(self, rounding: float) -> KeptSteps:
        """Returns the policy with other rounding offsets for the steps that are replaced."""
        return replace(self, wanted=self.wanted.with_rounding(rounding))
