"""decode() and Decoder: against libjpeg-turbo (Pillow, OpenCV) and FFmpeg; restoration by a network made up here."""

from __future__ import annotations

import dataclasses
import inspect
import io
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jpeg_modes
import numpy as np
import pytest
from bombs import flat_baseline, scan_bomb
from doors import EXIF, ICC, PHOTO, XMP
from exif_blocks import camera_exif, thumbnail
from helpers import (
    encoded,
    ffmpeg_pixels,
    float_rgb,
    opencv_pixels,
    photo,
    pillow_pixels,
    psnr,
    quantized,
    random_levels,
)
from numpy.typing import NDArray
from PIL import Image, ImageOps

from saliency_jpeg import (
    DecodeOptions,
    Decoder,
    InputError,
    LayerWarning,
    OptionError,
    PresetError,
    compress,
    decode,
)
from saliency_jpeg.codec import _core
from saliency_jpeg.codec.layers import digest_of
from saliency_jpeg.enhance import loading
from saliency_jpeg.enhance.options import DecodeKeywords
from saliency_jpeg.enhance.planes import decode_planes, sampling_factors
from saliency_jpeg.metadata import exif
from saliency_jpeg.metadata.jpeg_header import read_header
from saliency_jpeg.metadata.layer_kinds import widths_layer
from saliency_jpeg.metadata.layers import build_layers

GRAY = np.ascontiguousarray(PHOTO[..., 1])


def plain(jpeg: Any, **options: Any) -> NDArray[Any]:
    return decode(jpeg, enhance=None, **options)


def jpeg_of(pixels: Any = PHOTO, **options: Any) -> bytes:
    return encoded(np.ascontiguousarray(pixels), **{"quality": 80, **options})


def difference(a: Any, b: Any) -> int:
    assert a.shape == b.shape
    return int(np.abs(a.astype(np.int64) - b.astype(np.int64)).max())


# Plain decoding -----------------------------------------------------------------------------------------------------

SIZES = [(1, 1), (2, 3), (7, 5), (17, 33), (64, 48), (119, 87)]


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("quality", [5, 50, 95])
def test_pixels_are_those_of_libjpeg_turbo(quality: int, subsampling: str, progressive: bool) -> None:
    """Two levels; three in blue for a few samples, where libjpeg-turbo rounds three times and we do once."""
    for height, width in SIZES:
        jpeg = jpeg_of(PHOTO[:height, :width], quality=quality, subsampling=subsampling, progressive=progressive)
        found, theirs = plain(jpeg), pillow_pixels(jpeg)
        assert difference(found[..., :2], theirs[..., :2]) <= 2
        assert difference(found, theirs) <= 3
        assert (np.abs(found.astype(int) - theirs) > 2).mean() < 1e-3
        assert difference(found, opencv_pixels(jpeg)) <= 3


@pytest.mark.parametrize("factors", [(1, 2), (4, 1), (1, 4), (4, 2), (2, 4)])
def test_rare_samplings(factors: tuple[int, int]) -> None:
    jpeg = quantized(PHOTO, *factors).jpeg()
    assert difference(plain(jpeg), pillow_pixels(jpeg)) <= 3


def test_chroma_may_be_finer_than_luma() -> None:
    levels, tables, size, _ = quantized(np.ascontiguousarray(PHOTO[:88, :88]))
    half = _core.quantize_plain(_core.forward_dct(np.ascontiguousarray(PHOTO[:44, :44]))[0], tables[0])
    jpeg = _core.write_jpeg([half, *levels[1:]], tables, size, [(1, 1), (2, 2), (2, 2)])
    assert difference(plain(jpeg), pillow_pixels(jpeg)) <= 3


def test_gray_stays_gray() -> None:
    for progressive in (False, True):
        jpeg = jpeg_of(GRAY, progressive=progressive)
        assert plain(jpeg).shape == GRAY.shape
        assert difference(plain(jpeg), pillow_pixels(jpeg)) <= 1


