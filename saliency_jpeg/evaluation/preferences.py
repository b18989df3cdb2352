"""What judges of blind pairs preferred: win rates with intervals, and Elo by the model of Bradley and Terry."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..io import read
from .bdrate import Interval

__all__ = [
    "Choice",
    "Key",
    "KeyPair",
    "Record",
    "Verdict",
    "agreement",
    "elo",
    "left_rate",
    "read_answers",
    "read_key",
    "verdicts",
    "wilson",
]

Choice = Literal["left", "right", "same"]

_RESAMPLES: Final = 2000
_Z: Final = 1.959964  # of a normal distribution's central 95 %
_ITERATIONS: Final = 2000
_CONVERGED: Final = 1e-9  # relative change of a strength
_NOT_OF_THIS_KIND: Final = (ValueError, KeyError, TypeError, OverflowError, RecursionError)  # of a file of any shape


class KeyPair(NamedTuple):
    """A pair of the key: size in bits per pixel and the names of the codecs."""

    target_bpp: float
    left: str
    right: str


@dataclass(frozen=True)
class Key:
    """The key of a set of pairs.

    Attributes:
        set: name of the set; answers carry it too.
        codecs: names, the first is the one that met the others.
        pairs: by number.
    """

    set: str
    codecs: list[str]
    pairs: dict[int, KeyPair]


class Verdict(NamedTuple):
    """How a pair was judged.

    Attributes:
        first: the codec that comes first in the key's list.
        second: the other one.
        target_bpp: size in bits per pixel.
        outcome: 1 if the first was preferred, 0 if the second, 0.5 if neither.
    """

    first: str
    second: str
    target_bpp: float
    outcome: float


class Record(NamedTuple):
    """Pairs that one codec won and lost against another, and those without a difference."""

    won: int
    lost: int
    same: int

    @classmethod
    def of(cls, judged: Iterable[Verdict]) -> Record:
        """Counts verdicts, seen from the first codec."""
        counts = Counter(verdict.outcome for verdict in judged)
        return cls(counts[1.0], counts[0.0], counts[0.5])

    @property
    def win_rate(self) -> Interval:
        """Share of the decided pairs that were won, with Wilson's interval; NaN if none was decided."""
        return wilson(self.won, self.won + self.lost)

    @property
    def ties_as_half(self) -> float:
        """Share of all pairs that were won, where a pair without a difference counts half; NaN without pairs."""
        return (self.won + self.same / 2) / sum(self) if sum(self) else math.nan


# Files --------------------------------------------------------------------------------------------------------------


def read_key(path: Path) -> Key:
    """Reads the key that was written with the pairs.

    Raises:
        InputError: it is no key.
        OSError: the file cannot be read.
    """
    try:
        data = json.loads(read(str(path)))
        pairs = {int(p["pair"]): KeyPair(float(p["bpp"]), str(p["left"]), str(p["right"])) for p in data["pairs"]}
        key = Key(str(data["set"]), [str(name) for name in data["codecs"]], pairs)
        if not all(math.isfinite(pair.target_bpp) for pair in pairs.values()):
            raise ValueError("a size that is no number")
        if len(set(key.codecs)) < len(key.codecs):
            raise ValueError("a codec that is listed twice")
    except _NOT_OF_THIS_KIND as error:
        raise InputError(f"{path}: the key must be the JSON file that 'duel make' writes, got {error!r}") from error
    if unknown := {name for pair in pairs.values() for name in pair[1:]} - set(key.codecs):
        raise InputError(f"{path}: all codecs of the pairs must be in the key's list, got {', '.join(sorted(unknown))}")
    return key


def read_answers(path: Path, key: Key) -> dict[int, Choice]:
    """Reads the answers of one judge: JSON as the page writes it, or CSV with the columns ``pair`` and ``choice``.

    Returns:
        Choices by number of the pair.

    Raises:
        InputError: the file is neither, belongs to another set of pairs, or has an unknown pair or choice.
        OSError: the file cannot be read.
    """
    try:
        text = read(str(path)).decode("utf-8-sig")
        is_json = text.lstrip().startswith("{")
        data = json.loads(text) if is_json else None
        rows = data["answers"] if data else csv.DictReader(io.StringIO(text, None), skipinitialspace=True)
        answers = [(int(row["pair"]), str(row["choice"]).strip().lower()) for row in rows]
    except (*_NOT_OF_THIS_KIND, csv.Error) as error:
        raise InputError(f"{path}: answers must be JSON of the page or CSV with pair,choice, got {error!r}") from error
    if data and data.get("set") != key.set:
        raise InputError(f"{path}: the answers must be to the pairs of the key, set {key.set}, got {data.get('set')!r}")
    chosen: dict[int, Choice] = {}
    for number, choice in answers:
        if number not in key.pairs or number in chosen:
            raise InputError(f"{path}: each pair of the key may be answered once, got pair {number}")
        chosen[number] = _as_choice(choice, path, number)
    return chosen


