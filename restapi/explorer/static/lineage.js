// The picture of a lineage: its steps without a new page, the way to a node lit up, size, dragging, and finding.
// Without this file all of its links are links.

import { showCopies } from "./base.js";
import { light } from "./lineage_paths.js";

const part = document.getElementById("lineage");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const LASTS = 380;
let zoom = null;          // null: as it suits the picture and the window
let asked = null;         // the request that is under way
let shown = location.search;

const box = () => part.querySelector(".lineage-box");
const svg = () => part.querySelector("svg.lineage");
const nodeOf = name => svg().querySelector(`.node[data-name="${CSS.escape(name)}"]`);
const rootNode = () => nodeOf(part.dataset.root);

// Size

function natural() {
  const { width, height } = svg().viewBox.baseVal;
  return { width, height };
}

function fitting() {
  const { width, height } = natural();
  return Math.min(1, (box().clientWidth - 2) / width, (innerHeight * .78 - 2) / height);
}

function resize(size) {
  const { width, height } = natural();
  svg().setAttribute("width", width * size);
  svg().setAttribute("height", height * size);
}

// On a wide window a picture that nearly fits is made to; on a phone it is never made smaller.
const suiting = () => innerWidth > 700 && fitting() > .72 ? fitting() : 1;
const size = () => zoom ?? suiting();

function zoomTo(wanted, x = box().clientWidth / 2, y = box().clientHeight / 2) {
  const before = size();
  const left = (box().scrollLeft + x) / before, top = (box().scrollTop + y) / before;
  zoom = Math.min(3, Math.max(.15, wanted));
  resize(zoom);
  box().scrollTo({ left: left * zoom - x, top: top * zoom - y, behavior: "instant" });
}

const ZOOMS = { in: () => zoomTo(size() * 1.25), out: () => zoomTo(size() / 1.25), fit: () => zoomTo(fitting()) };

function centre(node) {
  const inner = node.getBoundingClientRect(), outer = box().getBoundingClientRect();
  box().scrollBy({
    left: inner.left + inner.width / 2 - outer.left - outer.width / 2,
    top: inner.top + inner.height / 2 - outer.top - outer.height / 2,
    behavior: "instant",
  });
}

// Steps

async function go(url, step, isNew) {
  asked?.abort();
  asked = new AbortController();
  box().setAttribute("aria-busy", "true");
  let page;
  try {
    const answer = await fetch(url, { signal: asked.signal, headers: { Accept: "text/html" } });
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!answer.ok || !page.getElementById("lineage")) throw new Error(answer.statusText);
  } catch (error) {
    if (error.name !== "AbortError") location.assign(url);
    return;
  }
  if (isNew) history.pushState(null, "", url);
  shown = location.search;
  show(page, step);
}

function show(page, step) {
  const places = placesOf(svg());
  const anchor = nodeOf(step.replace("row", "")) ? step.replace("row", "") : part.dataset.root;
  const from = nodeOf(anchor).getBoundingClientRect();
  const isOpen = part.querySelector("details").open;
  const scroll = { left: box().scrollLeft, top: box().scrollTop };
  const find = part.querySelector("input[type=search]").value;
  part.replaceChildren(...page.getElementById("lineage").childNodes);
  document.querySelector(".foot details")?.replaceChildren(...page.querySelector(".foot details").childNodes);
  showCopies(document);
  part.querySelector("details").open = isOpen;
  part.querySelector("input[type=search]").value = find;
  prepare();
  // What was clicked stays where it was.
  box().scrollTo({ ...scroll, behavior: "instant" });
  const to = (nodeOf(anchor) ?? rootNode()).getBoundingClientRect();
  box().scrollBy({ left: to.left - from.left, top: to.top - from.top, behavior: "instant" });
  move(places);
  document.getElementById("lineage-said").textContent = part.querySelector(".count").textContent;
  const focused = part.querySelector(`[data-step="${CSS.escape(step)}"]`) ?? nodeOf(anchor)?.querySelector("a");
  focused?.focus({ preventScroll: true });
}

function placesOf(picture) {
  return new Map([...picture.querySelectorAll(".node")].map(node => {
    const { e, f } = node.transform.baseVal.getItem(0).matrix;
    return [node.dataset.name, { x: e, y: f, screen: node.getBoundingClientRect() }];
  }));
}

