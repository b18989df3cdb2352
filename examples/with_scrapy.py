"""Scrapy: downloaded images stored in at most 25 kB; a local HTTP server provides them.

python examples/with_scrapy.py [FOLDER]
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import scrapy
from scrapy.crawler import CrawlerProcess

DATA = Path(__file__).resolve().parents[1] / "tests" / "data"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """Suppresses the server's log."""


class Spider(scrapy.Spider):  # type: ignore[misc, unused-ignore]
    name = "photographs"

    def parse(self, response: Any) -> Iterator[Any]:
        yield {"image_urls": [response.urljoin("kodim07.png")]}


def main(folder: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(DATA)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = {
        "ITEM_PIPELINES": {"saliency_jpeg.integrations.scrapy.SaliencyImagesPipeline": 1},
        "IMAGES_STORE": str(folder),
        "SALIENCY_JPEG": {"target_kb": 25, "saliency": [(400, 150, 700, 450)]},
        "LOG_LEVEL": "ERROR",
    }
    process = CrawlerProcess(settings)
    process.crawl(Spider, start_urls=[f"http://127.0.0.1:{server.server_port}/"])
    process.start()
    server.shutdown()
    for path in sorted(folder.rglob("*.jpg")):
        print(f"{path.name} {path.stat().st_size:7d} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
