"""The search for a quality: what it finds is good enough, hardly better, and smaller than anything else as good."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers import encoded, photo
from helpers import pillow_pixels as decoded
from PIL import Image

from saliency_jpeg import Encoder, InputError, OptionError, Options, TargetError, compress
from saliency_jpeg.codec.parameters import Tune
from saliency_jpeg.metrics import ssimulacra2
from saliency_jpeg.perceptual import METRICS
from saliency_jpeg.rate_control.by_score import Judge, likely_quality
from saliency_jpeg.rate_control.score_model import TargetMetric

PHOTO = photo(256, 384, 128, 192)
PICTURES = [PHOTO, photo(256, 384, 0, 0), photo(256, 384, 256, 384)]


@pytest.mark.parametrize("target", [15, 40, 62.5, 75, 85, 90])
def test_the_score_is_reached_and_hardly_exceeded(target: float) -> None:
    result = Encoder(target_score=target, saliency=None).compress(PHOTO)
    score = ssimulacra2(PHOTO, decoded(result.jpeg))
    assert result.score == score
    assert target <= score < target + 1.5
    coarser = compress(PHOTO, quality=result.quality - 3, saliency=None)
    assert ssimulacra2(PHOTO, decoded(coarser)) < target


@pytest.mark.parametrize("tune", ["ssimulacra2", "psnr", "hvs"])
def test_other_tunings_and_a_map(tune: Tune) -> None:
    result = Encoder(target_score=70, tune=tune, saliency=[(0, 0, 100, 100)]).compress(PHOTO)
    assert 70 <= ssimulacra2(PHOTO, decoded(result.jpeg)) < 71


def test_whole_chroma_where_averaged_chroma_never_gets_there() -> None:
    squares = np.zeros((64, 64, 3), np.uint8)
    squares[::2, ::2, 0] = squares[1::2, 1::2, 2] = 90
    result = Encoder(target_score=75, saliency=None).compress(squares)
    assert ssimulacra2(squares, decoded(result.jpeg)) >= 75
    with pytest.raises(TargetError, match="less than 75"):
        Encoder(target_score=75, saliency=None, subsampling="4:2:0").compress(squares)


def test_a_score_out_of_reach_carries_the_finest_file() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    with pytest.raises(TargetError, match=r"the finest encoding scores \d+\.\d\d, less than 100") as caught:
        compress(noise, target_score=100, saliency=None)
    assert ssimulacra2(noise, decoded(caught.value.best)) > 80


def test_a_jpeg_source_is_the_answer_where_nothing_smaller_reaches_the_score() -> None:
    source = compress(PHOTO, quality=30, saliency=None)
    result = Encoder(target_score=100, saliency=None).compress(source)
    assert result.jpeg == source
    assert result.passed_through
    assert result.score == 100
    smaller = Encoder(target_score=50, saliency=None).compress(source)
    assert len(smaller.jpeg) < len(source)
    assert smaller.score is not None
    assert 50 <= smaller.score < 53


def test_pictures_are_judged_as_they_are_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    result = Encoder(target_score=70, saliency=None, orientation="apply").compress(encoded(PHOTO, "PNG", exif=exif))
    assert 70 <= ssimulacra2(np.rot90(PHOTO, -1), decoded(result.jpeg)) < 71


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 40, 3), (7, 3), (40, 40)])
def test_small_and_gray_pictures(shape: tuple[int, ...]) -> None:
    picture = np.resize(PHOTO[:40, :40] if len(shape) == 3 else PHOTO[:40, :40, 0], shape)
    result = Encoder(target_score=60, saliency=None).compress(picture)
    assert result.score is not None
    assert result.score >= 60
    assert decoded(result.jpeg).shape == shape


def test_the_judge_continues_small_pictures_only() -> None:
    jpeg = compress(PHOTO, quality=50, saliency=None)
    assert Judge(PHOTO)(jpeg) == ssimulacra2(PHOTO, decoded(jpeg))
    dot = PHOTO[:1, :1]
    assert Judge(dot)(compress(dot, quality=100, saliency=None)) > 90


def test_the_start_follows_the_score() -> None:
    qualities = [likely_quality(score) for score in (-100, 0, 50, 70, 90, 100)]
    assert qualities == sorted(qualities)
    assert qualities[0] == 0
    assert qualities[-1] == 100


@pytest.mark.parametrize("other", [{"quality": 50}, {"target_kb": 10}])
def test_a_score_stands_alone(other: dict[str, float]) -> None:
    with pytest.raises(OptionError, match="target_score goes with neither"):
        Options(target_score=50, **other)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"target_score .* got 101"):
        Options(target_score=101)


def test_results_without_a_target_have_no_score() -> None:
    assert Encoder(quality=50, saliency=None).compress(PHOTO).score is None


def test_a_picture_too_long_for_decoders_is_refused_plainly() -> None:
    longest = np.tile(PHOTO[:1, :80], (1, 820, 1))[:, :65535].copy()
    with pytest.raises(InputError, match=r"at most 65500 pixels on a side, got 65535x1$"):
        compress(longest, target_score=50, saliency=None)


def test_an_array_beyond_the_limit_on_files_is_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = compress(PHOTO, target_score=50, saliency=None)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert compress(PHOTO, target_score=50, saliency=None) == expected


@pytest.mark.parametrize("metric", ["ssimulacra2_s", "perceptual", "perceptual_s"])
@pytest.mark.tensorflow
def test_other_metrics_are_reached(metric: TargetMetric) -> None:
    mark = np.zeros(PHOTO.shape[:2], np.float32)
    mark[60:160, 100:260] = 1
    result = Encoder(target_score=72, target_metric=metric, saliency=mark).compress(PHOTO)
    function = METRICS[metric].function
    arguments = (mark,) if metric.endswith("_s") else ()
    assert result.score == pytest.approx(function(PHOTO, decoded(result.jpeg), *arguments), abs=1e-3)
    assert result.score is not None
    assert 72 <= result.score < 73.5


def test_a_salient_part_of_a_score_needs_fewer_bytes() -> None:
    mark = np.zeros(PHOTO.shape[:2], np.float32)
    mark[60:160, 100:260] = 1
    part = compress(PHOTO, target_score=75, target_metric="ssimulacra2_s", saliency=mark)
    assert len(part) < 0.7 * len(compress(PHOTO, target_score=75, saliency=mark))
    nothing = Encoder(target_score=75, target_metric="ssimulacra2_s", saliency=0 * mark).compress(PHOTO)
    assert nothing.score == ssimulacra2(PHOTO, decoded(nothing.jpeg))


def test_a_score_by_name() -> None:
    assert compress(PHOTO, target_score="visually-lossless", saliency=None) == compress(
        PHOTO, target_score=90, saliency=None
    )
    with pytest.raises(OptionError, match="target_score must be one of 'visually-lossless', got 'fine'"):
        Options(target_score="fine")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_score": 70, "target_metric": "psnr"}, "target_metric must be one of 'ssimulacra2', .*, got 'psnr'"),
        ({"target_metric": "perceptual"}, "target_metric='perceptual' needs a target_score, got None"),
        (
            {"target_score": 70, "target_metric": "ssimulacra2_s", "saliency": None},
            "target_metric='ssimulacra2_s' needs a saliency map, got saliency=None",
        ),
    ],
)
def test_metrics_that_cannot_be_asked_for(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Options(**options)


@pytest.mark.parametrize("target", [50, 65, 75, 85])
def test_four_candidates_are_enough_for_photographs(target: float) -> None:
    results = [Encoder(target_score=target, saliency=None).compress(picture) for picture in PICTURES]
    assert max(result.passes for result in results) <= 4
    beyond = [result.score - target for result in results if result.score is not None]
    assert min(beyond) >= 0
    assert np.mean(beyond) < 0.5
