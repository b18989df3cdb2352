"""thumbor: a server in this process, asked for an image in at most 10 000 bytes.

    python examples/with_thumbor.py [FOLDER]

A separate server needs three lines in ``thumbor.conf``; see ``saliency_jpeg/integrations/thumbor.py``.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from thumbor.config import Config
from thumbor.context import Context, ServerParameters
from thumbor.importer import Importer
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from saliency_jpeg.integrations.thumbor import ServiceApp

DATA = Path(__file__).resolve().parents[1] / "tests" / "data"
PICTURE = "unsafe/400x300/filters:format(jpeg):max_bytes(10000)/kodim07.png"


async def ask() -> bytes:
    config = Config(
        LOADER="thumbor.loaders.file_loader",
        FILE_LOADER_ROOT_PATH=str(DATA),
        STORAGE="thumbor.storages.no_storage",
        OPTIMIZERS=["saliency_jpeg.integrations.thumbor"],
        SALIENCY_JPEG_OPTIONS={"saliency": [(200, 75, 350, 225)]},
    )
    importer = Importer(config)
    importer.import_modules()
    context = Context(ServerParameters(0, "localhost", "thumbor.conf", None, "error", None), config, importer)
    socket, port = bind_unused_port()
    HTTPServer(ServiceApp(context)).add_socket(socket)
    answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/{PICTURE}")
    return bytes(answer.body)


def main(folder: Path) -> None:
    path = folder / "thumbor.jpg"
    path.write_bytes(asyncio.run(ask()))
    print(f"{path.name:14s}{path.stat().st_size:7d} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
