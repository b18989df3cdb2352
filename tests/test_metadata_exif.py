"""EXIF tags changed in their place: what changes, what must not, and blocks made to hurt."""

from __future__ import annotations

import random
import struct

import pytest
from exif_blocks import GPS_MARK, MAKER_NOTE, SERIAL, camera_exif, directory, thumbnail
from PIL import ExifTags, Image

from saliency_jpeg import SegmentError
from saliency_jpeg.metadata import exif

SMALL = thumbnail(Image.linear_gradient("L"))
ORDERS = pytest.mark.parametrize("order", ["<", ">"])


def read(block: bytes) -> Image.Exif:
    reader = Image.Exif()
    reader.load(b"Exif\0\0" + block)
    return reader


def differing(a: bytes, b: bytes) -> list[int]:
    return [i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]


@ORDERS
def test_sizes_are_read_and_set_in_place(order: str) -> None:
    block = camera_exif(SMALL, order=order, size=(512, 768))
    assert exif.size(block) == (512, 768)
    changed = exif.with_size(block, 100, 65535)
    assert changed == camera_exif(SMALL, order=order, size=(100, 65535))
    reader = read(changed)
    assert (reader[0x0100], reader[0x0101]) == (65535, 100)
    assert (reader.get_ifd(0x8769)[0xA002], reader.get_ifd(0x8769)[0xA003]) == (65535, 100)


def test_a_size_of_another_kind_is_left_alone() -> None:
    odd = b"II*\0\x08\0\0\0" + directory("<", 8, [(0x0100, 5, 1, bytes(8)), (0x0101, 3, 2, bytes(4))])
    assert exif.with_size(odd, 3, 4) == odd
    assert exif.size(odd) is None


@ORDERS
def test_the_thumbnail_is_found_as_pillow_finds_it(order: str) -> None:
    block = camera_exif(SMALL, order=order)
    assert exif.thumbnail(block) == SMALL
    first = read(block).get_ifd(ExifTags.IFD.IFD1)
    assert block[first[0x0201] :][: first[0x0202]] == SMALL
    assert exif.thumbnail(camera_exif()) is None


@ORDERS
@pytest.mark.parametrize("tail", [b"", b"more"])
def test_a_thumbnail_is_replaced_where_it_stands(order: str, tail: bytes) -> None:
    block = camera_exif(SMALL, order=order, tail=tail)
    new = thumbnail(Image.new("L", (90, 60)), quality=20)
    changed = exif.with_thumbnail(block, new)
    assert exif.thumbnail(changed) == new
    assert SMALL[-100:] not in changed
    start = block.index(SMALL)
    assert len(differing(block[:start], changed[:start])) <= 2  # the length
    assert changed[start:] == (new + bytes(len(SMALL) - len(new)) + tail if tail else new)


@pytest.mark.parametrize("tail", [b"", b"more"])
@pytest.mark.parametrize("new", [None, SMALL + b"x"], ids=["none", "too long"])
def test_a_thumbnail_is_dropped_and_wiped(tail: bytes, new: bytes | None) -> None:
    block = camera_exif(SMALL, tail=tail)
    changed = exif.with_thumbnail(block, new)
    assert exif.thumbnail(changed) is None
    assert b"\xff\xd8" not in changed[200:].replace(MAKER_NOTE, b"")
    assert read(changed).get_ifd(ExifTags.IFD.IFD1) == {}
    assert changed.endswith(bytes(100) + tail) if tail else len(changed) == block.index(SMALL)
    assert MAKER_NOTE in changed
    assert SERIAL in changed
    assert GPS_MARK in changed


def test_strips_of_samples_are_wiped() -> None:
    head = b"MM\0*\0\0\0\x08" + directory(">", 8, [(0x0112, 3, 1, b"\0\1")], following=26)
    strips = struct.pack(">II", 84, 104)
    ifd1 = directory(">", 26, [(0x0111, 4, 2, strips), (0x0117, 4, 2, struct.pack(">II", 20, 10))])
    block = head + ifd1
    block += b"." * (84 - len(block)) + b"a" * 20 + b"b" * 10
    changed = exif.with_thumbnail(block, None)
    assert b"a" not in changed
    assert b"b" not in changed
    assert read(changed).get_ifd(ExifTags.IFD.IFD1) == {}


