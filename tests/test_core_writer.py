"""write_jpeg: libjpeg-turbo (Pillow, OpenCV) and FFmpeg decode every mode, sampling and odd size to the same pixels."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import (
    SAMPLINGS,
    SIZES,
    Quantized,
    Scan,
    ffmpeg_pixels,
    float_planes,
    float_rgb,
    opencv_pixels,
    photo,
    pillow_pixels,
    quantized,
    random_levels,
    same_levels,
)

from saliency_jpeg.codec import _core

DC, LUMA, CB, CR = (0, 1, 2), (0,), (1,), (2,)
SCRIPTS: dict[str, list[Scan]] = {
    "spectral selection": [
        (DC, 0, 0, 0, 0),
        *((c, *band, 0, 0) for band in [(1, 1), (2, 9), (10, 62), (63, 63)] for c in (CR, LUMA, CB)),
    ],
    "refinement": [
        (DC, 0, 0, 0, 2),
        *((c, 1, 63, 0, 3) for c in (LUMA, CB, CR)),
        (DC, 0, 0, 2, 1),
        *((c, 1, 63, ah, ah - 1) for ah in (3, 2, 1) for c in (LUMA, CB, CR)),
        (DC, 0, 0, 1, 0),
    ],
    "no interleaving": [
        *((c, 0, 0, 0, 1) for c in (LUMA, CB, CR)),
        *((c, 0, 0, 1, 0) for c in (CR, CB, LUMA)),
        (LUMA, 1, 5, 0, 2),
        (LUMA, 1, 5, 2, 1),
        (LUMA, 6, 63, 0, 1),
        (LUMA, 1, 63, 1, 0),
        (CB, 1, 63, 0, 0),
        (CR, 1, 63, 0, 13),
        *((CR, 1, 63, ah, ah - 1) for ah in range(13, 0, -1)),
    ],
    "pairs": [((0, 2), 0, 0, 0, 0), (CB, 0, 0, 0, 0), *((c, 1, 63, 0, 0) for c in (LUMA, CB, CR))],
}
SEQUENTIAL: dict[str, list[Scan]] = {
    "one by one": [(c, 0, 63, 0, 0) for c in (CR, LUMA, CB)],
    "luma, then chroma": [(LUMA, 0, 63, 0, 0), ((1, 2), 0, 63, 0, 0)],
}
MODES: dict[str, dict[str, Any]] = {
    "progressive": {},
    "progressive, restarts": {"restart_interval": 3},
    "sequential, restarts": {"progressive": False, "restart_interval": 1},
    **{name: {"scans": scans} for name, scans in SCRIPTS.items()},
    **{f"{name}, restarts": {"scans": scans, "restart_interval": 2} for name, scans in SCRIPTS.items()},
    **{name: {"scans": scans, "progressive": False} for name, scans in SEQUENTIAL.items()},
}


def restricted(options: dict[str, Any]) -> dict[str, Any]:
    """The same mode for one component."""
    scans = [(LUMA, *band) for components, *band in options.get("scans", []) if 0 in components]
    return {**options, "scans": scans} if scans else options


def pictures() -> dict[str, Quantized]:
    colour = {
        f"{h}x{w} {name}": quantized(photo(h, w), *sampling) for h, w in SIZES for name, sampling in SAMPLINGS.items()
    }
    return colour | {f"{h}x{w} gray": quantized(photo(h, w)[..., 1].copy()) for h, w in SIZES}


PICTURES = pictures()


@pytest.mark.parametrize("name", PICTURES)
def test_every_mode_decodes_to_the_same_pixels(name: str, tmp_path: Path) -> None:
    picture = PICTURES[name]
    reference = picture.jpeg(progressive=False)
    wanted = {d: d(reference) for d in (pillow_pixels, opencv_pixels)}
    by_ffmpeg = ffmpeg_pixels(reference, tmp_path)
    assert by_ffmpeg.shape[:2] == wanted[pillow_pixels].shape[:2] == picture.size
    for mode, options in MODES.items():
        jpeg = picture.jpeg(**(options if len(picture.levels) == 3 else restricted(options)))
        assert all(np.array_equal(decode(jpeg), pixels) for decode, pixels in wanted.items()), mode
        assert np.array_equal(ffmpeg_pixels(jpeg, tmp_path), by_ffmpeg), mode
        assert same_levels(_core.read_jpeg(jpeg).levels, picture.levels), mode


@pytest.mark.parametrize("name", [n for n in PICTURES if "444" in n or "gray" in n])
def test_decoded_pixels_agree_with_the_levels(name: str, tmp_path: Path) -> None:
    """Against a decoder in floating point, with a tolerance for the integer arithmetic of libjpeg and FFmpeg."""
    picture, jpeg = PICTURES[name], PICTURES[name].jpeg()
    wanted = float_rgb(picture)
    tolerance = 1.01 if wanted.ndim == 2 else 3.01
    for pixels in (pillow_pixels(jpeg), opencv_pixels(jpeg), ffmpeg_pixels(jpeg, tmp_path)):
        model = wanted[..., None] if pixels.ndim > wanted.ndim else wanted
        assert abs(pixels - model).max() <= tolerance


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_subsampled_chroma_is_at_the_right_place(sampling: str, tmp_path: Path) -> None:
    """The decoded luma is that of the levels, and the decoded picture is close to the photograph."""
    image = photo(88, 72)
    picture = quantized(image, *SAMPLINGS[sampling], step=2)
    luma = float_planes(picture)[0][:88, :72]
    for pixels in (pillow_pixels(picture.jpeg()), ffmpeg_pixels(picture.jpeg(), tmp_path)):
        difference = pixels @ [0.299, 0.587, 0.114] - luma
        assert abs(difference).mean() < 1
        assert abs(pixels.astype(float) - image).mean() < 3.5


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sampling", [[(1, 1)], [(2, 2), (1, 1), (1, 1)], [(1, 2), (2, 1), (1, 1)], [(1, 1)] * 4])
def test_levels_of_every_size_survive_every_mode(sampling: list[tuple[int, int]], seed: int) -> None:
    picture = random_levels((70, 58), sampling, seed, high=[1, 3, 60, 1023][seed])
    reference = pillow_pixels(picture.jpeg(progressive=False))
    modes = MODES if len(sampling) == 3 else {n: restricted(o) for n, o in MODES.items()} if len(sampling) == 1 else {}
    for mode, options in {**modes, "default": {}}.items():
        jpeg = picture.jpeg(**options)
        assert same_levels(_core.read_jpeg(jpeg).levels, picture.levels), mode
        assert np.array_equal(pillow_pixels(jpeg), reference), mode


def test_refinement_sends_no_zrl_before_correction_bits() -> None:
    """T.81, G.1.2.3: after the last new level there are only correction bits, whatever their distance."""
    sizes = []
    for position in (3, 60):
        levels = np.zeros((24, 24, 64), np.int16)
        levels[..., _core.ZIGZAG[1]], levels[..., _core.ZIGZAG[position]] = 1, 2
        picture = Quantized([levels], np.ones((1, 64), np.uint16), (192, 192), [(1, 1)])
        jpeg = picture.jpeg(scans=[(LUMA, 0, 0, 0, 0), (LUMA, 1, 63, 0, 1), (LUMA, 1, 63, 1, 0)])
        sizes.append(len(jpeg) - jpeg.rindex(b"\xff\xda"))
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("refine", [False, True])
def test_end_of_band_runs_of_more_than_32767_blocks(refine: bool) -> None:
    """T.81, G.1.2.2: a longer run must be split."""
    levels = np.zeros((1, 33_000 + 200, 64), np.int16).reshape(8, -1, 64)
    levels[0, 0, 5], levels[-1, -1, 63], levels[3, 7, 0] = 2, -2, 9
    picture = Quantized([levels], np.ones((1, 64), np.uint16), (64, 8 * levels.shape[1]), [(1, 1)])
    scans: list[Scan] = [(LUMA, 0, 0, 0, 0), (LUMA, 1, 63, 0, int(refine))]
    jpeg = picture.jpeg(scans=[*scans, (LUMA, 1, 63, 1, 0)] if refine else scans)
    assert same_levels(_core.read_jpeg(jpeg).levels, picture.levels)
    assert np.array_equal(pillow_pixels(jpeg), pillow_pixels(picture.jpeg(progressive=False)))


@pytest.mark.parametrize("width", [65500, 65535])
def test_the_longest_side(width: int) -> None:
    """The limit of libjpeg is 65500, that of T.81 65535."""
    picture = quantized(np.tile(photo(1, 80)[..., 0], (1, 820))[:, :width].copy())
    jpeg = picture.jpeg()
    found = _core.read_jpeg(jpeg)
    assert found.size == (1, width)
    assert same_levels(found.levels, picture.levels)
    if width == 65500:
        assert abs(pillow_pixels(jpeg) - float_rgb(picture)).max() <= 1.01


def marker_segments(jpeg: bytes) -> list[tuple[int, bytes]]:
    """All segments up to the first scan."""
    found: list[tuple[int, bytes]] = []
    at = 2
    while not found or found[-1][0] != 0xDA:
        length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        found.append((jpeg[at + 1], jpeg[at + 4 : at + 2 + length]))
        at += 2 + length
    return found


def test_header_fields_are_the_arguments() -> None:
    picture = quantized(photo(33, 50), 2, 1)
    extra = [(0xE1, b"Exif\0\0abc"), (0xEF, b""), (0xFE, b"x" * 65533), (0xE0, bytes(range(256)))]
    jpeg = picture.jpeg(
        progressive=False, segments=extra, restart_interval=513, component_tables=[1, 0, 1], component_ids=[7, 9, 255]
    )
    found = marker_segments(jpeg)
    assert found[:4] == extra
    (frame,) = [p for m, p in found if m == 0xC0]
    assert frame == bytes([8, 0, 33, 0, 50, 3, 7, 0x21, 1, 9, 0x11, 0, 255, 0x11, 1])
    assert dict(found)[0xDD] == b"\x02\x01"
    tables = dict(found)[0xDB]
    assert [tables[0], tables[65]] == [0, 1]
    assert np.array_equal(np.frombuffer(tables[66:], np.uint8), picture.tables[1, list(_core.ZIGZAG)])


def test_baseline_uses_two_huffman_tables_of_each_class() -> None:
    """T.81, table B.5: a baseline decoder has two."""
    jpeg = quantized(photo(), 2, 2).jpeg(progressive=False)
    destinations, payload = [], dict(marker_segments(jpeg))[0xC4]
    while payload:
        destinations.append(payload[0])
        payload = payload[17 + sum(payload[1:17]) :]
    assert set(destinations) <= {0x00, 0x01, 0x10, 0x11}


def test_threads_write_the_same_bytes() -> None:
    image = np.array(photo(256, 256))

    def encode() -> bytes:
        return quantized(image, 2, 2).jpeg() + quantized(image, 1, 1, step=3).jpeg(progressive=False)

    wanted = encode()
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(encode())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 4


GOOD = quantized(photo(20, 20), 2, 2)
WRONG_SHAPE = [GOOD.levels[0][:2], *GOOD.levels[1:]]


def with_level(index: int, value: int) -> list[Any]:
    levels = [block.copy() for block in GOOD.levels]
    levels[1][0, 0, index] = value
    return levels


def with_step(value: int) -> Any:
    tables = GOOD.tables.copy()
    tables[1, 9] = value
    return tables


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"levels": WRONG_SHAPE}, "number of rows of blocks of a component must be 3, got 2"),
        ({"levels": []}, "same length"),
        ({"levels": [], "sampling": []}, "number of components must be in 1..4, got 0"),
        ({"levels": GOOD.levels * 2, "sampling": GOOD.sampling * 2}, "number of components must be in 1..4, got 6"),
        ({"levels": with_level(0, 1024)}, "DC level must be in -1024..1023, got 1024"),
        ({"levels": with_level(0, -1025)}, "DC level"),
        ({"levels": with_level(63, 1024)}, "AC level must be in -1023..1023, got 1024"),
        ({"levels": with_level(1, -1024)}, "AC level"),
        ({"tables": with_step(0)}, "quantization step must be in 1..65535, got 0"),
        ({"tables": np.ones((0, 64), np.uint16)}, "quantization tables"),
        ({"tables": np.ones((5, 64), np.uint16)}, "quantization tables"),
        ({"tables": np.ones((2, 63), np.uint16)}, "shape"),
        ({"size": (0, 20)}, "height"),
        ({"size": (20, 65536)}, "width"),
        ({"size": (20, 33)}, "number of columns of blocks of a component must be 5, got 3"),
        ({"sampling": [(2, 2), (1, 1)]}, "same length"),
        ({"sampling": [(2, 2), (1, 1), (0, 1)]}, "sampling"),
        ({"sampling": [(2, 5), (1, 1), (1, 1)]}, "sampling"),
        ({"restart_interval": 65536}, "restart"),
        ({"restart_interval": -1}, "restart"),
        ({"component_tables": [0, 2, 1]}, "table of a component must be in 0..1, got 2"),
        ({"component_tables": [0, 1]}, "same length"),
        ({"component_ids": [1, 2, 3, 4]}, "same length"),
        ({"component_ids": [1, 2, 256]}, "component id must be in 0..255, got 256"),
        ({"component_ids": [1, 2, 1]}, "component ids must differ"),
        ({"segments": [(0xDB, b"")]}, "APPn"),
        ({"segments": [(0xE1, b"x" * 65534)]}, "must be in 0..65533, got 65534"),
        ({"scans": []}, "empty"),
    ],
)
def test_illegal_frames_raise(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _core.write_jpeg(**{**GOOD._asdict(), **changes})


FIRST: Scan = (DC, 0, 0, 0, 0)
REST: list[Scan] = [(c, 1, 63, 0, 0) for c in (LUMA, CB, CR)]


ONCE = "must be sent once, then refined bit by bit"


@pytest.mark.parametrize(
    ("scans", "message"),
    [
        ([FIRST, *REST[:2]], "every coefficient to its last bit"),
        ([FIRST, *REST, REST[0]], f"scan 4: .*{ONCE}"),
        ([*REST, FIRST], "DC of a component must be sent before its AC"),
        ([FIRST, FIRST, *REST], f"scan 1: .*{ONCE}"),
        ([(DC, 0, 63, 0, 0)], "both DC and AC"),
        ([FIRST, (DC, 1, 63, 0, 0)], "AC scan must have one component"),
        ([FIRST, (LUMA, 1, 63, 0, 1), *REST[1:]], "every coefficient to its last bit"),
        ([FIRST, (LUMA, 1, 63, 0, 2), (LUMA, 1, 63, 2, 0), *REST[1:]], r"Ah must be 0 or Al \+ 1"),
        ([FIRST, (LUMA, 1, 63, 1, 0), *REST[1:]], ONCE),
        ([FIRST, (LUMA, 1, 63, 14, 13), *REST[1:]], ONCE),
        ([FIRST, (LUMA, 1, 63, 0, 14), *REST[1:]], "Al must be in 0..13"),
        ([FIRST, (LUMA, 1, 64, 0, 0), *REST[1:]], "Se in Ss..63, got components 0, Ss 1, Se 64, Ah 0, Al 0"),
        ([FIRST, (LUMA, 5, 4, 0, 0), *REST], "Se in Ss..63"),
        ([((2, 1, 0), 0, 0, 0, 0), *REST], "in the frame's order"),
        ([((0, 1, 3), 0, 0, 0, 0), *REST], "components of the frame"),
        ([((), 0, 0, 0, 0), FIRST, *REST], "must have a component"),
        ([(DC, 0, 0, 0, 11), *REST], "Al of a DC scan must be in 0..10, got 11"),
        ([FIRST, *REST, *[REST[0]] * 253], "the number of scans must be in 1..256, got 257"),
    ],
)
def test_illegal_progressions_raise(scans: list[Scan], message: str) -> None:
    assert GOOD.jpeg(scans=[FIRST, *REST])
    with pytest.raises(ValueError, match=message):
        GOOD.jpeg(scans=scans)


@pytest.mark.parametrize(
    ("scans", "message"),
    [
        ([FIRST, *REST], "sequential scan must have Ss 0, Se 63"),
        ([(DC, 0, 63, 0, 1)], "sequential scan must have Ss 0, Se 63"),
        ([(LUMA, 0, 63, 0, 0)], "every coefficient to its last bit"),
        ([(DC, 0, 63, 0, 0)] * 2, ONCE),
        ([(DC, 0, 62, 0, 0)], "sequential scan must have Ss 0, Se 63"),
    ],
)
def test_illegal_sequential_scripts_raise(scans: list[Scan], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GOOD.jpeg(scans=scans, progressive=False)


def test_a_large_mcu_is_sent_in_several_scans() -> None:
    """T.81, B.2.3: at most ten blocks in an MCU."""
    picture = random_levels((40, 70), [(4, 2), (2, 1), (1, 1)], 0)
    for progressive in (False, True):
        assert same_levels(_core.read_jpeg(picture.jpeg(progressive=progressive)).levels, picture.levels)
    with pytest.raises(ValueError, match="10 blocks"):
        picture.jpeg(scans=[(DC, 0, 63, 0, 0)], progressive=False)