def _as_choice(text: str, path: Path, number: int) -> Choice:
    for choice in get_args(Choice):
        if text == choice:
            return choice  # type: ignore[no-any-return]
    raise InputError(f"{path}: the choice must be left, right or same, got {text!r} for pair {number}")


# Counting -----------------------------------------------------------------------------------------------------------


def verdicts(key: Key, answers: Sequence[Mapping[int, Choice]]) -> list[Verdict]:
    """Returns one verdict for each pair that was answered: what more judges preferred; "same" where they are equal.

    Several judges of a pair do not see several pictures, so they count as one verdict and narrow no interval.

    Args:
        key: of the set.
        answers: of each judge.
    """
    found = []
    for number, pair in sorted(key.pairs.items()):
        votes = Counter(chosen[number] for chosen in answers if number in chosen)
        if votes:
            first, second = sorted((pair.left, pair.right), key=key.codecs.index)
            balance = np.sign(votes["left"] - votes["right"]) * (1 if first == pair.left else -1)
            found.append(Verdict(first, second, pair.target_bpp, float(0.5 + 0.5 * balance)))
    return found


def agreement(answers: Sequence[Mapping[int, Choice]]) -> tuple[int, int]:
    """Returns on how many pairs judges who both preferred a side preferred the same one, and how many they decided.

    Every two judges of a pair count.
    """
    agreed = decided = 0
    for i, one in enumerate(answers):
        for other in answers[i + 1 :]:
            both = [n for n in one.keys() & other.keys() if "same" not in (one[n], other[n])]
            decided += len(both)
            agreed += sum(one[n] == other[n] for n in both)
    return agreed, decided


def left_rate(chosen: Mapping[int, Choice]) -> Interval:
    """Returns how often a judge who chose a side chose the left one, with Wilson's interval; about half is expected."""
    left, right = (sum(choice == side for choice in chosen.values()) for side in ("left", "right"))
    return wilson(left, left + right)


def wilson(won: int, decided: int) -> Interval:
    """Returns a share with its 95 % interval by Wilson's score method (E. B. Wilson, JASA 22, 1927).

    Args:
        won: successes.
        decided: trials; of none the share is NaN and the interval from 0 to 1.
    """
    if not decided:
        return Interval(math.nan, 0.0, 1.0)
    share, spread = won / decided, _Z**2 / decided
    centre = (share + spread / 2) / (1 + spread)
    half = math.sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    return Interval(share, max(centre - half, 0.0), min(centre + half, 1.0))


# Elo ----------------------------------------------------------------------------------------------------------------


def elo(judged: Sequence[Verdict], codecs: Sequence[str], seed: int = 0) -> dict[str, Interval]:
    """Returns the Elo of codecs against the first one, with 95 % bootstrap intervals.

    R. A. Bradley, M. E. Terry, Biometrika 39, 1952; 400 points are odds of ten to one. A pair without a difference is
    half a win for both. One such pair is added between every two codecs that met, so that a codec that won all its
    pairs has a finite Elo.

    Args:
        judged: verdicts, of one size or of all.
        codecs: names in order; those without a verdict are left out.
        seed: of the bootstrap, which draws anew from the verdicts of every two codecs.
    """
    names = [name for name in codecs if any(name in verdict[:2] for verdict in judged)]
    if not names:
        return {}
    wins = np.zeros((1 + _RESAMPLES, len(names), len(names)))
    rng = np.random.default_rng(seed)
    for first, second in sorted({verdict[:2] for verdict in judged}, key=lambda pair: [*map(names.index, pair)]):
        record = np.array(Record.of(v for v in judged if v[:2] == (first, second)))
        drawn = np.vstack([record, rng.multinomial(record.sum(), record / record.sum(), _RESAMPLES)])
        drawn[:, 2] += 1
        i, j = names.index(first), names.index(second)
        wins[:, i, j], wins[:, j, i] = (drawn[:, k] + drawn[:, 2] / 2 for k in (0, 1))
    points = 400 * np.log10(_strengths(wins))
    points -= points[:, :1]
    low, high = np.percentile(points[1:], (2.5, 97.5), axis=0)
    return {name: Interval(float(points[0, i]), float(low[i]), float(high[i])) for i, name in enumerate(names)}


def _strengths(wins: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Strengths (n, codecs) of the likeliest model for (n, codecs, codecs) wins of row over column.

    By minorization-maximization (D. R. Hunter, Annals of Statistics 32, 2004).
    """
    games, total = wins + wins.transpose(0, 2, 1), wins.sum(2)
    strengths = np.ones(wins.shape[:2])
    for _ in range(_ITERATIONS):
        improved = total / (games / (strengths[:, :, None] + strengths[:, None])).sum(2)
        improved /= np.exp(np.log(improved).mean(1, keepdims=True))
        change = float(np.abs(improved / strengths - 1).max())
        strengths = improved
        if change < _CONVERGED:
            break
    return strengths
