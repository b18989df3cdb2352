"""read_jpeg: each error has its own message, which ends with an offset."""

from __future__ import annotations

import re
from typing import Any

import pytest
from helpers import photo, quantized
from jpeg_surgery import (
    DHT,
    DQT,
    DRI,
    EOI,
    PROGRESSIVE,
    RESTARTS,
    SEPARATE,
    SEQUENTIAL,
    SOF0,
    SOF2,
    SOS,
    change,
    insert,
    segment,
)

from saliency_jpeg.codec import _core
from saliency_jpeg.errors import InputError


def frame(edit: Any, marker: bytes = SOF0) -> bytes:
    """The sequential file with an edited frame header."""
    return change(SEQUENTIAL, SOF0, lambda p: segment(marker, bytes(edit(bytearray(p)) or p)))


def put(index: int, *values: int) -> Any:
    def edit(payload: bytearray) -> bytearray:
        payload[index : index + len(values)] = values
        return payload

    return edit


def scan(index: int, *values: int, jpeg: bytes = SEQUENTIAL, nth: int = 0) -> bytes:
    return change(jpeg, SOS, lambda p: segment(SOS, bytes(put(index, *values)(bytearray(p)))), nth)


def without(jpeg: bytes, marker: bytes) -> bytes:
    return change(jpeg, marker, lambda _: b"")


TWO_SCANS = quantized(photo()[..., 0].copy()).jpeg(scans=[((0,), 0, 0, 0, 0), ((0,), 1, 63, 0, 0)])

