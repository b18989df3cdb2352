"""Options check themselves, and compress() has exactly their fields."""

# mypy: allow-untyped-defs, allow-untyped-calls
import dataclasses
import inspect
import math
import re
import typing
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import saliency_jpeg
from saliency_jpeg import OptionError, Options
from saliency_jpeg.codec.parameters import TUNINGS, Tune
from saliency_jpeg.codec.subsampling import SUBSAMPLINGS, Subsampling
from saliency_jpeg.options import OPTION_NAMES, OptionKeywords
from saliency_jpeg.saliency import combine
from saliency_jpeg.saliency.sources import Saliency

BAD = [
    ("target_kb", 0),
    ("target_kb", -1),
    ("target_kb", 0.0005),
    ("target_kb", 1e300),
    ("target_kb", math.nan),
    ("target_kb", math.inf),
    ("target_kb", "50"),
    ("target_kb", True),
    ("quality", 101),
    ("quality", -0.1),
    ("quality", math.nan),
    ("quality", "high"),
    ("strength", 1.01),
    ("strength", -1),
    ("strength", None),
    ("tune", "ssim"),
    ("subsampling", "4:2:1"),
    ("subsampling", 2),
    ("progressive", 1),
    ("metadata", "all"),
    ("orientation", "up"),
    ("orientation", 1),
    ("trailing_images", "first"),
    ("never_enlarge", 0),
    ("background", (0, 0)),
    ("background", (0, 0, 256)),
    ("background", "white"),
    ("background", (True, 0, 0)),
    ("restart_interval", -1),
    ("restart_interval", 65536),
    ("restart_interval", 1.5),
    ("allow_downscale", 1),
    ("max_width", 0),
    ("max_width", 65536),
    ("max_width", 1600.0),
    ("max_height", True),
    ("max_height", -3),
    ("max_pixels", 0),
    ("max_pixels", 1e8),
    ("device", 0),
    ("restart_interval", True),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_names_the_option_and_what_was_got(name, value):
    with pytest.raises(OptionError, match=rf"^{name} .*got ") as caught:
        Options(**{name: value})
    assert str(caught.value).endswith(f"got {value!r}")
    assert isinstance(caught.value, ValueError)


def test_allow_downscale_needs_a_target():
    with pytest.raises(OptionError, match="allow_downscale"):
        Options(allow_downscale=True)


class Nameless:
    """A value that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


ODD = [
    *(10**400, -(10**400), 10**5000, Fraction(10**400, 3), Decimal("sNaN"), np.longdouble("1e4000"), 1j, {}, {5}),
    *(np.array(5), np.array([1, 2]), np.zeros(0), np.array("auto"), np.ma.masked, np.datetime64("2020")),
    *("a" * 100_000, b"a" * 100_000, [[1, 2, 3, 4]] * 100_000, range(3), np.uint64(2**63), Options),
    *(Nameless(), [Nameless()]),
]


@pytest.mark.parametrize("name", OPTION_NAMES)
@pytest.mark.parametrize("value", ODD, ids=[f"{number}-{type(value).__name__}" for number, value in enumerate(ODD)])
def test_a_value_of_any_kind_fits_or_has_one_short_error(name, value):
    try:
        Options(**{name: value})
    except OptionError as error:
        assert len(str(error)) < 500  # noqa: PT017, any other error fails


@pytest.mark.parametrize("target", [np.int8(5), np.uint8(5), np.float16(5), np.float32(5), Fraction(5)])
def test_a_target_in_a_small_type_is_the_same_target(target):
    assert Options(target_kb=target).target_bytes == 5000


@pytest.mark.parametrize("value", [1, 0.5, np.float32(3), np.int64(7)])
def test_numbers_of_numpy_are_numbers(value):
    assert Options(target_kb=value).target_bytes == int(1000 * value)
    assert Options(quality=value).quality == value


def test_compress_has_the_fields_and_defaults_of_options():
    parameters = dict(inspect.signature(saliency_jpeg.compress).parameters)
    parameters.pop("image")
    fields = {f.name: f for f in dataclasses.fields(Options)}
    assert list(parameters) == list(fields)
    for name, parameter in parameters.items():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert parameter.default == fields[name].default
        assert parameter.annotation == fields[name].type


@pytest.mark.parametrize("documented", [Options, saliency_jpeg.compress, saliency_jpeg.recompress])
def test_every_option_is_described(documented):
    described = set(re.findall(r"^    (\w+): ", inspect.getdoc(documented) or "", re.MULTILINE))
    assert {*OPTION_NAMES} & {*inspect.signature(documented).parameters} <= described


def test_an_unknown_option_is_refused():
    with pytest.raises(TypeError, match="qualty"):
        saliency_jpeg.compress(np.zeros((8, 8), np.uint8), qualty=3)  # type: ignore[call-arg]
    with pytest.raises(
        OptionError, match=r"^Encoder\(\) has no keyword 'qualty'; did you mean 'quality'\? got 'qualty'$"
    ):
        saliency_jpeg.Encoder(qualty=3)  # type: ignore[call-arg]
    with pytest.raises(OptionError, match=f"known are {', '.join(sorted(OPTION_NAMES))}; got 'xyz'$"):
        saliency_jpeg.Encoder(xyz=3)  # type: ignore[call-arg]


def test_typed_keywords_are_the_fields():
    fields = {field.name: field for field in dataclasses.fields(Options)}
    typed = {name: kind.__forward_arg__ for name, kind in OptionKeywords.__annotations__.items()}
    keywords = dict(inspect.signature(saliency_jpeg.compress).parameters)
    del keywords["image"]
    assert list(typed) == list(fields) == list(keywords)
    for name, field in fields.items():
        assert field.type == typed[name] == keywords[name].annotation
        assert field.default == keywords[name].default
    assert set(typing.get_args(Tune)) == set(TUNINGS)
    assert set(typing.get_args(Subsampling)) == {"auto", *SUBSAMPLINGS}


@pytest.mark.parametrize("name", ["APP16", "app1", "JPEG", "APP1:", "", 3])
def test_segments_to_keep_are_named_by_their_marker(name):
    with pytest.raises(OptionError, match="got "):
        Options(keep_segments=[name])
    with pytest.raises(OptionError, match=r"^keep_segments .*got 'APP1'$"):
        Options(keep_segments="APP1")


def test_a_device_needs_a_preset():
    without: tuple[Saliency, ...] = (None, np.zeros((8, 8)), [])
    for saliency in without:
        with pytest.raises(OptionError, match=r"device .*got 'gpu:7'"):
            Options(saliency=saliency, device="gpu:7")


def test_a_preset_among_others_may_have_a_device():
    mask = np.zeros((8, 8))
    for saliency in (combine(mask, "cam"), combine(mask, protect="cam"), combine(combine("cam"), ignore=mask)):
        assert Options(saliency=saliency, device="cpu").device == "cpu"
    with pytest.raises(OptionError, match=r"device .*got 'cpu'"):
        Options(saliency=combine(mask, protect=[(0, 0, 1, 1)]), device="cpu")


def test_colours_and_integers_may_be_lists_and_numpy():
    options = Options(background=[np.uint8(1), 2, 3], restart_interval=np.int64(3))  # type: ignore[arg-type]
    assert options.restart_interval == 3
    assert len(options.background) == 3


def test_options_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Options().quality = 3  # type: ignore[misc]
