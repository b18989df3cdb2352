"""The page in headless Chromium, with the service in a process of its own; axe-core looks for barriers."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import KODIM07
from marks import implies
from processes import command_words, needs

needs("playwright", "axe_core_python", "starlette", "uvicorn", "httpx", "prometheus_client", programs=("chromium",))

import axe_core_python  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

AXE = Path(axe_core_python.__file__).parent / "axe.min.js"
DONE = "document.querySelector('#status').textContent.startsWith('Done')"


@pytest.fixture(scope="module")
@implies("slow")
def address() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(command_words("serve", "--port", port, "--saliency", "none"), stderr=subprocess.DEVNULL)
    found = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{found}health", timeout=5).read()
                break
            except OSError:
                time.sleep(0.1)
        yield found
    finally:
        process.terminate()
        assert process.wait(30) in (0, -15)


@pytest.fixture
def page(address: str) -> Iterator[Any]:
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        opened = browser.new_page(bypass_csp=True)  # for axe-core, which is no part of the page
        complaints: list[str] = []
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on("console", lambda message: complaints.extend([message.text] * (message.type == "error")))
        opened.goto(address)
        yield opened
        browser.close()
        assert [text for text in complaints if "status of 422" not in text] == []


def violations(page: Any) -> list[tuple[str, str]]:
    page.evaluate(AXE.read_text())
    return [(found["impact"], found["id"]) for found in page.evaluate("axe.run()")["violations"]]


def test_a_picture_is_dropped_painted_and_saved(page: Any) -> None:
    assert violations(page) == []
    page.set_input_files("#file", KODIM07)
    page.wait_for_function(DONE)
    assert "566,322 bytes" in page.inner_text("#sizes")
    assert "smaller" in page.inner_text("#sizes")
    assert page.get_attribute("#save", "href").startswith("data:image/jpeg;base64,/9j/")
    assert page.evaluate("document.querySelector('#after').naturalWidth") == 768
    before = page.get_attribute("#bits", "src")
    page.locator("#paint").scroll_into_view_if_needed()
    box = page.locator("#paint").bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 90, steps=4)
    page.mouse.up()
    page.wait_for_function("before => document.querySelector('#bits').src !== before", arg=before)
    assert page.get_attribute("#map", "src").startswith("data:image/png")
    assert page.get_attribute("#paint", "aria-label") == "Painted area"
    assert violations(page) == []


def test_kilobytes_slider_and_keyboard(page: Any) -> None:
    page.set_input_files("#file", KODIM07)
    page.wait_for_function(DONE)
    page.fill("#kilobytes", "20")
    page.wait_for_function("/Done: (19|20),\\d+ bytes/.test(document.querySelector('#status').textContent)")
    page.fill("#split", "80")
    assert page.evaluate("getComputedStyle(document.querySelector('#after')).clipPath") == "inset(0px 0px 0px 80%)"
    page.focus("#paint")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press(" ")
    assert page.get_attribute("#paint", "aria-label") == "Painted area"
    page.click("#clear")
    assert page.get_attribute("#paint", "aria-label") == "Painted area, empty"


def test_an_error_is_told(page: Any, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    page.set_input_files("#file", tmp_path / "x.png")
    page.wait_for_function("document.querySelector('#status').classList.contains('failed')")
    assert "is not an image" in page.inner_text("#status")
