"""Bytes that no block of the coded data needs are gone where metadata are to be removed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers import encoded, photo, pillow_pixels

from saliency_jpeg import Options, compress, recompress
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
