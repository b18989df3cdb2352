"""Files with more behind their first picture: MPO, Ultra HDR, motion photographs.  Pillow reads MPO files."""

# mypy: allow-untyped-defs, allow-incomplete-defs, disable-error-code="union-attr"
from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from helpers import encoded, photo, pillow_pixels
from jpeg_surgery import splice
from PIL import Image
from trailing_files import (
    CLIP,
    FIRST,
    GAIN_MAP_XMP,
    SECOND,
    find,
    frames,
    jpeg_of,
    motion_photo,
    stereo,
    ultra_hdr,
    with_preview,
)

from saliency_jpeg import Encoder, InputError, TargetError, compress, recompress
from saliency_jpeg.metadata import segments
from saliency_jpeg.metadata.multi_picture import end_of_primary


@pytest.mark.parametrize("make", [stereo, ultra_hdr])
def test_the_first_picture_is_encoded_and_the_second_is_carried_along(make) -> None:
    source = make()
    written = compress(source, quality=60, saliency=None)
    assert len(written) < len(source)
    assert len(frames(written)) == len(frames(source)) == (2 if make is stereo else 1)  # Pillow opens no gain maps
    assert 0.5 < np.abs(frames(source)[0].astype(float) - frames(written)[0]).mean() < 12
    assert find(source).tail == find(written).tail
    assert (GAIN_MAP_XMP in written) == (GAIN_MAP_XMP in source)
    again = compress(written, quality=20, saliency=None)
    for file in (written, again):
        np.testing.assert_array_equal(frames(file)[1:], frames(source)[1:])
        np.testing.assert_array_equal(pillow_pixels(find(file).tail), frames(stereo())[1])


def test_the_list_names_the_new_size_and_place() -> None:
    written = compress(stereo(), quality=60, saliency=None)
    payload = next(p for m, p in segments.parse(written) if m == 0xE2 and p.startswith(b"MPF\0"))
    at = payload.index(struct.pack("<H", 0xB002))
    count, start = struct.unpack_from("<II", payload, at + 4)
    assert count == 32
    base = written.index(b"MPF\0") + 4
    sizes = [struct.unpack_from("<II", payload, 4 + start + 16 * n + 4) for n in (0, 1)]
    assert sizes[0] == (find(written).end, 0)
    size, offset = sizes[1]
    assert base + offset == sizes[0][0]
    assert base + offset + size == len(written)


def test_a_target_counts_all_pictures_and_is_never_exceeded() -> None:
    source = stereo()
    tail = len(find(source).tail)
    target = (tail + len(source)) / 2000
    written = compress(source, target_kb=target, saliency=None)
    assert 0.9 * 1000 * target < len(written) <= 1000 * target
    assert len(frames(written)) == 2
    with pytest.raises(TargetError) as caught:
        compress(source, target_kb=tail / 1000, saliency=None)
    assert len(frames(caught.value.best)) == 2


def test_trailing_images_are_not_scaled_and_that_is_said() -> None:
    source = stereo()
    tail = len(find(source).tail)
    for target in (tail / 1000, (tail + 650) / 1000):
        with pytest.raises(InputError, match=r"^allow_downscale .*pass trailing_images='drop'$"):
            compress(source, target_kb=target, saliency=None, allow_downscale=True)
    plenty = compress(source, target_kb=(tail + len(source)) / 2000, saliency=None, allow_downscale=True)
    assert len(frames(plenty)) == 2
    small = compress(source, target_kb=1.0, saliency=None, allow_downscale=True, trailing_images="drop")
    assert len(small) <= 1000
    assert len(frames(small)) == 1


def test_a_file_that_gains_nothing_comes_back_whole() -> None:
    source = stereo(quality=20)
    result = Encoder(quality=95, saliency=None).compress(source)
    assert result.jpeg == source
    assert result.passed_through


@pytest.mark.parametrize("make", [stereo, ultra_hdr, motion_photo])
def test_dropping_is_asked_for(make) -> None:
    written = compress(make(), quality=60, saliency=None, trailing_images="drop")
    assert find(written) is None
    assert len(frames(written)) == 1
    assert b"MPF\0" not in written
    np.testing.assert_array_equal(pillow_pixels(written), frames(compress(make(), quality=60, saliency=None))[0])
    alone = compress(make(), quality=99, saliency=None, trailing_images="drop")
    assert find(alone) is None
    assert not alone.endswith(CLIP)
    np.testing.assert_array_equal(pillow_pixels(alone), frames(make())[0])  # passed through, cut


