"""The choice of chroma sampling looks at what decoders interpolate, wherever the edges of a picture lie."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from helpers import encoded, photo, psnr
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from saliency_jpeg import compress
from saliency_jpeg.codec.subsampling import choose_subsampling, chroma_content

Pixels = NDArray[np.uint8]
WHOLE, AVERAGED = (1, 1), (2, 2)


def art(scale: int) -> Pixels:
    """Pixel art of saturated colours, enlarged."""
    small = np.random.default_rng(3).integers(0, 2, (128 // scale, 128 // scale, 3)) * 255
    return np.repeat(np.repeat(small, scale, 0), scale, 1).astype(np.uint8)


def stripes(axis: int, width: int) -> Pixels:
    lines = np.where(np.arange(96)[:, None, None] // width % 2, (255, 0, 0), (0, 0, 255)) + np.zeros((1, 96, 1), int)
    return np.ascontiguousarray(np.swapaxes(lines, 0, axis).astype(np.uint8))


def diagonals() -> Pixels:
    pixels, rows = np.full((96, 96, 3), 255, np.uint8), np.arange(96)
    for offset in range(-90, 90, 12):
        inside = (rows + offset >= 0) & (rows + offset < 96)
        pixels[rows[inside], rows[inside] + offset] = (200, 0, 0)
    return pixels


def text(smooth: bool) -> Pixels:
    image = Image.new("RGB", (200, 100), "white")
    draw = ImageDraw.Draw(image)
    draw.fontmode = "L" if smooth else "1"
    for line, colour in enumerate([(220, 0, 0), (0, 0, 220), (0, 130, 0)] * 2):
        draw.text((3, 4 + 15 * line), "The quick brown fox jumps over it", fill=colour)
    return np.asarray(image)


def grid(step: int) -> Pixels:
    """Lines of one pixel on white."""
    pixels = np.full((96, 96, 3), 255, np.uint8)
    pixels[step // 2 :: step], pixels[:, step // 2 :: step] = (200, 0, 0), (0, 0, 200)
    return pixels


DRAWINGS: dict[str, Callable[[], Pixels]] = {
    **{f"art enlarged {scale} times": lambda scale=scale: art(scale) for scale in (2, 3, 4, 5, 8, 16)},  # type: ignore[misc]
    **{f"rows of {width}": lambda width=width: stripes(0, width) for width in (1, 2, 4, 6, 16)},  # type: ignore[misc]
    **{f"columns of {width}": lambda width=width: stripes(1, width) for width in (1, 2, 4, 6, 16)},  # type: ignore[misc]
    "text": lambda: text(True),
    "text without smoothing": lambda: text(False),
    "diagonal lines": diagonals,
    "a fine grid": lambda: grid(6),
    "a wide grid": lambda: grid(32),
    "one row": lambda: stripes(1, 2)[:1],
    "one column": lambda: stripes(0, 2)[:, :1],
}


@pytest.mark.parametrize("offset", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("name", DRAWINGS)
def test_coloured_edges_get_whole_chroma_wherever_they_lie(name: str, offset: tuple[int, int]) -> None:
    pixels = DRAWINGS[name]()
    moved = np.pad(pixels, [(offset[0], 0), (offset[1], 0), (0, 0)], mode="edge")
    assert choose_subsampling("auto", moved, 75) == WHOLE
    assert choose_subsampling("auto", moved, 75, target_bytes=moved.shape[0] * moved.shape[1] // 8) == WHOLE


def test_enlarged_art_is_smaller_and_far_better_for_it() -> None:
    pixels = art(8)
    auto, averaged = (compress(pixels, saliency=None, subsampling=each) for each in ("auto", "4:2:0"))
    gain = [psnr(np.asarray(Image.open(io.BytesIO(jpeg))), pixels) for jpeg in (auto, averaged)]
    assert len(auto) < 0.5 * len(averaged)
    assert gain[0] > gain[1] + 20


def cube(levels: int) -> Image.Image:
    """A palette of evenly spaced colours."""
    values = [round(255 * i / (levels - 1)) for i in range(levels)]
    colours = [value for r in values for g in values for b in values for value in (r, g, b)]
    palette = Image.new("P", (1, 1))
    palette.putpalette(colours + colours[:3] * (256 - len(colours) // 3))
    return palette


@pytest.mark.parametrize("kind", ["GIF", "PNG"])
@pytest.mark.parametrize("palette", ["web", "27 colours", "64 colours", "8 colours", "adaptive"])
def test_dithered_photographs_keep_averaged_chroma(palette: str, kind: str) -> None:
    image = Image.fromarray(photo(256, 256))
    if palette == "web":
        dithered = image.convert("P")
    elif palette == "adaptive":
        dithered = image.quantize(16)
    else:
        dithered = image.quantize(palette=cube(round(int(palette.split()[0]) ** (1 / 3))))
    jpeg = compress(encoded(dithered, kind), saliency=None)
    with Image.open(io.BytesIO(jpeg)) as made:
        assert made.layer[0][1:3] == AVERAGED  # type: ignore[attr-defined]


def test_noise_of_all_colours_is_no_dither() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (64, 128, 3), np.uint8)
    assert choose_subsampling("auto", noise, 75) == WHOLE


@pytest.mark.parametrize("offset", [0, 1])
def test_photographs_keep_averaged_chroma(offset: int) -> None:
    assert chroma_content(photo(300, 300)[offset:, offset:]).edges < 0.01
    assert choose_subsampling("auto", photo(300, 300)[offset:, offset:], 75) == AVERAGED


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (2, 2), (3, 2), (2, 3), (65, 3), (67, 129)])
def test_every_size_has_a_share(size: tuple[int, int]) -> None:
    assert chroma_content(np.full((*size, 3), 90, np.uint8)).edges == 0
    assert 0 <= chroma_content(np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)).edges <= 1


def test_a_page_of_text_beside_a_dithered_picture_keeps_its_colours() -> None:
    dithered = np.asarray(Image.fromarray(photo(100, 100)).convert("P").convert("RGB"))
    page = np.vstack([np.hstack([text(True), text(False)])] * 3)
    page[:100, :100] = dithered
    assert choose_subsampling("auto", page, 75) == WHOLE


# Chroma detail and fine steps ---------------------------------------------------------------------------------------


def coloured_grain(spread: int) -> Pixels:
    """A photograph whose red has grain of its own, up to ``spread`` between neighbours."""
    grain = np.random.default_rng(5).integers(-spread // 2, spread // 2 + 1, (256, 256))
    pixels = photo(256, 256).astype(np.int64)
    pixels[..., 0] += grain
    return np.clip(pixels, 0, 255).astype(np.uint8)


def test_fine_steps_keep_chroma_detail_where_there_is_any() -> None:
    detailed, smooth = coloured_grain(60), photo(96, 96, 0, 0)
    assert chroma_content(detailed).has_detail
    assert not chroma_content(smooth).has_detail
    assert [choose_subsampling("auto", detailed, quality) for quality in (75, 92.9, 93)] == [AVERAGED, AVERAGED, WHOLE]
    assert [choose_subsampling("auto", smooth, quality) for quality in (75, 93, 97)] == [AVERAGED, AVERAGED, WHOLE]


def test_a_target_with_room_for_fine_steps_keeps_chroma_detail() -> None:
    for pixels, sampling in ((coloured_grain(60), WHOLE), (photo(256, 256, 0, 0), AVERAGED)):
        plenty, few = (compress(pixels, target_kb=kb, saliency=None) for kb in (30.0, 6.0))
        assert sampling_of(plenty) == sampling
        assert sampling_of(few) == AVERAGED


def test_a_drawing_with_few_coloured_edges_gets_whole_chroma() -> None:
    drawing = np.full((256, 256, 3), 255, np.uint8)
    drawing[101:103, 20:160] = (220, 30, 30)
    share = chroma_content(drawing).edges
    assert 0.001 < share < 0.02
    assert choose_subsampling("auto", drawing, 75) == WHOLE
    assert choose_subsampling("auto", drawing, 30) == AVERAGED
    noisy = np.clip(drawing + np.random.default_rng(1).integers(-9, 10, drawing.shape), 0, 255).astype(np.uint8)
    assert choose_subsampling("auto", noisy, 75) == AVERAGED  # a photograph of one


def sampling_of(jpeg: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(jpeg)) as image:
        first = image.layer[0]  # type: ignore[attr-defined]
    return first[1], first[2]
