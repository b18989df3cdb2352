"""What holds for every picture and every choice of options: found by hypothesis, the same examples in every run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from helpers import Pixels, encoded, opencv_pixels, pillow_pixels, same_levels
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from saliency_jpeg import Encoder, TargetError, compress, recompress
from saliency_jpeg.codec import _core
from saliency_jpeg.metadata import segments
from saliency_jpeg.metadata.jpeg_metadata import build, collect
from saliency_jpeg.metadata.model import Metadata

pytestmark = pytest.mark.slow

always_alike = settings(
    derandomize=True, deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow], database=None
)


@st.composite
def pictures(draw: st.DrawFn) -> Pixels:
    """Gray and RGB of any proportions: noise, flat areas and edges."""
    height, width = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    shape = (height, width, 3) if draw(st.booleans()) else (height, width)
    small: Pixels = draw(arrays(np.uint8, tuple(min(side, 9) for side in shape[:2]) + shape[2:]))
    rows = np.arange(height) * small.shape[0] // height
    columns = np.arange(width) * small.shape[1] // width
    return np.ascontiguousarray(small[rows][:, columns])


subsamplings = st.sampled_from(["auto", "4:4:4", "4:2:2", "4:2:0", "4:4:0", "4:1:1"])
codings = st.fixed_dictionaries(
    {
        "subsampling": subsamplings,
        "progressive": st.booleans(),
        "restart_interval": st.sampled_from([0, 1, 3, 65535]),
        "tune": st.sampled_from(["default", "ssimulacra2", "psnr", "hvs", "machine"]),
        "effort": st.integers(1, 5),
    }
)


def nearest(encoder: Encoder, pixels: Pixels) -> tuple[bytes, bool]:
    """The file, or the one that came nearest to the target; and whether it meets the target."""
    try:
        return encoder.compress(pixels).jpeg, True
    except TargetError as error:
        return error.best, False


@always_alike
@given(pictures(), codings, st.floats(0, 100))
def test_every_file_decodes_to_its_size(pixels: Pixels, coding: dict[str, Any], quality: float) -> None:
    jpeg = compress(pixels, quality=quality, saliency=None, **coding)
    assert pillow_pixels(jpeg).shape == pixels.shape
    assert opencv_pixels(jpeg).shape[:2] == pixels.shape[:2]


@always_alike
@given(pictures(), codings, st.floats(0.2, 8))
def test_a_target_is_never_exceeded(pixels: Pixels, coding: dict[str, Any], target_kb: float) -> None:
    jpeg, is_met = nearest(Encoder(target_kb=target_kb, saliency=None, **coding), pixels)
    assert is_met == (len(jpeg) <= target_kb * 1000)
    assert pillow_pixels(jpeg).shape == pixels.shape


@always_alike
@given(pictures(), st.data())
def test_a_map_of_ones_own_is_taken_whatever_it_holds(pixels: Pixels, data: st.DataObject) -> None:
    values = st.floats(0, 1, width=32)
    saliency = data.draw(arrays(np.float32, pixels.shape[:2], elements=values, fill=st.just(0.5)))
    jpeg = compress(pixels, target_kb=6, saliency=saliency, strength=data.draw(st.floats(0, 1)))
    assert len(jpeg) <= 6000
    assert pillow_pixels(jpeg).shape == pixels.shape


@always_alike
@given(pictures(), st.integers(1, 100), st.integers(0, 2), st.booleans(), st.booleans())
def test_a_lossless_rewrite_keeps_the_levels(
    pixels: Pixels, quality: int, subsampling: int, progressive: bool, becomes_progressive: bool
) -> None:
    options: dict[str, Any] = {} if pixels.ndim == 2 else {"subsampling": subsampling}
    source = encoded(pixels, quality=quality, progressive=progressive, **options)
    rewritten = recompress(source, progressive=becomes_progressive)
    assert same_levels(_core.read_jpeg(rewritten).levels, _core.read_jpeg(source).levels)
    assert np.array_equal(pillow_pixels(rewritten), pillow_pixels(source))


payloads = st.binary(min_size=1, max_size=300)
metadata = st.builds(
    Metadata,
    exif=st.none() | payloads.map(lambda body: b"II*\0\x08\0\0\0\0\0" + body),
    icc=st.none() | st.binary(min_size=1, max_size=200_000),
    xmp=st.none() | payloads,
    comment=st.none() | payloads,
    density=st.tuples(st.integers(0, 2), st.integers(1, 65535), st.integers(1, 65535)),
    extra=st.lists(st.tuples(st.sampled_from([0xE3, 0xE4, 0xE9, 0xEA, 0xEC]), payloads), max_size=4).map(tuple),
)


@always_alike
@given(metadata)
def test_metadata_come_back_as_they_were(given_metadata: Metadata) -> None:
    jpeg = segments.replace_segments(encoded(Image.new("L", (8, 8))), build(given_metadata))
    assert collect(segments.parse(jpeg)) == given_metadata


@settings(always_alike, max_examples=12)
@given(st.lists(pictures(), min_size=1, max_size=5), st.permutations(range(5)), st.integers(1, 4), st.integers(1, 3))
def test_threads_and_the_order_of_a_batch_change_no_byte(
    sources: list[Pixels], order: Sequence[int], workers: int, batch_size: int
) -> None:
    encoder = Encoder(quality=60, saliency=[(0, 0, 1, 1)])
    alone = [encoder.compress(pixels).jpeg for pixels in sources]
    places = [place for place in order if place < len(sources)]
    shuffled = [sources[place] for place in places]
    batch = encoder.compress_many(shuffled, workers=workers, batch_size=batch_size)
    assert [result.jpeg for result in batch] == [alone[place] for place in places]
