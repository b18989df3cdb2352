"""What a client of the service asks for, signatures, and what an operator says; needs no package of the extra."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import encoded
from PIL import Image
from processes import usage_error

from saliency_jpeg import InputError, OptionError, Options, cli
from saliency_jpeg.saliency.sources import Combined
from saliency_jpeg.server.request import parse_path, parse_query
from saliency_jpeg.server.settings import KEY, SALT, Settings, secrets_of
from saliency_jpeg.server.signing import is_signed, sign

BASE = Options(saliency=None)
SECRET = bytes(range(16))


def mask(values: Any, kind: str = "PNG") -> str:
    data = encoded(np.asarray(values, np.uint8), kind)
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# Signatures ----------------------------------------------------------------------------------------------------------


def test_signatures_are_imgproxys() -> None:
    """The example of imgproxy's documentation."""
    path = "/rs:fill:300:400:0/g:sm/aHR0cDovL2V4YW1w/bGUuY29tL2ltYWdl/cy9jdXJpb3NpdHku/anBn.png"
    assert sign(path, b"secret", b"hello") == "oKfUtW34Dvo2BGQehJFR4Nr0_rIjOtdtzJ3QFsUcXH8"


def test_a_signature_is_for_one_path_and_needs_a_key() -> None:
    signature = sign("/w:300/plain/x", SECRET, b"salt")
    assert is_signed("/w:300/plain/x", signature, SECRET, b"salt")
    assert not is_signed("/w:301/plain/x", signature, SECRET, b"salt")
    assert not is_signed("/w:300/plain/x", signature, SECRET, b"pepper")
    assert not is_signed("/w:300/plain/x", signature + "é", SECRET, b"salt")
    assert not is_signed("/x", sign("/x", b"", b""), b"", b"")


# Requests ------------------------------------------------------------------------------------------------------------


def test_a_query() -> None:
    pairs = [("target_kb", "50"), ("width", "800"), ("height", "600"), ("quality", "82.5"), ("format", "json")]
    wanted = parse_query(pairs, BASE)
    options = wanted.options
    assert wanted.format == "json"
    assert (options.target_kb, options.max_width, options.max_height, options.quality) == (50, 800, 600, 82.5)
    assert parse_query([], BASE).options.quality is None
    assert parse_query([("max_bytes", "2000"), ("kb", "50")], BASE).options.target_kb == 2
    assert parse_query([("q", "50")], Options(saliency=None, target_score=60)).options.target_score is None


def test_paths_in_imgproxys_manner() -> None:
    wanted, address = parse_path("/rs:fit:300:0/q:75/plain/http%3A%2F%2Fexample.org/a%20b.png@jpg", BASE)
    assert address == "http://example.org/a b.png"
    assert (wanted.options.max_width, wanted.options.max_height, wanted.options.quality) == (300, None, 75)
    encoded_address = base64.urlsafe_b64encode(b"local:///photos/x.png").decode().rstrip("=")
    split = f"{encoded_address[:5]}/{encoded_address[5:]}"
    assert parse_path(f"/w:9/{split}.json", BASE)[1] == "local:///photos/x.png"
    assert parse_path(f"/{split}.json", BASE)[0].format == "json"


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("/kbb:50/plain/x", r"no parameter 'kbb'; did you mean 'kb'\?"),
        ("/zoom:2/plain/x", "no parameter 'zoom'; known are"),
        ("/w:1/width:2/plain/x", "width must be given once"),
        ("/w:wide/plain/x", "max_width must be a number, got 'wide'"),
        (f"/mb:{'9' * 400}/plain/x", "max_bytes must be an integer from 1"),
        ("/kb:nan/mb:500/plain/x", "target_kb must be a number, got 'nan'"),
        ("/w:0/plain/x", "max_width must be an integer from 1"),
        ("/q:101/plain/x", "quality must be .*101"),
        ("/f:webp/plain/x", "format must be jpeg or json, got 'webp'"),
        ("/rs:fill:3:4/plain/x", "rs must be rs:fit:WIDTH:HEIGHT"),
        ("/w:3:4/plain/x", "an option must be NAME:VALUE, got 'w:3:4'"),
        ("/w:300/%%%", "a path must end in plain/ADDRESS"),
        ("/w:300", "a path must end in plain/ADDRESS"),
    ],
)
def test_wrong_paths(path: str, complaint: str) -> None:
    with pytest.raises(OptionError, match=complaint):
        parse_path(path, BASE)


