// A cross-hair in plots: it goes to the nearest point of a line, lights that line, and says what is there.
//
// A figure with data-viewer="plot" holds an svg.plot, whose data-box (left, top, right, bottom in units of the picture)
// and data-range (x, x, y, y) say what places mean; each path.line has data-name. Arrow keys go from point to point and
// from line to line. A button with data-png saves the picture at that URL.

const SVG = "http://www.w3.org/2000/svg";
const DIGITS = 4;
const FAR = 60; // units of the picture between pointer and line

function lineOf(path) {
  const pieces = path.getAttribute("d").split("M").filter(Boolean).map((piece) =>
    piece.split("L").map((point) => point.split(",").map(Number)));
  return { path, name: path.dataset.name, pieces, points: pieces.flat() };
}

// The point of a line at x that is nearest to y, between the points that are drawn; null where there is none.
function pointAt(line, x, y) {
  let best = null;
  for (const piece of line.pieces) {
    for (let k = 0; k + 1 < piece.length; k += 1) {
      const [[x1, y1], [x2, y2]] = [piece[k], piece[k + 1]];
      if (Math.min(x1, x2) > x || Math.max(x1, x2) < x) continue;
      const there = x1 === x2 ? y1 : y1 + ((x - x1) / (x2 - x1)) * (y2 - y1);
      if (best === null || Math.abs(there - y) < Math.abs(best[1] - y)) best = [x, there];
    }
  }
  return best;
}

class CrossHair {
  constructor(figure) {
    this.svg = figure.querySelector("svg.plot");
    this.output = figure.querySelector("output");
    this.box = this.svg.dataset.box.split(" ").map(Number);
    this.range = this.svg.dataset.range.split(" ").map(Number);
    this.lines = [...this.svg.querySelectorAll("path.line")].map(lineOf).filter((line) => line.points.length);
    this.mark = this.svg.appendChild(document.createElementNS(SVG, "g"));
    this.mark.setAttribute("class", "cross-hair");
    const [unit, ...rest] = (this.svg.querySelector(".axis[transform]")?.textContent ?? "").split(" / ").reverse();
    this.unit = rest.length ? ` ${unit}` : "";
    this.at = null;
    if (!this.lines.length) return;
    const region = figure.querySelector("[role=region]");
    this.svg.addEventListener("pointermove", (event) => this.follow(event));
    this.svg.addEventListener("pointerdown", (event) => this.follow(event));
    this.svg.addEventListener("pointerleave", () => this.clear());
    region.addEventListener("keydown", (event) => this.key(event));
    region.addEventListener("blur", () => this.clear());
  }

  follow(event) {
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    let best = null;
    for (const line of this.lines) {
      const point = pointAt(line, place.x, place.y);
      const apart = point ? Math.abs(point[1] - place.y) : Infinity;
      if (apart < (best?.apart ?? FAR)) best = { line, point, apart };
    }
    if (best) this.show(best.line, best.point);
    else this.clear();
  }

  key(event) {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 0], ArrowDown: [-1, 0] };
    const step = steps[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const before = this.at ?? { line: this.lines[0], point: this.lines[0].points[0] };
    const number = this.lines.indexOf(before.line) + step[0];
    const line = this.lines[Math.min(Math.max(number, 0), this.lines.length - 1)];
    const apart = line.points.map(([x]) => Math.abs(x - before.point[0]));
    const index = apart.indexOf(Math.min(...apart)) + (this.at ? step[1] : 0);
    this.show(line, line.points[Math.min(Math.max(index, 0), line.points.length - 1)]);
  }

  show(line, point) {
    this.clear();
    this.at = { line, point };
    const [x, y] = point;
    const [left, top, right, bottom] = this.box;
    this.mark.append(stroke(x, top, x, bottom), stroke(left, y, right, y), dot(x, y));
    line.path.classList.add("lit");
    this.svg.classList.add("one-lit");
    const [x0, x1, y0, y1] = this.range;
    const isPath = this.svg.querySelector(".place") !== null;
    const across = x0 + ((x - left) / (right - left)) * (x1 - x0);
    const up = y0 + ((bottom - y) / (bottom - top)) * (y1 - y0);
    this.output.textContent = `${line.name}: ${isPath ? "" : `${rounded(across, x1 - x0)}, `}${rounded(up, y1 - y0)}${this.unit}`;
  }

  clear() {
    this.at?.line.path.classList.remove("lit");
    this.svg.classList.remove("one-lit");
    this.mark.replaceChildren();
    this.output.textContent = "";
    this.at = null;
  }
}

// With the digits that a pixel is worth.
function rounded(value, span) {
  const decimals = Math.max(0, Math.min(12, DIGITS - 1 - Math.floor(Math.log10(Math.abs(span) || 1))));
  const text = Math.abs(span) < 1e-6 || Math.abs(value) >= 1e7 ? value.toExponential(3) : value.toFixed(decimals);
  return text.replace("-", "−");
}

function stroke(x1, y1, x2, y2) {
  const line = document.createElementNS(SVG, "line");
  for (const [name, value] of Object.entries({ x1, y1, x2, y2 })) line.setAttribute(name, value);
  return line;
}

function dot(cx, cy) {
  const circle = document.createElementNS(SVG, "circle");
  for (const [name, value] of Object.entries({ cx, cy, r: 4 })) circle.setAttribute(name, value);
  return circle;
}

// The picture at a URL, drawn with twice as many pixels as it has units, as a file.
async function savePng(url) {
  const answer = await fetch(url);
  // Where the session has ended, the answer is a page to sign in.
  if (!answer.headers.get("Content-Type")?.startsWith("image/svg")) {
    location.assign(url);
    return;
  }
  const picture = new Image();
  picture.src = `data:image/svg+xml,${encodeURIComponent(await answer.text())}`;
  await picture.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * picture.width, 2 * picture.height];
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = "plot.png";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}

for (const button of document.querySelectorAll("[data-png]")) {
  button.hidden = false;
  button.addEventListener("click", () => savePng(button.dataset.png));
}

for (const figure of document.querySelectorAll('[data-viewer="plot"]')) {
  if (figure.querySelector("svg.plot[data-box]")) new CrossHair(figure);
}
