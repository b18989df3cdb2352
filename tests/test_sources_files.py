"""Files as they are found: damaged ones under Pillow's switch, stray bytes, pipes, and names."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from helpers import encoded, photo
from PIL import Image, ImageFile

from saliency_jpeg import InputError, compress
from saliency_jpeg.image.load import load
from saliency_jpeg.metadata.pillow_switch import strict_decoding

# Pillow's switch for truncated files -----------------------------------------------------------------------------------

KINDS = ["PNG", "JPEG", "JPEG2000", "GIF", "BMP", "TIFF", "WEBP", "TGA", "PPM", "SGI", "ICO", "PCX"]


@pytest.fixture
def lenient() -> Iterator[None]:
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    yield
    assert vars(ImageFile)["LOAD_TRUNCATED_IMAGES"] is True  # it is the application's
    ImageFile.LOAD_TRUNCATED_IMAGES = False


def damaged_png() -> bytes:
    """A PNG file whose pixel data is damaged in the middle, under a right checksum."""
    data = bytearray(encoded(photo(), "PNG"))
    start = data.index(b"IDAT")
    (length,) = struct.unpack_from(">I", data, start - 4)
    middle = start + 4 + length // 2
    data[middle : middle + 60] = bytes(60)
    struct.pack_into(">I", data, start + 4 + length, zlib.crc32(data[start : start + 4 + length]))
    return bytes(data)


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize("kind", KINDS)
def test_sound_files_are_read_with_the_switch_as_without(kind: str) -> None:
    picture = Image.fromarray(photo(64, 64))
    data = encoded(picture, kind)
    with_switch = load(data).pixels
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    without = load(data).pixels
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    assert (with_switch == without).all()


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize("kind", ["file", "image"])
def test_damage_in_the_middle_is_an_error_with_the_switch_too(kind: str) -> None:
    data = damaged_png()
    source = data if kind == "file" else Image.open(io.BytesIO(data))
    with pytest.raises(InputError, match="cannot decode the image"):
        compress(source, saliency=None)


@pytest.mark.usefixtures("lenient")
def test_the_switch_counts_in_the_threads_of_others() -> None:
    data = encoded(photo(), "BMP")[:20000]
    seen = []

    def decode() -> None:
        with Image.open(io.BytesIO(data)) as image:
            seen.append(np.asarray(image).shape)

    with strict_decoding(), strict_decoding():
        with pytest.raises(OSError, match="truncated"):
            decode()
        other = threading.Thread(target=decode)
        other.start()
        other.join()
    assert seen == [(96, 96, 3)]
    decode()


@pytest.mark.usefixtures("lenient")
def test_a_setting_made_meanwhile_stays() -> None:
    with strict_decoding():
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    assert vars(ImageFile)["LOAD_TRUNCATED_IMAGES"] is False
    with strict_decoding():
        before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    with strict_decoding():
        before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = before  # put back late: it stands for what the application had set
    assert bool(ImageFile.LOAD_TRUNCATED_IMAGES)
    load(encoded(photo(), "PNG"))
