"""The ASGI application.

======================================  ================================================================================
``POST /compress?target_kb=50``         the body is a picture, the answer a JPEG file, or JSON with ``format=json``
``GET /SIGNATURE/w:300/plain/ADDRESS``  a picture by its address, see :mod:`.signing` and :mod:`.request`
``GET /health``                         200 once the network is loaded
``GET /metrics``                        counts for Prometheus
``GET /``                               a page to try it in
======================================  ================================================================================

Errors are JSON with a field ``error``: 400 for options, 403 for signatures and hosts, 413 and 422 for pictures, 503
with ``Retry-After`` where the queue is full, 504 for time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from ..encoder.encoder import Encoder
from ..errors import InputError, OptionError, PresetError, SaliencyJpegError, TargetError
from .metrics import Metrics
from .request import Wanted, parse_path, parse_query
from .settings import Settings
from .signing import is_signed
from .sources import Fetcher, SourceError
from .work import Answer, BusyError, Pool, encode

__all__ = ["create_app"]

_logger = logging.getLogger("saliency_jpeg.server")
_PAGE: Final = Path(__file__).parent / "page"
_FILES: Final = {"": "page.html", "page.js": "page.js", "page.css": "page.css"}
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
_RETRY_AFTER: Final = {"Retry-After": "1"}
_DRAIN_SECONDS: Final = 2.0  # to take in a body that is refused, so that its sender reads the answer
_STATUS: Final[tuple[tuple[type[Exception], int], ...]] = (
    (BusyError, 503),
    (TimeoutError, 504),
    (MemoryError, 503),
    (OptionError, 400),
    (PresetError, 500),
    (InputError, 422),
    (TargetError, 422),
    (SaliencyJpegError, 422),
)
Handler = Callable[["Service", Request], Awaitable[Response]]


class Service:
    """The service of one application: settings, threads, connections, counts."""

    def __init__(self, settings: Settings, transport: Any = None) -> None:
        self.settings = settings
        self.pool = Pool(settings.workers, settings.queue)
        self.fetcher = Fetcher(settings, transport)
        self.metrics = Metrics(lambda: self.pool.admitted)
        self.is_warm = False

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Loads the network before the first request, and ends what has begun after the last one."""
        await self.pool.run(Encoder(self.settings.options).warm_up)
        self.is_warm = True
        yield
        self.is_warm = False
        await self.fetcher.close()
        await asyncio.to_thread(self.pool.close)

    async def encode(self, data: bytes, wanted: Wanted, timeout: float) -> Answer:
        """Encodes a picture in a thread."""
        answer = await self.pool.run(partial(encode, data, wanted), timeout)
        self.metrics.encoded(len(data), len(answer.jpeg))
        return answer


# Routes -------------------------------------------------------------------------------------------------------------


async def _post(service: Service, request: Request) -> Response:
    deadline = time.monotonic() + service.settings.timeout
    try:
        with service.pool.place():
            wanted = parse_query(request.query_params.multi_items(), service.settings.options)
            data = await asyncio.wait_for(_body(request, service.settings.max_bytes), service.settings.timeout)
            return _respond(await service.encode(data, wanted, deadline - time.monotonic()), wanted)
    except (BusyError, OptionError):
        await _drain(request, service.settings.max_bytes)
        raise


async def _get(service: Service, request: Request) -> Response:
    settings, deadline = service.settings, time.monotonic() + service.settings.timeout
    signature, path = _signed_parts(request)
    if not is_signed(path, signature, settings.key, settings.salt):
        raise SourceError(403, "the signature is not that of this path")
    if request.url.query:  # not signed, so each would be another entry of a cache and another picture to encode
        raise SourceError(400, f"a signed URL takes no query, got {request.url.query!r}")
    wanted, address = parse_path(path, settings.options)
    with service.pool.place():
        data = await asyncio.wait_for(service.fetcher.fetch(address), settings.timeout)
        response = _respond(await service.encode(data, wanted, deadline - time.monotonic()), wanted)
    response.headers["Cache-Control"] = f"public, max-age={settings.max_age}"
    return response


