"""Small files that would take long or much memory are refused by their headers, on every path and in every door."""

# mypy: allow-untyped-defs, allow-untyped-calls
import io
import json
import struct
import sys
import warnings
import zipfile
import zlib
from typing import Any

import numpy as np
import pytest
from bombs import flat_baseline, frame, many_segments, outcome, scan_bomb, segment
from helpers import encoded, photo
from PIL import Image

from saliency_jpeg import (
    Decoder,
    Encoder,
    InputError,
    OptionError,
    Options,
    PresetError,
    SaliencyModel,
    compress,
    decode,
    recompress,
    saliency_map,
)
from saliency_jpeg.cli import main
from saliency_jpeg.codec import _core
from saliency_jpeg.codec.inspect import inspect_jpeg
from saliency_jpeg.image.load import load
from saliency_jpeg.integrations._batch_mapper import pack_map, unpack_map
from saliency_jpeg.integrations._optimizer import is_jpeg, optimize_jpeg
from saliency_jpeg.metadata import exif, jpeg_limits, refresh
from saliency_jpeg.metadata.jpeg_source import JpegSource
from saliency_jpeg.metadata.limits import DEFAULT_MAX_PIXELS
from saliency_jpeg.metadata.model import Metadata
from saliency_jpeg.saliency import litert, weights_file
from saliency_jpeg.saliency.presets import find, read_arrays, read_head

linux = pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS holds on Linux only")
SIDE = 48
FORMATS = ("PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG", "TGA", "MPO")
MANY_BLOCKS = 8000, 8000  # a million: 256 scans of them are too many
SCANS = {
    "too many scans": (scan_bomb(64, 64, 257), "more than 256 scans"),
    "too many blocks": (scan_bomb(*MANY_BLOCKS, 256), "too many blocks"),
    "too many blocks for a large image": (scan_bomb(13_300, 13_300, 40), "too many blocks"),
    "too many pixels": (scan_bomb(30_000, 30_000, 256), "pixels"),
    "the largest of all": (flat_baseline(65_500, 65_500), "pixels"),
}


def small(kind: str) -> bytes:
    return encoded(Image.fromarray(photo(SIDE, SIDE)), kind)


# Pixels --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("source", ["path", "bytes", "file", "lazy PIL image"])
def test_max_pixels_holds_for_every_file(kind, source, tmp_path):
    data = small(kind)
    path = tmp_path / "image"
    path.write_bytes(data)

    def given():
        file = io.BytesIO(data)
        return {"path": path, "bytes": data, "file": file, "lazy PIL image": Image.open(io.BytesIO(data))}[source]

    assert compress(given(), saliency=None, max_pixels=SIDE * SIDE)
    with pytest.raises(InputError, match=f"more than {SIDE * SIDE - 1} pixels.* got width {SIDE}, height {SIDE}"):
        compress(given(), saliency=None, max_pixels=SIDE * SIDE - 1)


def test_pixels_that_are_decoded_have_no_limit():
    array = photo(SIDE, SIDE)
    image = Image.open(io.BytesIO(small("PNG")))
    image.load()
    for source in (array, Image.fromarray(array), image):
        assert compress(source, saliency=None, max_pixels=1)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_callers_limit_counts_instead_of_pillows(kind, monkeypatch):
    data = small(kind)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for limit in (None, SIDE * SIDE):
            assert load(data, max_pixels=limit).pixels.shape[:2] == (SIDE, SIDE)
    with pytest.raises(InputError, match=r"max_pixels.*PIL\.Image\.MAX_IMAGE_PIXELS"):
        load(data)


def test_another_limit_reads_the_same_pixels_from_every_format():
    for kind in FORMATS:
        default, other = load(small(kind)), load(small(kind), max_pixels=None)
        assert np.array_equal(default.pixels, other.pixels)
        assert default.metadata == other.metadata
    with pytest.raises(InputError, match="is not an image that Pillow can read"):
        load(b"no image at all", max_pixels=None)