@pytest.mark.parametrize("start", [0, 4, 8, 60])
def test_a_thumbnail_that_overlaps_a_directory_is_none(start: int) -> None:
    block = bytearray(camera_exif(SMALL))
    at = block.index(struct.pack("<HHI", 0x0201, 4, 1)) + 8
    struct.pack_into("<I", block, at, start)
    assert exif.thumbnail(bytes(block)) is None
    changed = exif.with_thumbnail(bytes(block), None)
    assert len(differing(bytes(block), changed)) <= 4  # the pointer to IFD1


def test_adobe_rgb_and_orientation_are_what_showing_needs() -> None:
    assert exif.shown(None) is None
    assert exif.shown(camera_exif(SMALL)) is None
    assert exif.shown(camera_exif(SMALL, orientation=6)) == exif.minimal(6)
    assert exif.shown(camera_exif(index=b"R03\0")) is None  # ColorSpace says sRGB
    for order in "<>":
        kept = exif.shown(camera_exif(SMALL, orientation=8, order=order, index=b"R03\0", space=0xFFFF))
        assert kept is not None
        assert len(kept) < 100
        reader = read(kept)
        assert reader[0x0112] == 8
        assert reader.get_ifd(0x8769)[0xA001] == 0xFFFF
        assert reader.get_ifd(0xA005) == {1: "R03"}


def test_blocks_made_to_hurt_end_at_once() -> None:
    """Loops, counts beyond the data, and strips that all cover everything: to wipe each would take hours."""
    many = 200_000
    numbers = struct.pack("<I", 8) * many
    loop = b"II*\0\x08\0\0\0" + directory("<", 8, [(0x8769, 4, 1, struct.pack("<I", 8))], following=8)
    entries = [(tag, 4, many, b"") for tag in (0x0111, 0x0117)]
    head = b"II*\0\x08\0\0\0" + struct.pack("<HI", 0, 14)
    ifd1 = bytearray(directory("<", 14, entries))
    for entry in (0, 1):
        struct.pack_into("<I", ifd1, 2 + 12 * entry + 8, 14 + len(ifd1))
    crafted = [loop, head + bytes(ifd1) + numbers, loop[:-4] + b"\xff" * 4, b"MM\0*" + b"\xff" * 60]
    for block in crafted:
        assert exif.thumbnail(block) is None
        assert exif.shown(block) is None
        assert len(exif.with_size(exif.with_thumbnail(block, None), 1, 1)) == len(block)


def test_mutated_blocks_raise_nothing() -> None:
    rng = random.Random(7)
    whole = camera_exif(SMALL, orientation=6)
    for _ in range(400):
        block = bytearray(whole)
        for _ in range(rng.randrange(1, 8)):
            block[rng.randrange(300)] = rng.choice([0, 1, 8, 0xFF, rng.randrange(256)])
        cut = bytes(block[: rng.choice([len(block), rng.randrange(len(block))])])
        changed = exif.with_thumbnail(exif.with_size(cut, 5, 7), SMALL[: rng.randrange(len(SMALL))])
        assert len(changed) <= len(cut)
        exif.shown(changed)
        exif.size(changed)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("kind", [3, 4])
@ORDERS
def test_a_table_that_is_cut_off_is_read_as_far_as_it_goes(order: str, kind: int) -> None:
    """As by Pillow and browsers."""

    def cut(turn: int) -> bytes:
        value = struct.pack(order + ("I" if kind == 4 else "HH"), *(turn, 0)[: 1 if kind == 4 else 2])
        entries = struct.pack(order + "HHHI", 9, 0x0112, kind, 1) + value
        return (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8) + entries + b"rest"

    block = cut(6)
    assert exif.orientation(block) == read(block)[0x0112] == 6
    assert exif.has_orientation(block)
    assert exif.shown(block) == exif.minimal(6)
    upright = exif.with_orientation(block, 1)
    assert exif.orientation(upright) == read(upright)[0x0112] == 1
    assert len(differing(block, upright)) <= 4
    without = block.replace(struct.pack(order + "H", 0x0112), struct.pack(order + "H", 0x0110))
    assert exif.orientation(without) == 1
    assert exif.with_orientation(without, 1) == without
    with pytest.raises(SegmentError, match="no readable first directory"):
        exif.with_orientation(without, 3)
