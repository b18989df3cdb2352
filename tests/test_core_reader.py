"""read_jpeg: round trips of files by other encoders, unusual files made by hand, and seeded mutations."""

from __future__ import annotations

import random
from typing import Any

import cv2
import numpy as np
import pytest
from helpers import (
    GRAY_REFINEMENT,
    SAMPLINGS,
    Quantized,
    encoded,
    opencv_pixels,
    photo,
    pillow_pixels,
    quantized,
    random_levels,
    same_levels,
)
from jpeg_surgery import (
    BASE,
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
from PIL import Image
from processes import needs

from saliency_jpeg.codec import _core
from saliency_jpeg.errors import InputError


def pillow_jpeg(mode: str = "RGB", size: tuple[int, int] = (61, 83), **options: Any) -> bytes:
    return encoded(Image.fromarray(photo(*size)).convert(mode), **options)


def again(image: _core.JpegImage, **options: Any) -> bytes:
    """Writes the image again."""
    kept = {n: getattr(image, n) for n in ("restart_interval", "segments", "component_tables", "component_ids")}
    return _core.write_jpeg(image.levels, image.tables, image.size, image.sampling, **(kept | options))


def check_round_trip(jpeg: bytes) -> _core.JpegImage:
    """Checks that a rewritten file has the pixels and levels of ``jpeg``, in both modes."""
    image, pixels = _core.read_jpeg(jpeg), pillow_pixels(jpeg)
    assert image.end == len(jpeg)
    assert image.size == pixels.shape[:2]
    for progressive in (False, True):
        rewritten = again(image, progressive=progressive)
        assert np.array_equal(pillow_pixels(rewritten), pixels)
        found = _core.read_jpeg(rewritten)
        assert found.progressive == progressive
        assert same_levels(found.levels, image.levels)
        for name in ("size", "sampling", "component_ids", "restart_interval", "segments"):
            assert getattr(found, name) == getattr(image, name), name
        used = [[i.tables[t].tolist() for t in i.component_tables] for i in (image, found)]
        assert used[0] == used[1]
    return image


@pytest.mark.parametrize("size", [(1, 1), (8, 16), (61, 83)])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(
    ("mode", "subsampling"), [("RGB", 0), ("RGB", 1), ("RGB", 2), ("L", 0), ("L", 2), ("CMYK", 0), ("CMYK", 2)]
)
def test_pillow(mode: str, subsampling: int, progressive: bool, size: tuple[int, int]) -> None:
    variants: list[dict[str, Any]] = [{}, {"optimize": True}, {"restart_marker_blocks": 3}, {"restart_marker_rows": 1}]
    for options in (*variants, {"quality": 100}):
        jpeg = pillow_jpeg(mode, size, subsampling=subsampling, progressive=progressive, **options)
        image = check_round_trip(jpeg)
        assert image.progressive == progressive
        assert len(image.levels) == {"RGB": 3, "L": 1, "CMYK": 4}[mode]
        if subsampling < 2 and mode != "L":
            assert image.sampling[0] == (subsampling + 1, 1)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_opencv(sampling: str) -> None:
    flags = [
        [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{sampling}"), *more]
        for more in ([], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 2])
    ]
    for flag in flags:
        jpeg = cv2.imencode(".jpg", np.array(photo(45, 67)), flag)[1].tobytes()
        image = check_round_trip(jpeg)
        assert image.sampling[0] == SAMPLINGS[sampling]
        assert np.array_equal(opencv_pixels(again(image)), opencv_pixels(jpeg))


@pytest.mark.parametrize("options", [{}, {"progressive": 0}, {"subsampling": "444"}, {"quality": 30}])
def test_jpegli(options: dict[str, Any]) -> None:
    needs("ajpegli")  # a build of jpegli
    import ajpegli

    image = check_round_trip(ajpegli.encode(np.array(photo(61, 83)), **options))
    assert image.size == (61, 83)
    assert len(image.levels) == 3


def test_no_larger_than_libjpeg_with_the_same_scans() -> None:
    """With the default progression of libjpeg, our files are at most as large as its own."""
    jpeg = pillow_jpeg(size=(200, 240), progressive=True, quality=85)
    chroma = [((c,), 1, 63, ah, al) for ah, al in ((0, 1), (1, 0)) for c in (1, 2)]
    luma = [((0,), 1, 5, 0, 2), ((0,), 6, 63, 0, 2), ((0,), 1, 63, 2, 1), ((0,), 1, 63, 1, 0)]
    scans = [((0, 1, 2), 0, 0, 0, 1), *luma, *chroma, ((0, 1, 2), 0, 0, 1, 0)]
    image = check_round_trip(jpeg)
    assert len(again(image, scans=scans)) <= len(jpeg)
    sequential = pillow_jpeg(size=(200, 240), optimize=True, quality=85)
    assert len(again(_core.read_jpeg(sequential), progressive=False)) <= len(sequential)


def test_tables_and_segments_are_read() -> None:
    tables = [list(range(1, 65)), [200] * 64]
    jpeg = encoded(photo(), qtables=tables, comment=b"hello", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0")
    image = _core.read_jpeg(jpeg)
    assert image.tables.dtype == np.uint16
    assert image.tables.tolist() == tables
    assert image.component_tables == [0, 1, 1]
    assert image.component_ids == [1, 2, 3]
    assert [m for m, _ in image.segments] == [0xE0, 0xE1, 0xFE]
    assert image.segments[2][1] == b"hello"


def test_levels_agree_with_decoded_pixels() -> None:
    """Levels times steps are the DCT of the decoded pixels, up to rounding."""
    jpeg = pillow_jpeg("L", quality=60)
    image = _core.read_jpeg(jpeg)
    rows, cols = image.size[0] // 8, image.size[1] // 8
    (wanted,) = _core.forward_dct(pillow_pixels(jpeg))
    assert abs(image.levels[0] * image.tables[0].astype(float) - wanted)[:rows, :cols].max() < 3


def test_arrays_outlive_the_image_and_are_writable() -> None:
    levels = _core.read_jpeg(pillow_jpeg()).levels
    assert all(block.dtype == np.int16 and block.flags.c_contiguous and block.flags.writeable for block in levels)
    levels[0][...] = 7
    assert levels[0].sum() == 7 * levels[0].size


# ---- unusual files that T.81 allows or decoders tolerate ------------------------------------------------------------

TABLE_1 = segment(DQT, b"\x01" + bytes(range(100, 164)))


def sixteen_bits(payload: bytes) -> bytes:
    """Returns a DQT segment of two tables with 16-bit steps."""
    wide = b""
    for i in (0, 65):
        wide += bytes([0x10 | payload[i]]) + b"".join(bytes([0, step]) for step in payload[i + 1 : i + 65])
    return segment(DQT, wide)


ODD = {
    "extended sequential": SEQUENTIAL.replace(SOF0, b"\xff\xc1"),
    "16-bit tables": change(SEQUENTIAL, DQT, sixteen_bits),
    "fill bytes": insert(insert(SEQUENTIAL, SOF0, b"\xff\xff\xff"), SOS, b"\xff"),
    "stray bytes": insert(SEQUENTIAL[:-2] + b"\0\0" + EOI, SOF0, b"stray\xff\0"),
    "fill bytes at a restart": RESTARTS.replace(b"\xff\xd0", b"\xff\xff\xff\xd0"),
    "fill bytes in a scan": SEQUENTIAL.replace(b"\xff\0", b"\xff\xff\0"),
    "reserved and lonely markers": insert(SEQUENTIAL, SOF0, b"\xff\x01\xff\xd3" + segment(b"\xff\xf7", b"123")),
    "empty segments": insert(SEQUENTIAL, SOF0, segment(DQT, b"") + segment(DHT, b"")),
    "trailing data": SEQUENTIAL + b"\xff\xd8\xff more",
    "unused tables": insert(SEQUENTIAL, SOF0, segment(DQT, b"\x03" + b"\x05" * 64)),
    "band in a sequential scan": change(SEQUENTIAL, SOS, lambda p: segment(SOS, p[:-3] + bytes(3))),
    "table of a component that is done": insert(SEPARATE, SOS, TABLE_1.replace(b"\x43\x01", b"\x43\0"), 1),
}


@pytest.mark.parametrize("name", ODD)
def test_legal_or_tolerated(name: str) -> None:
    assert ODD[name] not in (SEQUENTIAL, RESTARTS, SEPARATE)
    image = _core.read_jpeg(ODD[name])
    assert same_levels(image.levels, BASE.levels)
    assert image.sampling == BASE.sampling
    assert np.array_equal(image.tables, BASE.tables)
    assert image.end == len(ODD[name]) - (8 if name == "trailing data" else 0)


def test_a_table_redefined_between_first_scans_is_kept_for_each_component() -> None:
    image = _core.read_jpeg(insert(SEPARATE, SOS, TABLE_1, 2))
    assert image.component_tables == [0, 1, 2]
    assert np.array_equal(image.tables[:2], BASE.tables)
    assert image.tables[2, list(_core.ZIGZAG)].tolist() == list(range(100, 164))
    assert same_levels(_core.read_jpeg(again(image)).levels, BASE.levels)


def test_a_progressive_file_may_omit_its_last_scans() -> None:
    """As in decoders, the low bits that were not sent are 0."""
    scans = [((0,), 0, 0, 0, 0), ((0,), 1, 63, 0, 1), ((0,), 1, 63, 1, 0)]
    picture = quantized(photo(40, 56)[..., 1].copy(), step=2)
    jpeg = picture.jpeg(scans=scans)
    cut = jpeg[: jpeg.rindex(SOS)] + EOI
    image = _core.read_jpeg(cut)
    level = picture.levels[0]
    wanted = np.sign(level) * (abs(level) & ~1)
    wanted[..., 0] = level[..., 0]
    assert np.array_equal(image.levels[0], wanted)


def test_steps_beyond_255() -> None:
    """mozjpeg writes such steps at low quality.  A sequential file with them is an extended one (SOF1)."""
    jpeg = change(SEQUENTIAL, DQT, lambda p: sixteen_bits(p).replace(bytes([0, p[66]]), b"\x02\x34"))
    image = check_round_trip(jpeg)
    assert image.tables[1, 0] == 0x234
    assert [b"\xff\xc1" in again(image, progressive=p) for p in (False, True)] == [True, False]


def mutated(jpeg: bytes, rng: random.Random) -> bytes:
    data = bytearray(jpeg)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        at = rng.randrange(len(data))
        kind = rng.randrange(6)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, *range(0xC0, 0xE0)])
        elif kind == 2:
            data.insert(at, rng.randrange(256))
        elif kind == 3:
            del data[at : at + rng.randrange(1, 9)]
        elif kind == 4:
            source = rng.randrange(len(data))
            data[at:at] = data[source : source + rng.randrange(1, 60)]
        else:
            data[at : at + 2] = rng.choice([SOS, DHT, DQT, EOI, SOF0, SOF2, DRI, b"\xff\xd0"])
    return bytes(data)


SEEDS = {
    "sequential": SEQUENTIAL,
    "progressive": PROGRESSIVE,
    "restarts": RESTARTS,
    "separate": SEPARATE,
    "refinement": random_levels((30, 30), [(1, 1)], 2, high=60).jpeg(scans=GRAY_REFINEMENT),
    "four components": pillow_jpeg("CMYK", (20, 20), progressive=True, restart_marker_blocks=1),
}


@pytest.mark.parametrize("name", SEEDS)
def test_mutations_are_read_or_refused(name: str) -> None:
    """A mutation either raises InputError, or it can be written and read again with the same levels."""
    rng, read = random.Random(name), 0
    for _ in range(300):
        try:
            image = _core.read_jpeg(mutated(SEEDS[name], rng))
        except InputError:
            continue
        read += 1
        picture = Quantized(image.levels, image.tables, image.size, image.sampling)
        jpeg = picture.jpeg(progressive=not image.progressive, component_tables=image.component_tables)
        assert same_levels(_core.read_jpeg(jpeg).levels, image.levels)
    assert 5 <= read <= 295