def test_max_pixels_holds_in_every_call(tmp_path, capsys):
    jpeg, limit = small("JPEG"), SIDE * SIDE - 1
    options = Options(saliency=None, max_pixels=limit)
    path, out = tmp_path / "in.jpg", tmp_path / "out.jpg"
    path.write_bytes(jpeg)
    calls = [
        lambda: Encoder(options).compress(jpeg),
        lambda: Encoder(options).load(jpeg),
        lambda: next(iter(Encoder(options).compress_many([jpeg]))),
        lambda: recompress(jpeg, max_pixels=limit),
        lambda: recompress(jpeg, quality=30, saliency=None, max_pixels=limit),
        lambda: decode(jpeg, enhance=None, max_pixels=limit),
        lambda: next(Decoder(enhance=None, max_pixels=limit).decode_many([jpeg])),
        lambda: inspect_jpeg(jpeg, max_pixels=limit),
        lambda: _core.read_jpeg(jpeg, max_pixels=limit),
        lambda: saliency_map(jpeg, [], max_pixels=limit),
        lambda: optimize_jpeg(jpeg, options),
        lambda: optimize_jpeg(jpeg, Options(saliency=None, subsampling="4:4:4", max_pixels=limit)),
        lambda: is_jpeg(jpeg, limit),
    ]
    for call in calls:
        with pytest.raises(InputError, match="more than 2303 pixels"):
            call()
    commands = (
        ["compress", str(path), "-o", str(out), "--saliency", "none"],
        ["decode", str(path), "-o", str(tmp_path / "out.png"), "--enhance", "none"],
        ["info", str(path)],
        ["map", str(path), "-o", str(tmp_path / "map.png"), "--protect", "0,0,9,9", "--saliency", "none"],
        ["compare", str(path), str(path), "--saliency", "none", "--no-butteraugli"],
    )
    for command in commands:
        assert main([*command, "--max-pixels", str(limit)]) != 0
        assert "more than 2303 pixels" in capsys.readouterr().err
        assert main([*command, "--max-pixels", "none"]) == 0
        capsys.readouterr()


def test_a_map_in_a_file_has_the_limit_too(tmp_path, capsys):
    image, wide = tmp_path / "in.png", tmp_path / "map.png"
    image.write_bytes(small("PNG"))
    Image.new("L", (SIDE, SIDE + 1)).save(wide)
    command = ["compress", str(image), "-o", str(tmp_path / "out.jpg"), "--saliency", str(wide)]
    assert main([*command, "--max-pixels", str(SIDE * SIDE)]) != 0
    assert f"height {SIDE + 1}" in capsys.readouterr().err


@pytest.mark.parametrize("value", [0, -1, 1.5, 1e8, True, "none", 65535**2 + 1])
def test_a_bad_limit_is_refused(value):
    with pytest.raises(OptionError, match=r"^max_pixels must be an integer .*got "):
        Options(max_pixels=value)


@pytest.mark.parametrize("text", ["0", "-5", "many", "1e8"])
def test_a_bad_limit_on_the_command_line(text, capsys):
    with pytest.raises(SystemExit):
        main(["info", "x.jpg", f"--max-pixels={text}"])
    assert "or none, got" in capsys.readouterr().err


def test_the_default_is_where_pillow_refuses():
    assert 2 * 89_478_485 == DEFAULT_MAX_PIXELS == Options().max_pixels
    assert _core.read_jpeg.__doc__ is not None
    assert str(DEFAULT_MAX_PIXELS) in _core.read_jpeg.__doc__  # of the compiled signature


# Scans ---------------------------------------------------------------------------------------------------------------

CALLS = {
    "compress": "compress(data, saliency=None)",
    "compress to a size": "compress(data, saliency=None, target_kb=50)",
    "compress to a score": "compress(data, saliency=None, target_score=60)",
    "compress with a map": "compress(data, saliency=[(0, 0, 9, 9)])",
    "compress a path": "compress(path, saliency=None)",
    "compress a file object": "compress(open(path, 'rb'), saliency=None)",
    "compress many": "list(Encoder(saliency=None).compress_many([path]))",
    "recompress": "recompress(data)",
    "recompress to a size": "recompress(data, target_kb=50, saliency=[(0, 0, 9, 9)])",
    "saliency_map": "saliency_map(data, [])",
    "read_jpeg": "_core.read_jpeg(data)",
    "decode": "decode(data, enhance=None)",
    "decode many": "list(Decoder(enhance=None).decode_many([path]))",
    "inspect_jpeg": "inspect_jpeg(data)",
    "doors for files": "optimize_jpeg(data, Options(saliency=None))",
    "doors for files, pixels": "optimize_jpeg(data, Options(saliency=None, subsampling='4:2:0'))",
    "command compress": "main(['compress', path, '-o', path + '.out.jpg', '--saliency', 'none'])",
    "command decode": "main(['decode', path, '-o', path + '.out.png', '--enhance', 'none'])",
    "command info": "main(['info', path])",
    "command map": "main(['map', path, '-o', path + '.png', '--saliency', 'none', '--protect', '0,0,9,9'])",
    "command compare": "main(['compare', path, path, '--saliency', 'none'])",
}
IMPORTS = """
from saliency_jpeg import *
from saliency_jpeg.cli import main
from saliency_jpeg.codec import _core
from saliency_jpeg.codec.inspect import inspect_jpeg
from saliency_jpeg.integrations._optimizer import optimize_jpeg
from saliency_jpeg.saliency import saliency_map
path = sys.argv[1]
data = open(path, "rb").read()
def call(name, work):
    try:
        work()
        print(name, "done")
    except SaliencyJpegError as error:
        print(name, type(error).__name__, error)
"""