@pytest.mark.parametrize("tail", [b"unknown bytes", jpeg_of(SECOND), CLIP])
def test_what_is_dropped_is_dropped_of_a_source_that_is_small_enough(tail: bytes) -> None:
    signed = b"JP\0\1\0\0\0\1" + struct.pack(">I4sI4s", 60, b"jumb", 38, b"jumd")
    signed += b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71\3c2pa\0" + bytes(23)
    file = splice(jpeg_of(FIRST), [(0xEB, signed)]) + tail
    wishes: list[dict[str, Any]] = [{"quality": 100}, {"target_kb": 100}]
    for options in wishes:
        written = Encoder(saliency=None, trailing_images="drop", **options).compress(file)
        assert written.passed_through
        assert written.jpeg == jpeg_of(FIRST)  # without a signature of bytes that are gone
        kept = compress(file, saliency=None, trailing_images="drop", keep_segments=["APP11"], **options)
        assert kept == file[: -len(tail)]


@pytest.mark.parametrize("make", [stereo, ultra_hdr, motion_photo, with_preview])
def test_they_are_dropped_without_loss(make) -> None:
    modes: list[dict[str, Any]] = [{}, {"metadata": "safe"}]
    for options in modes:
        written = recompress(make(), trailing_images="drop", **options)
        assert find(written) is None
        assert written.endswith(b"\xff\xd9")
        assert not any(name in written for name in (b"MPF", b"hdrgm", b"MotionPhoto"))
        np.testing.assert_array_equal(pillow_pixels(written), frames(make())[0])


def test_a_motion_photograph_keeps_its_clip_at_the_end() -> None:
    for xmp in (b'<x:xmpmeta GCamera:MotionPhoto="1"/>', b'<x:xmpmeta GCamera:MicroVideo="1"/>'):
        written = compress(motion_photo(xmp), quality=50, saliency=None)
        assert written.endswith(b"\xff\xd9" + bytes(16) + CLIP)
        assert xmp in written
        assert len(written) < len(motion_photo(xmp))
    untold = jpeg_of(FIRST) + CLIP
    assert compress(untold, quality=50, saliency=None).endswith(b"\xff\xd9" + CLIP)


ENDS = {
    "Samsung": b"SEFH\x6b\0\0\0\1\0\0\0\x14\0\0\0SEFT",
    "an older one of Samsung": b"\0\0QDIOBS",
    "vivo": b"\xff\xff\xff\xff\x1b*9HWfu\x84\x93\xa2\xb1",
    "OnePlus": b"jxrs\1\2\3\0",
}
PROGRAMS = {
    "AFCP": b"AXS!\0\0\1\0\0\0\0\0",
    "FotoStation": b"\0\0\0\x20\xa1\xb2\xc3\xd4",
    "Photo Mechanic": b"\0\0\0\x40cbipcbbl",
    "MIE": b"~\0\4\0zmie~\0\0\6\0\0\1\0\x10\4",
    "MIE, long": b"~\0\4\0zmie~\0\0\x0a\0\0\0\0\0\0\1\0\x18\x08",
    "Canon": b"CANON OPTIONAL DATA\0" + bytes(42) + b"\xff\xd9",
}


@pytest.mark.parametrize("end", ENDS | PROGRAMS)
def test_notes_of_phones_and_programs_are_metadata(end: str) -> None:
    """Text and numbers behind the picture, which ExifTool shows; nothing there shows the picture."""
    notes = b"Image_UTC_Data1700000000000" + (ENDS | PROGRAMS)[end]
    file = jpeg_of(FIRST) + notes
    assert find(file) is None
    kept: list[dict[str, Any]] = [{}, {"max_width": 80}, {"orientation": "apply"}]
    for options in kept:
        assert compress(file, quality=50, saliency=None, **options).endswith(b"\xff\xd9" + notes)
    assert len(compress(file, target_kb=3, saliency=None)) <= 3000
    assert recompress(file).endswith(b"\xff\xd9" + notes)
    forms: list[dict[str, Any]] = [{"quality": 50}, {"quality": 99}, {"target_kb": 100}]
    removed: list[dict[str, Any]] = [{"metadata": "safe"}, {"metadata": "strip"}, {"trailing_images": "drop"}]
    for options in removed:
        for form in forms:
            assert b"UTC" not in compress(file, saliency=None, **form, **options)
    assert compress(file, quality=99, saliency=None, restart_interval=5).endswith(b"\xff\xd9" + notes)
    assert b"UTC" not in recompress(file, metadata="safe")
    with_picture = jpeg_of(FIRST) + jpeg_of(SECOND) + notes
    assert find(with_picture) is not None
    with_thumbnail = jpeg_of(FIRST) + b"\0\0\0\2" + jpeg_of(SECOND) + notes
    assert (find(with_thumbnail) is not None) == (end in ENDS)
    if end in PROGRAMS:  # as a preview of a camera it would show what the picture was
        assert compress(with_thumbnail, quality=50, saliency=None).endswith(b"\xff\xd9")


