"""An HTML page to compare two images by eye: a single file without links, scripts or images from elsewhere."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from string import Template
from typing import Final, NamedTuple

__all__ = ["EmbeddedImage", "is_browser_format", "render_comparison"]

_MEDIA_TYPES: Final = (  # of the formats that every browser shows, by the first bytes of the file
    *((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n", "image/png"), (b"GIF8", "image/gif")),
    (b"RIFF", "image/webp"),
)

_OVERLAYS: Final = {"map": "saliency map", "bits": "bits per block of B"}
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
  fieldset { border: 0; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: .2rem .8rem; min-width: 0; }
  label { white-space: nowrap; }
  .frame { overflow: auto; max-height: 80vh; max-height: 80dvh; width: fit-content; max-width: 100%;
           border: 1px solid var(--line); touch-action: pan-x pan-y pinch-zoom; }
  .stage { position: relative; width: var(--width); line-height: 0; --at: 50%; isolation: isolate; background: #000;
           user-select: none; -webkit-user-select: none; }
  .view { container-type: inline-size; }
  .fit { --width: min($fit_width, 100cqw - 2px, (80vh - 2px) * $width / $height); }
  .stage img { width: 100%; height: 100%; position: absolute; inset: 0; object-fit: fill; }
  .stage img.first { position: static; height: auto; }
  .whole .stage { image-rendering: pixelated; }
  .split .second { clip-path: inset(0 0 0 var(--at)); }
  .a .second, .over { display: none; }
  .map .over.map, .bits .over.bits { display: block; }
  .difference .second { mix-blend-mode: difference; }
  .difference .stage { filter: brightness(6); }
  .handle { position: absolute; inset: 0 auto 0 var(--at); width: 44px; margin-left: -22px; display: none;
            touch-action: none; cursor: ew-resize; }
  .handle::before { content: ""; position: absolute; inset: 0 21px; background: #fff; box-shadow: 0 0 3px #000; }
  .handle::after { content: "\\2194"; position: sticky; top: calc(50% - 16px); display: block; width: 32px;
                   height: 32px; margin: 0 6px; border-radius: 50%; background: #fff; color: #000;
                   font: 20px/32px sans-serif; text-align: center; box-shadow: 0 0 4px #000; }
  .split .handle { display: block; }
  #slider { width: 10rem; }
  .note { margin: .5rem 0 0; font-size: .9rem; }
  table { border-collapse: collapse; margin-top: 1rem; }
  th, td { padding: .15rem .6rem .15rem 0; text-align: right; border-bottom: 1px solid var(--line); }
  th:first-child, td:first-child { text-align: left; font-weight: normal; overflow-wrap: anywhere; }
  td { white-space: nowrap; }
  td:first-child, .tables table:first-child td:nth-child(2) { white-space: normal; overflow-wrap: anywhere; }
  td:last-child { font-size: .9em; }
  thead th { font-weight: 600; }
  .tables { display: flex; flex-wrap: wrap; gap: 0 3rem; align-items: start; }
</style>
</head>
<body>
<main>
<h1>$title</h1>
<div class="bar">
  <fieldset id="modes" aria-label="View">$modes</fieldset>
  <fieldset id="zooms" aria-label="Size">
    <label><input type="radio" name="zoom" value="fit" checked> fit</label>
    <label><input type="radio" name="zoom" value="1"> 100 %</label>
    <label><input type="radio" name="zoom" value="3"> 300 %</label>
  </fieldset>
  <label>divide <input type="range" min="0" max="100" step="0.1" value="50" id="slider"></label>
</div>
<div class="view split" id="view">
  <div class="frame" id="frame" tabindex="0" role="region" aria-label="Pictures"><div class="stage fit" id="stage">
    <img class="first" alt="A: $first_name" src="$first" width="$width" height="$height" draggable="false">
    <img class="second" alt="B: $second_name" src="$second" draggable="false">
    $overlays
    <div class="handle" id="handle"></div>
  </div></div>
</div>
$notes
<div class="tables">$tables</div>
</main>
<script>
  const view = document.getElementById("view"), stage = document.getElementById("stage");
  const slider = document.getElementById("slider");
  const handle = document.getElementById("handle"), frame = document.getElementById("frame");
  const divide = at => {
    slider.value = at;
    stage.style.setProperty("--at", slider.value + "%");
  };
  slider.addEventListener("input", () => divide(slider.value));
  // The handle follows any pointer. Elsewhere a mouse divides where it is pressed, and a finger scrolls the picture.
  const follow = e => {
    const box = stage.getBoundingClientRect();
    divide(100 * (e.clientX - box.left) / box.width);
  };
  stage.addEventListener("pointerdown", e => {
    const isOn = view.classList.contains("split") && e.button === 0;
    if (!isOn || (e.pointerType === "touch" && e.target !== handle)) return;
    e.preventDefault();
    stage.setPointerCapture(e.pointerId);
    follow(e);
  });
  stage.addEventListener("pointermove", e => { if (stage.hasPointerCapture(e.pointerId)) follow(e); });
  document.getElementById("modes").addEventListener("change", e => {
    view.className = "view " + e.target.value + (view.classList.contains("whole") ? " whole" : "");
    slider.disabled = e.target.value !== "split";
  });
  document.getElementById("zooms").addEventListener("change", e => {
    const fit = e.target.value === "fit", factor = Number(e.target.value) / window.devicePixelRatio;
    const x = (frame.scrollLeft + frame.clientWidth / 2) / stage.clientWidth;
    const y = (frame.scrollTop + frame.clientHeight / 2) / stage.clientHeight;
    stage.classList.toggle("fit", fit);
    if (fit) stage.style.removeProperty("--width");
    else stage.style.setProperty("--width", $width * factor + "px");
    view.classList.toggle("whole", !fit);
    frame.scrollTo(x * stage.clientWidth - frame.clientWidth / 2, y * stage.clientHeight - frame.clientHeight / 2);
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
        note: what the reader must know of it.
    """

    name: str
    file: bytes
    note: str = ""


def is_browser_format(file: bytes) -> bool:
    """Returns whether every browser shows this file."""
    return any(file.startswith(start) for start, _ in _MEDIA_TYPES)


def render_comparison(
    first: EmbeddedImage,
    second: EmbeddedImage,
    overlays: Mapping[str, bytes],
    size: tuple[int, int],
    tables: Sequence[Sequence[Sequence[str]]],
) -> str:
    """Returns the page as HTML.

    Args:
        first: the reference, on the left of the slider.
        second: the image to compare with it, of the same size.
        overlays: files of the image with the saliency map (``"map"``) and the bits (``"bits"``) drawn over it.
        size: (height, width) of the images in pixels.
        tables: rows of text; the first row of each table is its head.
    """
    modes = [("split", "A | B"), ("a", "A"), ("b", "B"), ("difference", "difference, times 6")]
    modes += [(name, text) for name, text in _OVERLAYS.items() if name in overlays]
    notes = [f"{letter}: {image.note}." for letter, image in (("A", first), ("B", second)) if image.note]
    return _PAGE.substitute(
        title=html.escape(f"{first.name} | {second.name}"),
        first_name=html.escape(first.name),
        second_name=html.escape(second.name),
        first=_data_url(first.file),
        second=_data_url(second.file),
        overlays="\n".join(
            f'<img class="over {name}" alt="{_OVERLAYS[name]}" src="{_data_url(file)}" draggable="false">'
            for name, file in overlays.items()
        ),
        notes="\n".join(f'<p class="note">{html.escape(note)}</p>' for note in notes),
        modes="\n".join(_radio(value, text) for value, text in modes),
        fit_width=f"{size[1]}px",
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