@linux
@pytest.mark.slow
@pytest.mark.parametrize("bomb", SCANS)
def test_no_call_takes_long_or_much_memory(bomb, tmp_path):
    data, message = SCANS[bomb]
    path = tmp_path / "bomb.jpg"
    path.write_bytes(data)
    code = IMPORTS + "\n".join(f"call({name!r}, lambda: {work})" for name, work in CALLS.items())
    lines = outcome(code, str(path))
    for name in CALLS:
        if not name.startswith("command"):
            assert f"{name} InputError" in lines, name
    assert lines.count(message) >= len(CALLS)


@pytest.mark.parametrize("bomb", ["too many scans", "too many blocks"])
def test_scans_are_counted_without_a_limit_on_pixels(bomb):
    data, message = SCANS[bomb]
    for call in (compress, recompress):
        with pytest.raises(InputError, match=message):
            call(data, saliency=None, max_pixels=None)
    with pytest.raises(InputError, match=message):
        load(Image.open(io.BytesIO(data)), max_pixels=None)
    with pytest.raises(InputError, match="scans"):
        _core.read_jpeg(data, max_pixels=None)


def test_a_frame_of_an_mpo_file_is_checked_too():
    """Pillow decodes the frame that the application has chosen, wherever it lies in the file."""
    bomb = scan_bomb(64, 64, 257)
    image = Image.open(io.BytesIO(mpo(encoded(Image.new("L", (64, 64))), bomb)))
    image.seek(1)
    with pytest.raises(InputError, match="more than 256 scans"):
        compress(image, saliency=None)


def mpo(first: bytes, second: bytes) -> bytes:
    """Two JPEG files as one of two frames (CIPA DC-007)."""
    list_at = 8 + 2 + 3 * 12 + 4
    size = len(first) + 4 + 4 + list_at + 2 * 16  # of the first file, with its list
    fields = struct.pack("<HHI4s", 0xB000, 7, 4, b"0100") + struct.pack("<HHII", 0xB001, 4, 1, 2)
    fields += struct.pack("<HHII", 0xB002, 7, 32, list_at)
    images = struct.pack("<4I", 0x030000, size, 0, 0) + struct.pack("<4I", 0x020003, len(second), size - 10, 0)
    listing = segment(0xE2, b"MPF\0" + struct.pack("<2sHIH", b"II", 42, 8, 3) + fields + bytes(4) + images)
    return first[:2] + listing + first[2:] + second


def test_files_below_the_limits_are_read():
    data = scan_bomb(1000, 1000, 256)
    assert load(data).pixels.shape == (1000, 1000)
    assert _core.read_jpeg(data).size == (1000, 1000)
    assert recompress(data)


def test_what_encoders_write_keeps_far_from_the_limits():
    """The largest picture of the default limit, in 4:4:4 and with sixteen scans of the luma.

    All of its scans may come twice before a limit stops them.
    """
    factors = ((1, 1),) * 3
    luma = b"".join(segment(0xDA, bytes([1, 1, 0, k, k + 1, 0])) + b"\0" for k in range(1, 63, 4))
    chroma = b"".join(segment(0xDA, bytes([1, c, 0, 1, 63, a])) + b"\0" for c in (2, 3) for a in (2, 0x21, 0x10))
    dc = segment(0xDA, bytes([3, 1, 0, 2, 0, 3, 0, 0, 0, 1])) + b"\0"
    head, scans = b"\xff\xd8" + frame(0xC2, 13_377, 13_377, factors), dc * 2 + luma + chroma
    JpegSource(head + scans * 2 + b"\xff\xd9").check_limits(DEFAULT_MAX_PIXELS)
    with pytest.raises(InputError, match="too many blocks"):
        JpegSource(head + scans * 3 + b"\xff\xd9").check_limits(DEFAULT_MAX_PIXELS)


def test_both_counts_of_blocks_agree():
    """The walk over markers and the reader of levels refuse a file at the same scan."""
    blocks = 1000 * 1000
    most = max(jpeg_limits.MOST_BLOCKS, jpeg_limits.MOST_PASSES * blocks) // blocks
    for scans, is_refused in ((most, False), (most + 1, True)):
        data = scan_bomb(*MANY_BLOCKS, scans)
        for check in (lambda d: JpegSource(d).check_limits(None), _core.read_jpeg):
            if is_refused:
                with pytest.raises(InputError, match="too many blocks"):
                    check(data)
            else:
                check(data)


