// The page of `cnn serve`: a picture is drawn or dropped, and the answer appears. Names come from data sets and are shown as text.

const find = (id) => document.getElementById(id);
const paper = find("paper");
const ink = paper.getContext("2d", { willReadFrequently: true });
const SHOWN = 10; // classes
const WAIT = 120; // milliseconds after the pen is lifted
let model = null;
let current = null; // what was asked about last: { blob, name }
let asked = 0; // number of the request under way; answers to older ones are let go

const background = () => (model?.dark ? "#000" : "#fff");
const foreground = () => (model?.dark ? "#fff" : "#000");

function clearPaper() {
  ink.fillStyle = background();
  ink.fillRect(0, 0, paper.width, paper.height);
}

// ---- drawing

const PEN = 20; // width of a line on the paper of 280, as lines of MNIST's digits are on 28 pixels
let strokes = []; // lists of places on the paper
let isDown = false;
let timer = 0;

function place(event) {
  const box = paper.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * paper.width, ((event.clientY - box.top) / box.height) * paper.height];
}

function line(context, places) {
  context.strokeStyle = foreground();
  context.lineWidth = PEN;
  context.lineCap = "round";
  context.lineJoin = "round";
  context.beginPath();
  context.moveTo(...places[0]);
  for (const next of places.length > 1 ? places.slice(1) : places) context.lineTo(...next);
  context.stroke();
}

paper.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  if (!current?.isDrawn) {
    strokes = [];
    clearPaper();
  }
  clearTimeout(timer);
  paper.setPointerCapture(event.pointerId);
  isDown = true;
  strokes.push([place(event)]);
  line(ink, strokes.at(-1));
  current = { isDrawn: true };
});
paper.addEventListener("pointermove", (event) => {
  if (!isDown) return;
  const stroke = strokes.at(-1);
  for (const step of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) {
    const next = place(step);
    line(ink, [stroke.at(-1), next]);
    stroke.push(next);
  }
});
for (const end of ["pointerup", "pointercancel"]) {
  paper.addEventListener(end, () => {
    if (!isDown) return;
    isDown = false;
    clearTimeout(timer);
    timer = setTimeout(askDrawing, WAIT);
  });
}

// Draws the strokes anew as digits of MNIST lie: the longer side 20 of 28, the centre of mass in the middle, and lines as wide
// however large they were drawn.
function centred() {
  const places = strokes.flat();
  const [left, top] = [0, 1].map((side) => Math.min(...places.map((place) => place[side])));
  const [right, bottom] = [0, 1].map((side) => Math.max(...places.map((place) => place[side])));
  const canvas = document.createElement("canvas");
  const size = paper.width;
  [canvas.width, canvas.height] = [size, size];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  // A dot stays one.
  const scale = ((20 / 28) * size - PEN) / Math.max(right - left, bottom - top, size / 8);
  const draw = ([x, y]) => {
    context.fillStyle = background();
    context.fillRect(0, 0, size, size);
    for (const stroke of strokes) line(context, stroke.map((place) => [(place[0] - x) * scale + size / 2, (place[1] - y) * scale + size / 2]));
  };
  const middle = [(left + right) / 2, (top + bottom) / 2];
  draw(middle);
  const [x, y] = mass(context, size);
  draw([middle[0] + (x - size / 2) / scale, middle[1] + (y - size / 2) / scale]);
  return canvas;
}

// Returns the centre of mass of what is drawn.
function mass(context, size) {
  const pixels = context.getImageData(0, 0, size, size).data;
  const empty = model.dark ? 0 : 255;
  let [sum, x, y] = [0, 0, 0];
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const weight = Math.abs(pixels[4 * (row * size + column)] - empty);
      sum += weight;
      x += weight * (column + 0.5);
      y += weight * (row + 0.5);
    }
  }
  return sum > 0 ? [x / sum, y / sum] : [size / 2, size / 2];
}

// Returns what a canvas shows as a file. `toBlob` would wait for the browser to have nothing else to do.
function png(canvas) {
  const [, text] = canvas.toDataURL("image/png").split(",");
  return new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], { type: "image/png" });
}

function askDrawing() {
  if (!current?.isDrawn || isDown || strokes.length === 0) return;
  const canvas = find("centre").checked ? centred() : paper;
  ask([{ blob: png(canvas), name: "drawing", isDrawn: true }]);
}

// ---- files

async function show(file) {
  clearPaper();
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(paper.width / picture.width, paper.height / picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    ink.imageSmoothingEnabled = scale < 1;
    ink.drawImage(picture, (paper.width - width) / 2, (paper.height - height) / 2, width, height);
  } catch {
    // Arrays and sounds cannot be shown; the network may take them all the same.
  }
}

function open(files) {
  const pictures = [...files].map((file) => ({ blob: file, name: file.name }));
  if (pictures.length === 0) return;
  clearTimeout(timer);
  show(pictures[0].blob);
  ask(pictures);
}

find("file").addEventListener("change", (event) => {
  open(event.target.files);
  event.target.value = "";
});
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  open(event.dataTransfer.files);
});

// ---- answers

function say(text, isFault = false) {
  find("status").textContent = text;
  find("status").className = isFault ? "fault" : "";
}

async function post(path, body, signal) {
  const response = await fetch(path, { method: "POST", body, signal });
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  const first = told.results?.[0]?.error;
  throw new Error(first || [told.error, told.help].filter(Boolean).join("; ") || `${response.status} ${response.statusText}`);
}

