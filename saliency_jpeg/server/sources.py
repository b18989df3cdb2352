"""Pictures that a signed URL names: files below a folder, and files of hosts that the operator named."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import httpx
from anyio import to_thread

from .settings import Settings

__all__ = ["Fetcher", "SourceError"]

_PORTS: Final = {"http": 80, "https": 443}


class SourceError(Exception):
    """A picture cannot be had.

    Attributes:
        status: of the answer.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Fetcher:
    """Reads pictures by their address.

    A connection is opened to a host that the settings name and to no other: redirects are not followed, proxies of the
    environment not used, and addresses with a user's name refused.

    Args:
        settings: of the service.
        transport: of httpx, for tests.
    """

    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=settings.timeout,
            transport=transport,
            headers={"Accept-Encoding": "identity"},
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def fetch(self, address: str) -> bytes:
        """Returns a picture's file.

        Raises:
            SourceError: it is not allowed, missing, too large, or the host does not answer as it should.
        """
        try:
            parts = urlsplit(address)
            port = parts.port
        except ValueError as error:
            raise SourceError(400, f"the address cannot be read: {error}, got {address!r}") from error
        if parts.scheme == "local":
            data: bytes = await to_thread.run_sync(self._read, unquote(parts.netloc + parts.path))
            return data
        self._check_host(address, parts.scheme, parts.hostname or "", port, parts.username)
        return await self._download(_same_host(address, parts.hostname or "", port))

    def _read(self, name: str) -> bytes:
        root = self._settings.root
        if root is None:
            raise SourceError(403, "files of this machine are not served; name a folder with --root")
        try:
            path = (root / name.lstrip("/")).resolve(strict=True)
            if not path.is_relative_to(root.resolve()) or not path.is_file():
                raise FileNotFoundError
            if path.stat().st_size > self._settings.max_bytes:
                raise SourceError(413, f"a picture must have at most {self._settings.max_bytes} bytes")
            return Path(path).read_bytes()
        except (OSError, ValueError, RuntimeError) as error:  # the last of links in a circle
            raise SourceError(404, f"there is no such file, got {name!r}") from error

    def _check_host(self, address: str, scheme: str, host: str, port: int | None, user: str | None) -> None:
        own_port = _PORTS.get(scheme)
        name = host if port in (None, own_port) else f"{host}:{port}"
        if own_port is None or user is not None or name not in {each.lower() for each in self._settings.hosts}:
            raise SourceError(403, f"pictures of this host are not fetched; name it with --allow-host, got {address!r}")

    async def _download(self, address: httpx.URL) -> bytes:
        data, most = bytearray(), self._settings.max_bytes
        try:
            async with self._client.stream("GET", address) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise SourceError(502, f"{address} answered with status {answer.status_code}")
                if answer.headers.get("Content-Encoding", "identity") != "identity":  # may unpack to any size
                    raise SourceError(502, f"{address} answered with a content encoding, which was not asked for")
                async for chunk in answer.aiter_raw():
                    data += chunk
                    if len(data) > most:
                        raise SourceError(413, f"a picture must have at most {most} bytes")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceError(502, f"{address} cannot be fetched: {error or type(error).__name__}") from error
        return bytes(data)


def _same_host(address: str, host: str, port: int | None) -> httpx.URL:
    """Reads the address as httpx does, and refuses one in which httpx sees another host than the one checked."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise SourceError(400, f"the address cannot be read: {error}, got {address!r}") from error
    own_port = _PORTS.get(url.scheme)
    if host not in (url.host, url.raw_host.decode("ascii")) or (url.port or own_port) != (port or own_port):
        raise SourceError(400, f"the host of the address is ambiguous, got {address!r}")
    return url
