"""Bytes that no block of the coded data needs are gone where metadata are to be removed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers import encoded, photo, pillow_pixels
from jpeg_surgery import change, segment

from saliency_jpeg import InputError, Options, compress, recompress
from saliency_jpeg.codec._core import read_jpeg
from saliency_jpeg.integrations._optimizer import optimize_jpeg, remove_metadata
from saliency_jpeg.metadata import segments

MARK = b"a-place-on-earth"
FORMS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "restart markers": {"restart_marker_blocks": 2},
    "progressive, restart markers": {"progressive": True, "restart_marker_blocks": 3},
}
ENDS = {
    "the last scan": re.compile(rb"\xff\xd9\Z"),
    "a scan": re.compile(rb"\xff(?:\xd9|\xc4|\xda)", re.DOTALL),
    "an interval": re.compile(rb"\xff[\xd0-\xd7]", re.DOTALL),
}
DOORS: dict[str, Callable[[bytes, Any], bytes]] = {
    "compress": lambda jpeg, mode: compress(jpeg, saliency=None, target_kb=100, metadata=mode),
    "lossless": lambda jpeg, mode: recompress(jpeg, metadata=mode),
    "optimize": lambda jpeg, mode: optimize_jpeg(jpeg, Options(metadata=mode)),
    "remove": lambda jpeg, mode: remove_metadata(jpeg, Options(metadata=mode)),
}


def clean(form: str) -> bytes:
    return encoded(photo(48, 64), quality=90, **FORMS[form])


def marked(form: str, end: str) -> bytes:
    """A file with bytes behind the last block of a scan, or of a restart interval."""
    jpeg = clean(form)
    first = next(offset for marker, _, offset in segments.walk(jpeg) if marker == segments.SOS)
    found = ENDS[end].search(jpeg, first)
    if found is None:
        pytest.skip("the form has no such end")
    return jpeg[: found.start()] + MARK + jpeg[found.start() :]


@pytest.mark.parametrize("form", FORMS)
def test_files_of_pillow_have_no_byte_too_many(form: str) -> None:
    assert read_jpeg(clean(form)).unread == 0
    padded = clean(form)[:-2] + b"\xff\xff\xff\xd9"
    assert read_jpeg(padded).unread == 0
    assert read_jpeg(compress(clean(form), saliency=None)).unread == 0


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("form", FORMS)
def test_the_reader_counts_them(form: str, end: str) -> None:
    assert read_jpeg(marked(form, end)).unread == len(MARK)
    stuffed = marked(form, end).replace(MARK, b"\xff\0" + MARK)
    assert read_jpeg(stuffed).unread == len(MARK) + 1


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("form", FORMS)
def test_they_go_with_the_metadata(form: str, end: str, door: str) -> None:
    jpeg = marked(form, end)
    for mode in ("safe", "strip"):
        written = DOORS[door](jpeg, mode)
        assert MARK not in written
        np.testing.assert_array_equal(pillow_pixels(written), pillow_pixels(clean(form)))


def test_they_stay_where_all_is_kept() -> None:
    jpeg = marked("progressive", "the last scan")
    assert compress(jpeg, saliency=None, target_kb=100) == jpeg


def test_of_a_file_that_cannot_be_read_the_scans_stay() -> None:
    jpeg = marked("baseline", "the last scan")[:-2]
    without = remove_metadata(segments.replace_segments(jpeg, [(0xFE, b"a comment")]), Options(metadata="strip"))
    assert without.startswith(b"\xff\xd8\xff\xdb")
    assert b"a comment" not in without


BEFORE = {"RST": b"\xff\xd0", "TEM": b"\xff\x01", "COM": b"\xff\xfe\0\2"}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("before", BEFORE)
def test_a_marker_behind_the_last_block_hides_none(before: str, door: str) -> None:
    jpeg = clean("progressive")
    hidden = jpeg[:-2] + BEFORE[before] + MARK + jpeg[-2:]
    assert read_jpeg(hidden).unread == len(MARK)
    for mode in ("safe", "strip"):
        written = DOORS[door](hidden, mode)
        assert MARK not in written
        np.testing.assert_array_equal(pillow_pixels(written), pillow_pixels(jpeg))


FIELDS = {"SOF": b"\xff\xc0", "DHT": b"\xff\xc4", "SOS": b"\xff\xda", "DQT": b"\xff\xdb", "DRI": b"\xff\xdd"}
NO_SUCH = {f"{marker:02x}": bytes([0xFF, marker]) for marker in (*range(0xC0, 0xD0), *range(0xDB, 0xE0))}


@pytest.mark.parametrize("kind", FIELDS)
def test_what_follows_the_last_field_of_a_header_goes(kind: str) -> None:
    """Most decoders refuse such a file; it is stored all the same."""
    jpeg = clean("restart markers")
    longer = change(jpeg, FIELDS[kind], lambda payload: segment(FIELDS[kind], payload + MARK))
    for door in ("optimize", "remove"):
        written = DOORS[door](longer, "safe")
        assert MARK not in written
        np.testing.assert_array_equal(pillow_pixels(written), pillow_pixels(jpeg))
    assert segments.replace_segments(remove_metadata(longer, Options(metadata="strip")), []) == (
        segments.replace_segments(jpeg, [])
    )


@pytest.mark.parametrize("marker", NO_SUCH)
@pytest.mark.parametrize("place", ["first", "before the scan", "behind the scan"])
def test_a_segment_with_the_marker_of_another_kind_goes(place: str, marker: str) -> None:
    """Such as DNL, which decoders skip where the height is known."""
    jpeg = clean("baseline")
    at = {"first": 2, "before the scan": jpeg.index(FIELDS["SOS"]), "behind the scan": len(jpeg) - 2}[place]
    hidden = jpeg[:at] + segment(NO_SUCH[marker], MARK) + jpeg[at:]
    for door in ("optimize", "remove"):
        with contextlib.suppress(InputError):  # the first frame header is none
            assert MARK not in DOORS[door](hidden, "safe")


def test_a_file_without_a_sound_scan_header_is_refused() -> None:
    """Nothing would be left of the picture."""
    jpeg = clean("baseline")
    short = change(jpeg, FIELDS["SOS"], lambda payload: segment(FIELDS["SOS"], payload[:4]) + payload[4:])
    missing = jpeg.replace(FIELDS["SOS"], b"")
    for damaged in (short, missing):
        with pytest.raises(InputError, match=r"cannot be removed: .*scan"):
            remove_metadata(damaged, Options(metadata="safe"))


def test_arithmetic_tables_stay() -> None:
    table = segment(b"\xff\xcc", b"\0\x10\x11\x05")
    jpeg = change(clean("baseline"), FIELDS["SOS"], lambda payload: table + segment(FIELDS["SOS"], payload))
    assert table in remove_metadata(jpeg, Options(metadata="strip"))
