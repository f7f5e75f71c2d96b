// Keeps a page of runs up to date while something goes on: parts that carry data-live are replaced by those that the
// server makes now, and times that carry data-since are counted on.

import { showCopies } from "./base.js";
import { duration } from "./quantities.js";

const SECONDS = 2.5;
const poll = document.querySelector("[data-poll]");
let tag = null;

function count() {
  for (const each of document.querySelectorAll("[data-since]")) {
    each.textContent = duration(Date.now() / 1000 - Number(each.dataset.since));
  }
}

// A part stays as it is while somebody is asked something there.
const isBusy = part => part.querySelector("details.confirm[open]");

// Puts what the server makes now in place of a part; what had the focus has it again.
function swap(part, made) {
  const focused = part.contains(document.activeElement) ? document.activeElement.textContent : null;
  part.replaceChildren(...made.cloneNode(true).childNodes);
  showCopies(part);
  if (focused !== null) [...part.querySelectorAll("a, button, summary, [tabindex]")].find(each => each.textContent === focused)?.focus();
}

function replace(text) {
  const read = new DOMParser().parseFromString(text, "text/html");
  const parts = document.querySelectorAll("[data-live]");
  let all = true;
  for (const part of parts) {
    const made = parts.length === 1 ? read.body : read.querySelector(`[data-live="${part.dataset.live}"]`);
    if (!made || made.innerHTML.trim() === part.innerHTML.trim()) continue;
    if (isBusy(part)) { all = false; continue }
    swap(part, made);
  }
  const state = read.querySelector("[data-active]");
  const isActive = state ? state.dataset.active === "yes" : Boolean(document.querySelector("[data-live] .busy, [data-live] .warn"));
  if (all || isActive) poll.dataset.active = isActive ? "yes" : "no";
  count();
  return all;
}

async function look() {
  const answer = await fetch(poll.dataset.poll, { cache: "no-store", headers: tag ? { "If-None-Match": tag } : {} });
  // Whoever has signed out meanwhile is led to another page.
  if (answer.redirected) return false;
  if (answer.status === 200) {
    const all = replace(await answer.text());
    tag = all ? answer.headers.get("ETag") : null;
    if (poll.dataset.active !== "yes" && all) poll.dispatchEvent(new CustomEvent("ended"));
  }
  return poll.dataset.active === "yes" || tag === null;
}

async function watch() {
  let goesOn = true, wait = SECONDS;
  while (goesOn) {
    await new Promise(done => setTimeout(done, wait * 1000));
    if (document.hidden) continue;
    // A server that is away is asked more and more seldom.
    try { goesOn = await look(); wait = SECONDS } catch { wait = Math.min(wait * 2, 60) }
  }
}

if (poll && poll.dataset.active === "yes") watch();
count();
setInterval(count, 1000);
