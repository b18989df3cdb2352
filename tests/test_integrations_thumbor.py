"""thumbor's optimizer, through HTTP requests to a server."""

from __future__ import annotations

import io
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from doors import describe
from helpers import DATA, encoded, photo
from PIL import Image
from processes import needs

needs("thumbor")
pytestmark = pytest.mark.filterwarnings("ignore")

from thumbor.app import ThumborServiceApp  # noqa: E402
from thumbor.config import Config  # noqa: E402
from thumbor.context import Context, ServerParameters  # noqa: E402
from thumbor.importer import Importer  # noqa: E402
from tornado.httpclient import AsyncHTTPClient  # noqa: E402
from tornado.httpserver import HTTPServer  # noqa: E402
from tornado.ioloop import IOLoop  # noqa: E402
from tornado.testing import bind_unused_port  # noqa: E402

from saliency_jpeg import Encoder, OptionError  # noqa: E402
from saliency_jpeg.integrations.thumbor import Optimizer, ServiceApp  # noqa: E402

JPEG = "filters:format(jpeg)"
BOX = [(100, 100, 200, 200)]


def ask(path: str, optimizers: list[str], **settings: Any) -> bytes:
    """The body of one answer of a thumbor server."""
    config = Config(
        LOADER="thumbor.loaders.file_loader",
        FILE_LOADER_ROOT_PATH=str(DATA),
        STORAGE="thumbor.storages.no_storage",
        OPTIMIZERS=optimizers,
        **settings,
    )
    importer = Importer(config)
    importer.import_modules()
    server = ServerParameters(8888, "localhost", "thumbor.conf", None, "critical", None)

    async def one() -> bytes:
        context = Context(server, config, importer)
        socket, port = bind_unused_port()
        http = HTTPServer(ThumborServiceApp(context))
        http.add_socket(socket)
        client = AsyncHTTPClient(force_instance=True)
        try:
            answer = await client.fetch(f"http://127.0.0.1:{port}/unsafe/{path}", request_timeout=60)
            return bytes(answer.body)
        finally:
            client.close()
            http.stop()

    body: bytes = IOLoop().run_sync(one)
    return body


def ours(path: str, options: dict[str, Any] | None = None, **settings: Any) -> bytes:
    chosen = {"saliency": None, **(options or {})}
    return ask(path, ["saliency_jpeg.integrations.thumbor"], SALIENCY_JPEG_OPTIONS=chosen, **settings)


@pytest.mark.parametrize("settings", [{}, {"PROGRESSIVE_JPEG": False}, {"QUALITY": 60}], ids=str)
def test_smaller_and_otherwise_the_same(settings: dict[str, Any]) -> None:
    theirs = ask(f"300x200/{JPEG}/kodim07.png", [], **settings)
    mine = ours(f"300x200/{JPEG}/kodim07.png", **settings)
    assert describe(mine) == describe(theirs)
    assert len(mine) < 0.95 * len(theirs)


def test_max_bytes_is_honoured() -> None:
    for limit in (3000, 12_000):
        filters = f"filters:format(jpeg):max_bytes({limit})"
        mine = ours(f"400x300/{filters}/kodim07.png")
        assert 0.95 * limit < len(mine) <= limit
        assert Image.open(io.BytesIO(mine)).size == (400, 300)
    hopeless = "400x300/filters:format(jpeg):max_bytes(500)/kodim07.png"
    assert len(ask(hopeless, [])) > 10_000  # thumbor gives up and sends all of it
    assert len(ours(hopeless)) < 2000
    assert len(ours(hopeless, {"allow_downscale": True})) <= 500


def test_options_and_other_formats() -> None:
    small = ours(f"{JPEG}/kodim07.png", {"target_kb": 20, "saliency": BOX})
    assert 19_000 < len(small) <= 20_000
    limited = ours("filters:format(jpeg):max_bytes(15000)/kodim07.png", {"target_kb": 20})
    assert 14_000 < len(limited) <= 15_000
    assert ours("100x100/kodim07.png").startswith(b"\x89PNG")
    narrow = ours(f"{JPEG}/kodim07.png", {"max_width": 500, "quality": 100, "saliency": None})
    assert Image.open(io.BytesIO(narrow)).size == (500, 333)  # though thumbor's own file has fewer bytes
    assert len(narrow) > len(ask(f"{JPEG}/kodim07.png", []))