// Nodes glide from where they were on the screen; what is new appears.
function move(before) {
  if (calm.matches) return;
  const options = { duration: LASTS, easing: "cubic-bezier(.3, 0, .2, 1)" };
  for (const [name, { x, y, screen }] of placesOf(svg())) {
    const old = before.get(name)?.screen;
    if (!old) {
      nodeOf(name).animate([{ opacity: 0 }, { opacity: 0, offset: .4 }, { opacity: 1 }], options);
      continue;
    }
    const left = x + (old.left - screen.left) / size(), top = y + (old.top - screen.top) / size();
    nodeOf(name).animate(
      [{ transform: `translate(${left}px, ${top}px)` }, { transform: `translate(${x}px, ${y}px)` }], options);
  }
  svg().querySelector(".links").animate([{ opacity: 0 }, { opacity: 0, offset: .5 }, { opacity: 1 }], options);
}

// Finding

function find(input) {
  const wanted = input.value.trim().toLowerCase();
  const hits = [];
  for (const node of svg().querySelectorAll(".node")) {
    const isHit = wanted !== "" && node.querySelector("title").textContent.toLowerCase().includes(wanted);
    node.classList.toggle("found", isHit);
    if (isHit) hits.push(node);
  }
  input.toggleAttribute("aria-invalid", wanted !== "" && !hits.length);
  input.title = wanted ? `${hits.length} found; Enter goes to the next` : "";
  return hits;
}

let turn = 0;
function findNext(input, isBack) {
  const hits = find(input);
  if (!hits.length) return;
  turn = (turn + (isBack ? hits.length - 1 : 1)) % hits.length;
  centre(hits[turn]);
  light(svg(), part.dataset.root, hits[turn].dataset.name);
}

// Events: all on the part that stays, while its content is replaced.

part.addEventListener("click", event => {
  const link = event.target.closest("a[data-step]");
  const zoomed = event.target.closest("[data-zoom]");
  if (zoomed) ZOOMS[zoomed.dataset.zoom]();
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.href?.baseVal ?? link.href, link.dataset.step, true);
});

const lightAt = event => light(svg(), part.dataset.root, event.target.closest(".node")?.dataset.name);
part.addEventListener("pointerover", lightAt);
part.addEventListener("focusin", event => { if (event.target.matches(":focus-visible")) lightAt(event) });
for (const name of ["pointerleave", "focusout"]) part.addEventListener(name, () => light(svg(), part.dataset.root));

part.addEventListener("input", event => {
  if (event.target.type === "search") { turn = -1; find(event.target) }
});
part.addEventListener("keydown", event => {
  if (event.target.type === "search") {
    if (event.key === "Enter") { event.preventDefault(); findNext(event.target, event.shiftKey) }
    return;
  }
  const zoomed = { "+": "in", "=": "in", "-": "out", 0: "fit" }[event.key];
  if (!zoomed || event.ctrlKey || event.metaKey || event.altKey || !event.target.closest(".lineage-box")) return;
  event.preventDefault();
  ZOOMS[zoomed]();
});
part.addEventListener("wheel", event => {
  if (!event.ctrlKey || !event.target.closest(".lineage-box")) return;
  event.preventDefault();
  const { left, top } = box().getBoundingClientRect();
  zoomTo(size() * Math.exp(-event.deltaY / 300), event.clientX - left, event.clientY - top);
}, { passive: false });

// A mouse drags the paper; fingers scroll it anyway.
let drag = null;
part.addEventListener("pointerdown", event => {
  if (event.pointerType !== "mouse" || event.button || !event.target.closest("svg.lineage") || event.target.closest("a")) return;
  drag = { x: event.clientX + box().scrollLeft, y: event.clientY + box().scrollTop };
  box().classList.add("dragged");
});
addEventListener("pointermove", event => {
  if (drag) box().scrollTo({ left: drag.x - event.clientX, top: drag.y - event.clientY, behavior: "instant" });
});
addEventListener("pointerup", () => { drag = null; box().classList.remove("dragged") });

addEventListener("popstate", () => {
  if (location.search !== shown) go(location.href, part.dataset.root, false);
});

function prepare() {
  for (const each of part.querySelectorAll("[data-by-script]")) each.hidden = false;
  resize(size());
}

prepare();
centre(rootNode());
