"""The page of ``compare`` in headless Chromium: with a mouse on a screen, and with fingers on a phone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers import KODIM07
from marks import implies
from PIL import Image
from processes import NONE, needs, run

needs("playwright", "axe_core_python", programs=("chromium",))

import axe_core_python  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

AXE = Path(axe_core_python.__file__).parent / "axe.min.js"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 1}
STEPS = 8  # of a finger


@pytest.fixture(scope="module")
@implies("slow")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("compare")
    Image.open(KODIM07).convert("RGB").save(folder / "low.jpg", quality=20)
    words = ("compare", KODIM07, folder / "low.jpg", "-o", folder / "page.html", "--no-butteraugli", *NONE)
    assert run(*words) == 0
    return (folder / "page.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as player:
        started = player.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield started
        started.close()


@contextmanager
def opened(browser: Any, address: str, **settings: Any) -> Iterator[Any]:
    context = browser.new_context(**settings)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    page.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth)")
    yield page
    context.close()
    assert complaints == []


def divider(page: Any) -> float:
    return float(page.input_value("#slider"))


def swipe(page: Any, start: tuple[float, float], step: tuple[float, float]) -> None:
    """One finger that goes some steps."""
    session = page.context.new_cdp_session(page)
    for i in range(STEPS + 1):
        points = [{"x": start[0] + i * step[0], "y": start[1] + i * step[1]}]
        session.send("Input.dispatchTouchEvent", {"type": "touchMove" if i else "touchStart", "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def scrolled(page: Any) -> list[float]:
    found: list[float] = page.evaluate("[frame.scrollLeft, frame.scrollTop]")
    return found


def box_of(page: Any, selector: str) -> dict[str, float]:
    found: dict[str, float] = page.locator(selector).bounding_box()
    return found


def test_on_a_screen(browser: Any, address: str) -> None:
    with opened(browser, address, viewport={"width": 1200, "height": 500}, bypass_csp=True) as page:
        stage = box_of(page, "#stage")
        assert stage["height"] <= 0.8 * 500  # "fit" respects the height
        assert stage["width"] / stage["height"] == pytest.approx(768 / 512, rel=0.01)
        page.mouse.click(stage["x"] + 0.25 * stage["width"], stage["y"] + 100)
        assert divider(page) == pytest.approx(25, abs=1)
        page.check("input[value=difference]")
        assert page.evaluate("slider.disabled")
        page.check("input[name=zoom][value='1']")
        assert box_of(page, "#stage")["width"] == 768
        page.evaluate(AXE.read_text())
        assert [(each["impact"], each["id"]) for each in page.evaluate("axe.run()")["violations"]] == []


def test_a_finger_pans_the_picture_and_leaves_the_divider(browser: Any, address: str) -> None:
    with opened(browser, address, **PHONE) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert box_of(page, "#stage")["width"] <= 390
        page.check("input[name=zoom][value='3']")
        page.evaluate("frame.scrollTo(0, 0)")
        frame = box_of(page, "#frame")
        start = frame["x"] + 0.8 * frame["width"], frame["y"] + 0.8 * frame["height"]
        swipe(page, start, (-15, 0))
        swipe(page, start, (0, -15))
        page.wait_for_function("frame.scrollLeft > 50 && frame.scrollTop > 50")
        assert divider(page) == 50


def test_a_finger_on_the_handle_moves_the_divider_and_does_not_pan(browser: Any, address: str) -> None:
    with opened(browser, address, **PHONE) as page:
        handle = box_of(page, "#handle")
        x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
        swipe(page, (x, y), (-12, 1))
        width = box_of(page, "#stage")["width"]
        assert divider(page) == pytest.approx(50 - 100 * 12 * STEPS / width, abs=2)
        assert scrolled(page) == [0, 0]
        assert page.evaluate("scrollY") == 0
