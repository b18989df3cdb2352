"""Where in the picture something is, and which side is up: both stay true where pixels are turned, scaled or edited.

Faces in XMP, the subject in EXIF, resolutions; pixels that a decoder has turned before they come here (TIFF, HEIC).
"""

from __future__ import annotations

import io
import struct
import sys
from typing import Any, get_args

import numpy as np
import piexif
import pytest
from helpers import encoded, photo
from PIL import Image, ImageCms, ImageFile

from saliency_jpeg import Options, compress, recompress
from saliency_jpeg.integrations._optimizer import remove_metadata
from saliency_jpeg.metadata import exif_subject, photoshop, segments
from saliency_jpeg.metadata import xmp as xmp_text
from saliency_jpeg.metadata.jpeg_metadata import MetadataMode
from saliency_jpeg.metadata.jpeg_source import JpegSource
from saliency_jpeg.metadata.model import Metadata

HEIGHT, WIDTH = 240, 320
PICTURE = Image.fromarray(np.array(photo(HEIGHT, WIDTH)))
RESOURCE = b"8BIM\x03\xed\0\0\0\0\0\x10" + struct.pack(">IHHIHH", 300 << 16, 1, 1, 150 << 16, 1, 2)
AREA = {2: (160, 120), 3: (160, 120, 40), 4: (160, 120, 80, 60)}
FACES = {
    "mwg": b'<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="320" stDim:h="240"'
    b' stDim:unit="pixel-count"/><rdf:li stArea:x="0.25" stArea:y="0.5" stArea:unit="normalized"/></mwg-rs:Regions>',
    "microsoft": b'<MP:RegionInfo><rdf:li MPReg:Rectangle="0.1, 0.2, 0.3, 0.4"/></MP:RegionInfo>',
    "iptc": b"<Iptc4xmpExt:ImageRegion><rdf:li Iptc4xmpExt:rbUnit='relative'/></Iptc4xmpExt:ImageRegion>",
    "iptc, pixels": b"<Iptc4xmpExt:ImageRegion><rdf:li Iptc4xmpExt:rbUnit='pixel'/></Iptc4xmpExt:ImageRegion>",
    "exif": b"<exif:SubjectArea><rdf:Seq><rdf:li>160</rdf:li></rdf:Seq></exif:SubjectArea>",
}


def packet(body: bytes = b"", attributes: bytes = b"") -> bytes:
    return b"<x:xmpmeta><rdf:RDF><rdf:Description %s dc:x='y'>%s</rdf:Description></rdf:RDF></x:xmpmeta>" % (
        attributes,
        body,
    )


def block(orientation: int = 1, subject: tuple[int, ...] = AREA[4], location: tuple[int, int] = (10, 20)) -> bytes:
    parts = {0x9214: subject, 0xA214: location, 0xA002: WIDTH, 0xA003: HEIGHT, 0x9003: b"2020:01:02 03:04:05"}
    first = {274: orientation, 282: (300, 1), 283: (150, 1), 296: 2}
    return bytes(piexif.dump({"0th": first, "Exif": parts}))


def jpeg(xmp: bytes = b"", **tags: Any) -> bytes:
    own = [(0xE1, block(**tags)), (0xED, segments.PHOTOSHOP_HEADER + RESOURCE)]
    own += [(0xE1, segments.XMP_HEADER + xmp)] if xmp else []
    return segments.replace_segments(encoded(PICTURE, quality=95), own)


def written(source: Any, **options: Any) -> bytes:
    return compress(source, **{"quality": 60, "saliency": None, **options})


def metadata_of(file: bytes) -> Metadata:
    return JpegSource(file).metadata


def tags_of(file: bytes) -> dict[int, Any]:
    return dict(piexif.load(piexif_ready(metadata_of(file)))["Exif"])


def piexif_ready(metadata: Metadata) -> bytes:
    return b"Exif\0\0" + (metadata.exif or b"")


# Faces and subjects -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FACES)
def test_faces_stay_where_nothing_moves_and_go_with_a_turn(kind: str) -> None:
    source = jpeg(packet(FACES[kind]), orientation=6)
    assert metadata_of(written(source)).xmp == packet(FACES[kind])
    assert metadata_of(written(source, orientation="apply")).xmp == packet()


@pytest.mark.parametrize("kind", FACES)
def test_faces_of_a_pil_image(kind: str) -> None:
    """What was done to an image that was read before it came here is not known."""
    source = jpeg(packet(FACES[kind]))
    assert metadata_of(written(Image.open(io.BytesIO(source)))).xmp == packet(FACES[kind])
    for turned in (Image.open(io.BytesIO(source)).transpose(Image.Transpose.ROTATE_180), PICTURE.copy()):
        turned.info["xmp"] = packet(FACES[kind])
        assert metadata_of(written(turned)).xmp == packet()


