"""Pillow's ``"JPEG"`` replaced: which encoder a save uses, what stays Pillow's, and libraries that save through it."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
from doors import EXIF, ICC, PHOTO, XMP, describe
from helpers import encoded, pillow_pixels, psnr
from PIL import Image, JpegImagePlugin, MpoImagePlugin
from processes import python

from saliency_jpeg import OptionError, TargetError, compress
from saliency_jpeg.integrations.pillow import install, takeover, uninstall

RGB = Image.fromarray(PHOTO)
OURS = compress(PHOTO, saliency=None, subsampling="4:2:0", progressive=False)


def saved(image: Image.Image = RGB, name: str = "JPEG", **keywords: Any) -> bytes:
    return encoded(image, name, **keywords)


PILLOWS = saved()


@pytest.fixture(autouse=True)
def as_found() -> Iterator[None]:
    yield
    uninstall()
    assert Image.SAVE["JPEG"] is JpegImagePlugin._save
    assert Image.SAVE_ALL["MPO"] is MpoImagePlugin._save_all
    assert saved() == PILLOWS


def test_install_and_uninstall(tmp_path: Path) -> None:
    install(saliency=None)
    assert saved() == OURS
    assert describe(OURS) == describe(PILLOWS)
    RGB.save(tmp_path / "x.jpeg")
    assert (tmp_path / "x.jpeg").read_bytes() == OURS
    uninstall()
    assert saved() == PILLOWS
    uninstall()


def test_installed_again_with_other_defaults() -> None:
    install(target_kb=3, saliency=None)
    assert len(saved()) <= 3000
    install(saliency=None)
    assert saved() == OURS


def test_a_calls_own_keywords_win() -> None:
    install(target_kb=3, quality=90, progressive=True, subsampling="auto", restart_marker_rows=1, saliency=None)
    own = describe(saved(target_kb=None, quality=50, progression=False, subsampling="4:2:2", restart_marker_blocks=0))
    assert own == describe(saved(RGB, "SALIENCY_JPEG", quality=50, progressive=False, subsampling=1, saliency=None))
    for quality in ("web_low", "keep"):
        image = Image.open(io.BytesIO(PILLOWS))
        assert len(saved(image, quality=quality, exif=EXIF)) <= 3000
    tables = [[9] * 64]
    with Image.open(io.BytesIO(saved(qtables=tables, target_kb=None))) as image:
        assert image.quantization == {0: tables[0]}  # type: ignore[attr-defined]
    assert describe(saved(keep_rgb=True)).sampling == [(1, 1)] * 3


def test_one_kind_of_target_replaces_another() -> None:
    scored, sized = saved(RGB, "SALIENCY_JPEG", target_score=70, saliency=None), 3000
    with takeover(target_score=70, saliency=None, progressive=True, subsampling="auto"):
        assert saved() == scored
        assert len(saved(target_kb=3)) <= sized
        assert saved(quality=40) == saved(RGB, "SALIENCY_JPEG", quality=40, saliency=None)
    with takeover(target_kb=3, saliency=None, progressive=True, subsampling="auto"):
        assert saved(target_score=70) == scored


def test_the_same_metadata_as_pillow() -> None:
    image = Image.open(
        io.BytesIO(saved(exif=b"Exif\0\0" + EXIF, icc_profile=ICC, comment="mine", dpi=(300, 300), xmp=XMP))
    )
    given: dict[str, Any] = {"exif": image.getexif(), "icc_profile": ICC}
    theirs = saved(image), saved(image, **given)
    with takeover(saliency=None):
        assert [describe(saved(image)), describe(saved(image, **given))] == [describe(jpeg) for jpeg in theirs]
    with takeover(saliency=None, metadata="keep"):
        assert describe(saved(image)).exif == b"Exif\0\0" + EXIF


def test_in_a_with_statement_and_nested() -> None:
    install(target_kb=4, saliency=None)
    with takeover(target_kb=3, saliency=None):
        with takeover(saliency=None):
            assert saved() == OURS
        assert 2800 < len(saved()) <= 3000
        uninstall()
        assert 2800 < len(saved()) <= 3000
        install(target_kb=4, saliency=None)
    assert 3000 < len(saved()) <= 4000


def test_an_error_ends_the_takeover() -> None:
    with pytest.raises(TargetError), takeover(target_kb=0.01, saliency=None):
        saved()
    with pytest.raises(OptionError, match=r"strength .* got 2"), takeover(strength=2):
        raise AssertionError
    with pytest.raises(OptionError, match="no keyword 'target'"):
        install(target=3)
    assert saved() == PILLOWS


def test_a_with_statement_holds_for_its_own_thread() -> None:
    inside, done = threading.Event(), threading.Event()
    seen: list[bytes] = []

    def other() -> None:
        inside.wait()
        seen.append(saved())
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with takeover(saliency=None):
        inside.set()
        done.wait()
        assert saved() == OURS
    thread.join()
    assert seen == [PILLOWS]


def test_many_threads_at_once() -> None:
    def one(i: int) -> bytes:
        if i % 2:
            return saved()
        with takeover(target_kb=3, saliency=None):
            return saved()

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(one, range(40)))
        assert {len(jpeg) <= 3000 for jpeg in results[::2]} == {True}
        assert set(results[1::2]) == {PILLOWS}
        install(saliency=None)
        assert set(pool.map(lambda _: saved(), range(8))) == {OURS}


def test_a_handler_installed_later_by_others_stays() -> None:
    calls = []

    def theirs(image: Image.Image, file: Any, filename: str | bytes) -> None:
        calls.append(filename)
        below(image, file, filename)

    install(saliency=None)
    below = Image.SAVE["JPEG"]
    Image.SAVE["JPEG"] = theirs
    assert saved() == OURS
    uninstall()
    assert saved() == PILLOWS
    install(saliency=None)
    assert saved() == OURS
    assert len(calls) == 3
    Image.SAVE["JPEG"] = below


def test_modes_that_pillow_refuses_or_keeps() -> None:
    cmyk = RGB.convert("CMYK")
    theirs = saved(cmyk)
    with takeover(saliency=None):
        for mode in ("RGBA", "P", "LA", "I;16", "F"):
            with pytest.raises(OSError, match=f"cannot write mode {mode} as JPEG"):
                saved(Image.new(mode, (8, 8)))
        assert saved(cmyk) == theirs
        with pytest.raises(OptionError, match=r"CMYK is written by Pillow, which has no target_kb"):
            saved(cmyk, target_kb=3)
    with takeover(target_kb=3), pytest.raises(OptionError, match="CMYK"):
        saved(cmyk)


def test_a_transparent_colour_is_written_as_it_is() -> None:
    image = RGB.copy()
    image.info["transparency"] = tuple(int(value) for value in PHOTO[0, 0])
    with takeover(saliency=None):
        assert saved(image) == OURS
    assert saved(image, "SALIENCY_JPEG", saliency=None, subsampling=2, progressive=False) != OURS


def test_mpo_is_written_whole_by_pillow(tmp_path: Path) -> None:
    other = RGB.rotate(180)
    theirs = saved(RGB, "MPO", save_all=True, append_images=[other], quality=60)
    with takeover(target_kb=1, saliency=None):
        assert saved(RGB, "MPO", save_all=True, append_images=[other], quality=60) == theirs
        with pytest.raises(OptionError, match="append_images"):
            saved(RGB, append_images=[other])
    with Image.open(io.BytesIO(theirs)) as image:
        assert image.n_frames == 2  # type: ignore[attr-defined]
        plain = describe(saved(image))
        with takeover(saliency=None):
            assert describe(saved(image)) == plain  # the frame that is open, as Pillow does


@pytest.mark.skipif(int(PIL.__version__.split(".")[0]) < 13, reason="before 13, Pillow's PDF asks whoever saves JPEG")
def test_pdf_is_pillows_own() -> None:
    theirs = [line for line in saved(RGB, "PDF").splitlines() if b"Date" not in line]
    with takeover(saliency=None):
        assert [line for line in saved(RGB, "PDF").splitlines() if b"Date" not in line] == theirs


def test_imageio_and_scikit_image_save_through_pillow(tmp_path: Path) -> None:
    import imageio.v2
    import imageio.v3
    import skimage.io

    with takeover(saliency=None):
        imageio.v3.imwrite(tmp_path / "3.jpg", PHOTO)
        imageio.v2.imwrite(tmp_path / "2.jpg", PHOTO, quality=75)
        skimage.io.imsave(tmp_path / "s.jpg", PHOTO, check_contrast=False)
        assert imageio.v3.imwrite("<bytes>", PHOTO, extension=".jpg") == OURS
    for name in "32s":
        assert (tmp_path / f"{name}.jpg").read_bytes() == OURS


BEFORE_PREINIT = """
import io, sys
from PIL import Image
assert Image._initialized == 0 and "JPEG" not in Image.SAVE
from saliency_jpeg.integrations import pillow
pillow.install(target_kb=1.5, saliency=None)
image = Image.effect_noise((64, 64), 50)
for _ in range(2):
    file = io.BytesIO()
    image.save(file, "JPEG")
    assert len(file.getvalue()) <= 1500, len(file.getvalue())
    Image.init()
image.save(sys.argv[1])
"""


def test_installed_before_pillow_is_set_up(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    python("-c", BEFORE_PREINIT, path)
    assert 1000 < path.stat().st_size <= 1500


def test_a_save_inside_a_saliency_model_is_pillows() -> None:
    """A model that writes a thumbnail while we encode gets Pillow's file."""
    inner: list[bytes] = []

    class Model:
        def predict(self, rgb: Any) -> Any:
            inner.append(saved())
            return np.zeros(rgb.shape[:2], np.float32)

    with takeover(saliency=Model()):
        outer = saved()
    assert inner == [PILLOWS]
    assert psnr(pillow_pixels(outer), PHOTO) > 30