async function ask(pictures) {
  const number = ++asked;
  current = pictures[0];
  say("");
  try {
    const form = new FormData();
    for (const { blob, name } of pictures) form.append("image", blob, name);
    const response = await post(`/predict?top_k=${SHOWN}`, form);
    const { results } = await response.json();
    if (number !== asked) return;
    pictures.forEach((picture, index) => (picture.result = results[index]));
    list(pictures);
    answer(pictures[0]);
  } catch (error) {
    if (number !== asked) return;
    list([]);
    answer({ result: {} });
    say(pictures.length > 1 ? error.message : `${pictures[0].name}: ${error.message}`, true);
  }
}

function list(pictures) {
  find("many").replaceChildren(
    ...(pictures.length < 2 ? [] : pictures).map((picture) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const { predictions, values, error } = picture.result;
      const words = error ?? predictions?.[0]?.class ?? Object.values(values ?? {})[0];
      button.textContent = `${picture.name}: ${words}`;
      button.addEventListener("click", () => {
        current = picture;
        show(picture.blob);
        answer(picture);
      });
      item.append(button);
      return item;
    }),
  );
}

function row(name, share, figure) {
  const row = document.createElement("tr");
  const cells = [0, 1, 2].map(() => row.insertCell());
  cells[0].className = "name";
  cells[0].textContent = name;
  if (share !== null) {
    const meter = document.createElement("meter");
    meter.value = share;
    meter.ariaLabel = name;
    cells[1].append(meter);
  }
  cells[2].className = "figure";
  cells[2].textContent = figure;
  return row;
}

function answer(picture) {
  const { predictions, values, error } = picture.result;
  find("answer").textContent = predictions?.[0]?.class ?? "";
  const rows = (predictions ?? []).map((one) => row(one.class, one.probability, `${(one.probability * 100).toFixed(2)} %`));
  rows.push(...Object.entries(values ?? {}).map(([name, value]) => row(name, null, value.toPrecision(5))));
  find("bars").replaceChildren(...rows);
  say(error ? `${picture.name}: ${error}` : "", Boolean(error));
  const isKnown = Boolean(predictions || values);
  find("inside").hidden = !(isKnown && model.pictures);
  if (isKnown && model.pictures) look();
}

// ---- inside the network

const drawing = new Map(); // what stops the request under way for an image

async function draw(image, path, words) {
  drawing.get(image)?.abort();
  const own = new AbortController();
  drawing.set(image, own);
  try {
    const response = await post(path, current.blob, own.signal);
    const blob = await response.blob();
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(blob);
    image.alt = words;
    image.hidden = false;
  } catch (error) {
    if (own.signal.aborted) return;
    image.hidden = true;
    say(error.message, true);
  }
}

// What a map of importance shows.
const WORDS = {
  "grad-cam": "the maps of the last convolution that speak for the class, coarse",
  "grad-cam++": "the same, each place by itself",
  saliency: "how much the answer changes with each pixel",
  "smooth-grad": "the same, averaged over pictures with noise",
  "integrated-gradients": "each pixel's share in the difference from black: red for, blue against",
  occlusion: "what the answer loses where a patch is covered: red for, blue against",
};

function explain() {
  if (!current?.blob) return;
  const [method, name] = [find("method").value, find("class").value];
  find("words").textContent = `The picture as the network gets it, the map, and one over the other; the brighter, the more: ${WORDS[method] ?? ""}.`;
  const query = new URLSearchParams({ method, ...(name === "" ? {} : { class: name }) });
  return draw(find("explained"), `/explain?${query}`, `Which parts of the picture speak for the answer, by ${method}`);
}

function features() {
  if (!current?.blob) return;
  const layer = find("layer").value;
  const query = new URLSearchParams({ layer });
  return draw(find("features"), `/features?${query}`, `Feature maps of layer ${layer}`);
}

function look() {
  explain();
  features();
}

// Says what to do where nothing was asked yet.
function invite() {
  say(model.pictures ? "Draw on the paper, or drop a picture." : "Drop a file: an array (.npy) or a sound (.wav).");
}

find("method").addEventListener("change", explain);
find("class").addEventListener("change", explain);
find("layer").addEventListener("change", features);
find("centre").addEventListener("change", askDrawing);
find("clear").addEventListener("click", () => {
  asked++;
  clearTimeout(timer);
  strokes = [];
  for (const underWay of drawing.values()) underWay.abort();
  current = null;
  clearPaper();
  list([]);
  invite();
  find("answer").textContent = "";
  find("bars").replaceChildren();
  find("inside").hidden = true;
});

// ---- the network

function options(select, entries) {
  select.replaceChildren(...entries.map(([value, words]) => new Option(words, value)));
}

async function start() {
  clearPaper();
  try {
    const response = await fetch("/model");
    model = await response.json();
  } catch {
    say("The network does not answer.", true);
    return;
  }
  document.title = model.name;
  find("name").textContent = model.name;
  const count = model.classes.length;
  const known = count <= 20 ? `: ${model.classes.join(", ")}` : "";
  find("about").textContent = `${model.parameters.toLocaleString("en")} parameters, input ${model.input.join("x")}, ${count} ${model.learns}${known}`;
  find("report").hidden = !model.report;
  find("paper").hidden = !model.pictures;
  options(find("method"), model.methods.map((method) => [method, method]));
  options(find("class"), [["", "the most probable"], ...model.classes.map((name) => [name, name])]);
  options(find("layer"), model.layers.map(({ name, path, type, output }) => [path, `${name} ${name === path ? type : `(${type})`} ${output.join("x")}`]));
  find("layer").value = model.layers.find(({ output }) => output.length === 3)?.path ?? model.layers[0]?.path;
  document.body.dataset.ready = "true";
  clearPaper();
  invite();
}

start();
