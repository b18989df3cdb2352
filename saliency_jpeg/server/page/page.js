// The page: sends the picture to /compress and shows what comes back. No library, nothing from elsewhere.
"use strict";

const byId = (id) => document.getElementById(id);
const state = { file: null, before: null, painted: false, asked: 0, timer: 0, brush: { x: 64, y: 48 } };
const paint = byId("paint");
const strokes = paint.getContext("2d", { willReadFrequently: true });

const bytesText = (bytes) => `${bytes.toLocaleString("en")} bytes`;
const fromRange = (value) => Math.max(1, Math.round(2 * Math.pow(1000, value / 100)));
const toRange = (kilobytes) => Math.round((100 * Math.log(kilobytes / 2)) / Math.log(1000));
const png = (text) => `data:image/png;base64,${text}`;

function say(text, failed = false) {
  byId("status").textContent = text;
  byId("status").classList.toggle("failed", failed);
}

// The painted area as a gray PNG file in URL-safe Base64.
function mask() {
  const canvas = document.createElement("canvas");
  canvas.width = paint.width;
  canvas.height = paint.height;
  const context = canvas.getContext("2d");
  context.fillRect(0, 0, canvas.width, canvas.height);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const given = strokes.getImageData(0, 0, paint.width, paint.height).data;
  for (let i = 0; i < given.length; i += 4) pixels.data.fill(given[i + 3] > 127 ? 255 : 0, i, i + 3);
  context.putImageData(pixels, 0, 0);
  const text = canvas.toDataURL("image/png").split(",")[1];
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function query() {
  const values = new URLSearchParams({ format: "json", target_kb: byId("kilobytes").value });
  if (byId("width").value) values.set("width", byId("width").value);
  if (state.painted) values.set("protect", mask());
  return values;
}

async function compress() {
  if (!state.file) return;
  const number = ++state.asked;
  say("Working …");
  try {
    const answer = await fetch(`compress?${query()}`, { method: "POST", body: state.file });
    const result = await answer.json();
    if (number !== state.asked) return; // a newer request is on its way
    if (!answer.ok) throw new Error(result.error);
    show(result);
  } catch (error) {
    if (number === state.asked) say(`That did not work: ${error.message}`, true);
  }
}

function later() {
  clearTimeout(state.timer);
  state.timer = setTimeout(compress, 250);
}

function show(result) {
  const jpeg = `data:image/jpeg;base64,${result.jpeg}`;
  byId("before").src = byId("under").src = state.before;
  byId("after").src = byId("save").href = jpeg;
  byId("map").src = result.map ? png(result.map) : "";
  byId("bits").src = png(result.bits);
  const facts = {
    Before: bytesText(result.bytes_in),
    After: `${bytesText(result.bytes_out)}, ${(100 * (1 - result.bytes_out / result.bytes_in)).toFixed(1)} % smaller`,
    Picture: `${result.width} x ${result.height} pixels, ${result.bits_per_pixel} bits a pixel`,
    Quality: String(result.quality),
  };
  const rows = Object.entries(facts).flatMap(([name, value]) => {
    const [term, text] = [document.createElement("dt"), document.createElement("dd")];
    [term.textContent, text.textContent] = [name, value];
    return [term, text];
  });
  byId("sizes").replaceChildren(...rows);
  byId("result").hidden = false;
  say(result.warnings.length ? result.warnings.join(" ") : `Done: ${bytesText(result.bytes_out)}.`);
}

async function take(file) {
  if (state.before) URL.revokeObjectURL(state.before);
  state.file = file;
  state.before = URL.createObjectURL(file);
  clearPaint();
  try {
    const picture = await createImageBitmap(file);
    const scale = 128 / Math.max(picture.width, picture.height);
    paint.width = Math.max(1, Math.round(picture.width * scale));
    paint.height = Math.max(1, Math.round(picture.height * scale));
  } catch {
    // the browser cannot show it; the service may still read it
  }
  await compress();
}

// Painting ------------------------------------------------------------------------------------------------------------

function dab(x, y) {
  strokes.fillStyle = "#ffd400";
  strokes.beginPath();
  strokes.arc(x, y, Number(byId("brush").value), 0, 2 * Math.PI);
  strokes.fill();
  state.brush = { x, y };
  state.painted = true;
  paint.setAttribute("aria-label", "Painted area");
  later();
}

function clearPaint() {
  strokes.clearRect(0, 0, paint.width, paint.height);
  state.painted = false;
  paint.setAttribute("aria-label", "Painted area, empty");
}

function pointed(event) {
  if (event.type === "pointermove" && event.buttons === 0) return;
  const box = paint.getBoundingClientRect();
  dab(((event.clientX - box.left) * paint.width) / box.width, ((event.clientY - box.top) * paint.height) / box.height);
}

function keyed(event) {
  const moves = { ArrowLeft: [-4, 0], ArrowRight: [4, 0], ArrowUp: [0, -4], ArrowDown: [0, 4], " ": [0, 0] };
  if (!(event.key in moves)) return;
  event.preventDefault();
  const [across, down] = moves[event.key];
  state.brush.x = Math.min(Math.max(state.brush.x + across, 0), paint.width);
  state.brush.y = Math.min(Math.max(state.brush.y + down, 0), paint.height);
  if (event.key === " ") dab(state.brush.x, state.brush.y);
}

// Events --------------------------------------------------------------------------------------------------------------

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  compress();
});
byId("file").addEventListener("change", (event) => event.target.files.length && take(event.target.files[0]));
byId("range").addEventListener("input", (event) => {
  byId("kilobytes").value = fromRange(Number(event.target.value));
  later();
});
byId("kilobytes").addEventListener("input", (event) => {
  byId("range").value = toRange(Number(event.target.value));
  later();
});
byId("width").addEventListener("input", later);
byId("split").addEventListener("input", (event) => {
  byId("after").style.setProperty("--split", `${event.target.value}%`);
});
byId("clear").addEventListener("click", () => {
  clearPaint();
  later();
});
paint.addEventListener("pointerdown", (event) => {
  paint.setPointerCapture(event.pointerId);
  pointed(event);
});
paint.addEventListener("pointermove", pointed);
paint.addEventListener("keydown", keyed);
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    byId("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
}