def test_shares_of_a_scaled_picture_stay_and_pixels_go() -> None:
    def scaled(kind: str) -> bytes:
        return metadata_of(written(jpeg(packet(FACES[kind])), max_width=160)).xmp or b""

    halved = FACES["mwg"].replace(b'"320"', b'"160"').replace(b'"240"', b'"120"')
    assert scaled("mwg") == packet(halved)
    for kind in ("microsoft", "iptc"):
        assert scaled(kind) == packet(FACES[kind])
    for kind in ("iptc, pixels", "exif"):
        assert scaled(kind) == packet()


def test_a_prefix_that_means_something_else_is_left_alone() -> None:
    other = packet(b"<MP:RegionInfo>12</MP:RegionInfo>", b'xmlns:MP="http://example.org/maps/"')
    assert xmp_text.without_regions(other) == other
    own = packet(
        b"<face:Regions>x</face:Regions>", b'xmlns:face="http://www.metadataworkinggroup.com/schemas/regions/"'
    )
    assert b"Regions>" not in xmp_text.without_regions(own)


@pytest.mark.parametrize("count", AREA)
def test_the_subject_of_exif(count: int) -> None:
    source = jpeg(subject=AREA[count])
    assert tags_of(written(source))[0x9214] == AREA[count]
    smaller = tags_of(written(source, max_width=160))
    assert smaller[0x9214] == tuple(value // 2 for value in AREA[count])
    assert smaller[0xA214] == (5, 10)
    turned = tags_of(written(jpeg(subject=AREA[count], orientation=6), orientation="apply"))
    assert turned.keys() == {0xA002, 0xA003, 0x9003}
    assert turned[0x9003] == b"2020:01:02 03:04:05"
    image = Image.open(io.BytesIO(source))
    image.load()
    assert tags_of(written(image)).keys() == turned.keys()


def test_a_subject_of_another_kind_is_left_out_of_a_scaled_picture() -> None:
    odd = block(subject=(1, 2, 3, 4, 5)).removeprefix(b"Exif\0\0")
    assert exif_subject.has_subject(odd)
    assert not exif_subject.has_subject(exif_subject.with_scaled_subject(odd, (240, 320), (120, 160)))


def test_hostile_subjects_raise_nothing() -> None:
    random = np.random.default_rng(5)
    good = np.frombuffer(block().removeprefix(b"Exif\0\0"), np.uint8)
    for _ in range(300):
        bad = good.copy()
        bad[random.integers(0, bad.size, 6)] = random.integers(0, 256, 6)
        shorter = exif_subject.without_subject(bad.tobytes())
        assert not exif_subject.has_subject(shorter)
        assert len(exif_subject.with_scaled_subject(bad.tobytes(), (240, 320), (7, 9))) == bad.size


# Resolutions --------------------------------------------------------------------------------------------------------


def test_a_turn_exchanges_all_resolutions() -> None:
    attributes = b'tiff:XResolution="300/1" tiff:YResolution="150/1" tiff:Orientation="6"'
    file = written(jpeg(packet(attributes=attributes), orientation=6), orientation="apply")
    upright = b'tiff:YResolution="300/1" tiff:XResolution="150/1" tiff:Orientation="1"'
    assert metadata_of(file).xmp == packet(attributes=upright)
    (resources,) = [payload for marker, payload in metadata_of(file).extra if marker == 0xED]
    swapped = photoshop.parse_resources(resources.removeprefix(segments.PHOTOSHOP_HEADER))[1005]
    assert struct.unpack(">IHHIHH", swapped) == (150 << 16, 1, 2, 300 << 16, 1, 1)


@pytest.mark.parametrize("values", [((4000, 1), (3000, 1)), ((4294967295, 7), (1, 3)), ((9, 0), (8, 1))])
def test_the_resolution_of_the_sensor_follows_the_size_and_a_turn(values: tuple[tuple[int, int], ...]) -> None:
    def of(source: bytes, **options: Any) -> list[tuple[int, int]]:
        tags = tags_of(written(source, **options))
        return [tags[0xA20E], tags[0xA20F]]

    def near(pair: tuple[int, int], other: tuple[int, int], ratio: float) -> bool:
        return other == pair if 0 in pair else other[0] / other[1] == pytest.approx(ratio * pair[0] / pair[1], rel=1e-6)

    own = piexif.dump({"0th": {274: 6}, "Exif": {0xA20E: values[0], 0xA20F: values[1], 0xA210: 2}})
    source = segments.replace_segments(encoded(PICTURE, quality=95), [(0xE1, own)])
    assert of(source) == list(values)
    assert of(source, orientation="apply") == list(values[::-1])
    smaller = of(source, max_width=HEIGHT // 2)
    assert all(near(pair, other, 1 / 2) for pair, other in zip(values, smaller, strict=True))
    both = of(source, max_width=HEIGHT // 4, orientation="apply")
    assert all(near(pair, other, 1 / 4) for pair, other in zip(values[::-1], both, strict=True))


def tiff(orientation: int | None, size: tuple[int, int] = (WIDTH, HEIGHT), xmp: bytes = packet(FACES["mwg"])) -> bytes:
    tags = Image.Exif()
    tags.load(bytes(piexif.dump({"Exif": {0xA002: WIDTH, 0xA003: HEIGHT, 0x9003: b"2020:01:02 03:04:05"}})))
    tags.get_ifd(0x8769)
    if orientation is not None:
        tags[274] = orientation
    tags[271], tags[700] = "A maker", xmp
    return encoded(PICTURE.resize(size), "TIFF", exif=tags, dpi=(300, 150))


def held(data: bytes) -> ImageFile.ImageFile:
    return Image.open(io.BytesIO(data))


def loaded(data: bytes) -> ImageFile.ImageFile:
    image = held(data)
    image.load()
    return image


@pytest.mark.parametrize("source", [bytes, held, loaded])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_pillow_turns_itself_is_described_as_it_is(source: Any, orientation: int) -> None:
    file = written(source(tiff(orientation)))
    on_its_side = orientation >= 5
    metadata = metadata_of(file)
    tags = piexif.load(piexif_ready(metadata))
    size, dpi = ((HEIGHT, WIDTH), (150, 300)) if on_its_side else ((WIDTH, HEIGHT), (300, 150))
    assert Image.open(io.BytesIO(file)).size == size
    assert metadata.density == (1, *dpi)
    assert (tags["0th"][282][0] / tags["0th"][282][1], tags["0th"][283][0] / tags["0th"][283][1]) == dpi
    assert (tags["Exif"][0xA002], tags["Exif"][0xA003]) == size
    assert metadata.orientation == 1
    if orientation != 1:
        assert metadata.xmp == packet()


@pytest.mark.parametrize("source", [bytes, held])
def test_a_square_picture_is_turned_too(source: Any) -> None:
    assert metadata_of(written(source(tiff(6, (200, 200))))).density == (1, 150, 300)


def test_an_orientation_of_xmp_alone_turns_no_tiff() -> None:
    """Viewers take no notice of it; Pillow does."""
    named = packet(attributes=b'tiff:Orientation="6"')
    file = written(tiff(None, xmp=named))
    assert Image.open(io.BytesIO(file)).size == (WIDTH, HEIGHT)
    assert metadata_of(file).xmp == named


def test_what_a_decoder_of_heic_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    """pillow-heif turns pixels, sets the tag to 1 and leaves the rest. This is a stand-in: it may not be installed."""

    class Turned(ImageFile.ImageFile):
        format = "HEIF"

        def _open(self) -> None:
            self._size, self._mode = (HEIGHT, WIDTH), "RGB"
            self.info |= {"original_orientation": 6, "exif": block(), "xmp": packet(FACES["mwg"])}

        def load(self) -> Any:
            self.im = PICTURE.transpose(Image.Transpose.ROTATE_270).im
            return None

    data = b"\0\0\0\x18ftypheic" + bytes(16)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setattr("saliency_jpeg.image.heif._register", lambda: None)
    monkeypatch.setattr(Image, "open", lambda file: Turned(file))
    file = written(data)
    tags = piexif.load(piexif_ready(metadata_of(file)))
    assert (tags["Exif"][0xA002], tags["Exif"][0xA003]) == (HEIGHT, WIDTH)
    assert (tags["0th"][282], tags["0th"][283]) == ((150, 1), (300, 1))
    assert 0x9214 not in tags["Exif"]
    assert metadata_of(file).xmp == packet()


# What is removed is nowhere -----------------------------------------------------------------------------------------

SECRET = b"52.5200-N-13.4050-E"
PLACES = {
    "behind Adobe's transform": (0xEE, b"Adobe\0d\0\0\0\0\1" + SECRET),
    "a reserved marker": (0x05, SECRET),
    "a marker of JPEG's extensions": (0xF3, SECRET),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("mode", get_args(MetadataMode)[1:])
def test_segments_that_no_decoder_needs_are_removed(place: str, mode: MetadataMode) -> None:
    marker, payload = PLACES[place]
    whole = encoded(PICTURE, quality=60)
    bad = whole[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload + whole[2:]
    assert SECRET not in remove_metadata(bad, Options(metadata=mode))
    assert SECRET not in recompress(bad, metadata=mode)
    if marker == 0xEE:
        assert SECRET not in written(bad, quality=95, metadata=mode)
        assert SECRET in written(bad, quality=95)


def test_bytes_behind_a_profile_are_removed() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = encoded(PICTURE, quality=95, icc_profile=profile + SECRET)
    assert metadata_of(written(source)).icc == profile + SECRET
    assert metadata_of(written(source, metadata="safe")).icc == profile