def test_what_is_painted_counts_at_any_size() -> None:
    wanted = parse_query([("protect", mask([[0, 255], [0, 0]]))], BASE)
    saliency = wanted.options.saliency
    assert isinstance(saliency, Combined)
    assert callable(saliency.protect)
    painted = saliency.protect(np.zeros((40, 60, 3), np.uint8))
    assert painted.shape == (40, 60)
    assert painted[5, 55] > 0.9
    assert painted[35, 5] < 0.1


@pytest.mark.parametrize("text", ["@@@", "AAAA", "A" * 20_000, mask(np.zeros((600, 600)))])
def test_masks_that_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^protect must"):
        parse_query([("protect", text)], BASE)


def test_a_mask_is_refused_by_its_header_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    text = mask(np.zeros((2500, 2500)))  # a few kilobytes
    assert len(text) < 12_000
    decoded: list[object] = []
    monkeypatch.setattr(Image.Image, "load", lambda image: decoded.append(image))
    with pytest.raises(InputError, match=r"^protect must be .*262144"):
        parse_query([("protect", text)], BASE)
    assert not decoded


# Settings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"workers": 0}, "workers must be at least 1, got 0"),
        ({"queue": -1}, "queue must be at least 0, got -1"),
        ({"key": b"short"}, "the key must have at least 16 bytes, got 5"),
        ({"hosts": ("example.org/x",), "key": SECRET}, "hosts must be names .* got 'example.org/x'"),
        ({"hosts": ("example.org",)}, "need a key in the environment variable SALIENCY_JPEG_KEY"),
        ({"root": Path("/nowhere"), "key": SECRET}, "root must be a folder, got '/nowhere'"),
    ],
)
def test_wrong_settings(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(OptionError, match=complaint):
        Settings(**fields)


def test_secrets_are_hexadecimal_and_not_shown() -> None:
    assert "secret" not in repr(Settings(key=b"secret of 16 bytes", salt=b"secret"))
    assert secrets_of({KEY: "00ff", SALT: "01"}) == (b"\0\xff", b"\1")
    assert secrets_of({}) == (b"", b"")
    with pytest.raises(OptionError, match="must be hexadecimal"):
        secrets_of({KEY: "secret"})


# The command ---------------------------------------------------------------------------------------------------------


def test_the_command_hands_its_options_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from saliency_jpeg.cli import serve

    monkeypatch.setenv(KEY, SECRET.hex())
    words = ["serve", "--effort", "3", "--saliency", "none", "--queue", "5", "--root", str(tmp_path), "--timeout", "2"]
    settings = serve._settings(cli.make_parser().parse_args([*words, "--allow-host", "example.org"]))
    assert (settings.queue, settings.timeout, settings.root, settings.key) == (5, 2.0, tmp_path, SECRET)
    assert settings.hosts == ("example.org",)
    options = settings.options
    assert (options.effort, options.saliency, options.metadata, options.orientation) == (3, None, "safe", "apply")
    kept = serve._settings(cli.make_parser().parse_args(["serve", "--metadata", "keep", "--orientation", "keep"]))
    assert (kept.options.metadata, kept.options.orientation, kept.hosts) == ("keep", "keep", ())


def test_the_command_refuses_what_it_cannot_honour(capsys: pytest.CaptureFixture[str]) -> None:
    assert usage_error(capsys, "serve", "--threads", "3").endswith("--threads cannot be used with serve")
    assert "need a key" in usage_error(capsys, "serve", "--allow-host", "example.org")


def test_the_command_listens_to_this_machine_alone() -> None:
    assert cli.make_parser().parse_args(["serve"]).host == "127.0.0.1"