@pytest.mark.parametrize("length", [0, 1])
def test_a_segment_of_no_length_hides_no_scans(length):
    """libjpeg skips it and goes on."""
    data = scan_bomb(64, 64, 257)
    second = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    hidden = data[:second] + b"\xff\xfe" + bytes([0, length]) + data[second:]
    with pytest.raises(InputError, match="more than 256 scans"):
        load(hidden)


def test_a_thumbnail_is_no_bomb_either():
    """Where pixels are new, the old thumbnail is opened for its size and made again; not one with too many scans."""
    pixels = photo()
    for old, is_made_again in ((encoded(Image.new("RGB", (32, 32))), True), (scan_bomb(32, 32, 257), False)):
        block = exif_with_thumbnail(old)
        assert exif.thumbnail(block) == old
        made = refresh.refresh(Metadata(exif=block), pixels).exif
        assert made is not None
        assert (exif.thumbnail(made) is not None) == is_made_again


def exif_with_thumbnail(jpeg: bytes) -> bytes:
    """An EXIF block of an empty first directory and a second one with a thumbnail."""
    entries = struct.pack("<HHHIIHHII", 2, 0x0201, 4, 1, 44, 0x0202, 4, 1, len(jpeg))
    return struct.pack("<2sHIHI", b"II", 42, 8, 0, 14) + entries + struct.pack("<I", 0) + jpeg


# Segments ------------------------------------------------------------------------------------------------------------


@linux
@pytest.mark.parametrize("marker", [0xFE, 0xE1, 0xC4, 0xDB])
@pytest.mark.parametrize("behind_first_scan", [False, True])
def test_a_million_segments(marker, behind_first_scan, tmp_path):
    path = tmp_path / "many.jpg"
    path.write_bytes(many_segments(1_000_000, marker, behind_first_scan=behind_first_scan))
    names = ("compress", "compress to a size", "recompress", "inspect_jpeg", "doors for files")
    lines = outcome(IMPORTS + "\n".join(f"call({name!r}, lambda: {CALLS[name]})" for name in names), str(path))
    for name in names:
        assert f"{name} InputError" in lines or f"{name} done" in lines


def test_as_many_segments_as_files_have_are_kept():
    data = many_segments(2000)
    assert len(JpegSource(recompress(data)).segments) >= 2000


# Maps and weights ----------------------------------------------------------------------------------------------------


def test_a_packed_map_inflates_to_its_picture_only():
    picture = load(photo(SIDE, SIDE))
    values = np.rint(np.random.default_rng(0).random((SIDE, SIDE)) * 255).astype(np.float32) / np.float32(255)
    packed = pack_map(values)
    assert packed is not None
    assert np.array_equal(unpack_map(packed, picture), values)
    levels = unpack_map(zlib.compress(bytes(50_000_000)), picture)
    assert levels.shape == (SIDE, SIDE)


