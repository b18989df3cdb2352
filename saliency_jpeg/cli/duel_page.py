"""The page of a blind test: pairs of pictures, one after the other, judged with three keys.

A single file without links, scripts or images from elsewhere. It holds the pictures and their numbers, and nothing that
says which encoder made which: all are lossless WebP files of decoded pixels.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable
from string import Template
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["PagePair", "render_duel"]

_PAGE: Final = Template(
    """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Blind pairs</title>
<style>
  body { margin: 0; padding: .6rem 1rem; font: 15px/1.5 system-ui, sans-serif; background: #777; color: #fff; }
  h1 { font-size: 1.1rem; margin: 0; display: inline; }
  .bar { display: flex; flex-wrap: wrap; gap: .4rem .8rem; align-items: center; margin-bottom: .5rem; }
  button, input { font: inherit; padding: .2rem .7rem; border: 1px solid #222; border-radius: 4px; }
  button { background: #ddd; color: #111; cursor: pointer; }
  button[aria-pressed=true] { background: #fff; outline: 3px solid #036; }
  :focus-visible { outline: 3px solid #ff0; outline-offset: 1px; }
  kbd { font: inherit; border: 1px solid #888; border-radius: 3px; padding: 0 .3em; background: #fff; }
  .stage { display: flex; gap: 24px; overflow: auto; align-items: flex-start; }
  figure { margin: 0; flex: none; }
  figcaption { text-align: center; }
  .stack { display: grid; }
  .stack img { grid-area: 1 / 1; display: block; }
  .stack .original, .show-original .stack .file { visibility: hidden; }
  .show-original .stack .original { visibility: visible; }
  .flip figure { position: absolute; visibility: hidden; }
  .flip figure.shown { position: static; visibility: visible; }
  .flip figure:not(.shown) * { visibility: hidden !important; }
</style>
</head>
<body>
<div class="bar">
  <h1 id="title" aria-live="polite">Blind pairs</h1>
  <progress id="progress" value="0" max="$count" aria-label="Pairs answered"></progress>
  <span id="answered"></span>
</div>
<div class="bar" role="group" aria-label="Which picture looks better?">
  <button id="left" aria-pressed="false" aria-keyshortcuts="1"><kbd>1</kbd> left is better</button>
  <button id="same" aria-pressed="false" aria-keyshortcuts="0"><kbd>0</kbd> no difference</button>
  <button id="right" aria-pressed="false" aria-keyshortcuts="2"><kbd>2</kbd> right is better</button>
  <button id="original" aria-pressed="false" aria-keyshortcuts="O"><kbd>O</kbd> original</button>
  <button id="flip" aria-pressed="false" aria-keyshortcuts="F"><kbd>F</kbd> flip in one place</button>
  <button id="switch" aria-keyshortcuts="X"><kbd>X</kbd> switch left and right</button>
  <button id="back" aria-keyshortcuts="B"><kbd>B</kbd> back</button>
  <button id="next" aria-keyshortcuts="N"><kbd>N</kbd> next</button>
  <label>Your name <input id="judge" autocomplete="off" size="12"></label>
  <button id="save" aria-keyshortcuts="S"><kbd>S</kbd> download answers.json</button>
</div>
<main class="stage" id="stage" tabindex="0" aria-label="The pictures, at 100 %">
  <figure id="figure-left" class="shown"><figcaption>left</figcaption><div class="stack">
    <img class="file" alt="left picture"><img class="original" alt="original"></div></figure>
  <figure id="figure-right"><figcaption>right</figcaption><div class="stack">
    <img class="file" alt="right picture"><img class="original" alt="original"></div></figure>
</main>
$pictures
<script>
  const set = "$set", sizes = $sizes, count = sizes.length, store = "blind-pairs-" + set;
  const at = id => document.getElementById(id), sides = ["left", "right"];
  const stage = at("stage");
  let answers = {}, current = 1, token = 0;

  function remember() {
    try { localStorage.setItem(store, JSON.stringify({answers, current, judge: at("judge").value})); } catch {}
  }
  function recall() {
    try {
      const kept = JSON.parse(localStorage.getItem(store));
      if (kept) { answers = kept.answers; current = kept.current; at("judge").value = kept.judge; }
    } catch {}
  }
  const source = (pair, kind) => "data:image/webp;base64," + at(kind + "-" + pair).textContent.trim();

  async function show() {
    const mine = ++token, [width, height] = sizes[current - 1], ratio = window.devicePixelRatio;
    stage.classList.remove("show-original");
    stage.style.opacity = 0;
    const waits = [];
    for (const side of sides) {
      const [file, original] = at("figure-" + side).querySelectorAll("img");
      file.src = source(current, side);
      original.src = source(current, "original");
      for (const image of [file, original]) {
        image.style.width = width / ratio + "px";
        image.style.height = height / ratio + "px";
        waits.push(image.decode().catch(() => {}));
      }
    }
    refresh();
    await Promise.all(waits);
    if (mine === token) stage.style.opacity = 1;
  }
  function refresh() {
    const flip = stage.classList.contains("flip"), original = stage.classList.contains("show-original");
    const done = Object.keys(answers).length;
    const shown = at("figure-left").classList.contains("shown") ? "left" : "right";
    at("title").textContent = "Pair " + current + " of " + count + (original ? ": original" : flip ? ": " + shown : "");
    at("progress").value = done;
    at("answered").textContent = done + " answered" + (done === count ? ": please download your answers" : "");
    for (const choice of ["left", "same", "right"]) {
      at(choice).setAttribute("aria-pressed", answers[current] === choice);
    }
    at("original").setAttribute("aria-pressed", original);
    at("flip").setAttribute("aria-pressed", flip);
    at("switch").disabled = !flip;
    at("back").disabled = current === 1;
    at("next").disabled = current === count;
    for (const caption of document.querySelectorAll("figcaption")) {
      caption.textContent = original ? "original" : caption.parentElement.id.slice(7);
    }
  }
  function go(step) {
    current = Math.min(Math.max(current + step, 1), count);
    remember();
    show();
  }
  function choose(choice) {
    answers[current] = choice;
    if (current < count) return go(1);
    remember();
    refresh();
  }
  function toggle(name) { stage.classList.toggle(name); refresh(); }
  function swap() {
    if (!stage.classList.contains("flip")) return;
    for (const side of sides) at("figure-" + side).classList.toggle("shown");
    refresh();
  }
  function save() {
    const listed = Object.keys(answers).map(Number).sort((a, b) => a - b).map(pair => ({pair, choice: answers[pair]}));
    const text = JSON.stringify({set, judge: at("judge").value, answers: listed}, null, 1) + "\\n";
    const link = document.createElement("a");
    link.href = "data:application/json;charset=utf-8," + encodeURIComponent(text);
    link.download = "answers.json";
    link.click();
  }
  const actions = {
    left: () => choose("left"), same: () => choose("same"), right: () => choose("right"),
    original: () => toggle("show-original"), flip: () => toggle("flip"), switch: swap,
    back: () => go(-1), next: () => go(1), save,
  };
  const keys = {
    "1": "left", "0": "same", "2": "right", o: "original", f: "flip", x: "switch", " ": "switch",
    b: "back", arrowleft: "back", n: "next", arrowright: "next", s: "save",
  };
  for (const id in actions) at(id).addEventListener("click", actions[id]);
  at("judge").addEventListener("input", remember);
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "INPUT") return;
    if (event.key === " " && event.target.tagName === "BUTTON") return;
    const action = keys[event.key.toLowerCase()];
    if (!action || (event.key.startsWith("Arrow") && event.target === stage)) return;
    event.preventDefault();
    actions[action]();
  });
  window.addEventListener("resize", show);
  recall();
  show();
</script>
</body>
</html>
"""
)


class PagePair(NamedTuple):
    """The pictures of a pair, uint8 (H, W, 3) of one size."""

    left: npt.NDArray[np.uint8]
    right: npt.NDArray[np.uint8]
    original: npt.NDArray[np.uint8]


def render_duel(pairs: Iterable[PagePair], set_name: str) -> str:
    """Returns the page as HTML.

    Args:
        pairs: in order; the page numbers them from 1. Each is used once and let go.
        set_name: name of the set of pairs, which the answers carry: letters and digits.
    """
    pictures, sizes = [], []
    for number, pair in enumerate(pairs, 1):
        sizes.append(pair.original.shape[1::-1])
        pictures += [_element(f"{kind}-{number}", pixels) for kind, pixels in pair._asdict().items()]
    text = {"set": set_name, "count": len(sizes), "sizes": json.dumps(sizes), "pictures": "\n".join(pictures)}
    return _PAGE.substitute(text)


def _element(identity: str, pixels: npt.NDArray[np.uint8]) -> str:
    """A picture as text that the browser does not read before the page asks for it."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", lossless=True, quality=50, method=2)
    return f'<script type="text/plain" id="{identity}">{base64.b64encode(file.getvalue()).decode()}</script>'
