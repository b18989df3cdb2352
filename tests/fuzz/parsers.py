"""Fuzz target: the Python parsers of files and metadata.

    python tests/fuzz/parsers.py [libFuzzer's options] FOLDER...    fuzzes, with the package atheris
    python tests/fuzz/parsers.py --replay FILE...                   gives stored inputs to the parsers, without it

The first byte of an input is the letter of a parser in :data:`PARSERS`, the rest is what it reads. Only errors of this
library may come out, within limits of time and memory: libFuzzer's while it runs, those of the process in a replay.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import struct
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

if "--replay" not in sys.argv and __name__ == "__main__":
    import atheris

    imports: Any = atheris.instrument_imports(include=["saliency_jpeg"])
else:
    imports = contextlib.nullcontext()

with imports:
    import numpy as np
    from PIL import Image

    from saliency_jpeg import Encoder, Options, list_layers, strip_layers
    from saliency_jpeg.batch import resume
    from saliency_jpeg.codec import _core
    from saliency_jpeg.codec.inspect import block_bits, inspect_jpeg
    from saliency_jpeg.codec.layers import digest_of
    from saliency_jpeg.errors import PresetError, SaliencyJpegError
    from saliency_jpeg.image.load import load
    from saliency_jpeg.integrations._optimizer import optimize_jpeg
    from saliency_jpeg.metadata import exif, iptc, jumbf, layers, multi_picture, photoshop, refresh, segments, xmp
    from saliency_jpeg.metadata.containers import read_container
    from saliency_jpeg.metadata.exif_nested import without_nested_pictures
    from saliency_jpeg.metadata.exif_previews import embedded, without_previews
    from saliency_jpeg.metadata.exif_resolution import resolution, with_swapped_resolution
    from saliency_jpeg.metadata.exif_segments import join_exif, split_exif
    from saliency_jpeg.metadata.jpeg_metadata import MODES, build, build_for_scans, collect
    from saliency_jpeg.metadata.jpeg_source import JpegSource, is_jpeg
    from saliency_jpeg.metadata.model import Metadata
    from saliency_jpeg.metadata.pillow_info import from_file
    from saliency_jpeg.metadata.png_profiles import read_profiles
    from saliency_jpeg.metadata.segments import Segment, SegmentPattern
    from saliency_jpeg.recompression.detail import merge_layers
    from saliency_jpeg.recompression.recompress import recompress
    from saliency_jpeg.saliency import litert, weights_file
    from saliency_jpeg.server import request

CPU_SECONDS: Final = 120  # of a whole replay
MEMORY: Final = 1_600_000_000  # bytes of address space in a replay: 1 GB, and what the libraries map without using it
MAX_PIXELS: Final = 1 << 20

Result = TypeVar("Result")

WIDE: Final = np.arange(40 * 60, dtype=np.uint8).reshape(40, 60)
TALL: Final = np.zeros((300, 200, 3), np.uint8)
DEFAULTS: Final = Options(saliency=None)
TINY: Final = _core.write_jpeg(
    [np.zeros((1, 1, 64), np.int16)], np.ones((1, 64), np.uint16), (8, 8), [(1, 1)], progressive=False
)


def attempt(function: Callable[..., Result], *arguments: Any, **keywords: Any) -> Result | None:
    """Calls a function that may refuse its input, but only with an error of this library."""
    try:
        return function(*arguments, **keywords)
    except SaliencyJpegError:
        return None


# JPEG files ---------------------------------------------------------------------------------------------------------


def jpeg_file(data: bytes) -> None:
    """All that is asked of a JPEG source, and whether both walks over its segments agree."""
    source = attempt(JpegSource, data)
    levels = attempt(_core.read_jpeg, data, MAX_PIXELS)
    if source is None:
        assert levels is None, "a file that the core reads has a sound header"
        return
    attempt(source.check_limits, MAX_PIXELS)
    if levels is not None:
        assert levels.segments[: len(source.segments)] == source.segments, "both walks find the same segments"
    for trailing in (source.trailing, source.trailing_bytes):
        if trailing is not None:
            own = [*multi_picture.without_listing(source.segments), *trailing.segments]
            trailing.append_to(segments.replace_segments(TINY, own))
    attempt(source.primary)
    inspected(data)
    metadata_of(source)


def inspected(data: bytes) -> None:
    """The parts of a file, which must be all of its bytes."""
    found = attempt(inspect_jpeg, data, max_pixels=MAX_PIXELS)
    if found is not None:
        assert sum(found.bytes_by_use().values()) == len(data)
        assert found.subsampling
        assert len(found.component_names) == len(found.image.levels)
        assert np.isfinite(block_bits(found.image, 8.0 * len(data))).all()


def metadata_of(source: JpegSource) -> None:
    """The metadata of a source, written in every mode and read again, and after a change of the pixels."""
    header, metadata = source.header, source.metadata
    for mode in MODES:
        built = attempt(build, metadata, mode, [SegmentPattern(0xE1), SegmentPattern(0xFE, b"k")])
        if built is None:
            continue
        assert segments.parse(segments.replace_segments(TINY, built)) == built
        attempt(source.with_segments, built)
        if header is not None:
            attempt(build_for_scans, metadata, mode, (), header)
    if header is not None:
        assert 0 <= header.quality <= 100
        header.has_form(False, 1)
    assert not [s for s in segments.parse(source.decodable) if not segments.names_colours(*s)]
    changed(metadata)


def changed(metadata: Metadata) -> None:
    """Metadata after the pixels changed."""
    for pixels in (WIDE, TALL):
        refresh.look(metadata, pixels)
        new = refresh.refresh(metadata, pixels)
        if new.exif is not None:
            assert exif.size(new.exif) in (None, pixels.shape[:2])
    for old in ((80, 120), (41, 61), (65535, 1)):
        refresh.refresh(metadata, WIDE, scaled_from=old)
    for applied in (None, 6):
        assert refresh.refresh_orientation(metadata, applied).orientation == 1


def jpeg_segments(data: bytes) -> None:
    """A sound file with any APPn and COM segments: kind, header, length and payload of each are in the input."""
    file = io.BytesIO(data)
    own = list(_segments(file))
    jpeg = segments.replace_segments(TINY, own) + file.read()
    metadata = collect(join_exif(own))
    comments = [payload for marker, payload in own if marker == segments.COM]
    assert metadata.comment == (comments[-1] if comments else None)
    jpeg_file(jpeg)
    multi_picture.without_names(own)


_HEADERS: Final = (
    *((segments.APP0, segments.JFIF_HEADER), (segments.APP0, b"JFXX\0"), (segments.APP1, exif.EXIF_HEADER)),
    *((segments.APP1, segments.XMP_HEADER), (segments.APP1, segments.XMP_EXTENSION_HEADER)),
    *((segments.APP2, segments.ICC_HEADER), (segments.APP2, segments.MPF_HEADER), (segments.COM, b"")),
    *((segments.APP13, segments.PHOTOSHOP_HEADER), (segments.APP14, segments.ADOBE_HEADER), (0xEB, b"JP")),
    *((segments.APP2, b"urn:iso:std:iso:ts:21496:-1\0"), (0xE3, b"")),
)


def _segments(file: io.BytesIO) -> Iterator[Segment]:
    """Each is a kind (1 byte), a length (2 bytes) and that many bytes behind the header of the kind."""
    while len(head := file.read(3)) == 3 and head[0] < len(_HEADERS):
        marker, header = _HEADERS[head[0]]
        yield marker, (header + file.read(int.from_bytes(head[1:], "big")))[: segments.MAX_PAYLOAD]


def recompressed(data: bytes) -> None:
    """A JPEG file, written again without a loss, and what comes out is read again."""
    for mode in MODES:
        jpeg = attempt(recompress, data, metadata=mode, max_pixels=1 << 14)
        if jpeg is not None:
            assert _core.read_jpeg(jpeg).levels is not None
            JpegSource(jpeg)


_WAYS: Final[tuple[dict[str, Any], ...]] = (
    {"quality": 40},
    {"target_kb": 0.5},
    {"quality": 60, "progressive": False, "restart_interval": 3, "metadata": "safe"},
    {"quality": 60, "effort": 1, "metadata": "strip", "keep_segments": ("COM", "APP1")},
)


def encoded(data: bytes) -> None:
    """A way to encode (1 byte), and a file of any kind that is encoded, and if it is a JPEG file recompressed, so."""
    if not data:
        return
    way, file = _WAYS[data[0] % len(_WAYS)], data[1:]
    options = Options(saliency=None, max_pixels=1 << 12, **way)
    encoder = Encoder(options, orientation="apply", trailing_images="drop")
    is_damaged = is_jpeg(file) and attempt(_core.read_jpeg, file) is None  # its scans may stay as they are
    for work in (lambda: encoder.compress(file).jpeg, lambda: optimize_jpeg(file, options)):
        jpeg = attempt(work)
        if jpeg is not None and jpeg != file and not is_damaged:
            assert _core.read_jpeg(jpeg).levels is not None
    attempt(recompress, file, saliency=None, max_pixels=1 << 12, **way)


def image_file(data: bytes) -> None:
    """A file of any kind."""
    picture = attempt(load, data, max_pixels=1 << 14)
    if picture is not None:
        assert picture.pixels.dtype == np.uint8
        for mode in MODES:
            attempt(build, picture.metadata, mode)


# Kinds of metadata --------------------------------------------------------------------------------------------------


def exif_block(data: bytes) -> None:
    """An EXIF block: tags, thumbnail, previews, segments."""
    turn, first = exif.orientation(data), exif.first_directory(data)
    for value in (1, 6):
        new = attempt(exif.with_orientation, data, value)
        assert new is None or value == 1 or exif.orientation(new) == value, "the orientation that was set is read"
    assert exif.orientation(exif.shown(data)) == turn
    assert exif.has_orientation(data) or turn == 1
    sized = exif.with_size(data, 333, 65535)
    assert len(sized) == len(data)
    thumbnail = exif.thumbnail(data)
    assert thumbnail is None or exif.has_thumbnail(data)
    without = exif.with_thumbnail(data, None)
    assert first is None or not exif.has_thumbnail(without), "a thumbnail that was removed is gone"
    exif.with_thumbnail(data, TINY)
    assert len(without_previews(data)) == len(without_nested_pictures(data)) == len(data)
    assert all(0 <= span.start < span.stop <= len(data) for span in embedded(data))
    resolution(data)
    assert sorted(with_swapped_resolution(data)) == sorted(data)
    parts = attempt(split_exif, data)
    if parts is not None and data:
        assert join_exif(parts) == [(segments.APP1, exif.EXIF_HEADER + data)], "parts of a block are joined again"
    changed(Metadata(exif=data))


def xmp_packet(data: bytes) -> None:
    """An XMP packet or the data of extended XMP."""
    for change in (xmp.without_pictures, xmp.without_trailing_names):
        assert len(change(data)) <= len(data)
    for size in ((1, 1), (40, 60), (65535, 1)):
        xmp.with_size(data, *size)
    attempt(build, Metadata(xmp=data * (1 + 65502 // max(1, len(data)))))
    changed(Metadata(xmp=data, extra=((segments.APP1, segments.XMP_EXTENSION_HEADER + data),)))


def png_texts(data: bytes) -> None:
    """Raw profiles in PNG's text, and the texts themselves; zeros stand between the texts."""
    texts = data.decode("utf-8", "surrogateescape").split("\0")
    names = ("exif", "APP1", "xmp", "icc", "8bim", "iptc")
    info: dict[str, Any] = {f"Raw profile type {name}": text for name, text in zip(names, texts, strict=False)}
    info |= dict(zip(("Description", "Author", "Software", "Comment"), texts, strict=False))
    image = Image.new("L", (2, 2))
    image.info.update(info)
    from_file(image)
    profiles = read_profiles(info)
    metadata = Metadata(exif=profiles.exif, xmp=profiles.xmp, icc=profiles.icc, extra=profiles.extra)
    attempt(build, metadata)
    changed(metadata)