def test_a_score_takes_the_place_of_the_quality() -> None:
    scored = ours(f"300x200/{JPEG}/kodim07.png", {"target_score": 50})
    assert len(scored) < 0.7 * len(ours(f"300x200/{JPEG}/kodim07.png"))
    limited = ours("300x200/filters:format(jpeg):max_bytes(4000)/kodim07.png", {"target_score": 50})
    assert len(limited) <= 4000


def test_quality_of_the_request() -> None:
    high, low = (ours(f"300x200/filters:format(jpeg):quality({quality})/kodim07.png") for quality in (90, 30))
    assert len(low) < 0.4 * len(high)


def test_an_unknown_option() -> None:
    context = SimpleNamespace(
        config=Config(SALIENCY_JPEG_OPTIONS={"strenght": 0.5}),
        request=SimpleNamespace(quality=None, max_bytes=None),
    )
    with pytest.raises(OptionError, match=r"SALIENCY_JPEG_OPTIONS .*'strenght'"):
        Optimizer(context).run_optimizer(".jpg", b"")


def test_every_failure_of_ours_sends_thumbors_file(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise MemoryError("of the network")

    monkeypatch.setattr("saliency_jpeg.integrations.thumbor.Encoder.compress_picture", broken)
    assert ours(f"300x200/{JPEG}/kodim07.png") == ask(f"300x200/{JPEG}/kodim07.png", [])
    assert "thumbor's own file is sent" in caplog.text


def test_the_event_loop_is_not_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder waits for what the loop does next, which a blocked loop never would."""
    turned = threading.Event()
    encode = Encoder.compress_picture

    def waiting(self: Encoder, picture: Any) -> Any:
        loops[0].add_callback(turned.set)
        assert turned.wait(20), "the loop is blocked"
        return encode(self, picture)

    loops: list[IOLoop] = []
    start = IOLoop.run_sync

    def noted(self: IOLoop, work: Any) -> Any:
        loops.append(self)
        return start(self, work)

    monkeypatch.setattr(IOLoop, "run_sync", noted)
    monkeypatch.setattr(Encoder, "compress_picture", waiting)
    assert len(ours(f"300x200/{JPEG}/kodim07.png")) < 0.95 * len(ask(f"300x200/{JPEG}/kodim07.png", []))
    assert turned.is_set()


def application(**options: Any) -> ServiceApp:
    config = Config(OPTIMIZERS=["saliency_jpeg.integrations.thumbor"], SALIENCY_JPEG_OPTIONS=options)
    importer = Importer(config)
    importer.import_modules()
    return ServiceApp(
        Context(ServerParameters(8888, "localhost", "thumbor.conf", None, "critical", None), config, importer)
    )


def test_the_application_checks_options_and_loads_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[Encoder] = []
    monkeypatch.setattr(Encoder, "warm_up", lambda self: warmed.append(self))
    application(saliency=None, strength=0.25)
    assert [encoder.options.strength for encoder in warmed] == [0.25]
    for wrong in ({"strenght": 0.5}, {"strength": 5}):
        with pytest.raises(OptionError):
            application(**wrong)


def test_options_are_optional() -> None:
    assert Config().SALIENCY_JPEG_OPTIONS == {}


@pytest.mark.parametrize("limit", [0, 1, 10**30, 10**400])
def test_limits_of_any_size(limit: int) -> None:
    request = SimpleNamespace(quality=None, max_bytes=limit, engine=SimpleNamespace(image=None))
    config = SimpleNamespace(SALIENCY_JPEG_OPTIONS={"saliency": None}, QUALITY=80, PROGRESSIVE_JPEG=True)
    buffer = encoded(photo(40, 40), "JPEG", quality=95)
    data = Optimizer(SimpleNamespace(config=config, request=request)).run_optimizer(".jpg", buffer)
    assert describe(data).size == (40, 40)
    assert len(data) < len(buffer)


def test_a_score_where_the_quality_is_that_of_the_source() -> None:
    request = SimpleNamespace(quality=None, max_bytes=None, engine=SimpleNamespace(image=None))
    options = {"saliency": None, "target_score": 60}
    config = SimpleNamespace(SALIENCY_JPEG_OPTIONS=options, QUALITY="keep", PROGRESSIVE_JPEG=True)
    buffer = encoded(photo(40, 40), "JPEG", quality=95)
    data = Optimizer(SimpleNamespace(config=config, request=request)).run_optimizer(".jpg", buffer)
    assert len(data) < len(buffer)
