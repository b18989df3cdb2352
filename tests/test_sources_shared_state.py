"""Sources that share state: each result of ``compress_many`` is the picture as it was when it was yielded."""

from __future__ import annotations

import io
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import encoded, pillow_pixels
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from saliency_jpeg import Compressed, Encoder, InputError, compress
from saliency_jpeg.image.load import hold, load
from saliency_jpeg.integrations.batch import BatchCompressor, BatchMapper
from saliency_jpeg.integrations.torch import encode_jpeg

SIZE = (96, 80)
GRAYS = [10, 240, 90, 200, 40, 160, 120, 230, 60]
Sources = Callable[[Path], Iterator[Any]]


class Model:
    """A network that is none, so that images pass through the groups."""

    def predict(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.full(rgb.shape[:2], 0.5, np.float32)

    def predict_batch(self, images: list[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        return [self.predict(image) for image in images]


def page(gray: int) -> Image.Image:
    return Image.new("RGB", SIZE, (gray, gray, gray))


def png(gray: int) -> bytes:
    return encoded(page(gray), "PNG")


def members_of_a_tar(folder: Path) -> Iterator[Any]:
    with tarfile.open(folder / "a.tar", "w") as archive:
        for gray in GRAYS:
            entry = tarfile.TarInfo(f"{gray}.png")
            entry.size = len(png(gray))
            archive.addfile(entry, io.BytesIO(png(gray)))
    with tarfile.open(folder / "a.tar") as archive:
        for member in archive:
            yield archive.extractfile(member)


def streamed_tar(folder: Path) -> Iterator[Any]:
    for _ in members_of_a_tar(folder):
        break
    with tarfile.open(folder / "a.tar", "r|") as archive:  # cannot be read but in order
        for member in archive:
            yield archive.extractfile(member)


def members_of_a_zip(folder: Path) -> Iterator[Any]:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for gray in GRAYS:
            archive.writestr(f"{gray}.png", png(gray))
    with zipfile.ZipFile(folder / "a.zip") as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                yield member


def frames(kind: str) -> Sources:
    def sources(folder: Path) -> Iterator[Any]:
        file = folder / f"frames.{kind}"
        page(GRAYS[0]).save(file, kind, save_all=True, append_images=[page(gray) for gray in GRAYS[1:]])
        with Image.open(file) as image:
            yield from ImageSequence.Iterator(image)

    return sources


def sought_frames(folder: Path) -> Iterator[Any]:
    for _ in frames("TIFF")(folder):
        break
    with Image.open(folder / "frames.TIFF") as image:
        for index in range(len(GRAYS)):
            image.seek(index)
            yield image


def closed_files(folder: Path) -> Iterator[Any]:
    for gray in GRAYS:
        (folder / f"{gray}.png").write_bytes(png(gray))
        with (folder / f"{gray}.png").open("rb") as file:
            yield file


def closed_images(folder: Path) -> Iterator[Any]:
    for gray in GRAYS:
        (folder / f"{gray}.png").write_bytes(png(gray))
        with Image.open(folder / f"{gray}.png") as image:
            yield image


def painted_image(folder: Path) -> Iterator[Any]:
    image = page(0)
    for gray in GRAYS:
        image.paste((gray, gray, gray), (0, 0, *SIZE))
        yield image


def reused_array(folder: Path) -> Iterator[Any]:
    array = np.empty((*SIZE[::-1], 3), np.uint8)
    for gray in GRAYS:
        array[:] = gray
        yield array


def view_of_an_array(folder: Path) -> Iterator[Any]:
    array = np.empty((*SIZE[::-1], 4), np.uint8)
    for gray in GRAYS:
        array[:] = (gray, gray, gray, 255)
        yield array[..., :3]


def memory_map(folder: Path) -> Iterator[Any]:
    array = np.memmap(folder / "pixels", np.uint8, "w+", shape=(*SIZE[::-1], 3))
    for gray in GRAYS:
        array[:] = gray
        yield array


def reused_buffer(folder: Path) -> Iterator[Any]:
    buffer = bytearray(2000)
    for gray in GRAYS:
        buffer[:] = png(gray)
        yield buffer


def view_of_a_buffer(folder: Path) -> Iterator[Any]:
    buffer = bytearray(2000)
    for gray in GRAYS:
        buffer[: len(png(gray))] = png(gray)
        yield memoryview(buffer)[: len(png(gray))]


def reused_file_object(folder: Path) -> Iterator[Any]:
    with tempfile.SpooledTemporaryFile() as file:
        for gray in GRAYS:
            file.seek(0)
            file.truncate()
            file.write(png(gray))
            file.seek(0)
            yield file


def path_written_again(folder: Path) -> Iterator[Any]:
    for gray in GRAYS:
        (folder / "frame.png").write_bytes(png(gray))
        yield folder / "frame.png"


def path_of_a_temporary_file(folder: Path) -> Iterator[Any]:
    for gray in GRAYS:
        with tempfile.NamedTemporaryFile(dir=folder, suffix=".png") as file:
            file.write(png(gray))
            file.flush()
            yield file.name


KINDS: list[Sources] = [
    members_of_a_tar,
    streamed_tar,
    members_of_a_zip,
    frames("TIFF"),
    frames("GIF"),
    frames("WEBP"),
    frames("PNG"),
    sought_frames,
    closed_files,
    closed_images,
    painted_image,
    reused_array,
    view_of_an_array,
    memory_map,
    reused_buffer,
    view_of_a_buffer,
    reused_file_object,
    path_written_again,
    path_of_a_temporary_file,
]


def shown(jpeg: bytes | None) -> int:
    """The gray that a file shows."""
    return int(pillow_pixels(jpeg or b"")[40, 40].mean())


def gray_of(result: Compressed | Exception) -> int:
    assert isinstance(result, Compressed), result
    return shown(result.jpeg)


@pytest.mark.parametrize("saliency", [None, Model()], ids=["no map", "network"])
@pytest.mark.parametrize("sources", KINDS, ids=range(len(KINDS)))
def test_each_result_is_the_picture_as_it_was_yielded(sources: Sources, saliency: Any, tmp_path: Path) -> None:
    results = Encoder(quality=90, saliency=saliency).compress_many(sources(tmp_path), workers=2, errors="return")
    assert [gray_of(result) for result in results] == pytest.approx(GRAYS, abs=4)


def test_metadata_of_a_pil_image_are_those_it_had() -> None:
    def sources() -> Iterator[Image.Image]:
        image = Image.open(io.BytesIO(encoded(page(90), "JPEG", comment=b"before", exif=exif)))
        for orientation in (6, 3, 8):
            image.getexif()[0x0112] = orientation
            image.info["comment"] = b"turned %d" % orientation
            yield image
        image.info.clear()

    exif = Image.Exif()
    exif[0x0112] = 1
    results = list(Encoder(quality=80, saliency=None).compress_many(sources(), workers=1))
    pictures = [load(result.jpeg).metadata for result in results]
    assert [picture.orientation for picture in pictures] == [6, 3, 8]
    assert [picture.comment for picture in pictures] == [b"turned 6", b"turned 3", b"turned 8"]


@pytest.mark.parametrize("saliency", [None, Model()], ids=["no map", "network"])
def test_sources_that_cannot_be_read_are_errors_in_their_place(saliency: Any, tmp_path: Path) -> None:
    closed = io.BytesIO(png(10))
    closed.close()
    sources: list[Any] = [
        png(10),
        tmp_path / "missing.png",
        tmp_path,
        closed,
        7,
        page(200),
        io.StringIO("text"),
        png(60),
    ]
    results = list(Encoder(quality=80, saliency=saliency).compress_many(sources, errors="return"))
    kinds = [type(result) for result in results]
    expected = [Compressed, FileNotFoundError, IsADirectoryError, InputError, InputError, Compressed, InputError]
    assert kinds == [*expected, Compressed]
    with pytest.raises(FileNotFoundError):
        list(Encoder(quality=80, saliency=saliency).compress_many([png(10), tmp_path / "missing.png"]))


def test_what_is_held_does_not_change_and_gives_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(120))
    array = np.asarray(page(120)).copy()
    sources: list[Any] = [path, str(path), png(120), io.BytesIO(png(120)), page(120), array]
    held = [hold(source) for source in sources]
    array[:] = 0
    path.unlink()
    assert {Encoder(quality=80, saliency=None).compress(each).jpeg for each in held} == {
        compress(png(120), quality=80, saliency=None)
    }


# Doors that take many images ----------------------------------------------------------------------------------------


def test_rows_of_a_batch_that_share_a_buffer() -> None:
    def rows() -> Iterator[dict[str, Any]]:
        row, buffer = {"name": "x", "bytes": bytearray()}, bytearray()
        for gray in GRAYS:
            buffer[:] = png(gray)
            row.update(name=str(gray), bytes=buffer)
            yield row

    done = BatchCompressor(quality=90, saliency=None, workers=2).compress_rows(rows())
    assert [row["name"] for row in done] == list(map(str, GRAYS))
    assert [shown(row["jpeg"]) for row in done] == pytest.approx(GRAYS, abs=4)


def test_maps_and_files_of_a_batch_belong_together() -> None:
    rows = [{"name": str(gray), "bytes": png(gray)} for gray in GRAYS]
    mapped = BatchMapper(quality=90, saliency=Model(), workers=2)(rows)
    done = BatchCompressor(quality=90, saliency=Model(), workers=2)(mapped)
    assert [shown(row["jpeg"]) for row in done] == pytest.approx(GRAYS, abs=4)


def test_a_list_of_tensors_that_share_memory() -> None:
    pages = np.repeat(np.array(GRAYS, np.uint8), 3 * 64 * 64).reshape(len(GRAYS), 3, 64, 64)
    jpegs = encode_jpeg(list(pages), quality=90, saliency=None)
    pages[:] = 0
    assert [shown(bytes(jpeg)) for jpeg in jpegs] == pytest.approx(GRAYS, abs=4)