def _signed_parts(request: Request) -> tuple[str, str]:
    """The signature, and the path behind it as it was sent; both stand behind the path of a mounted application."""
    sent: str = request.scope["raw_path"].decode("ascii", "replace").partition("?")[0]
    mount = request.scope.get("root_path", "").rstrip("/")
    before = mount.count("/") if unquote(sent).startswith(f"{mount}/") else 0
    _, signature, *rest = sent.split("/")[before:]
    return signature, "/" + "/".join(rest)


async def _health(service: Service, request: Request) -> Response:
    return JSONResponse({"status": "ok" if service.is_warm else "starting"}, 200 if service.is_warm else 503)


async def _metrics(service: Service, request: Request) -> Response:
    return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


async def _page(service: Service, request: Request) -> Response:
    return FileResponse(_PAGE / _FILES[request.path_params.get("name", "")])


def _respond(answer: Answer, wanted: Wanted) -> Response:
    if wanted.format == "json":
        return JSONResponse(answer.facts)
    facts = {f"X-{name.title().replace('_', '-')}": str(answer.facts[name]) for name in ("width", "height", "quality")}
    return Response(answer.jpeg, media_type="image/jpeg", headers=facts)


# Requests -----------------------------------------------------------------------------------------------------------


async def _body(request: Request, most: int) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise SourceError(413, f"a picture must have at most {most} bytes")
    return bytes(data)


async def _drain(request: Request, most: int) -> None:
    """Takes in what is left of a body, as far as it is no larger than it may be."""
    size = 0
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > most:
                    return
    except (TimeoutError, ClientDisconnect, RuntimeError):  # a stream that was read already
        return


def _guard(service: Service, route: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """A handler whose errors become answers, and which is counted."""

    async def guarded(request: Request) -> Response:
        start = time.monotonic()
        try:
            response = await handler(service, request)
        except ClientDisconnect:
            response = Response(status_code=499)
        except SourceError as error:
            response = JSONResponse({"error": str(error)}, error.status)
        except Exception as error:
            response = _failure(error)
        response.headers.update(_HEADERS)
        service.metrics.request(route, response.status_code, time.monotonic() - start)
        return response

    return guarded


async def _refuse(request: Request, error: Exception) -> Response:
    """The answer where there is no such route or method."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, {**_HEADERS, **(error.headers or {})})


def _failure(error: Exception) -> Response:
    status = next((number for kind, number in _STATUS if isinstance(error, kind)), 500)
    if status == 500:
        _logger.error("a request failed", exc_info=error)
        return JSONResponse({"error": "internal error"}, status)
    text = {503: "too many pictures at once; try again", 504: "the picture took too long"}.get(status, str(error))
    return JSONResponse({"error": text}, status, _RETRY_AFTER if status == 503 else None)


def create_app(settings: Settings | None = None, *, transport: Any = None) -> Starlette:
    """Returns the application.

    Args:
        settings: of the service; ``None`` for the defaults: no signed URLs, metadata that are safe to publish.
        transport: of httpx, by which pictures are fetched, for tests.
    """
    service = Service(settings or Settings(), transport)
    routes: list[tuple[str, str, Handler]] = [
        ("/", "GET", _page),
        ("/page/{name:str}", "GET", _page_file),
        ("/health", "GET", _health),
        ("/metrics", "GET", _metrics),
        ("/compress", "POST", _post),
        ("/{signature}/{rest:path}", "GET", _get),
    ]
    built = [
        Route(path, _guard(service, "signed" if handler is _get else path, handler), methods=[method])
        for path, method, handler in routes
    ]
    app = Starlette(routes=built, lifespan=service.lifespan, exception_handlers={HTTPException: _refuse})
    app.router.redirect_slashes = False  # /nope/ would be taken for a signature
    return app


async def _page_file(service: Service, request: Request) -> Response:
    if request.path_params["name"] not in _FILES:
        raise SourceError(404, "there is no such file")
    return await _page(service, request)
