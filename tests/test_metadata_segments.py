"""Segments: built ones are read back by Pillow and by parse(); damaged files give SegmentError only."""

from __future__ import annotations

import hashlib
import io
import random
import re
import struct
from typing import Any

import numpy as np
import pytest
from helpers import encoded
from jpeg_surgery import join, splice
from PIL import Image

from saliency_jpeg.errors import OptionError, SegmentError
from saliency_jpeg.metadata import jpeg_metadata, segments
from saliency_jpeg.metadata.model import Metadata, minimal_exif

RNG = np.random.default_rng(2)
ICC = (200_000).to_bytes(4, "big") + RNG.bytes(32) + b"acsp" + RNG.bytes(200_000 - 40)
MAKER_NOTE = RNG.bytes(3000)
EXIF = (
    b"II*\0\x08\0\0\0\x02\0"
    + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    + struct.pack("<HHII", 0x927C, 7, len(MAKER_NOTE), 38)
    + bytes(4)
    + MAKER_NOTE
)
XMP = b'<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta><?xpacket end="w"?>'
IPTC = (0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x02ab")
FULL = Metadata(EXIF, ICC, XMP, b"a comment", (1, 300, 299), (IPTC, (0xEB, b"JP\0\1abc"), (0xFE, b"first")))


def bare_jpeg() -> bytes:
    """A gray ramp as JPEG, from SOI on, without the JFIF segment."""
    jpeg = encoded(Image.linear_gradient("L").resize((24, 16)))
    length = int.from_bytes(jpeg[4:6], "big")
    return b"\xff\xd8" + jpeg[4 + length :]


def spliced(built: list[segments.Segment]) -> bytes:
    return splice(bare_jpeg(), built)


def test_pillow_reads_what_is_built() -> None:
    with Image.open(io.BytesIO(spliced(jpeg_metadata.build(FULL)))) as image:
        image.load()
        assert image.info["exif"] == b"Exif\0\0" + EXIF
        assert image.info["icc_profile"] == ICC
        assert image.info["xmp"] == XMP
        assert image.info["comment"] == b"a comment"
        assert image.info["dpi"] == (300, 299)
        assert image.info["jfif_version"] == (1, 1)
        assert image.getexif().get_ifd(0x8769) == {}
        assert image.getexif()[0x927C] == MAKER_NOTE
        assert image.info["photoshop"] == {0x0404: b"ab"}


def test_round_trip_and_order() -> None:
    built = jpeg_metadata.build(FULL)
    assert segments.parse(spliced(built)) == built
    assert jpeg_metadata.collect(built) == FULL
    markers = [marker for marker, _ in built]
    assert markers == [0xE0, 0xE1, 0xE1, 0xE2, 0xE2, 0xE2, 0xE2, 0xED, 0xEB, 0xFE, 0xFE]


def test_empty_metadata_is_one_jfif_segment() -> None:
    assert jpeg_metadata.build(Metadata()) == [(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")]
    assert jpeg_metadata.collect(jpeg_metadata.build(Metadata())) == Metadata(density=(0, 1, 1))


def test_safe_keeps_orientation_colour_and_density() -> None:
    kept = jpeg_metadata.collect(jpeg_metadata.build(FULL, "safe"))
    assert kept == Metadata(exif=minimal_exif(6), icc=ICC, density=(1, 300, 299))


@pytest.mark.parametrize(
    ("density", "kept"),
    [((1, 300, 300), (0, 1, 1)), ((1, 204, 98), (1, 204, 98)), ((0, 2, 1), (0, 2, 1)), (None, (0, 1, 1))],
)
def test_strip_keeps_what_showing_needs(density: tuple[int, int, int] | None, kept: tuple[int, int, int]) -> None:
    metadata = Metadata(EXIF, ICC, XMP, b"c", density, (IPTC,))
    assert jpeg_metadata.collect(jpeg_metadata.build(metadata, "strip")) == Metadata(minimal_exif(6), ICC, density=kept)


@pytest.mark.parametrize("mode", ["safe", "strip"])
@pytest.mark.parametrize("icc", [b"a place on earth", bytes(36) + b"a place on earth" + bytes(100)])
def test_what_is_no_profile_goes(icc: bytes, mode: jpeg_metadata.MetadataMode) -> None:
    assert jpeg_metadata.build(Metadata(icc=icc), mode) == jpeg_metadata.build(Metadata())
    assert jpeg_metadata.collect(jpeg_metadata.build(Metadata(icc=icc))).icc == icc


@pytest.mark.parametrize("mode", ["safe", "strip"])
def test_upright_pictures_need_no_exif(mode: jpeg_metadata.MetadataMode) -> None:
    assert [m for m, _ in jpeg_metadata.build(FULL.with_orientation(1), mode)] == [0xE0, 0xE2, 0xE2, 0xE2, 0xE2]


@pytest.mark.parametrize("mode", ["all", "", None, ["keep"], True])
def test_unknown_mode(mode: Any) -> None:
    with pytest.raises(OptionError, match=r"'keep', 'safe' or 'strip', got .+$"):
        jpeg_metadata.build(Metadata(), mode)


def test_largest_that_fit() -> None:
    full = Metadata(
        b"e" * 65527, b"i" * 255 * 65519, b"x" * 65502, b"c" * 65533, (2, 1, 65535), ((0xEF, b"z" * 65533),)
    )
    built = jpeg_metadata.build(full)
    assert max(len(payload) for _, payload in built) == 65533
    assert jpeg_metadata.collect(segments.parse(spliced(built))) == full


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (Metadata(exif=b"e" * 65528), "EXIF of 65528 bytes .* at most 65527"),
        (Metadata(icc=b"i" * (255 * 65519 + 1)), "ICC profile of 16707346 bytes"),
        (Metadata(comment=b"c" * 65534), "comment of 65534 bytes"),
        (Metadata(extra=((0xE5, b"c" * 65534),)), "extra segment 0xe5 of 65534 bytes"),
        (Metadata(extra=((0xDB, b""),)), "0xdb"),
        (Metadata(extra=((0x1E0, b""),)), "0x1e0"),
        (Metadata(xmp=b"x" * 65503), "one XMP element.*got 65503 bytes"),
        (Metadata(density=(3, 1, 1)), "density"),
        (Metadata(density=(1, 0, 1)), "density"),
    ],
)
def test_what_does_not_fit(metadata: Metadata, message: str) -> None:
    with pytest.raises(SegmentError, match=message):
        jpeg_metadata.build(metadata)


def read_extended_xmp(built: list[segments.Segment]) -> bytes:
    """The extended tree, as a reader finds it: the name in the standard packet, then parts by offset."""
    header = b"http://ns.adobe.com/xmp/extension/\0"
    standard = next(p for m, p in built if m == 0xE1 and p.startswith(b"http://ns.adobe.com/xap/1.0/\0"))
    match = re.search(rb'xmpNote:HasExtendedXMP="([0-9A-F]{32})"', standard)
    assert match is not None
    tree = bytearray()
    for marker, payload in built:
        if marker == 0xE1 and payload.startswith(header + match[1]):
            total, offset = struct.unpack_from(">II", payload, len(header) + 32)
            assert offset == len(tree)
            tree += payload[len(header) + 40 :]
            assert len(tree) <= total
    assert len(tree) == total
    assert hashlib.md5(tree).hexdigest().upper().encode() == match[1]
    return bytes(tree)


@pytest.mark.parametrize("element", [b"x:xmpmeta", b"rdf:RDF"])
def test_large_xmp_becomes_extended_xmp(element: bytes) -> None:
    tree = b"<" + element + b">" + b"text " * 40_000 + b"</" + element + b">"
    built = jpeg_metadata.build(Metadata(xmp=b"<?xpacket begin=''?>\n" + tree + b"\n   <?xpacket end='w'?>"))
    assert read_extended_xmp(built) == tree
    again = jpeg_metadata.collect(segments.parse(spliced(built)))
    assert read_extended_xmp(jpeg_metadata.build(again)) == tree
    Image.open(io.BytesIO(spliced(built))).load()


def test_icc_chunks_in_any_order() -> None:
    chunks = [segment for segment in jpeg_metadata.build(Metadata(icc=ICC)) if segment[0] == 0xE2]
    assert len(chunks) == 4
    assert jpeg_metadata.collect(chunks[::-1]).icc == ICC
    assert jpeg_metadata.collect([chunks[i] for i in (2, 0, 3, 1)]).icc == ICC


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 3), (0, 1, 1, 3), (0, 1, 2, 3, 3)])
def test_incomplete_icc_set_is_dropped(order: tuple[int, ...]) -> None:
    chunks = [segment for segment in jpeg_metadata.build(Metadata(icc=ICC)) if segment[0] == 0xE2]
    assert jpeg_metadata.collect([chunks[i] for i in order]) == Metadata()