@pytest.mark.parametrize("options", [{"metadata": "strip"}, {"metadata": "safe"}])
def test_what_would_cut_or_betray_is_refused(options) -> None:
    """The second picture has metadata of its own, which would go out with it."""
    with pytest.raises(InputError, match=r"metadata='s.*trailing_images='drop'"):
        compress(stereo(), saliency=None, **options)
    assert len(frames(compress(stereo(), saliency=None, trailing_images="drop", **options))) == 1


def test_turning_one_of_several_pictures_is_refused() -> None:
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    jpeg = encoded(FIRST, "MPO", save_all=True, append_images=[Image.fromarray(SECOND)], exif=exif, quality=95)
    with pytest.raises(InputError, match="orientation='apply'"):
        compress(jpeg, saliency=None, orientation="apply")
    assert len(frames(compress(jpeg, quality=30, saliency=None))) == 2


def test_previews_and_padding_are_no_further_pictures() -> None:
    assert find(with_preview()) is None
    assert find(stereo()) is not None
    assert find(jpeg_of(FIRST)) is None
    assert find(jpeg_of(FIRST) + bytes(100)) is None
    assert find(jpeg_of(FIRST) + b"SEFH trailer of a phone") is None
    assert len(frames(compress(with_preview(), quality=60, saliency=None))) == 1


def test_progressive_files_end_where_they_end() -> None:
    assert find(encoded(FIRST, progressive=True) + CLIP).tail == CLIP


def test_damaged_lists_raise_nothing_and_cut_nothing() -> None:
    rng = np.random.default_rng(3)
    source = stereo()
    start = source.index(b"MPF\0") + 4
    for _ in range(300):
        damaged = bytearray(source)
        for _ in range(rng.integers(1, 5)):
            damaged[start + rng.integers(0, 90)] = rng.integers(0, 256)
        found = find(bytes(damaged))
        if found is not None:
            primary = segments.replace_segments(source[: found.end], found.segments)
            assert found.append_to(primary).endswith(found.tail)
    empty = source[: start + 4] + b"\xff" * 4 + source[start + 8 :]
    assert find(empty).tail == find(source).tail


@pytest.mark.parametrize("tail", [b"SEFH trailer of a phone", b"preview"])
def test_what_is_cut_off_with_the_metadata_and_what_is_not(tail) -> None:
    """Handed back with other metadata the source has no trailer; recompress() without a wish loses none."""
    source = jpeg_of(FIRST, 30) + tail
    if tail == b"preview":
        source = with_preview()
    for mode in ("safe", "strip"):
        for written in (compress(source, quality=99, saliency=None, metadata=mode), recompress(source, metadata=mode)):
            assert end_of_primary(written, list(segments.walk(written))) == len(written)
            assert b"MPF\0" not in written
            np.testing.assert_array_equal(pillow_pixels(written), pillow_pixels(source))
    whole = recompress(source)
    assert len(whole) < len(source)
    assert (
        whole[end_of_primary(whole, list(segments.walk(whole))) :]
        == source[end_of_primary(source, list(segments.walk(source))) :]
    )
    if tail == b"preview":
        for a, b in zip(frames(whole), frames(source), strict=True):
            np.testing.assert_array_equal(a, b)
    baseline = compress(source, quality=99, saliency=None, restart_interval=5)
    assert end_of_primary(baseline, list(segments.walk(baseline))) == len(baseline)
    assert b"MPF\0" not in baseline


def test_an_offset_outside_the_file_stays_as_it_is() -> None:
    trailing = find(stereo(quality=30))
    assert trailing.listing is not None
    size = struct.pack("<I", len(trailing.tail))
    at = trailing.listing.index(size) + 4
    far = trailing.listing[:at] + b"\xff" * 4 + trailing.listing[at + 4 :]
    larger = splice(jpeg_of(photo(300, 400)), [(0xE2, far)])
    whole = trailing._replace(listing=far).append_to(larger)
    assert whole.endswith(trailing.tail)
    assert size + b"\xff" * 4 in whole