def icc_profile(data: bytes) -> None:
    """A profile of CMYK and of RGB pixels."""
    for mode in ("CMYK", "RGB"):
        image = Image.new(mode, (3, 2), 90)
        image.info["icc_profile"] = data
        attempt(load, image)
    metadata = Metadata(icc=data)
    assert collect(attempt(build, metadata) or []).icc in (data, None)


def photoshop_resources(data: bytes) -> None:
    """Photoshop's image resources."""
    found = photoshop.parse_resources(data)
    for _, payload in photoshop.resource_segments(found):
        assert len(payload) <= segments.MAX_PAYLOAD
    cut = photoshop.without_pictures([(segments.APP13, segments.PHOTOSHOP_HEADER + data)])
    assert sum(len(payload) for _, payload in cut) <= len(data) + 14
    assert photoshop.without_pictures(cut) == cut
    assert len(photoshop.blanked(data)) == len(iptc.blanked(data)) == len(data)
    assert iptc.without_pictures(iptc.without_pictures(data)) == iptc.without_pictures(data)


def container(data: bytes) -> None:
    """Metadata in files of other formats; the second byte is the letter of the format."""
    start = {b"G": b"GIF8", b"2": b"\0\0\0\x0cjP  \r\n\x87\n", b"P": b"8BPS".ljust(26, b"\0")}.get(data[:1], b"")
    found = read_container(start + data[1:])
    attempt(build, refresh.refresh(found, WIDE))