@pytest.mark.parametrize("body", [b"", b"\1", b"\1\1", b"\0\1x", b"\1\0x", b"\1\2x"])
def test_damaged_icc_chunk_is_dropped(body: bytes) -> None:
    assert jpeg_metadata.collect([(0xE2, b"ICC_PROFILE\0" + body)]) == Metadata()


@pytest.mark.parametrize("count", [256, 300])
def test_more_icc_chunks_than_can_be_numbered(count: int) -> None:
    chunks = [(0xE2, b"ICC_PROFILE\0" + bytes([i % 256, count % 256]) + b"x") for i in range(1, count + 1)]
    assert jpeg_metadata.collect(chunks) == Metadata()


def test_what_belongs_to_the_old_file_is_dropped() -> None:
    old = [(0xE0, b"JFXX\0\x13abc"), (0xEE, b"Adobe\0\x64\0\0\0\0\1"), (0xE2, b"MPF\0II*\0")]
    assert jpeg_metadata.collect(old) == Metadata()
    kept = ((0xE0, b"AVI1"), (0xEE, b"other"), (0xE2, b"FPXR\0"))
    assert jpeg_metadata.collect(list(kept)).extra == kept


def test_second_exif_and_earlier_comments_are_kept_verbatim() -> None:
    found = [(0xE1, b"Exif\0\0II"), (0xFE, b"one"), (0xE1, b"Exif\0\0more"), (0xFE, b"two"), (0xFE, b"three")]
    metadata = jpeg_metadata.collect(found)
    assert metadata.exif == b"II"
    assert metadata.comment == b"three"
    assert metadata.extra == ((0xFE, b"one"), (0xE1, b"Exif\0\0more"), (0xFE, b"two"))


