"""An HTML page to compare two images by eye: a single file without links, scripts or images from elsewhere."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from string import Template
from typing import Final, NamedTuple

__all__ = ["EmbeddedImage", "is_browser_format", "render_comparison"]

_MEDIA_TYPES: Final = (  # of the formats that every browser shows, by the first bytes of the file
    *((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n", "image/png"), (b"GIF8", "image/gif")),
)

_PAGE: Final = Template(
    """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
  :root { color-scheme: light dark; --line: #8886; }
  body { margin: 0 auto; max-width: 90rem; padding: 1rem; font: 15px/1.5 system-ui, sans-serif; }
  h1 { font-size: 1.1rem; margin: 0 0 .6rem; overflow-wrap: anywhere; }
  .bar { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; align-items: center; margin-bottom: .6rem; }
  fieldset { border: 0; padding: 0; margin: 0; display: flex; gap: .8rem; }
  .frame { overflow: auto; max-height: 82vh; border: 1px solid var(--line); }
  .stage { position: relative; width: var(--width); line-height: 0; --at: 50%; isolation: isolate; background: #000; }
  .stage img { width: 100%; height: 100%; position: absolute; inset: 0; object-fit: fill; }
  .stage img.first { position: static; height: auto; }
  .whole .stage { image-rendering: pixelated; }
  .split .second { clip-path: inset(0 0 0 var(--at)); }
  .a .second, .difference .map, .split .map, .a .map, .b .map { display: none; }
  .difference .second { mix-blend-mode: difference; }
  .difference .stage { filter: brightness(6); }
  .handle { position: absolute; inset: 0 auto 0 var(--at); width: 2px; margin-left: -1px; background: #fff;
            box-shadow: 0 0 3px #000; pointer-events: none; display: none; }
  .split .handle { display: block; }
  .stage input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize; }
  .stage input:focus-visible ~ .handle { background: #4af; }
  .view:not(.split) .stage input { display: none; }
  table { border-collapse: collapse; margin-top: 1rem; }
  th, td { padding: .15rem .9rem .15rem 0; text-align: right; border-bottom: 1px solid var(--line); }
  th:first-child, td:first-child { text-align: left; font-weight: normal; }
  thead th { font-weight: 600; }
  .tables { display: flex; flex-wrap: wrap; gap: 0 3rem; align-items: start; }
</style>
</head>
<body>
<h1>$title</h1>
<div class="bar">
  <fieldset id="modes" aria-label="View">$modes</fieldset>
  <fieldset id="zooms" aria-label="Size">
    <label><input type="radio" name="zoom" value="fit" checked> fit</label>
    <label><input type="radio" name="zoom" value="1"> 100 %</label>
    <label><input type="radio" name="zoom" value="3"> 300 %</label>
  </fieldset>
</div>
<div class="view split" id="view">
  <div class="frame" id="frame" style="max-width: ${width}px"><div class="stage" id="stage" style="--width: 100%">
    <img class="first" alt="A: $first_name" src="$first" width="$width" height="$height">
    <img class="second" alt="B: $second_name" src="$second">
    $map
    <input type="range" min="0" max="100" step="0.1" value="50" id="slider" aria-label="Divide between A and B">
    <div class="handle"></div>
  </div></div>
</div>
<div class="tables">$tables</div>
<script>
  const view = document.getElementById("view"), stage = document.getElementById("stage");
  const slider = document.getElementById("slider");
  slider.addEventListener("input", () => stage.style.setProperty("--at", slider.value + "%"));
  document.getElementById("modes").addEventListener("change", e => {
    view.className = "view " + e.target.value + (view.classList.contains("whole") ? " whole" : "");
  });
  document.getElementById("zooms").addEventListener("change", e => {
    const fit = e.target.value === "fit", factor = Number(e.target.value) / window.devicePixelRatio;
    stage.style.setProperty("--width", fit ? "100%" : $width * factor + "px");
    document.getElementById("frame").style.maxWidth = fit ? "${width}px" : "none";
    view.classList.toggle("whole", !fit);
  });
</script>
</body>
</html>
"""
)


class EmbeddedImage(NamedTuple):
    """An image on the page.

    Attributes:
        name: shown in the title.
        file: bytes of a file in a format that every browser shows.
    """

    name: str
    file: bytes


def is_browser_format(file: bytes) -> bool:
    """Returns whether every browser shows this file."""
    return any(file.startswith(start) for start, _ in _MEDIA_TYPES)


def render_comparison(
    first: EmbeddedImage,
    second: EmbeddedImage,
    heatmap: bytes | None,
    size: tuple[int, int],
    tables: Sequence[Sequence[Sequence[str]]],
) -> str:
    """Returns the page as HTML.

    Args:
        first: the reference, on the left of the slider.
        second: the image to compare with it, of the same size.
        heatmap: file of the saliency map drawn over the image, or ``None``.
        size: (height, width) of the images in pixels.
        tables: rows of text; the first row of each table is its head.
    """
    modes = [("split", "A | B"), ("a", "A"), ("b", "B"), ("difference", "difference, times 6")]
    modes += [("map", "saliency map")] if heatmap is not None else []
    return _PAGE.substitute(
        title=html.escape(f"{first.name} | {second.name}"),
        first_name=html.escape(first.name),
        second_name=html.escape(second.name),
        first=_data_url(first.file),
        second=_data_url(second.file),
        map="" if heatmap is None else f'<img class="map" alt="saliency map" src="{_data_url(heatmap)}">',
        modes="\n".join(_radio(value, text) for value, text in modes),
        width=size[1],
        height=size[0],
        tables="\n".join(map(_table, tables)),
    )


def _radio(value: str, text: str) -> str:
    checked = " checked" if value == "split" else ""
    return f'<label><input type="radio" name="mode" value="{value}"{checked}> {text}</label>'


def _data_url(file: bytes) -> str:
    media_type = next(kind for start, kind in _MEDIA_TYPES if file.startswith(start))
    return f"data:{media_type};base64,{base64.b64encode(file).decode()}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = [
        "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
        for tag, row in zip(["th"] + ["td"] * (len(rows) - 1), rows, strict=True)
    ]
    lines = "\n".join(f"<tr>{row}</tr>" for row in body)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{lines}\n</tbody></table>"