def test_a_decoder_of_other_descent_agrees(tmp_path: Path) -> None:
    """FFmpeg interpolates chroma differently, so chroma is whole here."""
    jpeg = jpeg_of(PHOTO, quality=90, subsampling="4:4:4")
    found, theirs = plain(jpeg), ffmpeg_pixels(jpeg, tmp_path)
    assert np.abs(found.astype(int) - theirs).mean() < 0.6


def test_rgb_files_keep_their_components() -> None:
    jpeg = encoded(PHOTO, quality=90, keep_rgb=True)
    header = read_header(jpeg)
    assert header is not None
    assert header.colour == "rgb"
    assert difference(plain(jpeg), pillow_pixels(jpeg)) <= 1


def test_cmyk_becomes_rgb_as_when_it_is_encoded() -> None:
    jpeg = encoded(Image.fromarray(PHOTO).convert("CMYK"), quality=90)
    with Image.open(io.BytesIO(jpeg)) as image:
        theirs = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(plain(jpeg), theirs)
    np.testing.assert_array_equal(plain(jpeg, dtype=np.uint16), theirs * np.uint16(257))
    np.testing.assert_allclose(plain(jpeg, dtype=np.float32), theirs / 255, atol=1e-6)


@pytest.mark.parametrize("kind", ["RGB", "CMYK", "L"])
def test_nothing_is_filled_in(kind: str) -> None:
    """Of a scan that ends early, whatever decodes the file; Pillow fills it with gray."""
    jpeg = encoded(Image.fromarray(PHOTO).convert(kind), quality=90)
    for damaged in (jpeg[: len(jpeg) // 2], jpeg[: len(jpeg) // 2] + b"\xff\xd9"):
        with pytest.raises(InputError):
            plain(damaged)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
def test_wide_samples_are_nearer_to_the_ideal_than_bytes(subsampling: str) -> None:
    """The steps between two levels of 8 bits are there: the three dtypes are one picture."""
    jpeg = jpeg_of(PHOTO, subsampling=subsampling)
    narrow, wide, exact = (plain(jpeg, dtype=dtype) for dtype in (np.uint8, np.uint16, np.float32))
    assert [str(pixels.dtype) for pixels in (narrow, wide, exact)] == ["uint8", "uint16", "float32"]
    assert exact.min() >= 0
    assert exact.max() <= 1
    np.testing.assert_allclose(wide / 65535, exact, atol=0.51 / 65535)
    np.testing.assert_allclose(narrow / 255, exact, atol=0.51 / 255)
    assert len(np.unique(wide)) > 1000


def test_every_kind_of_source(tmp_path: Path) -> None:
    jpeg = jpeg_of()
    path = tmp_path / "photo.jpg"
    path.write_bytes(jpeg)
    wanted = plain(jpeg)
    for source in (path, str(path), bytearray(jpeg), memoryview(jpeg), io.BytesIO(jpeg)):
        np.testing.assert_array_equal(plain(source), wanted)


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param(mode, id=mode.name, marks=[pytest.mark.tensorflow] if mode.has_network else [])
        for mode in jpeg_modes.modes()
    ],
)
def test_files_of_every_mode_that_this_library_writes(mode: jpeg_modes.Mode) -> None:
    for size in [size for size in mode.sizes if max(size) < 100]:
        jpeg = mode.jpeg(size)
        with Image.open(io.BytesIO(jpeg)) as image:
            theirs = np.asarray(image)
        assert difference(plain(jpeg, orientation="keep"), theirs) <= 3


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("components", [1, 3])
def test_random_levels_are_decoded_as_an_ideal_decoder_does(components: int, seed: int) -> None:
    """In float, whatever the levels: an inverse DCT by SciPy, clipped, and JFIF's equations in double precision."""
    picture = random_levels((21, 35), [(1, 1)] * components, seed, high=[3, 100, 1023][seed % 3])
    found = plain(picture.jpeg(progressive=seed % 2 == 0), dtype=np.float32)
    np.testing.assert_allclose(255 * found.astype(float), float_rgb(picture), atol=0.01)


def test_our_own_files() -> None:
    for options in ({"quality": 60}, {"target_kb": 4}, {"quality": 90, "progressive": False}):
        jpeg = compress(PHOTO, saliency=None, **options)  # type: ignore[arg-type]
        assert difference(plain(jpeg), pillow_pixels(jpeg)) <= 3