REFUSED = {
    "empty": (b"", "not a JPEG"),
    "not a JPEG": (b"\x89PNG\r\n\x1a\n" + bytes(99), "not a JPEG"),
    "only SOI": (SEQUENTIAL[:2] + b"\xff\xff", "no EOI"),
    "no scan": (b"\xff\xd8\xff\xd9", "no scan"),
    "two SOI": (SEQUENTIAL[:2] + SEQUENTIAL, "second SOI"),
    "no EOI": (SEQUENTIAL[:-2], "no EOI"),
    "half a scan": (SEQUENTIAL[: len(SEQUENTIAL) * 3 // 4], "end too early"),
    "half a progressive file": (PROGRESSIVE[: len(PROGRESSIVE) // 2], "offset"),
    "EOI in a scan": (SEQUENTIAL[: len(SEQUENTIAL) * 3 // 4] + EOI, "end too early"),
    "half a segment": (SEQUENTIAL[:40], "truncated inside"),
    "length below 2": (change(SEQUENTIAL, DHT, lambda _: DHT + b"\0\1"), "must be at least 2, got 1"),
    "arithmetic coding": (frame(put(0), b"\xff\xc9"), "arithmetic"),
    "arithmetic, progressive": (frame(put(0), b"\xff\xca"), "arithmetic"),
    "conditioning": (insert(SEQUENTIAL, SOS, segment(b"\xff\xcc", b"\0\x10")), "arithmetic"),
    "lossless": (frame(put(0), b"\xff\xc3"), "lossless"),
    "hierarchical": (frame(put(0), b"\xff\xc5"), "hierarchical"),
    "hierarchical, DHP": (insert(SEQUENTIAL, SOF0, segment(b"\xff\xde", b"12345678")), "hierarchical"),
    "DNL": (insert(SEQUENTIAL, EOI, segment(b"\xff\xdc", b"\0\x28")), "DNL"),
    "12 bits": (frame(put(0, 12)), "must have 8 bits, got 12"),
    "height 0": (frame(put(1, 0, 0)), "DNL"),
    "width 0": (frame(put(3, 0, 0)), "the width must be in 1..65535, got 0"),
    "too large for the file": (frame(put(1, 255, 255, 255, 255)), "too short for the size"),
    "no component": (frame(put(5, 0)), "number of components must be in 1..4, got 0"),
    "five components": (frame(put(5, 5)), "number of components must be in 1..4, got 5"),
    "two of one id": (frame(put(9, 1)), "same id"),
    "sampling 0": (frame(put(7, 0x20)), "vertical sampling factor must be in 1..4, got 0"),
    "sampling 5": (frame(put(7, 0x52)), "horizontal sampling factor must be in 1..4, got 5"),
    "table 4": (frame(put(8, 4)), "quantization table of a component must be in 0..3, got 4"),
    "table not there": (frame(put(8, 3)), "quantization table is missing"),
    "short frame": (change(SEQUENTIAL, SOF0, lambda p: segment(SOF0, p[:9])), "too short"),
    "two frames": (insert(SEQUENTIAL, SOS, segment(SOF0, b"\x08\0\x08\0\x08\1\1\x11\0")), "second frame header"),
    "no frame": (without(SEQUENTIAL, SOF0), "before the frame header"),
    "step 0": (
        change(SEQUENTIAL, DQT, lambda p: segment(DQT, p[:9] + b"\0" + p[10:])),
        "step must be at least 1, got 0",
    ),
    "half a table": (change(SEQUENTIAL, DQT, lambda p: segment(DQT, p[:-1])), "too short"),
    "precision 2": (
        change(SEQUENTIAL, DQT, lambda p: segment(DQT, b"\x20" + p[1:])),
        "precision of a quantization table must be in 0..1, got 2",
    ),
    "Huffman table 4": (
        change(SEQUENTIAL, DHT, lambda p: segment(DHT, b"\x04" + p[1:])),
        "number of a Huffman table must be in 0..3, got 4",
    ),
    "too many codes": (
        change(SEQUENTIAL, DHT, lambda p: segment(DHT, p[:1] + b"\3" + bytes(18))),
        "more codes",
    ),
    "half a Huffman table": (change(SEQUENTIAL, DHT, lambda p: segment(DHT, p[:-1])), "too short"),
    "no Huffman table": (without(SEQUENTIAL, DHT), "Huffman table is missing"),
    "short DRI": (change(RESTARTS, DRI, lambda _: segment(DRI, b"\1")), "too short"),
    "other restart number": (RESTARTS.replace(b"\xff\xd1", b"\xff\xd2"), "restart marker"),
    "no restart marker": (RESTARTS.replace(b"\xff\xd1", b""), "restart marker|too early"),
    "unknown component": (scan(1, 77), "component that the frame does not have"),
    "components in another order": (scan(1, 2, 0x11, 1, 0x00), "in the frame's order, got components 1 0 2"),
    "scan of no component": (change(SEQUENTIAL, SOS, lambda _: segment(SOS, bytes(4))), "must have a component"),
    "scan with Huffman table 4": (scan(2, 0x40), "DC Huffman table of a scan must be in 0..3, got 4"),
    "short scan header": (change(SEQUENTIAL, SOS, lambda p: segment(SOS, p[:-2])), "too short"),
    "component sent twice": (scan(1, 1, jpeg=SEPARATE, nth=1), "must be sent once"),
    "component not sent": (SEPARATE[: SEPARATE.rindex(SOS)] + EOI, "without a scan"),
    "DC and AC in a scan": (scan(-3, 0, 5, 0, jpeg=PROGRESSIVE), "both DC and AC"),
    "band beyond 63": (
        scan(-3, 1, 64, 0, jpeg=PROGRESSIVE, nth=1),
        "Ss must be in 0..63 and Se in Ss..63, got components 0, Ss 1, Se 64",
    ),
    "AC of two components": (scan(-3, 1, 5, 0, jpeg=PROGRESSIVE), "AC scan must have one component"),
    "AC before DC": (change(PROGRESSIVE, SOS, lambda _: segment(SOS, b"\1\1\0\1\x05\0")), "must be sent before its AC"),
    "refined before it was sent": (scan(-3, 0, 0, 0xED, jpeg=PROGRESSIVE), "refined bit by bit"),
    "DC refined too early": (scan(-3, 0, 0, 0x21, jpeg=PROGRESSIVE), "refined bit by bit"),
    "two steps of precision": (scan(-3, 0, 0, 0x20, jpeg=PROGRESSIVE), "Ah must be 0 or Al \\+ 1"),
    "table changes between scans": (
        insert(TWO_SCANS, SOS, segment(DQT, b"\0" + b"\x09" * 64), 1),
        "changes between",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    jpeg, message = REFUSED[name]
    with pytest.raises(InputError, match=message) as caught:
        _core.read_jpeg(jpeg, None)
    offset = re.search(r"\(offset (\d+)\)$", str(caught.value))
    assert offset
    assert int(offset[1]) <= len(jpeg)


def test_every_truncation_is_refused() -> None:
    for jpeg in (SEQUENTIAL, PROGRESSIVE, RESTARTS):
        for length in range(len(jpeg)):
            with pytest.raises(InputError):
                _core.read_jpeg(jpeg[:length])


def bit_string(*codes: str) -> bytes:
    bits = "".join(codes)
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")


def one_block(dc: int, ac: int, *codes: str, band: bytes = b"\0\x3f\0", sof: bytes = SOF0) -> bytes:
    """An 8x8 gray file whose only DC symbol is ``dc`` (code 0) and whose only AC symbol is ``ac`` (code 0)."""
    first = band[0] > 0
    head = b"\xff\xd8" + segment(DQT, b"\0" + b"\1" * 64) + segment(sof, b"\x08\0\x08\0\x08\1\1\x11\0")
    tables = b"".join(segment(DHT, bytes([c << 4, 1, *[0] * 15, s])) for c, s in ((0, dc), (1, ac)))
    start = segment(SOS, b"\1\1\0\0\0\0") + bit_string("0") if first else b""
    return head + tables + start + segment(SOS, b"\1\1\0" + band) + bit_string(*codes) + EOI


@pytest.mark.parametrize(
    ("jpeg", "message"),
    [
        (one_block(12, 0, "0", "0" * 12, "0"), "more than 11 bits"),
        (one_block(11, 0, "0", "1" * 11, "0"), "DC level is outside"),
        (one_block(0, 0x0B, "0", "0", "1" * 11), "more than 10 bits"),
        (one_block(0, 0xF0, "0", "0000"), "goes past the end"),
        (one_block(0, 0xF1, "0", *["01"] * 4), "goes past the end"),
        (one_block(0, 0x10, "0", "01"), "end-of-band run in a sequential"),
        (one_block(0, 0, "0", "1"), "not a Huffman code"),
        (one_block(0, 0x10, "01", band=b"\1\x3f\0", sof=SOF2), "longer than its scan"),
        (one_block(0, 0x0A, "0" + "1" * 10, band=b"\1\x01\1", sof=SOF2), "AC level is outside"),
    ],
)
def test_impossible_codes_are_refused(jpeg: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _core.read_jpeg(jpeg)


def test_the_smallest_files_are_read() -> None:
    """The file of the cases above with legal codes: the lowest DC level, and an AC level of 10 bits."""
    for dc, ac, codes, wanted in ((11, 0, "0" + "0" + "1" * 10 + "0", -1024), (0, 0, "00", 0)):
        assert _core.read_jpeg(one_block(dc, ac, codes)).levels[0][0, 0, 0] == wanted
    image = _core.read_jpeg(one_block(0, 0x0A, "0" + "1" * 10, band=b"\1\x01\0", sof=SOF2))
    assert image.levels[0][0, 0, :2].tolist() == [0, 1023]