def multi_picture_listing(data: bytes) -> None:
    """The list of the images of a multi-picture file."""
    jpeg = segments.replace_segments(TINY, [(segments.APP2, segments.MPF_HEADER + data)]) + TINY
    source = JpegSource(jpeg)
    if source.trailing is not None:
        for filling in (b"", bytes(60_000)):  # files shorter and longer than the old one
            own = [*source.trailing.segments, (segments.COM, filling)]
            assert source.trailing.append_to(segments.replace_segments(TINY, own)).startswith(TINY[:2])
    source.primary()


_KINDS: Final = (b"widths", b"detail", b"size", b"latent", b"new", b"\xff")


def _stored_layers(file: io.BytesIO) -> bytes:
    """The content of a box with sound layers; each is a kind (1 byte), a version (1), a length (1) and a payload."""
    entries, payloads = b"", b""
    count = 0
    while len(head := file.read(3)) == 3 and count < 255:
        payload = file.read(head[2])
        kind = _KINDS[head[0] % len(_KINDS)].ljust(8, b"\0")
        entries += struct.pack(">8sHII", kind, head[1], len(payload), zlib.crc32(payload))
        payloads += payload
        count += 1
    listed = struct.pack(">BB8s", 1, count, digest_of(_core.read_jpeg(TINY))) + entries
    return listed + struct.pack(">I", zlib.crc32(listed)) + payloads