@pytest.mark.parametrize("body", [b"", b"\1\1\1", b"\1\1\1\0\0\0\1\0\0", b"\1\1\7\0\1\0\1\0\0"])
def test_damaged_jfif_has_no_density(body: bytes) -> None:
    assert jpeg_metadata.collect([(0xE0, b"JFIF\0" + body)]) == Metadata()


def test_fill_bytes_standalone_markers_and_stray_bytes() -> None:
    comment = join([(0xFE, b"c")])
    odd = b"\xff\xd8" + b"\xff\xff\xff" + comment[0:] + b"\xff\x01\xff\xd3" + b"stray" + b"\xff\x00" + comment
    assert segments.parse(odd + bare_jpeg()[2:]) == [(0xFE, b"c")] * 2
    assert segments.parse(memoryview(b"\xff\xd8\xff\xd9" + comment)) == []


def test_segments_behind_the_first_scan_are_not_read() -> None:
    jpeg = bare_jpeg()
    assert segments.parse(jpeg[:-2] + join([(0xFE, b"late")]) + jpeg[-2:]) == []


def test_without_metadata_keeps_what_decoding_needs() -> None:
    adobe = (0xEE, b"Adobe\0\x64\0\0\0\0\1")
    jfif = jpeg_metadata.build(Metadata())
    jpeg = bare_jpeg()
    assert segments.without_metadata(spliced([*jpeg_metadata.build(FULL), adobe])) == spliced(
        [*jpeg_metadata.build(Metadata(density=FULL.density)), adobe]
    )
    for built in ([], jfif, [adobe], [*jfif, adobe]):
        assert segments.without_metadata(spliced(built)) == spliced(built)
    assert segments.without_metadata(spliced([(0xE0, b"JFXX\0"), (0xEE, b"Ado"), (0xE0, b"")])) == jpeg
    odd = b"\xff\xd8stray\xff" + join([(0xFE, b"c")]) + b"\xff\x01" + jpeg[2:]
    assert segments.without_metadata(odd) == jpeg


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "offset 0"),
        (b"\x89PNG", "offset 0"),
        (b"\xff\xd8", "offset 2"),
        (b"\xff\xd8\xff\xff\xff", "offset 2"),
        (b"\xff\xd8\xff\xe1", "offset 4"),
        (b"\xff\xd8\xff\xe1\x00", "offset 4"),
        (b"\xff\xd8\xff\xdb\x00\x01", "length 1 at offset 4"),
        (b"\xff\xd8\xff\xe1\x00\x05ab", "offset 4 needs 1 bytes more"),
        (b"\xff\xd8\xff\xe1\x00\x04ab", "offset 8"),
    ],
)
def test_damaged_files_name_the_offset(data: bytes, message: str) -> None:
    with pytest.raises(SegmentError, match=message):
        segments.parse(data)


def test_mutated_files_raise_segment_error_only() -> None:
    rng = random.Random(3)
    small = Metadata(EXIF[:60], ICC[:300], XMP, b"a comment", (1, 300, 299), FULL.extra)
    whole = spliced(jpeg_metadata.build(small))
    outcomes = set()
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.randrange(4)):
            data[rng.randrange(len(data))] = rng.choice([0, 1, 0xD8, 0xE1, 0xFE, 0xFF, rng.randrange(256)])
        try:
            metadata = jpeg_metadata.collect(segments.parse(data[: rng.randrange(len(data) + 1)]))
            for mode in jpeg_metadata.MODES:
                jpeg_metadata.build(metadata, mode)
            outcomes.add("read")
        except SegmentError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}
