"""What a file is made of: every byte has its place, and the bits lie where the picture is busy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers import Pixels, encoded, photo
from PIL import Image

from saliency_jpeg import Encoder, InputError, compress
from saliency_jpeg.codec import _core
from saliency_jpeg.codec.inspect import block_bits, inspect_jpeg
from saliency_jpeg.codec.subsampling import Subsampling

PHOTO = photo(200, 300, 0, 0)


def pillow(pixels: Pixels = PHOTO, **options: Any) -> bytes:
    return encoded(pixels, **options)


FILES = {
    "ours": compress(PHOTO, quality=50, saliency=None),
    "ours, baseline": compress(PHOTO, quality=50, saliency=None, progressive=False, restart_interval=5),
    "Pillow": pillow(quality=85, comment=b"a remark", dpi=(72, 72), icc_profile=b"\0" * 70_000),
    "Pillow, progressive": pillow(progressive=True, optimize=True),
    "gray": pillow(PHOTO[..., 1]),
    "with a tail": pillow() + b"tail \xff\xd8 of something",
    "with bytes between": pillow()[:2] + b"\xff\xff" + pillow()[2:],
}


@pytest.mark.parametrize("name", FILES)
def test_every_byte_has_one_place(name: str) -> None:
    jpeg = FILES[name]
    anatomy = inspect_jpeg(jpeg)
    ends = [part.offset + part.size for part in anatomy.parts]
    assert [part.offset for part in anatomy.parts] == [0, *ends[:-1]]
    assert ends[-1] == len(jpeg)
    for part in anatomy.parts:
        assert part.size > 0
        assert part.name == "" or jpeg[part.offset] == 0xFF
    assert sum(anatomy.bytes_by_use().values()) == len(jpeg)
    assert sum(scan.size for scan in anatomy.scans) == anatomy.bytes_by_use()["picture"] > 0.5 * len(jpeg) - 72_000
    names = [part.name for part in anatomy.parts if part.name]
    assert names[0] == "SOI"
    assert names[-1] == "EOI"
    assert names.count("SOS") == len(anatomy.scans)


def test_scans_are_those_that_were_written() -> None:
    rows, cols = 4, 6
    levels = np.zeros((rows, cols, 64), np.int16)
    levels[..., 0] = np.arange(rows * cols).reshape(rows, cols)
    levels[..., 9] = 5
    script = [((0,), 0, 0, 0, 1), ((0,), 0, 0, 1, 0), ((0,), 1, 5, 0, 2), ((0,), 6, 63, 0, 0), ((0,), 1, 5, 2, 1)]
    script.append(((0,), 1, 5, 1, 0))
    table = np.full((1, 64), 3, np.uint16)
    anatomy = inspect_jpeg(_core.write_jpeg([levels], table, (8 * rows, 8 * cols), [(1, 1)], scans=script))
    assert [(s.components, s.ss, s.se, s.ah, s.al) for s in anatomy.scans] == script
    assert anatomy.subsampling == "gray"
    assert anatomy.component_names == ("Y",)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", "4:4:0", "4:1:1"])
def test_the_name_of_the_subsampling(subsampling: Subsampling) -> None:
    assert inspect_jpeg(compress(PHOTO, subsampling=subsampling, saliency=None)).subsampling == subsampling


def test_parts_say_what_they_hold() -> None:
    texts = {(part.name, part.text) for part in inspect_jpeg(FILES["Pillow"]).parts}
    assert {("APP0", "JFIF"), ("COM", "'a remark'"), ("APP2", "ICC profile")} <= texts
    assert ("SOF0", "300 x 200 pixels, 3 components") in texts
    tail = inspect_jpeg(FILES["with a tail"]).parts[-1]
    assert (tail.name, tail.size) == ("", 20)
    assert inspect_jpeg(FILES["with a tail"]).bytes_by_use()["other"] == 20
    assert ("DRI", "every 5 MCUs") in {(part.name, part.text) for part in inspect_jpeg(FILES["ours, baseline"]).parts}


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0", "4:1:1"])
def test_bits_lie_where_the_picture_is_busy(subsampling: Subsampling) -> None:
    pixels = np.full((64, 96, 3), 128, np.uint8)
    pixels[:, :32] = np.random.default_rng(0).integers(0, 256, (64, 32, 3), np.uint8)
    image = inspect_jpeg(compress(pixels, saliency=None, subsampling=subsampling)).image
    bits = block_bits(image, 1000.0)
    assert bits.shape == (8, 12)
    assert bits.sum() == pytest.approx(1000, rel=1e-4)
    assert bits.min() >= 0
    assert bits[:, :4].sum() > 900
    assert bits[:, 6:].max() < bits[:, :4].min()


def test_bits_of_a_baseline_file_are_nearly_those_really_written() -> None:
    """Blocks of a file alone tell what they take: the price of a half against the bytes of a file of that half."""
    encoder = Encoder(quality=70, saliency=None, progressive=False, subsampling="4:4:4")
    whole = inspect_jpeg(encoder.compress(PHOTO[:192, :288]).jpeg)
    bits = block_bits(whole.image, 8.0 * whole.bytes_by_use()["picture"])
    levels = [component[:, :18].copy() for component in whole.image.levels]
    half = inspect_jpeg(_core.write_jpeg(levels, whole.image.tables, (192, 144), [(1, 1)] * 3, progressive=False))
    assert bits[:, :18].sum() == pytest.approx(8 * half.bytes_by_use()["picture"], rel=0.05)


def test_a_flat_picture_has_bits_to_share_out_too() -> None:
    flat = inspect_jpeg(compress(np.full((40, 40), 128, np.uint8), saliency=None)).image
    assert np.isfinite(block_bits(flat, 80.0)).all()


def test_components_are_named_by_their_colours() -> None:
    assert inspect_jpeg(FILES["Pillow"]).component_names == ("Y", "Cb", "Cr")
    assert inspect_jpeg(pillow(keep_rgb=True)).component_names == ("R", "G", "B")
    assert inspect_jpeg(encoded(Image.fromarray(PHOTO).convert("CMYK"))).component_names == ("C", "M", "Y", "K")


@pytest.mark.parametrize("jpeg", [b"", b"no JPEG", FILES["Pillow"][:-40], FILES["Pillow"][:300]])
def test_damaged_files_are_refused(jpeg: bytes) -> None:
    with pytest.raises(InputError):
        inspect_jpeg(jpeg)