# Metadata -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_applied(orientation: int) -> None:
    tags = Image.Exif()
    tags[0x0112] = orientation
    jpeg = jpeg_of(PHOTO, exif=tags)
    with Image.open(io.BytesIO(jpeg)) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    assert difference(plain(jpeg), upright) <= 3
    assert difference(plain(jpeg, orientation="keep"), pillow_pixels(jpeg)) <= 3
    assert Decoder(enhance=None).decode_picture(jpeg).metadata.orientation == 1
    assert Decoder(enhance=None, orientation="keep").decode_picture(jpeg).metadata.orientation == orientation


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_thumbnails_are_turned_with_the_picture(dtype: Any) -> None:
    large = photo(320, 240, 100, 100)
    block = camera_exif(thumbnail(Image.fromarray(large)), size=large.shape[:2], orientation=6)
    picture = Decoder(enhance=None, dtype=dtype).decode_picture(jpeg_of(large, exif=b"Exif\0\0" + block))
    assert picture.pixels.shape == (240, 320, 3)
    small = pillow_pixels(exif.thumbnail(picture.metadata.exif or b"") or b"")
    white = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[dtype]
    with Image.fromarray((picture.pixels / white * 255).astype(np.uint8)) as upright:
        wanted = np.asarray(upright.resize(small.shape[1::-1]))
    assert psnr(small, wanted) > 25


def test_metadata_come_along() -> None:
    jpeg = jpeg_of(PHOTO, exif=b"Exif\0\0" + EXIF, icc_profile=ICC, xmp=XMP, dpi=(300, 200))
    picture = Decoder(enhance=None).decode_picture(jpeg)
    assert (picture.metadata.icc, picture.metadata.xmp) == (ICC, XMP)
    assert picture.metadata.density == (1, 200, 300)  # turned with the picture
    assert picture.enhanced is None
    np.testing.assert_array_equal(picture.pixels, plain(jpeg))


def test_a_profile_for_other_pixels_is_dropped() -> None:
    jpeg = jpeg_of(GRAY, icc_profile=ICC)  # a profile of RGB
    assert Decoder(enhance=None).decode_picture(jpeg).metadata.icc is None


# Restoration, by a network made up here -----------------------------------------------------------------------------


class Tile(NamedTuple):
    rows: slice
    cols: slice
    planes: list[NDArray[np.float32]]


