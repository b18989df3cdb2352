"""What counts behind the first picture: clips and notes behind previews, and items of any kind that XMP names."""

# mypy: allow-untyped-defs, allow-incomplete-defs, disable-error-code="union-attr"
from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from helpers import encoded
from trailing_files import CLIP, FIRST, SECOND, find, frames, jpeg_of, stereo, with_preview, with_xmp

from saliency_jpeg import InputError, compress, recompress

UTC = b"\0\0\1\x0a\x0e\0\0\0Image_UTC_Data1700000000000"


def samsung(*blocks: bytes) -> bytes:
    """A trailer: blocks, and where each begins, counted back from the directory."""
    directory, left = b"SEFH\x6b\0\0\0" + struct.pack("<I", len(blocks)), sum(map(len, blocks))
    for block in blocks:
        directory += block[:4] + struct.pack("<II", left, len(block))
        left -= len(block)
    return b"".join(blocks) + directory + struct.pack("<I", len(directory)) + b"SEFT"


def test_a_list_of_previews_hides_no_clip_behind_them() -> None:
    clip = b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + CLIP
    named = with_xmp(with_preview(), b'<x:xmpmeta GCamera:MotionPhoto="1"/>')
    for file in (with_preview() + CLIP, with_preview() + samsung(UTC, clip), named + b"a clip of an unknown kind"):
        written = compress(file, quality=50, saliency=None)
        assert find(written).tail == find(file).tail
        assert find(file).tail.startswith(b"\xff\xd8\xff")
        np.testing.assert_array_equal(frames(written)[-1], frames(file)[-1])
        with pytest.raises(InputError, match="trailing_images='drop'"):
            compress(file, saliency=None, metadata="safe")
        assert not find(compress(file, quality=50, saliency=None, trailing_images="drop"))
    assert find(named) is None


def test_notes_stay_where_previews_in_front_of_them_go() -> None:
    file, notes = with_preview() + samsung(UTC), samsung(UTC)
    assert find(file) is None
    wishes: list[dict[str, Any]] = [
        {"quality": 50},
        {"quality": 50, "max_width": 80},
        {"quality": 99, "restart_interval": 5},
    ]
    for options in wishes:
        written = compress(file, saliency=None, **options)
        assert written.endswith(b"\xff\xd9" + notes)
        assert written.count(b"\xff\xd8\xff") == 1
        assert b"UTC" not in compress(file, saliency=None, metadata="safe", **options)
    outside = file.replace(struct.pack("<I", len(find(stereo()).tail)), b"\xff\xff\xff\x7f")
    assert outside != file
    assert compress(outside, quality=50, saliency=None).endswith(b"\xff\xd9")


ITEMS = {
    "Google's": (
        b'<a:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><a:Item b:Mime="image/jpeg" b:Length="0"/></rdf:li>'
        b'<rdf:li rdf:parseType="Resource"><a:Item b:Mime="image/png" b:Length="%d"/></rdf:li></rdf:Seq></a:Directory>',
        (b"http://ns.google.com/photos/1.0/container/", b"http://ns.google.com/photos/1.0/container/item/"),
    ),
    "of dynamic depth": (
        b'<c:Container rdf:parseType="Resource"><a:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><b:Length>%d'
        b"</b:Length><b:DataURI>a-depth</b:DataURI></rdf:li></rdf:Seq></a:Directory></c:Container><c:Cameras>"
        b'<d:DepthMap rdf:parseType="Resource"><e:DepthURI>a-depth</e:DepthURI></d:DepthMap></c:Cameras>',
        tuple(b"http://ns.google.com/photos/dd/1.0/%s/" % s for s in (b"container", b"item", b"device", b"camera")),
    ),
}


@pytest.mark.parametrize("kind", ITEMS)
@pytest.mark.parametrize("item", [encoded(SECOND, "PNG"), encoded(SECOND, "WEBP"), b"\1\2\3\4" * 900])
def test_items_of_a_container_count_whatever_they_are(kind: str, item: bytes) -> None:
    text, addresses = ITEMS[kind]
    names = b" ".join(b'xmlns:%c="%s"' % pair for pair in zip(b"abcd", addresses, strict=False))
    packet = b"<x:xmpmeta><rdf:RDF><rdf:Description %s>%s<dc:title>t</dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"
    file = with_xmp(jpeg_of(FIRST), packet % (names, text % len(item))) + item
    for written in (compress(file, quality=50, saliency=None), recompress(file)):
        assert written.endswith(b"\xff\xd9" + item)
        assert text % len(item) in written
    alone = compress(file, quality=50, saliency=None, trailing_images="drop")
    assert alone.endswith(b"\xff\xd9")
    assert b"<dc:title>t<" in alone
    assert not any(name in alone for name in (b"Length", b"Mime", b"a-depth", b"xmlns:b"))
    cut = file[: -len(item)] + b"SEFH trailer of a phone"
    assert find(cut) is None