def layers_of_file(data: bytes) -> None:
    """Layers: a way (1 byte), and layers, the content of our box, that of the superbox, or segments with lengths."""
    way, rest = data[:1], data[1:]
    file = io.BytesIO(rest)
    if way == b"K":
        rest = _stored_layers(file)
    if way in (b"C", b"K"):
        rest = layers.VENDOR + rest
    if way in (b"C", b"K", b"U"):
        own = jumbf.split(0x534A, layers.DESCRIBED, jumbf.box(b"uuid", rest))
    elif way == b"B":
        own = jumbf.split(0x534A, layers.DESCRIBED, rest)
    else:
        own = [(jumbf.APP11, file.read(int.from_bytes(size, "big"))) for size in iter(lambda: file.read(2), b"")]
    jpeg = segments.replace_segments(TINY, own)
    listed = list_layers(jpeg)
    kept, others = layers.layer_segments(own), layers.without_layers(own)
    assert len(kept) + len(others) == len(own)
    assert bool(kept) or not listed
    digest = digest_of(_core.read_jpeg(jpeg))
    found = layers.read_layers(own, digest, 1)
    fitting = layers.own_layers(own, digest, 1)
    assert layers.own_layers(layers.build_layers(digest, fitting), digest, 1) == fitting, "layers that were written"
    attempt(merge_layers, jpeg)
    assert found.widths is None or (found.widths.shape == (1, 4) and "valid" in {info.state for info in listed})
    assert strip_layers(jpeg) == segments.replace_segments(TINY, others)
    assert list_layers(recompress(jpeg, metadata="strip")) == listed
    assert not list_layers(recompress(jpeg, keep_layers=False))


