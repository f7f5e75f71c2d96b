// The viewer of structures: a scene (see structure_scene.js) to turn with mouse, fingers or arrow keys, in place of the
// picture that the server drew. Without WebGL 2 that picture stays.
//
// A figure with data-viewer="structure" holds a .stage with the picture, a script.scene with the JSON and a .tools with
// the controls, whose data-do and data-axis say what they do. An event "scene" on the figure brings another scene.

import { MOST_ATOMS, countAtoms, place, repeats } from "./structure_scene.js";
import { along, extent, minus, rotated, turned } from "./structure_camera.js";
import { painterFor } from "./structure_draw.js";
import { followPointers } from "./structure_pointers.js";
import { measured, paintWords } from "./structure_words.js";

const BOND = 0.11;
const LARGEST_SCALE = 90; // pixels for one angstrom, so that a single atom does not fill the stage

const HINT = "Drag to turn it, click an atom to measure; the wheel zooms after a click.";

const STEP = Math.PI / 18;
const KEYS = {
  ArrowLeft: (viewer) => viewer.rotate(-STEP, 0),
  ArrowRight: (viewer) => viewer.rotate(STEP, 0),
  ArrowUp: (viewer) => viewer.rotate(0, -STEP),
  ArrowDown: (viewer) => viewer.rotate(0, STEP),
  "+": (viewer) => viewer.zoom(1.2),
  "=": (viewer) => viewer.zoom(1.2),
  "-": (viewer) => viewer.zoom(1 / 1.2),
  a: (viewer) => viewer.look(0),
  b: (viewer) => viewer.look(1),
  c: (viewer) => viewer.look(2),
  0: (viewer) => viewer.reset(),
};
const ACTIONS = {
  a: KEYS.a,
  b: KEYS.b,
  c: KEYS.c,
  reset: KEYS[0],
  in: KEYS["+"],
  out: KEYS["-"],
  png: (viewer) => viewer.save(),
};

class Viewer {
  constructor(figure, scene) {
    this.figure = figure;
    this.stage = figure.querySelector(".stage");
    this.canvas = addCanvas(this.stage, "picture");
    this.painter = painterFor(this.canvas);
    if (!this.painter) {
      this.canvas.remove();
      return;
    }
    this.overlay = addCanvas(this.stage, "overlay");
    this.show = { bonds: true, open: false, labels: false, full: false };
    this.chosen = [];
    figure.classList.add("live");
    this.stage.tabIndex = 0;
    this.begin(scene);
    this.wire();
    this.say("");
  }

  begin(scene) {
    this.scene = scene;
    this.repeat = [...scene.repeat];
    this.rows = scene.view;
    this.rebuild();
    this.fit();
  }

  // Another scene of the same kind, such as the next step of a trajectory, seen as this one is.
  exchange(scene) {
    this.scene = scene;
    this.rebuild();
    this.redraw();
  }

  rebuild() {
    this.placed = place(this.scene, this.repeat);
    this.chosen = [];
    const { kinds, sites } = this.scene;
    const things = { balls: [], sticks: [], edges: [] };
    for (const { kind, position } of this.placed.atoms) {
      let start = 0;
      const { ball, shares } = kinds[kind];
      for (const [colour, part] of shares) {
        things.balls.push(...position, ball, ...rgb(colour), start, shares.length > 1 ? start + part : 1);
        start += part;
      }
    }
    for (const { first, second, end } of this.placed.bonds) {
      if (second === undefined && !this.show.open) continue;
      const from = this.placed.atoms[first].position;
      const middle = from.map((x, k) => (x + end[k]) / 2);
      const thickness = second === undefined ? 0 : BOND;
      things.sticks.push(...from, ...middle, BOND, thickness, ...rgb(kinds[this.placed.atoms[first].kind].shares[0][0]));
      if (second !== undefined) {
        const colour = kinds[sites[this.placed.atoms[second].site][1]].shares[0][0];
        things.sticks.push(...end, ...middle, BOND, BOND, ...rgb(colour));
      }
    }
    const line = rgb(this.colour("--soft"));
    for (const [start, end] of this.placed.edges) things.edges.push(...start, ...end, 0, 0, ...line);
    this.painter.load(things);
    this.figure.dataset.atoms = this.placed.atoms.length;
    this.figure.dataset.bonds = this.placed.bonds.filter((bond) => bond.second !== undefined).length;
  }

