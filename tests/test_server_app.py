"""The service, asked over HTTP: pictures, limits, signed URLs, counts, and more requests than it can answer."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import re
import threading
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doors import EXIF
from helpers import DATA, encoded, photo
from PIL import Image
from processes import needs

needs("starlette", "httpx", "prometheus_client")

import httpx  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.routing import Mount  # noqa: E402

from saliency_jpeg import Options, compress  # noqa: E402
from saliency_jpeg.server import work  # noqa: E402
from saliency_jpeg.server.app import create_app  # noqa: E402
from saliency_jpeg.server.settings import Settings  # noqa: E402
from saliency_jpeg.server.signing import sign  # noqa: E402

PLAIN = Options(saliency=None, metadata="safe", orientation="apply")
KEY, SALT = bytes(range(16)), b"salt"
PHOTO = encoded(photo(120, 160), "PNG")
LEFT = base64.urlsafe_b64encode(encoded(np.array([[255, 0]], np.uint8), "PNG")).decode().rstrip("=")  # a mask


class Client:
    """Asks an application in this process, one request after the other."""

    def __init__(self, app: Any, root_path: str = "") -> None:
        self._app, self._root_path, self._runner = app, root_path, asyncio.Runner()
        self._life = app.router.lifespan_context(app)

    def __enter__(self) -> Client:
        self._runner.run(self._life.__aenter__())
        return self

    def __exit__(self, *error: object) -> None:
        self._runner.run(self._life.__aexit__(None, None, None))
        self._runner.close()

    def ask(self, method: str, path: str, **what: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, root_path=self._root_path)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as asker:
                return await asker.request(method, path, **what)

        return self._runner.run(ask())

    def close(self) -> None:
        """Ends without a lifespan."""
        self._runner.close()

    def get(self, path: str) -> httpx.Response:
        return self.ask("GET", path)

    def post(self, path: str, content: bytes) -> httpx.Response:
        return self.ask("POST", path, content=content)


def client(transport: Any = None, **fields: Any) -> Client:
    settings = Settings(**{"options": PLAIN, "workers": 2, "key": KEY, "salt": SALT, **fields})
    return Client(create_app(settings, transport=transport))


@pytest.fixture(scope="module")
def service() -> Iterator[Client]:
    with client(root=DATA, hosts=("pictures.example",), transport=httpx.MockTransport(pictures)) as opened:
        yield opened


def pictures(request: httpx.Request) -> httpx.Response:
    """A host of pictures: one that is there, one that leads elsewhere, one without end, one packed."""
    if request.url.path == "/elsewhere":
        return httpx.Response(302, headers={"Location": "http://127.0.0.1/secret"})
    if request.url.path == "/endless":
        return httpx.Response(200, stream=httpx.ByteStream(bytes(40_000_000)))
    if request.url.path == "/packed":
        assert request.headers["accept-encoding"] == "identity"
        return httpx.Response(
            200, stream=httpx.ByteStream(gzip.compress(PHOTO)), headers={"Content-Encoding": "gzip, gzip"}
        )
    return httpx.Response(200, stream=httpx.ByteStream(PHOTO))


def signed(path: str) -> str:
    return f"/{sign(path, KEY, SALT)}{path}"


def counts(answer: httpx.Response) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"^(\w+(?:{.*})?) (\S+)$", answer.text, re.MULTILINE)}


# Pictures ------------------------------------------------------------------------------------------------------------


def test_a_picture_comes_back_as_compress_makes_it(service: Client) -> None:
    answer = service.post("/compress?target_kb=4&width=100", content=PHOTO)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content == compress(PHOTO, saliency=None, target_kb=4, max_width=100)
    assert (
        Image.open(io.BytesIO(answer.content)).size
        == (100, 75)
        == (
            int(answer.headers["x-width"]),
            int(answer.headers["x-height"]),
        )
    )


def test_metadata_are_safe_and_orientations_applied(service: Client) -> None:
    answer = service.post("/compress", content=encoded(photo(40, 60), "JPEG", exif=b"Exif\0\0" + EXIF, comment=b"me"))
    image = Image.open(io.BytesIO(answer.content))
    assert image.size == (40, 60)
    assert "comment" not in image.info


def test_json_has_the_file_and_drawings(service: Client) -> None:
    facts = service.post(f"/compress?format=json&target_kb=4&protect={LEFT}", content=PHOTO).json()
    jpeg = b64decode(facts["jpeg"])
    assert facts["bytes_out"] == len(jpeg) <= 4000
    assert facts["bytes_in"] == len(PHOTO)
    assert [Image.open(io.BytesIO(b64decode(facts[name]))).size for name in ("map", "bits")] == [(160, 120)] * 2
    assert service.post("/compress?format=json", content=PHOTO).json()["map"] is None


def test_json_of_a_picture_larger_than_pillow_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    jpeg = encoded(photo(40, 60), "JPEG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with client(options=Options(saliency=None, max_pixels=100_000)) as larger:
        assert larger.post("/compress?format=json", content=jpeg).json()["width"] == 60


def test_painting_moves_bits(service: Client) -> None:
    plain, painted = (
        service.post(f"/compress?format=json&target_kb=3{more}", content=PHOTO).json()["jpeg"]
        for more in ("", f"&protect={LEFT}")
    )
    reference = photo(120, 160).astype(float)
    errors = [
        np.square(np.asarray(Image.open(io.BytesIO(b64decode(jpeg))), float) - reference)[:, :64].mean()
        for jpeg in (plain, painted)
    ]
    assert errors[1] < 0.9 * errors[0]


# Signed URLs ---------------------------------------------------------------------------------------------------------


def test_signed_urls(service: Client) -> None:
    answer = service.get(signed("/w:200/q:60/plain/local:///kodim07.png@jpg"))
    assert answer.status_code == 200
    assert Image.open(io.BytesIO(answer.content)).size == (200, 133)
    assert answer.headers["cache-control"] == "public, max-age=86400"
    fetched = service.get(signed("/kb:3/plain/http://pictures.example/a.png"))
    assert len(fetched.content) <= 3000


@pytest.mark.parametrize(
    ("path", "status", "complaint"),
    [
        ("/plain/http://127.0.0.1/x", 403, "pictures of this host are not fetched"),
        ("/plain/http://pictures.example:81/x", 403, "pictures of this host are not fetched"),
        ("/plain/http:%2F%2Fpictures.example%40127.0.0.1/x", 403, "pictures of this host are not fetched"),
        ("/plain/http:%2F%2Fuser%40pictures.example/x", 403, "pictures of this host are not fetched"),
        ("/plain/file:///etc/passwd", 403, "pictures of this host are not fetched"),
        ("/plain/http:%2F%2F[x", 400, "the address cannot be read"),
        ("/plain/http://pictures.example/elsewhere", 502, "answered with status 302"),
        ("/plain/http://pictures.example/endless", 413, "at most 30000000 bytes"),
        ("/plain/http://pictures.example/packed", 502, "a content encoding, which was not asked for"),
        ("/plain/http:%2F%2Fpictures.exa%09mple/x", 400, "the address cannot be read"),
        ("/plain/http://pictures.example/a.png?v=1", 400, "a signed URL takes no query, got 'v=1'"),
        ("/plain/local:%2F%2F%2F..%2F..%2Fsetup.py", 404, "there is no such file"),
        ("/plain/local:///missing.png", 404, "there is no such file"),
        ("/plain/local:///", 404, "there is no such file"),
        ("/zoom:3/plain/local:///kodim07.png", 400, "no parameter 'zoom'"),
    ],
)
def test_addresses_that_are_refused(service: Client, path: str, status: int, complaint: str) -> None:
    signed_part, mark, query = path.partition("?")
    answer = service.get(signed(signed_part) + mark + query)
    assert answer.status_code == status
    assert complaint in answer.json()["error"]


def test_what_is_not_signed_or_not_allowed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link.png").symlink_to(DATA / "kodim07.png")
    with client(root=tmp_path) as other:
        assert other.get("/unsafe/plain/local:///kodim07.png").status_code == 403
        assert other.get(signed("/plain/local:///link.png")).status_code == 404  # it leads out of the folder
        assert other.get(signed("/plain/http://pictures.example/a.png")).status_code == 403
    with client(key=b"") as other:
        assert other.get(f"/{sign('/plain/x', b'', b'')}/plain/x").status_code == 403
    with client() as other:
        assert "name a folder with --root" in other.get(signed("/plain/local:///x.png")).json()["error"]


def test_signed_urls_of_a_mounted_application() -> None:
    app = create_app(Settings(options=PLAIN, key=KEY, salt=SALT, root=DATA))
    for mount, way in (("/img", "/img"), ("/a b/\u00fc", "/a%20b/%C3%BC")):
        for outer in (Client(Starlette(routes=[Mount(mount, app=app)])), Client(app, root_path=mount)):
            assert outer.get(way + signed("/w:20/plain/local:///kodim07.png")).status_code == 200
            assert outer.get(way + signed("/w:20/plain/x").replace("w:20", "w:21")).status_code == 403
            outer.close()


# Limits --------------------------------------------------------------------------------------------------------------


def test_limits_of_bytes_and_pixels() -> None:
    with client(max_bytes=5000, options=Options(saliency=None, max_pixels=1000)) as small:
        assert small.post("/compress", content=bytes(6000)).status_code == 413
        too_many = small.post("/compress", content=encoded(photo(32, 32)[:, :32], "JPEG"))
        assert too_many.status_code == 422
        assert "1000" in too_many.json()["error"]
        assert small.post("/compress", content=b"no picture").status_code == 422
        assert small.post("/compress?target_kb=0.1", content=encoded(photo(24, 24), "JPEG")).status_code == 422


def test_time_is_limited_and_the_place_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()
    monkeypatch.setattr("saliency_jpeg.server.app.encode", lambda *_: held.wait(20))
    with client(timeout=0.1, workers=1, queue=0) as slow:
        answer = slow.post("/compress", content=PHOTO)
        assert (answer.status_code, answer.json()) == (504, {"error": "the picture took too long"})
        full = slow.post("/compress", content=PHOTO)
        assert (full.status_code, full.headers["retry-after"]) == (503, "1")  # its thread is still busy
        held.set()
        monkeypatch.undo()
        while slow.get("/metrics").text.count("\nsaliency_jpeg_admitted 0.0") == 0:
            pass
        assert slow.post("/compress?quality=5", content=encoded(photo(16, 16), "PNG")).status_code in (200, 504)


def test_an_error_of_ours_is_logged_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr("saliency_jpeg.server.app.encode", broken)
    with client() as service:
        answer = service.post("/compress", content=PHOTO)
    assert (answer.status_code, answer.json()) == (500, {"error": "internal error"})
    assert "a secret" in caplog.text


def test_more_requests_than_it_can_answer_are_shed_and_none_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty requests at once, for two threads and a queue of four: six are answered, the others told to come again."""
    gate = threading.Event()

    def waiting(data: bytes, wanted: Any) -> Any:
        gate.wait(30)
        return work.encode(data, wanted)

    monkeypatch.setattr("saliency_jpeg.server.app.encode", waiting)
    app = create_app(Settings(options=PLAIN, workers=2, queue=4, timeout=60))

    async def ask_all() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://service") as asker,
        ):
            asked = [asyncio.create_task(asker.post("/compress?target_kb=3", content=PHOTO)) for _ in range(40)]
            while sum(task.done() for task in asked) < 34:
                await asyncio.sleep(0.01)
            gate.set()
            answers = await asyncio.gather(*asked)
            return [*answers, await asker.get("/metrics")]

    *answers, metrics = asyncio.run(ask_all())
    done = [answer for answer in answers if answer.status_code == 200]
    shed = [answer for answer in answers if answer.status_code == 503]
    assert (len(done), len(shed)) == (6, 34)
    assert {answer.content for answer in done} == {compress(PHOTO, saliency=None, target_kb=3)}
    assert {answer.headers["retry-after"] for answer in shed} == {"1"}
    counted = counts(metrics)
    assert counted['saliency_jpeg_requests_total{route="/compress",status="200"}'] == 6
    assert counted['saliency_jpeg_requests_total{route="/compress",status="503"}'] == 34
    assert counted["saliency_jpeg_admitted"] == 0
    assert counted["saliency_jpeg_bytes_in_total"] == 6 * len(PHOTO)


