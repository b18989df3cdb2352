"""The closed loop: what the decoded picture lacks by perceptual metrics changes how the next pass is quantized.

Each pass quantizes the image with the real trellis and decodes it. :class:`.objective.Objective` says how far it is
from the original and, by its derivatives, which coefficient would have to move in which direction. Near a local optimum
an objective of errors ``e`` looks like ``sum(h e**2)``, whose derivatives are ``g = 2 h e``. So

- ``sum(g e) / sum(2 d e**2)`` over a block, with ``d`` what the trellis takes a squared error for, is the weight that
  the objective gives the block; the weights follow it;
- the same over a frequency says how much finer its step should be; the tables follow it;
- what is left, ``g / 2 h - e``, is a move that the objective asks for beyond a smaller error. The trellis gets
  coefficients that are moved a small part of it. The trellis is then the proximal operator of the rate, and the loop
  proximal gradient descent (Parikh and Boyd 2014) over the levels themselves.

Moves are averages over passes. They stay small, a few hundredths of a step: they decide levels that are nearly as good
as their neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..allocation import block_weights
from ..codec import tables
from ..codec.jpeg import JpegEncoding
from ..codec.parameters import VARIANT_SLOPE
from ..codec.quantizer import Quantized
from ..codec.steps import ShapedSteps, Steps
from ..codec.symbol_costs import SymbolCosts
from .blur import blur
from .decoding import Decoder
from .objective import Objective

__all__ = ["ClosedLoop", "LoopSpeed"]

_Blocks = NDArray[np.float32]
_Grid = NDArray[np.float64]


@dataclass(frozen=True)
class LoopSpeed:
    """How far the loop goes in one pass.

    Attributes:
        weights: share of the way from the last weights to those that the objective asks for.
        most_weight: largest factor on a weight, and its inverse the smallest.
        steps: exponent of the weight of a frequency by which its step becomes finer.
        moves: share of the move of a coefficient that is made.
        average: share of the newest pass in the average of moves; less in long loops.
        dc: factor on the moves of DC.
        most_move: largest move, in steps.
        blur: standard deviation in blocks over which the weight of a block is averaged.
    """

    weights: float = 0.5
    most_weight: float = 4.0
    steps: float = 0.25
    moves: float = 0.1
    average: float = 0.3
    dc: float = 0.5
    most_move: float = 0.3
    blur: float = 1.0


_LEAST: Final = 0.08  # weight of a block, of the median, that counts at least
_LONGEST: Final = 4.0  # move in steps that counts before it is averaged
_MOST_BY_FREQUENCY: Final = 5.0  # weight of a frequency that counts at most
_SPAN: Final = 3.0  # averages of moves take in at least so many parts of the loop
_TINY: Final = 1e-9


class ClosedLoop:
    """Improves the encoding of one image.

    Args:
        objective: what to lower, for the pixels of the image.
        passes: of quantizer and objective.
        speed: how far to go in one pass.
        make_decoder: decoder of the files of an image's size and sampling.
    """

    def __init__(
        self,
        objective: Objective,
        passes: int,
        speed: LoopSpeed | None = None,
        make_decoder: Callable[[tuple[int, int], tuple[int, int]], Decoder] = Decoder,
    ) -> None:
        speed = speed or LoopSpeed()
        self._objective, self._passes, self._make_decoder = objective, passes, make_decoder
        self._speed = replace(speed, average=min(speed.average, _SPAN / passes))

    def refine(self, encoding: JpegEncoding, scale: float, costs: SymbolCosts | None = None) -> JpegEncoding:
        """Returns an encoding of the same image with weights, tables and coefficients that suit the objective better.

        Args:
            encoding: of an image from pixels.
            scale: about that of the file; sizes stay near what it gives at first.
            costs: of symbols at that scale; ``None`` to learn them first.
        """
        state = _State(encoding, self._speed)
        decoder = self._make_decoder(encoding.header.size, encoding.sampling)
        current, first = encoding, 0.0
        for _ in range(self._passes):
            quantized = current.quantize(scale, costs)
            costs = quantized.costs
            derivatives = self._objective.derivatives(decoder.decode(quantized.levels, quantized.tables))
            guiding, moving = (decoder.pull_back(each, len(quantized.levels)) for each in derivatives)
            state.learn(quantized, current.quantizer.steps.at(scale), guiding, moving)
            current = state.encoding()
            first = first or costs.total_bytes()
            scale *= (costs.total_bytes() / first) ** (-1 / VARIANT_SLOPE)
        return current


class _State:
    """What the passes have taught: weights, tables, moves."""

    def __init__(self, encoding: JpegEncoding, speed: LoopSpeed) -> None:
        quantizer = encoding.quantizer
        self._encoding, self._speed, self._tuning = encoding, speed, quantizer.tuning
        self._components = quantizer.coefficients.components
        self._weights = quantizer.lmbda / quantizer.block_lambda[0].astype(np.float64)
        plain = block_weights(None, quantizer.coefficients.statistics, tuning=quantizer.tuning)
        self._masking = _centred(np.log(plain.astype(np.float64)))
        self._map = _centred(np.log(self._weights)) - self._masking  # what a map adds to them
        self._growth = np.zeros_like(self._weights)
        self._by_frequency = np.zeros((len(self._components), 64))
        self._moves = [np.zeros_like(each) for each in self._components]  # in steps
        self._tables = np.ones((len(self._components), 64), np.float32)

    def learn(self, quantized: Quantized, steps: Steps, guiding: Sequence[_Blocks], moving: Sequence[_Blocks]) -> None:
        """Takes the derivatives of one pass, by the coefficients."""
        sensitivity = tables.sensitivity(steps.ideal, self._tuning, steps.tables)
        self._tables = steps.tables.astype(np.float32)
        errors, curvatures, wanted = [], [], []
        for i, (levels, original) in enumerate(zip(quantized.levels, self._components, strict=True)):
            error = levels * self._tables[i] - original
            curvature = (2 * sensitivity[i] / self._tables[i] ** 2).astype(np.float32)  # as the trellis has it
            effect, expected = guiding[i] * error, curvature * error**2
            weights = self._block_weights(effect.sum(-1), expected.sum(-1), self._speed.blur + min(i, 1))
            wanted.append(_by_frequency(effect, expected, weights))
            if i == 0:
                self._learn_weights(weights)
            errors.append(error)
            curvatures.append(weights[..., None].astype(np.float32) * curvature)
        self._by_frequency += self._speed.weights * (np.array(wanted) - self._by_frequency)
        self._learn_moves(errors, curvatures, guiding, moving)

    def encoding(self) -> JpegEncoding:
        """Returns the encoding that follows."""
        quantizer, coefficients = self._encoding.quantizer, self._encoding.quantizer.coefficients
        weights = self._weights * np.exp(self._growth)
        weights = (weights * (self._weights.mean() / weights.mean())).astype(np.float32)
        steps = ShapedSteps(quantizer.steps, np.exp(-self._speed.steps * self._by_frequency))
        moved = replace(coefficients, offsets=self._offsets())
        changed = replace(quantizer, steps=steps, coefficients=moved).with_weights(weights)
        return replace(self._encoding, quantizer=changed)

    def _block_weights(self, effect: NDArray[np.float32], expected: NDArray[np.float32], deviation: float) -> _Grid:
        ratio = blur(effect, deviation) / np.maximum(blur(expected, deviation), _TINY)
        return np.maximum(ratio, max(_LEAST * float(np.median(ratio)), _TINY))

    def _learn_weights(self, weights: _Grid) -> None:
        """The weights follow, but not against the map: its background has larger errors, which weigh more."""
        most = math.log(self._speed.most_weight)
        growth = np.clip(_centred(np.log(weights)) - self._masking, -most, most)
        growth -= _slope(growth, self._map) * self._map
        self._growth += self._speed.weights * (growth - self._growth)

    def _learn_moves(
        self,
        errors: Sequence[_Blocks],
        curvatures: Sequence[_Blocks],
        guiding: Sequence[_Blocks],
        moving: Sequence[_Blocks],
    ) -> None:
        """Averages what the derivatives ask for beyond smaller errors."""
        expected = sum(_dot(c * e, e) for c, e in zip(curvatures, errors, strict=True))
        share = sum(map(_dot, moving, errors)) / max(expected, _TINY)  # of the curvature that ``moving`` has on average
        newest = np.float32(self._speed.average)
        for i, (error, curvature) in enumerate(zip(errors, curvatures, strict=True)):
            excess = guiding[i] / curvature - error
            if share > 0:
                excess += moving[i] / (np.float32(share) * curvature) - error
            excess = np.clip(excess / self._tables[i], -_LONGEST, _LONGEST)
            self._moves[i] -= newest * (self._moves[i] + excess)

    def _offsets(self) -> tuple[_Blocks, ...]:
        share, most = np.float32(self._speed.moves), self._speed.most_move
        offsets = [
            np.clip(share * each, -most, most) * table for each, table in zip(self._moves, self._tables, strict=True)
        ]
        for each in offsets:
            each[..., 0] *= np.float32(self._speed.dc)
        return tuple(offsets)


def _dot(a: _Blocks, b: _Blocks) -> float:
    return float(np.sum(a * b, dtype=np.float64))


def _centred(logarithms: _Grid) -> _Grid:
    return np.asarray(logarithms - logarithms.mean())


def _slope(values: _Grid, by: _Grid) -> float:
    """The slope of the regression line of values; 0 where there is nothing that they could follow."""
    spread = float((by**2).sum())
    return float((values * by).sum()) / spread if spread > _TINY * by.size else 0.0


def _by_frequency(effect: _Blocks, expected: _Blocks, weights: _Grid) -> _Grid:
    """Returns the logarithm of the weight of each frequency, averaged over its neighbours."""
    near = _nearness()
    wanted = near @ effect.sum((0, 1), np.float64)
    have = near @ (expected * weights[..., None]).sum((0, 1), np.float64)
    return np.asarray(np.log(np.clip(wanted / np.maximum(have, _TINY), 1 / _MOST_BY_FREQUENCY, _MOST_BY_FREQUENCY)))


@cache
def _nearness() -> _Grid:
    """(64, 64): how much the frequencies count for each other, by their distance from DC."""
    radius = np.hypot(*np.meshgrid(np.arange(8), np.arange(8))).ravel()
    return np.asarray(np.exp(-((radius[:, None] - radius) ** 2) / 2))
