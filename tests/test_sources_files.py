"""Files as they are found: damaged ones under Pillow's switch, stray bytes, pipes, and names."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import encoded, photo, pillow_pixels
from PIL import Image, ImageFile

from saliency_jpeg import Encoder, InputError, compress, recompress
from saliency_jpeg.batch.plan import PlanError, plan
from saliency_jpeg.image.load import load
from saliency_jpeg.integrations.batch import BatchCompressor, output_name
from saliency_jpeg.metadata.pillow_switch import strict_decoding

# Pillow's switch for truncated files ---------------------------------------------------------------------------------

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


# Stray bytes and wrong lengths ---------------------------------------------------------------------------------------


def segment(marker: int, payload: bytes, length: int | None = None) -> bytes:
    return bytes([0xFF, marker]) + (len(payload) + 2 if length is None else length).to_bytes(2, "big") + payload


def sound_jpeg() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    return encoded(photo(64, 64), "JPEG", exif=exif, comment=b"a remark", dpi=(144, 144))


def odd_jpegs() -> dict[str, bytes]:
    """Files that libjpeg or Pillow reads: stray bytes, and lengths that do not fit what follows."""
    jpeg, table = sound_jpeg(), b"\xff\xdb"
    assert jpeg.count(segment(0xFE, b"a remark")) == 1
    return {
        "short APP13 behind SOI": jpeg[:2] + segment(0xED, b"Photoshop 3.0\0" + bytes(40), 30) + jpeg[2:],
        "short APP13 before the tables": jpeg.replace(
            table, segment(0xED, b"Photoshop 3.0\0" + b"x" * 40, 9) + table, 1
        ),
        "APP5 of length 0": jpeg[:2] + segment(0xE5, b"", 0) + jpeg[2:],
        "APP5 of length 1": jpeg.replace(table, segment(0xE5, b"", 1) + table, 1),
        "APP5 of length 0 with data": jpeg.replace(table, segment(0xE5, b"abcdefgh", 0) + table, 1),
        "comment of length 0": jpeg[:2] + segment(0xFE, b"", 0) + jpeg[2:],
        "short comment": jpeg[:2] + segment(0xFE, b"another remark", 5) + jpeg[2:],
        "bytes behind SOI": jpeg[:2] + b"stray" + jpeg[2:],
        "zeros behind SOI": jpeg[:2] + bytes(4) + jpeg[2:],
        "stuffed bytes": jpeg[:2] + segment(0xE5, b"a") + b"\xff\0\xff\0zz" + jpeg[2:],
        "bytes before the scan": jpeg.replace(b"\xff\xda", b"stray\xff\xda", 1),
        "fill and restart markers": jpeg[:2] + b"\xff\xff\xff\xd0\xff\x01" + jpeg[2:],
        "short JFIF": jpeg[:2] + segment(0xE0, jpeg[6:20], 8) + jpeg[20:],
    }


@pytest.mark.parametrize("name", odd_jpegs())
def test_stray_bytes_and_wrong_lengths_are_read_as_decoders_do(name: str) -> None:
    odd, sound = odd_jpegs()[name], load(sound_jpeg())
    picture = load(odd)
    assert (picture.pixels == sound.pixels).all()
    assert picture.metadata.exif == sound.metadata.exif
    assert picture.metadata.comment == b"a remark"
    assert name == "short JFIF" or picture.metadata.density == (1, 144, 144)
    for made in (compress(odd, saliency=None), recompress(odd)):
        again = load(made)
        assert again.metadata.exif == sound.metadata.exif
        assert again.metadata.comment == b"a remark"
        assert name == "short JFIF" or pillow_pixels(made).shape == (64, 64, 3)
    assert (pillow_pixels(recompress(odd, metadata="strip")) == sound.pixels).all()


@pytest.mark.parametrize("call", [compress, recompress], ids=["compress", "recompress"])
def test_lengths_that_no_decoder_can_read_past_are_one_error(call: Callable[..., bytes]) -> None:
    jpeg = sound_jpeg()
    tables = jpeg.index(b"\xff\xdb")
    for data in (
        jpeg[:2] + segment(0xE5, b"abc", 60000) + jpeg[2:],
        jpeg[: tables + 2] + b"\0\1" + jpeg[tables + 4 :],
        jpeg[:2] + segment(0xE5, b"", len(jpeg) - 6) + jpeg[2:],  # takes in all but EOI
        b"\xff\xd8",
        b"\xff\xd8 and no marker",
    ):
        with pytest.raises(InputError):
            call(data, saliency=None)


# Pipes ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[tuple[Path, bytes]]:
    """A named pipe from which one image can be read once."""
    path, data = tmp_path / "pipe.png", encoded(photo(), "PNG")
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(data,), daemon=True)
    writer.start()
    yield path, data
    writer.join(10)
    assert not writer.is_alive()


def run(*arguments: object, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    line = [sys.executable, "-m", "saliency_jpeg", *map(str, arguments)]
    return subprocess.run(line, input=data, capture_output=True, timeout=60, check=False)


def test_a_named_pipe_is_read_once(pipe: tuple[Path, bytes]) -> None:
    assert compress(pipe[0], saliency=None) == compress(pipe[1], saliency=None)


def test_a_named_pipe_among_many(pipe: tuple[Path, bytes]) -> None:
    (result,) = Encoder(saliency=None).compress_many([pipe[0]])
    assert result.jpeg == compress(pipe[1], saliency=None)


def test_a_named_pipe_in_a_batch_of_rows(pipe: tuple[Path, bytes], tmp_path: Path) -> None:
    (row,) = BatchCompressor(tmp_path / "out", saliency=None)([{"name": "a", "bytes": str(pipe[0])}])
    assert (row["status"], row["bytes_in"]) == ("written", len(pipe[1]))


def test_a_named_pipe_on_the_command_line(pipe: tuple[Path, bytes], tmp_path: Path) -> None:
    done = run("compress", pipe[0], "-o", tmp_path / "out.jpg", "--saliency", "none", "--json")
    row = json.loads(done.stdout.splitlines()[0])
    assert (done.returncode, row["status"], row["bytes_in"]) == (0, "written", len(pipe[1])), done.stderr
    assert (tmp_path / "out.jpg").read_bytes() == compress(pipe[1], saliency=None)


@pytest.mark.skipif(not Path("/dev/stdin").exists(), reason="no /dev/stdin")
def test_dev_stdin_on_the_command_line(tmp_path: Path) -> None:
    data = encoded(photo(), "PNG")
    done = run("compress", "/dev/stdin", "-o", f"{tmp_path}/out/", "--saliency", "none", data=data)
    assert done.returncode == 0, done.stderr
    assert b"% smaller" in done.stdout
    assert (tmp_path / "out" / "stdin.jpg").read_bytes() == compress(data, saliency=None)
    assert not (tmp_path / "out" / ".saliency-jpeg.jsonl").exists()  # what comes through a pipe is never done


def test_pipes_in_folders_are_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes(encoded(photo(), "JPEG"))
    for name in (str(tmp_path), f"{tmp_path}/*.jpg"):
        assert [Path(job.source).name for job in plan([name], str(tmp_path / "out")).jobs] == ["b.jpg"]
        assert [Path(job.source).name for job in plan([name], None, in_place=True).jobs] == ["b.jpg"]
    with pytest.raises(PlanError, match="only JPEG files can be replaced in place"):
        plan([str(tmp_path / "a.jpg")], None, in_place=True)


# Names ---------------------------------------------------------------------------------------------------------------

NAMES = {
    "IMG_2024.01.05": "IMG_2024.01.05.jpg",
    "v1.5": "v1.5.jpg",
    "photo.2024.png": "photo.2024.jpg",
    "photo.PNG": "photo.jpg",
    "photo.png.bak": "photo.png.bak.jpg",
    "scan.heic": "scan.jpg",
    "a.b/c.tiff": "a.b/c.jpg",
    "a.b/c": "a.b/c.jpg",
    "d41d8.9f": "d41d8.9f.jpg",
    ".png": ".png.jpg",
}


def test_only_the_suffix_of_an_image_is_replaced(tmp_path: Path) -> None:
    assert {name: output_name(name) for name in NAMES} == NAMES
    flat = {name: new for name, new in NAMES.items() if "/" not in name}
    jobs = plan([str(tmp_path / name) for name in flat if name != "photo.PNG"], str(tmp_path / "out") + "/").jobs
    assert [Path(job.output).name for job in jobs] == [new for name, new in flat.items() if name != "photo.PNG"]