# Around it -----------------------------------------------------------------------------------------------------------


def test_health_counts_and_page(service: Client) -> None:
    assert service.get("/health").json() == {"status": "ok"}
    before = counts(service.get("/metrics"))
    assert service.get("/health").status_code == 200
    name = 'saliency_jpeg_requests_total{route="/health",status="200"}'
    assert counts(service.get("/metrics"))[name] == before[name] + 1
    page = service.get("/")
    assert "<title>saliency_jpeg" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    linked = re.findall(r'(?:href|src)="(page/\S+?)"', page.text)
    assert sorted(linked) == ["page/page.css", "page/page.js"]
    assert [service.get(f"/{name}").status_code for name in (*linked, "page/x.py")] == [200, 200, 404]
    for method, path, status in (
        ("GET", "nope", 404),
        ("GET", "compress", 405),
        ("DELETE", "", 405),
        ("PUT", "a/b", 405),
    ):
        answer = service.ask(method, f"/{path}")
        assert (answer.status_code, list(answer.json())) == (status, ["error"])
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert ("allow" in answer.headers) == (status == 405)


def test_it_is_not_healthy_before_the_network_is_loaded() -> None:
    cold = Client(create_app(Settings(options=PLAIN)))  # whose lifespan has not begun
    answer = cold.get("/health")
    cold.close()
    assert (answer.status_code, answer.json()) == (503, {"status": "starting"})