# Files of one's own -------------------------------------------------------------------------------------------------


def journal(data: bytes) -> None:
    """The lines of a journal."""
    for line in resume._lines(io.BytesIO(data)):
        entry = resume._parse(line)
        assert entry is None or json.dumps(entry["output"])


def weights(data: bytes) -> None:
    """A weights file."""
    with contextlib.suppress(PresetError):
        arrays = weights_file.unpack(data, "fuzzed")
        assert sum(array.nbytes for array in arrays.values()) <= weights_file.MOST_BYTES
        assert all(isinstance(array.tolist(), object) for array in arrays.values() if array.dtype.kind == "U")


def exported_model(data: bytes) -> None:
    """A file of a preset for LiteRT."""
    with contextlib.suppress(PresetError):
        litert.unpack(data, "fuzzed")


def weights_header(data: bytes) -> None:
    """A weights file with one array, whose header is the input up to a zero, and its data the rest."""
    header, _, body = data.partition(b"\0")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/0.npy", b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + body)
    weights(file.getvalue())


def web_address(data: bytes) -> None:
    """The path of a request in imgproxy's manner, and behind a zero the parameters of its query."""
    path, _, query = data.decode("utf-8", "replace").partition("\0")
    attempt(request.parse_path, path, DEFAULTS)
    attempt(request.parse_query, [part.partition("=")[::2] for part in query.split("&")], DEFAULTS)


def segment_name(data: bytes) -> None:
    """The name of segments to keep."""
    attempt(SegmentPattern.from_name, data.decode("utf-8", "replace"))


PARSERS: Final[dict[bytes, Callable[[bytes], None]]] = {
    b"J": jpeg_file,
    b"S": jpeg_segments,
    b"R": recompressed,
    b"C": encoded,
    b"F": image_file,
    b"E": exif_block,
    b"X": xmp_packet,
    b"P": png_texts,
    b"I": icc_profile,
    b"8": photoshop_resources,
    b"G": container,
    b"M": multi_picture_listing,
    b"Y": layers_of_file,
    b"L": journal,
    b"W": weights,
    b"H": weights_header,
    b"T": exported_model,
    b"A": web_address,
    b"N": segment_name,
}


def test_one_input(data: bytes) -> None:
    """Gives an input to its parser."""
    parser = PARSERS.get(data[:1])
    if parser is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parser(data[1:])


def inputs(names: list[str]) -> Iterator[Path]:
    """Yields the files that are named or in folders that are."""
    for path in map(Path, names):
        yield from sorted(path.iterdir()) if path.is_dir() else [path]


def replay(names: list[str]) -> None:
    """Gives stored inputs to their parsers, with little memory and time for them all."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    count = 0
    for path in inputs(names):
        print(path, file=sys.stderr, flush=True)
        test_one_input(path.read_bytes())
        count += 1
    print(f"{count} inputs")


if __name__ == "__main__":
    if "--replay" in sys.argv:
        replay(sys.argv[2:])
    else:
        atheris.Setup(sys.argv, test_one_input)
        atheris.Fuzz()