  wire() {
    const { stage, figure } = this;
    figure.addEventListener("click", (event) => {
      const name = event.target.closest("[data-do]")?.dataset.do;
      if (name) ACTIONS[name]?.(this);
    });
    figure.addEventListener("change", (event) => this.change(event.target));
    figure.addEventListener("scene", (event) => this.exchange(event.detail));
    stage.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
      event.preventDefault();
      KEYS[event.key](this);
    });
    followPointers(this);
    new ResizeObserver(() => this.fit()).observe(stage);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.rebuild();
      this.redraw();
    });
    this.canvas.addEventListener("webglcontextlost", () => figure.classList.remove("live"));
  }

  change(control) {
    if (control.dataset.show) {
      this.show[control.dataset.show] = control.checked;
      if (control.dataset.show === "open") this.rebuild();
      this.room = this.largest();
      this.redraw();
    } else if (control.dataset.axis) this.setRepeat(Number(control.dataset.axis), control);
  }

  setRepeat(axis, control) {
    const wanted = this.repeat.map((count, k) => (k === axis ? Math.min(Math.max(1, Math.round(control.value) || 1), 20) : count));
    const atoms = countAtoms(this.scene, wanted);
    const isTooMany = atoms > MOST_ATOMS && wanted[axis] > this.repeat[axis];
    this.say(isTooMany ? `${wanted.join(" × ")} cells are ${atoms.toLocaleString("en")} atoms; at most ${MOST_ATOMS.toLocaleString("en")} are drawn.` : "");
    if (!isTooMany) {
      this.repeat = wanted;
      this.rebuild();
      this.fit();
    }
    control.value = this.repeat[axis];
  }

  rotate(toRight, downwards) {
    this.rows = rotated(this.rows, toRight, downwards);
    this.redraw();
  }

  zoom(factor) {
    this.scale = Math.min(Math.max(this.scale * factor, 0.2), 2000);
    this.redraw();
  }

  move(x, y) {
    this.shift = [this.shift[0] + x, this.shift[1] - y];
    this.redraw();
  }

  look(axis) {
    this.rows = along(this.scene, axis);
    this.fit();
  }

  reset() {
    this.begin(this.scene);
    for (const input of this.figure.querySelectorAll("[data-axis]")) input.value = this.repeat[input.dataset.axis];
    this.say("");
  }

  // All of it in the stage, in the middle.
  fit() {
    const points = [...this.placed.atoms.map((atom) => atom.position), ...this.placed.edges.flat()];
    this.room = this.largest();
    const { centre, size, reach } = extent(points, this.rows, this.room);
    const [width, height] = [this.stage.clientWidth, this.stage.clientHeight];
    Object.assign(this, { centre, reach, width, height, shift: [0, 0] });
    this.scale = Math.min((width - 48) / size[0], (height - 48) / size[1], LARGEST_SCALE);
    const sharp = Math.min(devicePixelRatio || 1, 2);
    for (const canvas of [this.canvas, this.overlay]) Object.assign(canvas, { width: width * sharp, height: height * sharp });
    this.redraw();
  }

  // The radius of the largest ball.
  largest() {
    return this.scene.kinds.reduce((most, kind) => Math.max(most, this.sizeOf(kind)), 0.3);
  }

  sizeOf(kind) {
    return kind.ball * this.grow();
  }

  grow() {
    return this.show.full ? 2.2 : 1;
  }

  redraw() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = undefined;
      this.paint();
    });
  }

  paint() {
    const { rows, scale, width, height } = this;
    if (!width || !height) return;
    const camera = {
      turn: [0, 1, 2].flatMap((column) => rows.map((row) => row[column])),
      centre: this.centre,
      scale: [(2 * scale) / width, (2 * scale) / height],
      shift: [(2 * this.shift[0]) / width, (2 * this.shift[1]) / height],
      depth: 1.02 * this.reach + this.room,
      pixel: 1 / scale,
    };
    const paper = rgb(this.colour("--card"));
    this.painter.draw(camera, { paper, grow: this.grow(), withSticks: this.show.bonds && !this.show.full, mist: 0.3 });
    paintWords(this);
  }

  // Where a position is on the stage, in its pixels; the third is nearer if it is more.
  seen(position) {
    const [right, up, near] = turned(this.rows, minus(position, this.centre));
    return [this.width / 2 + this.shift[0] + right * this.scale, this.height / 2 - this.shift[1] - up * this.scale, near];
  }

  choose(event) {
    const box = this.stage.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let found;
    let nearest = -Infinity;
    for (const atom of this.placed.atoms) {
      const [atX, atY, near] = this.seen(atom.position);
      const radius = Math.max(this.sizeOf(this.scene.kinds[atom.kind]) * this.scale, 6);
      if (Math.hypot(atX - x, atY - y) <= radius && near > nearest) [found, nearest] = [atom, near];
    }
    this.chosen = found && this.chosen.length < 3 && !this.chosen.includes(found) ? [...this.chosen, found] : found ? [found] : [];
    this.say(measured(this.chosen, this.scene));
    this.redraw();
  }

  say(text) {
    this.figure.querySelector("output").textContent = text || HINT;
  }

  save() {
    const { canvas, overlay } = this;
    const whole = document.createElement("canvas");
    Object.assign(whole, { width: canvas.width, height: canvas.height });
    const pen = whole.getContext("2d");
    pen.fillStyle = this.colour("--card");
    pen.fillRect(0, 0, whole.width, whole.height);
    pen.drawImage(canvas, 0, 0);
    pen.drawImage(overlay, 0, 0);
    whole.toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${this.figure.dataset.name || "structure"}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  }

  colour(name) {
    return getComputedStyle(this.figure).getPropertyValue(name).trim() || "#888888";
  }
}

function addCanvas(stage, name) {
  const canvas = document.createElement("canvas");
  canvas.className = name;
  canvas.setAttribute("aria-hidden", "true");
  stage.append(canvas);
  return canvas;
}

// Parts of 1 of a colour such as #rrggbb, or of any that the browser knows.
function rgb(colour) {
  if (!/^#[0-9a-f]{6}$/i.test(colour)) {
    const pen = document.createElement("canvas").getContext("2d");
    pen.fillStyle = colour;
    return rgb(/^#[0-9a-f]{6}$/i.test(pen.fillStyle) ? pen.fillStyle : "#888888");
  }
  return [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16) / 255);
}

for (const figure of document.querySelectorAll('[data-viewer="structure"]')) {
  const scene = JSON.parse(figure.querySelector("script.scene").textContent);
  const viewer = new Viewer(figure, scene);
  if (viewer.painter) figure.querySelector(".tools").hidden = false;
}
