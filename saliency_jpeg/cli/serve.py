"""``saliency-jpeg serve``: a small HTTP service, and a page to try it in; see :mod:`saliency_jpeg.server`."""

from __future__ import annotations

import argparse
import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

from ..io import full_package
from ..options import Options
from ..saliency import preset_names
from ..server.settings import KEY, SALT, Settings, secrets_of
from .options import add_command, add_options, parse_options
from .terminal import UsageError

__all__ = ["add"]

_PORT: Final = 8080
_DEFAULTS: Final = {field.name: field.default for field in fields(Settings)}
_NUMBERS: Final = {
    "workers": (int, "threads that encode (default: the processors)"),
    "queue": (int, "pictures that may wait; more are refused with status 503 (default: {})"),
    "max_bytes": (int, "most bytes of a picture (default: {})"),
    "timeout": (float, "seconds for one request (default: {})"),
    "max_age": (int, "seconds for which caches may keep what a signed URL names (default: {})"),
}
_NO_OPTIONS: Final = ("threads", "target_score")  # of a service


def add(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(commands, "serve", _run, "", "serve pictures over HTTP, and a page to try it in")
    parser.description = (
        "Serve pictures over HTTP, and a page to try it in. The options of the encoder hold for every picture unless "
        "a request says otherwise."
    )
    parser.epilog = (
        f"Signed URLs need a key in the environment variable {KEY}, and may have a salt in {SALT}, both in hex. "
        "Metadata are 'safe' and orientations applied unless told otherwise."
    )
    group = parser.add_argument_group("service")
    group.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen at (default: this machine only)"
    )
    group.add_argument("--port", type=int, default=_PORT, metavar="N", help=f"port to listen at (default: {_PORT})")
    group.add_argument("--root", type=Path, metavar="FOLDER", help="folder of pictures that signed URLs may name")
    group.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="host from which signed URLs may name pictures; may be repeated (default: none)",
    )
    for name, (kind, text) in _NUMBERS.items():
        help_text = text.format(_DEFAULTS[name])
        group.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="N", help=help_text)
    saliency = parser.add_argument_group("saliency")
    choices = ["none", *preset_names()]
    saliency.add_argument("--saliency", choices=choices, default="default", help="preset of the map, or none")
    parser.set_defaults(device=None)
    add_options(parser, saliency)


def _settings(arguments: argparse.Namespace) -> Settings:
    for name in _NO_OPTIONS:
        if getattr(arguments, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} cannot be used with serve")
    given = {name: getattr(arguments, name) for name in _NUMBERS if getattr(arguments, name) is not None}
    saliency = None if arguments.saliency == "none" else arguments.saliency
    options: Options = replace(
        parse_options(arguments),
        saliency=saliency,
        metadata=arguments.metadata or "safe",
        orientation=arguments.orientation or "apply",
    )
    key, salt = secrets_of()
    return Settings(
        options=options, key=key, salt=salt, root=arguments.root, hosts=tuple(arguments.allow_host), **given
    )


def _run(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    try:
        import uvicorn

        from ..server.app import create_app
    except ImportError as error:
        wanted = f"{full_package.distribution()}[serve]"
        raise UsageError(f"serve needs more packages: pip install '{wanted}', got {error}") from error
    patience = math.ceil(settings.timeout) + 1  # seconds for what has begun when the process is asked to end
    uvicorn.run(
        create_app(settings),
        host=arguments.host,
        port=arguments.port,
        log_level="info",
        access_log=False,
        timeout_graceful_shutdown=patience,
    )
    return 0
