"""Decodes files of every mode that the encoder writes with many decoders; prints by how much the pixels differ.

    python tests/conformance/matrix.py [--only NAME ...]     # print
    python tests/conformance/matrix.py --write               # store in docs/conformance.md

The reference is libjpeg-turbo with the integer DCT: as Pillow asks it, with interpolated chroma, and as simplejpeg asks
it with repeated chroma samples. Both are allowed: T.81 does not say how chroma is brought to full size. A decoder that
is not installed has no column.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import adapters
import jpeg_modes
import numpy as np
from adapters import Pixels
from decoders import DECODERS, Decoder, Family
from jpeg_modes import Mode, Size

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"
GENERATED: Final = "<!-- Below this line: python tests/conformance/matrix.py --write -->"
TITLES: Final[dict[Family, str]] = {
    "libjpeg-turbo": "libjpeg-turbo, asked by programs and libraries",
    "libjpeg": "Other branches of libjpeg",
    "own": "Decoders with code of their own",
}


@dataclass(frozen=True)
class File:
    """One file of the matrix, with the pixels that libjpeg-turbo makes of it."""

    mode: Mode
    size: Size
    path: Path
    interpolated: Pixels
    repeated: Pixels


@dataclass(frozen=True)
class Outcome:
    """What one decoder made of one file.

    Attributes:
        interpolated: largest difference in levels from libjpeg-turbo with interpolated chroma; ``None`` if refused.
        repeated: the same from libjpeg-turbo with repeated chroma.
    """

    interpolated: int | None
    repeated: int | None


def make_files(folder: Path, modes: Sequence[Mode]) -> list[File]:
    """Writes the files of all modes into a folder."""
    return [_make_file(folder, mode, size) for mode in modes for size in mode.sizes]


def _make_file(folder: Path, mode: Mode, size: Size) -> File:
    jpeg = mode.jpeg(size)
    path = folder / f"{len(list(folder.iterdir()))}.jpg"
    path.write_bytes(jpeg)
    interpolated, repeated = adapters.pillow(jpeg), adapters.simplejpeg(jpeg, repeat=True)
    return File(mode, size, path, interpolated, repeated.reshape(interpolated.shape))


def ask(decoder: Decoder, files: Sequence[File]) -> list[Outcome]:
    """Decodes all files with one decoder."""
    pictures = decoder.decode([file.path for file in files])
    return [
        Outcome(difference(pixels, file.interpolated), difference(pixels, file.repeated))
        for pixels, file in zip(pictures, files, strict=True)
    ]


def difference(pixels: Pixels | None, reference: Pixels) -> int | None:
    """Largest difference of two pictures in levels; ``None`` where there is none, or one of another size."""
    if pixels is None or pixels.shape[:2] != reference.shape[:2]:
        return None
    gray = pixels.ndim > reference.ndim  # decoded to three equal channels
    wanted = reference[..., None] if gray else reference
    if pixels.ndim < reference.ndim:
        return 255
    return int(np.abs(pixels.astype(int) - wanted).max())


def cell(outcomes: Sequence[Outcome]) -> str:
    """One cell of the table: the worst of several files, each against the reference that it is nearer to."""
    seen = [(o.interpolated, o.repeated) for o in outcomes if o.interpolated is not None and o.repeated is not None]
    refused = len(outcomes) - len(seen)
    if not seen:
        return "refused"
    levels = max(min(pair) for pair in seen)
    text = str(levels) if levels else "="
    if any(repeated < interpolated for interpolated, repeated in seen):
        text += " r"
    return f"{text}, refused {refused} of {len(outcomes)}" if refused else text


# Tables -------------------------------------------------------------------------------------------------------------


Results = dict[str, list[Outcome]]


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table; the first row is its head."""
    head, *others = rows
    rule = ["---", *[":-:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *others])


def decoder_table(decoders: Sequence[Decoder]) -> str:
    """Names, packages and versions of decoders."""
    rows = [(decoder.name, decoder.code, decoder.source, decoder.version()) for decoder in decoders]
    return markdown([("decoder", "code", "package", "version"), *rows]).replace(":-:", "---")


def mode_table(decoders: Sequence[Decoder], files: Sequence[File], results: Results) -> str:
    """One row a mode, one column a decoder."""
    names = list(dict.fromkeys(file.mode.name for file in files))
    rows = [_row(name, [file.mode.name == name for file in files], decoders, results) for name in names]
    return markdown([("mode", *[decoder.name for decoder in decoders]), *rows, *_size_rows(decoders, files, results)])


def _size_rows(decoders: Sequence[Decoder], files: Sequence[File], results: Results) -> Iterator[list[str]]:
    """One row a size, over the modes in gray and YCbCr."""
    for size in jpeg_modes.SIZES:
        which = [file.size == size and file.mode.every_size for file in files]
        if any(which):
            yield _row(f"{size[0]} x {size[1]}, gray and YCbCr", which, decoders, results)


def _row(name: str, which: Sequence[bool], decoders: Sequence[Decoder], results: Results) -> list[str]:
    chosen = [
        [outcome for outcome, wanted in zip(results[decoder.name], which, strict=True) if wanted]
        for decoder in decoders
    ]
    return [name, *map(cell, chosen)]


def sections(decoders: Sequence[Decoder], files: Sequence[File], results: Results) -> Iterator[str]:
    """The tables of a page, below headings."""
    yield "## The decoders"
    yield decoder_table(decoders)
    for family, title in TITLES.items():
        members = [decoder for decoder in decoders if decoder.family == family]
        if members:
            yield f"## {title}"
            yield mode_table(members, files, results)


def summary(decoders: Sequence[Decoder], files: Sequence[File], results: Results) -> str:
    """How many decoders are equal to the reference in every file, and how many refused one."""
    equal = [decoder for decoder in decoders if all(outcome.interpolated == 0 for outcome in results[decoder.name])]
    refused = [
        decoder for decoder in decoders if any(outcome.interpolated is None for outcome in results[decoder.name])
    ]
    modes = len({file.mode.name for file in files})
    counts = f"{len(decoders)} decoders, {modes} modes, {len(files)} files."
    return (
        f"{counts} {len(equal)} decoders are equal to the reference in every pixel\n"
        f"of every file; {len(refused)} refuse a file."
    )


def report(decoders: Sequence[Decoder], modes: Sequence[Mode]) -> str:
    """The generated part of the page."""
    with tempfile.TemporaryDirectory() as folder:
        files = make_files(Path(folder), modes)
        results = {decoder.name: ask(decoder, files) for decoder in decoders}
    return "\n\n".join([summary(decoders, files, results), *sections(decoders, files, results)]) + "\n"


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [decoder.name for decoder in DECODERS]
    some_or_write = parser.add_mutually_exclusive_group()
    some_or_write.add_argument("--only", nargs="+", metavar="NAME", choices=names, help="these decoders only")
    some_or_write.add_argument("--write", action="store_true", help=f"store the tables in docs/{PAGE.name}")
    arguments = parser.parse_args()
    asked = [decoder for decoder in DECODERS if not arguments.only or decoder.name in arguments.only]
    for decoder in asked:
        if missing := decoder.missing():
            print(f"without {decoder.name}: not installed: {', '.join(missing)}")
    text = report([decoder for decoder in asked if not decoder.missing()], jpeg_modes.modes())
    if arguments.write:
        page = PAGE.read_text("utf-8")
        PAGE.write_text(f"{page.partition(GENERATED)[0]}{GENERATED}\n\n{text}", "utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
