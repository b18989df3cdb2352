"""What decoders gain over plain decoding of the same file: files, scores, and what a gain is in bytes.

Files are named by rows: ``pillow-30`` is Pillow's 4:2:0 file at quality 30; ``mozjpeg-0.5``, ``jpegli-0.5``,
``ours-0.5`` (default map) and ``off-0.5`` (no map) have so many bits per pixel. Files and scores are kept in a folder.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from PIL import Image

from ..errors import OptionError
from ..io import write
from ..metrics import Ssimulacra2, psnr
from ..metrics.arrays import Pixels
from ..metrics.quality import psnr_chroma
from .codecs import find_codec
from .comparison import load, match_size
from .decoders import OURS, find_decoder

__all__ = ["QUALITIES", "Measured", "Photograph", "Row", "Scores", "Store", "measure", "size_at"]

#: Encoders by the first part of a row's name; pillow is called directly.
_CODECS: Final = {"mozjpeg": "mozjpeg", "jpegli": "jpegli", "ours": "saliency_jpeg", "off": "saliency_jpeg-off"}
QUALITIES: Final = (10, 20, 30, 40, 50, 75, 90, 95)
#: Plain decoding is measured at these values to tell what a gain is in bytes.
_LADDERS: Final = {"pillow": (*QUALITIES, 60, 85), **dict.fromkeys(_CODECS, (0.3, 0.4, 0.5, 0.6, 0.75, 1.0, 1.3))}


class Row(NamedTuple):
    """One kind of file: an encoder's, at a quality (pillow) or at bits per pixel."""

    kind: str
    value: float

    @classmethod
    def parse(cls, text: str) -> Row:
        """Reads ``pillow-30`` or ``ours-0.5``.

        Raises:
            OptionError: there is no such encoder, or no positive number behind it.
        """
        kind, _, value = text.partition("-")
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if kind not in _LADDERS or not number > 0 or (kind == "pillow" and number not in range(1, 101)):
            known = ", ".join(_LADDERS)
            raise OptionError(f"a row is one of {known} with a number, as in pillow-30 or off-0.5, got {text!r}")
        return cls(kind, number)

    def __str__(self) -> str:
        return f"{self.kind}-{self.value:g}"


class Scores(NamedTuple):
    """PSNR of luma and of chroma in dB, and SSIMULACRA2."""

    luma: float
    chroma: float
    ssimulacra2: float

    def above(self, other: Scores) -> Scores:
        """Returns the gains over another decoding."""
        return Scores(*(a - b for a, b in zip(self, other, strict=True)))


class Photograph:
    """An original and its measurements.

    Attributes:
        name: of its file, without suffix.
        pixels: uint8 (H, W, 3).
        key: tells it from others of the same name.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self.pixels: Pixels = load(path)[0]
        self.key = f"{path.stem}-{hashlib.sha256(self.pixels.tobytes()).hexdigest()[:8]}"

    @cached_property
    def _ssimulacra2(self) -> Ssimulacra2:
        return Ssimulacra2(self.pixels)

    def scores(self, decoded: Pixels) -> Scores:
        """Measures a decoded file."""
        pair = self.pixels, decoded
        return Scores(psnr(*pair), psnr_chroma(*pair), self._ssimulacra2.score(decoded))

    def encode(self, row: Row) -> bytes:
        """Makes the file of a row."""
        if row.kind == "pillow":
            file = io.BytesIO()
            Image.fromarray(self.pixels).save(file, "JPEG", quality=int(row.value), subsampling="4:2:0")
            return file.getvalue()
        size = row.value * self.pixels[..., 0].size / 8
        return match_size(find_codec(_CODECS[row.kind]), self.pixels, size).jpeg


class Store:
    """Files and scores in a folder; a run that was interrupted goes on from there.

    Args:
        folder: made if it does not exist.
        label: names the weights of this library's decoders. Without one their scores are kept in memory alone.
    """

    def __init__(self, folder: Path, label: str | None = None) -> None:
        self._folder, self._label = folder, label
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "scores.jsonl"
        self._known = {str(key): Scores(*values) for key, *values in map(json.loads, _whole_lines(self._log))}

    def file(self, photograph: Photograph, row: Row) -> bytes:
        """Returns the file of a row, made once."""
        path = self._folder / str(row) / f"{photograph.key}.jpg"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            write(str(path), photograph.encode(row))
        return path.read_bytes()

    def scores(self, photograph: Photograph, jpeg: bytes, name: str) -> Scores:
        """Returns what a file scores by a decoder."""
        is_ours = name.split("+")[0] in OURS
        key = f"{hashlib.sha256(jpeg).hexdigest()[:24]} {photograph.key} {name} {self._label if is_ours else ''}"
        if key not in self._known:
            self._known[key] = photograph.scores(find_decoder(name)(jpeg))
            if self._label or not is_ours:
                with self._log.open("a") as log:
                    log.write(json.dumps([key, *self._known[key]]) + "\n")
        return self._known[key]


def _whole_lines(log: Path) -> list[str]:
    """The lines of a log. A last one that was not written whole is cut off, so that the next does not go on in it."""
    data = log.read_bytes() if log.exists() else b""
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        os.truncate(log, len(whole))
    return whole.decode().splitlines()


class Measured(NamedTuple):
    """One file by one decoder.

    Attributes:
        row: what file it is.
        decoder: by name.
        photograph: by name.
        gains: over plain decoding.
        saved: by what share the file is smaller than one that scores as high decoded plainly; NaN where not asked for.
    """

    row: Row
    decoder: str
    photograph: str
    gains: Scores
    saved: float


def measure(
    photograph: Photograph, rows: Sequence[Row], decoders: Sequence[str], store: Store, in_bytes: Collection[str] = ()
) -> Iterator[Measured]:
    """Measures one photograph by all rows and decoders.

    Args:
        photograph: the original.
        rows: files to make.
        decoders: names; see :mod:`.decoders`.
        store: of files and scores.
        in_bytes: encoders, by the first part of a row's name, for which gains are told in bytes too.

    Yields:
        Row by row, decoder by decoder.
    """
    ladders = {kind: _plain_ladder(photograph, kind, store) for kind in {row.kind for row in rows} & {*in_bytes}}
    for row in rows:
        jpeg = store.file(photograph, row)
        plain = store.scores(photograph, jpeg, "plain")
        for name in decoders:
            scores = store.scores(photograph, jpeg, name)
            saved = 1 - len(jpeg) / size_at(scores.ssimulacra2, ladders.get(row.kind, []))
            yield Measured(row, name, photograph.name, scores.above(plain), saved)


def _plain_ladder(photograph: Photograph, kind: str, store: Store) -> list[tuple[float, float]]:
    """Returns SSIMULACRA2 and bytes of an encoder's files, decoded plainly."""
    files = [store.file(photograph, Row(kind, value)) for value in _LADDERS[kind]]
    return sorted((store.scores(photograph, file, "plain").ssimulacra2, len(file)) for file in files)


def size_at(score: float, ladder: Sequence[tuple[float, float]]) -> float:
    """Returns the bytes at which a ladder of (score, bytes) reaches a score, between its steps; NaN outside of it."""
    if not ladder or not ladder[0][0] <= score <= ladder[-1][0]:
        return math.nan
    scores, sizes = zip(*ladder, strict=True)
    return float(np.exp(np.interp(score, scores, np.log(sizes))))