def npz(entries: dict[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return file.getvalue()


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npy_header(shape: str, descr: str = "<f2") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text


def own_arrays(preset: str) -> dict[str, Any]:
    return {**read_arrays(find(preset)), **read_head(find(preset))}


def changed(name, preset, change):
    arrays = own_arrays(preset)
    return {**arrays, name: change(arrays[name])}


SHAPES = {
    "cut": lambda a: a[..., :-1] if a.shape[-1] > 1 else a[..., :0],
    "flat": lambda a: a.reshape(1, 1, 1, 1, -1),
    "one more axis": lambda a: a[None],
    "transposed": lambda a: np.ascontiguousarray(a.T) if a.ndim > 1 else np.stack([a, a]),
    "scalar": lambda a: np.float16(1),
    "empty": lambda a: a[:0],
    "longer": lambda a: np.concatenate([a, a], axis=0),
}


@pytest.mark.parametrize("change", SHAPES)
@pytest.mark.parametrize("name", ["stem/0", "stem_bn/0", "stem_bn/3", "block0_dw/0", "head/0", "coarse/0", "maps/1"])
def test_own_weights_of_another_shape(name, change, tmp_path):
    np.savez(tmp_path / "own.npz", **changed(name, "gaze", SHAPES[change]))
    with pytest.raises(PresetError, match=rf"does not fit the network: {name} must have shape .* got \("):
        SaliencyModel.from_file(tmp_path / "own.npz")


@pytest.mark.parametrize(("preset", "name"), [("cam", "cam/0"), ("cam", "cam/1"), ("msroi", "maps/0")])
@pytest.mark.parametrize("change", ["empty classes", "flat", "one more axis", "scalar", "others than its layer"])
def test_own_weights_with_other_classes(preset, name, change, tmp_path):
    changes = {
        **SHAPES,
        "empty classes": lambda a: a[..., :0],
        "others than its layer": lambda a: a[..., :7],
    }
    np.savez(tmp_path / "own.npz", **changed(name, preset, changes[change]))
    with pytest.raises(PresetError, match=r"does not fit the network: (cam|maps)/[01] must have"):
        SaliencyModel.from_file(tmp_path / "own.npz", preset=preset)


@pytest.mark.parametrize("preset", ["cam", "gaze", "objects", "msroi"])
def test_own_weights_of_the_right_shape_are_taken(preset, tmp_path):
    arrays = own_arrays(preset)
    for key in find(preset).class_arrays:
        arrays[key] = arrays[key][..., :7]
    np.savez_compressed(tmp_path / "own.npz", **arrays)
    assert SaliencyModel.from_file(tmp_path / "own.npz", preset=preset)


HEADERS = {
    "larger than its bytes": ("(1000000000000,)", "<f2"),
    "larger than any memory": (f"({2**62}, {2**62})", "<f2"),
    "smaller than its bytes": ("(2,)", "<f2"),
    "below zero twice": ("(-2, -8)", "<f2"),
    "text without an end": ("(1,)", "<U4000000000"),
    "things": ("(4,)", "|O"),
    "no bytes": (f"({10**15},)", "|V0"),
    "no tuple": ("[16]", "<f2"),
    "nested": ("(" * 3000, "<f2"),
    "no type": ("(16,)", "<q9q"),
}


@pytest.mark.parametrize("header", HEADERS)
def test_arrays_are_checked_by_their_headers(header):
    data = npz({"stem/0.npy": npy_header(*HEADERS[header]) + bytes(32)})
    with pytest.raises(PresetError, match="is not a weights file"):
        weights_file.unpack(data, "own.npz")


@linux
@pytest.mark.parametrize("kind", ["zip bomb", "header bomb", "file too large", "many entries", "tflite"])
def test_own_weights_inflate_no_further_than_is_stated(kind, tmp_path):
    path = tmp_path / ("own.tflite" if kind == "tflite" else "own.npz")
    if kind == "zip bomb":
        huge = npy_header("(130000000,)") + bytes(260_000_000)
        path.write_bytes(npz({"stem/0.npy": huge}))
    elif kind == "header bomb":
        path.write_bytes(npz({"stem/0.npy": npy_header("(10000000000,)") + bytes(32)}))
    elif kind == "file too large":
        with path.open("wb") as file:
            file.truncate(weights_file.MOST_BYTES + 1)
    elif kind == "many entries":
        path.write_bytes(npz({f"{i}": b"" for i in range(20_000)}))
    else:
        path.write_bytes(b"TFL3" + npz({"saliency_jpeg.json": b"[" + b" " * 20_000_000 + b"]"}))
    code = "from saliency_jpeg import SaliencyModel\nSaliencyModel.from_file(sys.argv[1])"
    assert outcome(code, str(path)).startswith("PresetError:")


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_kinds_of_compression_that_inflate_without_bounds(compression):
    data = npz({"stem/0.npy": npy(np.zeros(4, np.float16))}, compression)
    with pytest.raises(PresetError, match="is not a weights file"):
        weights_file.unpack(data, "own.npz")


def test_what_else_stands_in_a_weights_file(tmp_path):
    for extra in ({"class_names": np.arange(4)}, {"preset": np.array(["gaze"])}, {"class_names": np.array("a")}):
        np.savez(tmp_path / "own.npz", **own_arrays("gaze"), **extra)
        with pytest.raises(PresetError, match=r"must be strings|must be one string|class names"):
            SaliencyModel.from_file(tmp_path / "own.npz")
    np.savez(tmp_path / "own.npz", **own_arrays("gaze"))
    with zipfile.ZipFile(tmp_path / "own.npz", "a") as archive:
        archive.writestr("readme.txt", "no array")
    with pytest.raises(PresetError, match="is not a weights file"):
        SaliencyModel.from_file(tmp_path / "own.npz")


def test_an_exported_file_is_still_read():
    text = json.dumps({"preset": "gaze", "names": ["a", "b"]})
    assert litert.unpack(b"TFL3" + npz({"saliency_jpeg.json": text}, zipfile.ZIP_STORED), "x").names == ("a", "b")
