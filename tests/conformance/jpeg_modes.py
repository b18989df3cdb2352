"""JPEG files of every mode that the encoder writes: the rows of the conformance matrix.

The pictures are crops of the photograph in ``tests/data``, gray or in colour, and the photograph itself.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import ExifTags, Image, ImageCms

import saliency_jpeg
from saliency_jpeg.integrations import pillow as door

Size = tuple[int, int]

PHOTO: Final = Path(__file__).resolve().parents[1] / "data" / "kodim07.png"
SUBSAMPLINGS: Final = ("4:4:4", "4:2:2", "4:2:0", "4:4:0", "4:1:1")
SCANS: Final = {"baseline": False, "progressive": True}
SIZES: Final[tuple[Size, ...]] = (
    *((1, 1), (1, 17), (17, 1), (9, 7), (8, 8), (15, 17), (16, 16), (31, 33), (33, 50), (63, 65)),
)
FEW_SIZES: Final[tuple[Size, ...]] = ((9, 7), (33, 50), (63, 65))
_WHOLE: Final[tuple[Size, ...]] = ((768, 512),)  # of the photograph
_QUALITY: Final = 90


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One row of the matrix.

    Attributes:
        name: of the row.
        encode: makes the file of a picture.
        sizes: (width, height) of its files.
        gray: one component.
        every_size: whether it counts in the rows of sizes.
        has_network: its files are made with the help of TensorFlow.
    """

    name: str
    encode: Callable[[Image.Image], bytes]
    sizes: Sequence[Size] = FEW_SIZES
    gray: bool = False
    every_size: bool = False
    has_network: bool = False

    def jpeg(self, size: Size) -> bytes:
        """The file of a picture of this size."""
        return self.encode(crop(size).convert("L" if self.gray else "RGB"))


def crop(size: Size) -> Image.Image:
    """A part of the photograph with saturated flowers, or the whole of it."""
    with Image.open(PHOTO) as photo:
        left, top = min(580, photo.width - size[0]), min(440, photo.height - size[1])
        return photo.convert("RGB").crop((left, top, left + size[0], top + size[1]))


def by_compress(**options: Any) -> Callable[[Image.Image], bytes]:
    """Encodes with options of the library."""
    return lambda picture: saliency_jpeg.compress(np.asarray(picture), saliency=None, quality=_QUALITY, **options)


def with_layer(kind: str, **options: Any) -> Callable[[Image.Image], bytes]:
    """Encodes with options of the library, for files that must have a layer of this kind."""

    def encode(picture: Image.Image) -> bytes:
        jpeg = saliency_jpeg.compress(np.asarray(picture), saliency=None, **options)
        kinds = [layer.kind for layer in saliency_jpeg.list_layers(jpeg)]
        if kind not in kinds:
            raise ValueError(f"a file with the layer {kind!r} is needed, got {kinds}")
        return jpeg

    return encode


def by_pillow(**keywords: Any) -> Callable[[Image.Image], bytes]:
    """Encodes with the door for Pillow, for what only it has a word for."""

    def encode(picture: Image.Image) -> bytes:
        file = io.BytesIO()
        picture.save(file, door.FORMAT, saliency=None, **keywords)
        return file.getvalue()

    return encode


def by_recompress(**keywords: Any) -> Callable[[Image.Image], bytes]:
    """Recompresses a file that Pillow wrote."""
    write = of_pillow(**keywords)
    return lambda picture: saliency_jpeg.recompress(write(picture))


def of_pillow(**keywords: Any) -> Callable[[Image.Image], bytes]:
    """Pillow's own encoder."""

    def encode(picture: Image.Image) -> bytes:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=_QUALITY, **keywords)
        return file.getvalue()

    return encode


def modes() -> list[Mode]:
    """All rows."""
    return [
        *(*_colours(), *_scans(), *_tables(), *_metadata()),
        *(*_efforts(), *_for_restoration(), *_layers(), *_recompressed(), *_others()),
    ]


