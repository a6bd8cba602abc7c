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

let last = null;
let timer = 0;

function place(event) {
  const box = paper.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * paper.width, ((event.clientY - box.top) / box.height) * paper.height];
}

function line(from, to) {
  ink.strokeStyle = foreground();
  ink.lineWidth = 20;
  ink.lineCap = "round";
  ink.lineJoin = "round";
  ink.beginPath();
  ink.moveTo(...from);
  ink.lineTo(...to);
  ink.stroke();
}

paper.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  if (!current?.isDrawn) clearPaper();
  paper.setPointerCapture(event.pointerId);
  last = place(event);
  line(last, last);
  current = { isDrawn: true };
});
paper.addEventListener("pointermove", (event) => {
  if (!last) return;
  for (const step of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) {
    const next = place(step);
    line(last, next);
    last = next;
  }
});
for (const end of ["pointerup", "pointercancel"]) {
  paper.addEventListener(end, () => {
    if (!last) return;
    last = null;
    clearTimeout(timer);
    timer = setTimeout(askDrawing, WAIT);
  });
}

// Brings what is drawn to the middle and to the size that digits of MNIST have: the longer side 20 of 28, the centre of mass in
// the middle.
function centred() {
  const { width, height } = paper;
  const pixels = ink.getImageData(0, 0, width, height).data;
  const empty = model.dark ? 0 : 255;
  let [left, right, top, bottom, mass, x, y] = [width, -1, height, -1, 0, 0, 0];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const weight = Math.abs(pixels[4 * (row * width + column)] - empty);
      if (weight === 0) continue;
      [left, right, top, bottom] = [Math.min(left, column), Math.max(right, column), Math.min(top, row), Math.max(bottom, row)];
      mass += weight;
      x += weight * (column + 0.5);
      y += weight * (row + 0.5);
    }
  }
  if (mass === 0) return paper;
  const scale = ((20 / 28) * width) / Math.max(right - left + 1, bottom - top + 1);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  context.fillStyle = background();
  context.fillRect(0, 0, width, height);
  context.translate(width / 2, height / 2);
  context.scale(scale, scale);
  context.drawImage(paper, -x / mass, -y / mass);
  return canvas;
}

async function askDrawing() {
  if (!current?.isDrawn) return;
  const canvas = find("centre").checked ? centred() : paper;
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  ask([{ blob, name: "drawing", isDrawn: true }]);
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

async function post(path, body) {
  const response = await fetch(path, { method: "POST", body });
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  const first = told.results?.[0]?.error;
  throw new Error(first ?? [told.error, told.help].filter(Boolean).join("; ") ?? response.statusText);
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
    say(error.message, true);
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
  if (error) say(error, true);
  const isKnown = Boolean(predictions || values);
  find("inside").hidden = !(isKnown && model.pictures);
  if (isKnown && model.pictures) look();
}

// ---- inside the network

async function draw(image, path, words) {
  const picture = current;
  try {
    const response = await post(path, picture.blob);
    const blob = await response.blob();
    if (picture !== current) return;
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(blob);
    image.alt = words;
    image.hidden = false;
  } catch (error) {
    image.hidden = true;
    say(error.message, true);
  }
}

function explain() {
  const [method, name] = [find("method").value, find("class").value];
  const query = new URLSearchParams({ method, ...(name === "" ? {} : { class: name }) });
  return draw(find("explained"), `/explain?${query}`, `Which parts of the picture speak for the answer, by ${method}`);
}

function features() {
  const layer = find("layer").value;
  const query = new URLSearchParams({ layer });
  return draw(find("features"), `/features?${query}`, `Feature maps of layer ${layer}`);
}

async function look() {
  if (!current?.blob) return;
  await explain();
  await features();
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
  find("about").textContent = `${model.parameters.toLocaleString("en")} parameters, input ${model.input.join("x")}, ${count} ${model.learns}`;
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