class Brighter:
    """Adds ten times ``amount`` to the luma, in tiles of 32 x 48, and says with what it was called."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def tiles(self, image: _core.JpegImage, **options: Any) -> Iterator[Tile]:
        self.calls.append(options)
        planes = [
            _core.upsample(plane, h, v, image.size)
            for plane, (h, v) in zip(decode_planes(image), sampling_factors(image), strict=True)
        ]
        planes[0] += np.float32(10 * options["amount"])
        for top, left in itertools.product(range(0, image.size[0], 32), range(0, image.size[1], 48)):
            rows, cols = slice(top, min(top + 32, image.size[0])), slice(left, min(left + 48, image.size[1]))
            yield Tile(rows, cols, [plane[rows, cols] for plane in planes])


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> dict[str, Brighter]:
    """Networks by the name under which they were asked for."""
    asked: dict[str, Brighter] = {}

    def restorer(name: str, device: str | None) -> Brighter:
        assert device in (None, "cpu")
        return asked.setdefault(name, Brighter())

    monkeypatch.setattr(loading, "load", restorer)
    return asked


@pytest.mark.parametrize(
    ("enhance", "name"), [("auto", "restore"), ("restore", "restore"), ("restore-fast",) * 2, ("fine",) * 2]
)
@pytest.mark.parametrize("image", ["4:4:4", "4:2:2", "4:2:0", "gray"])
def test_planes_of_the_network_become_pixels(image: str, enhance: Any, name: str, network: dict[str, Brighter]) -> None:
    jpeg = jpeg_of(GRAY) if image == "gray" else jpeg_of(PHOTO, subsampling=image)
    found = decode(jpeg, enhance=enhance, amount=0.5, fidelity=0.25, dtype=np.float32)
    base = plain(jpeg, dtype=np.float32)
    inside = (base > 0.01) & (base < 0.9)
    np.testing.assert_allclose(found[inside], base[inside] + 5 / 255, atol=0.02)
    assert np.median(found - base) == pytest.approx(5 / 255, abs=1e-4)
    (call,) = network[name].calls
    assert (call["amount"], call["fidelity"]) == (0.5, 0.25)
    assert list(network) == [name]


def test_the_result_says_which_network(network: dict[str, Brighter]) -> None:
    assert Decoder().decode_picture(jpeg_of()).enhanced == "restore"
    assert Decoder(enhance="restore-fast").decode_picture(jpeg_of()).enhanced == "restore-fast"
    assert len(network) == 2


def written(image: _core.JpegImage, layers: list[tuple[int, bytes]]) -> bytes:
    """The levels of a file with segments of layers."""
    tables = image.component_tables
    return _core.write_jpeg(
        image.levels, image.tables, image.size, image.sampling, segments=layers, component_tables=tables
    )


def test_layers_name_the_network_and_the_intervals(network: dict[str, Brighter]) -> None:
    image = _core.read_jpeg(jpeg_of())
    layer = widths_layer(np.arange(12, dtype=np.uint8).reshape(3, 4), "restore-fast")
    own = build_layers(digest_of(image), [layer])
    jpeg = written(image, own)
    assert Decoder().decode_picture(jpeg).enhanced == "restore-fast"
    assert Decoder(enhance="restore").decode_picture(jpeg).enhanced == "restore"
    for name in ("restore", "restore-fast"):
        (call,) = network[name].calls
        assert call["widths"].tolist() == (np.arange(12).reshape(3, 4) / 64).tolist()
    image.levels[0][0, 0, 1] += 1  # the layers are of another picture now
    stale = written(image, own)
    assert Decoder().decode_picture(stale).enhanced == "restore"
    assert network["restore"].calls[-1]["widths"] is None


def test_a_network_that_a_layer_names_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    image = _core.read_jpeg(jpeg_of())
    layer = widths_layer(np.full((3, 4), 20, np.uint8), "restore-fast")
    jpeg = written(image, build_layers(digest_of(image), [layer]))

    def load(name: str, device: str | None) -> Brighter:
        if name == "restore-fast":
            raise PresetError("restore_fast.npz is missing")
        return Brighter()

    monkeypatch.setattr(loading, "load", load)
    with pytest.warns(LayerWarning, match="restore restores the picture instead of restore-fast: .* is missing"):
        assert Decoder().decode_picture(jpeg).enhanced == "restore"


def test_no_amount_is_plain_decoding(network: dict[str, Brighter]) -> None:
    np.testing.assert_array_equal(decode(jpeg_of(), amount=0), plain(jpeg_of()))
    assert Decoder(amount=0).decode_picture(jpeg_of()).enhanced is None
    assert network == {}


NOT_RESTORED = {
    "rgb": lambda: encoded(PHOTO, keep_rgb=True),
    "cmyk": lambda: encoded(Image.fromarray(PHOTO).convert("CMYK")),
    "4:1:1": lambda: quantized(PHOTO, 4, 1).jpeg(),
    "h1v4": lambda: quantized(PHOTO, 1, 4).jpeg(),
}


@pytest.mark.parametrize("kind", NOT_RESTORED)
def test_files_that_the_network_is_not_for(kind: str, network: dict[str, Brighter]) -> None:
    jpeg = NOT_RESTORED[kind]()
    np.testing.assert_array_equal(decode(jpeg), plain(jpeg))
    assert Decoder().decode_picture(jpeg).enhanced is None
    with pytest.raises(InputError, match=r"enhance='restore' is for gray files and for YCbCr .* got "):
        decode(jpeg, enhance="restore")
    assert network == {}


def test_4_4_0_is_restored(network: dict[str, Brighter]) -> None:
    assert Decoder().decode_picture(quantized(PHOTO, 1, 2).jpeg()).enhanced == "restore"
    assert network["restore"].calls


def test_luma_alone(network: dict[str, Brighter]) -> None:
    jpeg = jpeg_of()
    luma = Decoder(enhance=None).decode_luma(jpeg)
    with Image.open(io.BytesIO(jpeg)) as image:
        image.draft("L", image.size)
        assert difference(luma, np.asarray(image.convert("L"))) <= 1
    restored = Decoder(orientation="keep").decode_luma(jpeg)
    assert np.median(restored.astype(int) - luma) == 10
    rgb = Decoder(enhance=None).decode_luma(encoded(PHOTO, quality=95, keep_rgb=True))
    assert difference(rgb, np.rint(PHOTO @ np.array([0.299, 0.587, 0.114]))) <= 9  # it is coded in three components


# Many files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_many_files_keep_their_order(workers: int | None) -> None:
    files = [jpeg_of(np.roll(PHOTO, 7 * n, 0)[: 20 + n]) for n in range(12)]
    found = list(Decoder(enhance=None).decode_many(iter(files), workers=workers))
    assert [f.shape[0] for f in found] == [20 + n for n in range(12)]
    for file, pixels in zip(files, found, strict=True):
        np.testing.assert_array_equal(pixels, plain(file))


def test_errors_stand_in_the_place_of_their_file(tmp_path: Path) -> None:
    jpeg = jpeg_of()
    files: list[bytes | Path] = [jpeg, b"nothing", jpeg[:-200], tmp_path / "missing.jpg", jpeg]
    results = list(Decoder(enhance=None).decode_many(files, errors="return"))
    kinds = [np.ndarray, InputError, InputError, FileNotFoundError, np.ndarray]
    assert [type(result) for result in results] == kinds
    with pytest.raises(InputError, match="these 7 bytes are none"):
        list(Decoder(enhance=None).decode_many(files))


def test_files_are_read_as_there_is_room(network: dict[str, Brighter]) -> None:
    jpeg, taken = jpeg_of(), 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield jpeg

    results = Decoder().decode_many(endless(), workers=2)
    for _ in range(5):
        next(results)
    results.close()
    assert taken <= 5 + 8  # two for each worker at work, and as many results that wait
    assert len(network["restore"].calls) >= 5


@pytest.mark.parametrize(("keyword", "value"), [("workers", 0), ("workers", True), ("errors", "skip")])
def test_arguments_of_many_are_checked_at_once(keyword: str, value: Any) -> None:
    with pytest.raises(OptionError, match=f"^{keyword} must be .* got {value!r}$"):
        Decoder(enhance=None).decode_many([], **{keyword: value})


# What is refused ----------------------------------------------------------------------------------------------------


HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "only a JPEG file can be decoded; these 0 bytes are none"),
    "a PNG file": (encoded(PHOTO, "PNG"), "only a JPEG file can be decoded"),
    "a header alone": (b"\xff\xd8\xff\xd9", "JPEG|frame"),
    "half a file": (jpeg_of()[:2000], "end too early"),
    "no end": (jpeg_of()[:-2], "truncated"),
    "many pixels": (flat_baseline(65_500, 65_500), "more than 178956970 pixels"),
    "many scans": (scan_bomb(64, 64, 257), "more than 256 scans"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(name: str) -> None:
    jpeg, message = HOSTILE[name]
    with pytest.raises(InputError, match=message):
        plain(jpeg)


def test_ratios_that_are_no_integers_are_refused() -> None:
    sampling = [(3, 1), (2, 1), (1, 1)]
    shapes = [(4, 4), (4, 3), (4, 2)]
    levels = [np.zeros((*shape, 64), np.int16) for shape in shapes]
    jpeg = _core.write_jpeg(levels, np.ones((1, 64), np.uint16), (32, 32), sampling)
    with pytest.raises(InputError, match="ratios are no integers"):
        plain(jpeg)


def test_two_components_are_refused() -> None:
    levels = [quantized(GRAY).levels[0]] * 2
    jpeg = _core.write_jpeg(levels, np.ones((1, 64), np.uint16), GRAY.shape, [(1, 1)] * 2)
    with pytest.raises(InputError, match="2 components is not supported"):
        plain(jpeg)


def test_max_pixels() -> None:
    jpeg = jpeg_of()
    height, width = PHOTO.shape[:2]
    assert plain(jpeg, max_pixels=height * width).shape == PHOTO.shape
    assert plain(jpeg, max_pixels=None).shape == PHOTO.shape
    with pytest.raises(InputError, match=f"more than {height * width - 1} pixels"):
        plain(jpeg, max_pixels=height * width - 1)


def test_missing_files_and_other_things() -> None:
    with pytest.raises(FileNotFoundError):
        plain("missing.jpg")
    with pytest.raises(InputError, match="got ndarray"):
        plain(PHOTO)


# Options ------------------------------------------------------------------------------------------------------------

BAD: list[tuple[str, Any]] = [
    ("enhance", "best"),
    ("enhance", 1),
    ("amount", 1.5),
    ("amount", -0.1),
    ("amount", "all"),
    ("amount", True),
    ("fidelity", math.nan),
    ("fidelity", None),
    ("dtype", np.int16),
    ("dtype", "half"),
    ("dtype", None),
    ("dtype", np.float64),
    ("dtype", {"names": ["a"]}),
    ("dtype", ("u1", -1)),
    ("dtype", "i4,,"),
    ("device", 0),
    ("orientation", "up"),
    ("max_pixels", 0),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_names_the_option_and_what_was_got(name: str, value: Any) -> None:
    with pytest.raises(OptionError, match=rf"^{name} must be .*got {re.escape(repr(value))}$"):
        DecodeOptions(**{name: value})


@pytest.mark.parametrize(("name", "value"), [("amount", 0.5), ("fidelity", 0), ("device", "cpu")])
def test_options_of_the_network_need_one(name: str, value: Any) -> None:
    with pytest.raises(OptionError, match=f"^{name} is for a picture that is enhanced.*got {value!r}$"):
        DecodeOptions(enhance=None, **{name: value})
    assert getattr(DecodeOptions(**{name: value}), name) == value


@pytest.mark.parametrize("dtype", ["uint8", "u2", np.dtype("float32"), np.uint16])
def test_dtypes_of_every_spelling(dtype: Any) -> None:
    assert plain(jpeg_of(), dtype=dtype).dtype == np.dtype(dtype)


def test_decode_has_the_fields_and_defaults_of_the_options() -> None:
    parameters = dict(inspect.signature(decode).parameters)
    parameters.pop("jpeg")
    fields = {field.name: field for field in dataclasses.fields(DecodeOptions)}
    assert list(parameters) == list(fields)
    for name, parameter in parameters.items():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert parameter.default == fields[name].default
        assert parameter.annotation == fields[name].type
    typed = {name: kind.__forward_arg__ for name, kind in DecodeKeywords.__annotations__.items()}
    assert typed == {name: field.type for name, field in fields.items()}


@pytest.mark.parametrize("documented", [DecodeOptions, decode])
def test_every_option_is_described(documented: Any) -> None:
    described = set(re.findall(r"^    (\w+): ", inspect.getdoc(documented) or "", re.MULTILINE))
    assert {field.name for field in dataclasses.fields(DecodeOptions)} <= described


def test_a_decoder_takes_options_and_changes() -> None:
    wide = Decoder(DecodeOptions(enhance=None), dtype=np.uint16)
    assert wide.options == DecodeOptions(enhance=None, dtype=np.uint16)
    assert wide.decode(jpeg_of()).dtype == np.uint16
    with pytest.raises(OptionError, match=r"^Decoder\(\) has no keyword 'enhanc'; did you mean 'enhance'\?"):
        Decoder(enhanc=None)  # type: ignore[call-arg]


def test_photographs_of_several_kinds_in_one_decoder() -> None:
    one = Decoder(enhance=None)
    sources: Sequence[Any] = [photo(40, 40), photo(50, 30)[..., 0], photo(33, 47)]
    for pixels in sources:
        jpeg = jpeg_of(pixels)
        assert difference(one.decode(jpeg), pillow_pixels(jpeg)) <= 3