def _colours() -> Iterator[Mode]:
    for scans, progressive in SCANS.items():
        yield Mode(
            name=f"gray, {scans}", encode=by_compress(progressive=progressive), sizes=SIZES, gray=True, every_size=True
        )
        for subsampling in SUBSAMPLINGS:
            encode = by_compress(progressive=progressive, subsampling=subsampling)
            yield Mode(name=f"{subsampling}, {scans}", encode=encode, sizes=SIZES, every_size=True)
        rgb = by_pillow(quality=_QUALITY, progressive=progressive, keep_rgb=True)
        yield Mode(name=f"RGB, Adobe marker, {scans}", encode=rgb, sizes=SIZES)


def _scans() -> Iterator[Mode]:
    for scans, progressive in SCANS.items():
        plain = by_compress(progressive=progressive, subsampling="4:2:0")
        restarts = by_compress(progressive=progressive, subsampling="4:2:0", restart_interval=2)
        yield Mode(name=f"4:2:0, restart markers, {scans}", encode=restarts)
        yield Mode(name=f"4:2:0, whole photograph, {scans}", encode=plain, sizes=_WHOLE)


def _tables() -> Iterator[Mode]:
    """Steps above 255 take 16 bits, and a sequential file with them is extended sequential (SOF1)."""
    table = [8, 300, 300, *[20] * 61]
    for scans, progressive in {"SOF1": False, "progressive": True}.items():
        encode = by_pillow(progressive=progressive, subsampling="4:4:4", qtables=[table, table])
        yield Mode(name=f"4:4:4, 16-bit tables, {scans}", encode=encode)


def _metadata() -> Iterator[Mode]:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "maker"
    kinds: dict[str, dict[str, Any]] = {
        "ICC profile": {"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()},
        "EXIF": {"exif": exif.tobytes()},
        "XMP": {"xmp": b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'},
        "comment": {"comment": b"a comment"},
    }
    kinds["all four"] = {name: value for kind in kinds.values() for name, value in kind.items()}
    for name, keywords in kinds.items():
        yield Mode(name=f"4:2:0, {name}", encode=by_pillow(quality=_QUALITY, subsampling="4:2:0", **keywords))


def _efforts() -> Iterator[Mode]:
    """The fastest, and the closed loops of the slowest."""
    for effort in (1, 8, 9):
        yield Mode(
            name=f"4:2:0, effort {effort}",
            encode=by_compress(effort=effort, subsampling="4:2:0"),
            sizes=SIZES,
            has_network=effort >= 8,
        )


def _for_restoration() -> Iterator[Mode]:
    yield Mode(name="gray, tune restore", encode=by_compress(tune="restore"), sizes=SIZES, gray=True, has_network=True)
    for subsampling in ("4:4:4", "4:2:2", "4:2:0", "4:4:0"):
        encode = by_compress(tune="restore", subsampling=subsampling)
        yield Mode(name=f"{subsampling}, tune restore", encode=encode, sizes=SIZES, has_network=True)


def _layers() -> Iterator[Mode]:
    """Layers, which other decoders are to skip: they show the base picture, at half of the size in the last row."""
    yield Mode(name="layer widths", encode=with_layer("widths", quality=_QUALITY, layers="widths"), sizes=SIZES)
    for scans, progressive in SCANS.items():
        options = {"quality": 50, "layers": "detail", "base_floor": 24, "progressive": progressive}
        yield Mode(name=f"layer detail, {scans}", encode=with_layer("detail", **options), sizes=_WHOLE)
    options = {"target_kb": 6, "layers": "auto", "allow_downscale": True}
    yield Mode(name="layer size", encode=with_layer("size", **options), sizes=_WHOLE)


def _recompressed() -> Iterator[Mode]:
    yield Mode(name="recompressed 4:2:0", encode=by_recompress(subsampling="4:2:0"))
    yield Mode(name="recompressed RGB", encode=by_recompress(keep_rgb=True))


def _others() -> Iterator[Mode]:
    """Files that Pillow wrote: what a decoder does with these is no fault of ours."""
    yield Mode(name="Pillow's own: 4:2:0", encode=of_pillow(subsampling="4:2:0"))
    restarts = of_pillow(subsampling="4:2:0", progressive=True, restart_marker_blocks=2)
    yield Mode(name="Pillow's own: 4:2:0, restart markers, progressive", encode=restarts)
    yield Mode(name="Pillow's own: RGB, Adobe marker", encode=of_pillow(keep_rgb=True))
