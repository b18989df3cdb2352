"""Willow's optimizer, called by Willow as it saves a rendition."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django_settings
import pytest
from doors import PHOTO, describe
from helpers import encoded
from processes import needs

django_settings.configure()
needs("willow")

from willow.image import Image as WillowImage  # noqa: E402
from willow.registry import registry  # noqa: E402

from saliency_jpeg import Options  # noqa: E402
from saliency_jpeg.integrations.willow import SaliencyJpeg  # noqa: E402


class Small(SaliencyJpeg):
    options = Options(target_kb=3, saliency=None)


class Impossible(SaliencyJpeg):
    options = Options(target_kb=0.1, saliency=None)


class Plain(SaliencyJpeg):
    options = Options(quality=85, saliency=None)


@pytest.fixture(autouse=True)
def enabled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("WILLOW_OPTIMIZERS", "saliency-jpeg")
    yield
    for optimizer in (Small, Impossible, Plain):
        if optimizer in registry._registered_optimizers:
            registry._registered_optimizers.remove(optimizer)


def picture() -> Any:
    return WillowImage.open(io.BytesIO(encoded(PHOTO, "PNG")))


def rendition(**keywords: Any) -> bytes:
    file = io.BytesIO()
    picture().save_as_jpeg(file, quality=95, **keywords)
    return file.getvalue()


@pytest.mark.parametrize(("optimizer", "most"), [(Small, 3000), (Plain, 10_000)])
def test_renditions_get_smaller(optimizer: Any, most: int) -> None:
    registry.register_optimizer(optimizer)
    theirs, ours = rendition(apply_optimizers=False), rendition()
    assert describe(ours) == describe(theirs)._replace(progressive=True)
    assert len(ours) < 0.75 * len(theirs)
    assert len(ours) <= most


def test_other_formats_pass() -> None:
    registry.register_optimizer(Small)
    file, plain = io.BytesIO(), io.BytesIO()
    picture().save_as_png(file)
    picture().save_as_png(plain, apply_optimizers=False)
    assert file.getvalue() == plain.getvalue()


def test_a_failure_leaves_the_rendition(caplog: pytest.LogCaptureFixture) -> None:
    registry.register_optimizer(Impossible)
    with caplog.at_level(logging.ERROR, "willow"):
        assert rendition() == rendition(apply_optimizers=False)
    assert "saliency-jpeg" in caplog.text
    assert "more than the target" in caplog.text


def test_every_failure_of_ours_leaves_the_rendition(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("by the network")

    monkeypatch.setattr("saliency_jpeg.integrations.willow.optimize_jpeg", broken)
    registry.register_optimizer(Plain)
    assert rendition() == rendition(apply_optimizers=False)
    assert "by the network" in caplog.text


def test_a_disk_that_fails_leaves_the_rendition(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "x.jpg"
    path.write_bytes(rendition(apply_optimizers=False))
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    Plain.process(str(path))
    assert "No space left" in caplog.text
    monkeypatch.setattr(Plain, "options", Options(quality=85, saliency=None, metadata="safe"))
    with pytest.raises(OSError, match="No space left"):  # nothing personal may slip out
        Plain.process(str(path))
    assert path.read_bytes() == before


def test_warming_up(monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[Options] = []
    monkeypatch.setattr("saliency_jpeg.integrations.willow.warm_up", warmed.append)
    Small.warm_up()
    assert warmed == [Small.options]


def test_files_in_place(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(rendition(apply_optimizers=False))
    path.chmod(0o640)
    Small.process(str(path))
    assert path.stat().st_size <= 3000
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]
