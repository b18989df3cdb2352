"""What an operator says of the service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..errors import OptionError
from ..io import available_cpus
from ..options import Options

__all__ = ["KEY", "SALT", "Settings", "secrets_of"]

#: Environment variables with key and salt of signed URLs, in hex, as imgproxy has them.
KEY: Final = "SALIENCY_JPEG_KEY"
SALT: Final = "SALIENCY_JPEG_SALT"
_LEAST_KEY: Final = 16  # bytes


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the service; see :mod:`saliency_jpeg.server.app`.

    Attributes:
        options: what holds for every picture unless a request says otherwise. Metadata are ``"safe"``, and
            orientations applied, in the default.
        key: of signed URLs; empty: there are none.
        salt: of signed URLs.
        root: folder of the pictures that a signed URL names as ``local:///path``; ``None``: none.
        hosts: from which a signed URL may name pictures, such as ``"example.org"`` or ``"example.org:8080"``. Without
            any the service opens no connection.
        workers: threads that encode, one picture each.
        queue: pictures that may wait for a thread; more are refused with status 503.
        max_bytes: of a picture that is sent or fetched.
        timeout: seconds for one request, waiting included; then status 504.
        max_age: seconds for which a cache may keep the answer to a signed URL.

    Raises:
        OptionError: a value is out of range.
    """

    options: Options = field(default_factory=lambda: Options(metadata="safe", orientation="apply"))
    key: bytes = field(default=b"", repr=False)
    salt: bytes = field(default=b"", repr=False)
    root: Path | None = None
    hosts: tuple[str, ...] = ()
    workers: int = field(default_factory=available_cpus)
    queue: int = 16
    max_bytes: int = 30_000_000
    timeout: float = 30.0
    max_age: int = 86_400

    def __post_init__(self) -> None:
        for name, least in (("workers", 1), ("queue", 0), ("max_bytes", 1), ("timeout", 0.001), ("max_age", 0)):
            if getattr(self, name) < least:
                raise OptionError(f"{name} must be at least {least}, got {getattr(self, name)!r}")
        if self.key and len(self.key) < _LEAST_KEY:
            raise OptionError(f"the key must have at least {_LEAST_KEY} bytes, got {len(self.key)}")
        if self.root is not None and not self.root.is_dir():
            raise OptionError(f"root must be a folder, got {str(self.root)!r}")
        for host in self.hosts:
            if not host or "/" in host or "@" in host:
                raise OptionError(f"hosts must be names such as example.org or example.org:8080, got {host!r}")
        if (self.root is not None or self.hosts) and not self.key:
            raise OptionError(f"pictures by URL need a key in the environment variable {KEY}, got none")


def secrets_of(environment: Mapping[str, str] = os.environ) -> tuple[bytes, bytes]:
    """Returns key and salt of signed URLs from the environment; empty where there are none.

    Raises:
        OptionError: one is not hexadecimal.
    """
    try:
        return bytes.fromhex(environment.get(KEY, "")), bytes.fromhex(environment.get(SALT, ""))
    except ValueError as error:
        raise OptionError(
            f"{KEY} and {SALT} must be hexadecimal, such as openssl rand -hex 32 prints: {error}"
        ) from None
