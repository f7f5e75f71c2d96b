// The log of a run: what is printed is added while the run goes on, and what was printed before is fetched if wanted.
// The file is asked for by its position, so that no byte comes twice.

import { size } from "./quantities.js";

const SECONDS = 1.5, PIECE = 65536, MOST_LINES = 20000, MOST_SHOWN = 3000;

class Log {
  constructor(box) {
    this.box = box;
    this.find = name => box.querySelector(`[data-${name}]`);
    this.text = this.find("text");
    this.lines = this.text.textContent.match(/[^\n]*\n|[^\n]+$/g) ?? [];
    // The rest of a line that began before is shown when its beginning is there.
    this.partial = box.dataset.partial;
    this.position = Number(box.dataset.position);
    this.next = Number(box.dataset.next);
    this.size = Number(box.dataset.size);
    this.tag = null;
    this.follows = true;
    this.isPaused = false;
    this.isCut = false;
    this.words = "";
    this.find("filter").hidden = false;
    this.find("refresh")?.remove();
    this.find("follow").addEventListener("click", () => this.setFollows(!this.follows));
    this.find("pause").addEventListener("click", () => this.setPaused(!this.isPaused));
    this.find("earlier").addEventListener("click", () => this.loadEarlier());
    this.find("filter").addEventListener("input", event => { this.words = event.target.value.toLowerCase(); this.draw() });
    this.text.addEventListener("scroll", () => {
      const atEnd = this.text.scrollTop + this.text.clientHeight >= this.text.scrollHeight - 8;
      if (atEnd !== this.follows) this.setFollows(atEnd);
    });
    this.about();
    if (this.text.scrollHeight > this.text.clientHeight) this.text.scrollTop = this.text.scrollHeight;
  }

  setFollows(follows) {
    this.follows = follows;
    this.find("follow").setAttribute("aria-pressed", String(follows));
    if (follows) this.text.scrollTop = this.text.scrollHeight;
  }

  setPaused(isPaused) {
    this.isPaused = isPaused;
    this.find("pause").setAttribute("aria-pressed", String(isPaused));
  }

  async ask(position, bytes) {
    const headers = this.tag && position === this.next ? { "If-None-Match": this.tag } : {};
    const answer = await fetch(`${this.box.dataset.log}?position=${position}&bytes=${bytes}`, { cache: "no-store", headers });
    if (position === this.next) this.tag = answer.headers.get("ETag") ?? this.tag;
    return answer.status === 200 && !answer.redirected ? answer.json() : null;
  }

  // Whether more is there already.
  async loadNext() {
    const told = await this.ask(this.next, PIECE);
    if (!told) return false;
    this.size = told.size;
    if (told.next === this.next) return false;
    this.next = told.next;
    this.tag = null;
    const joined = (this.lines.at(-1)?.endsWith("\n") ?? true) ? told.lines : [this.lines.pop() + told.lines[0], ...told.lines.slice(1)];
    const isWhole = joined === told.lines;
    this.lines.push(...joined);
    const tooMany = this.lines.length - MOST_LINES;
    if (tooMany > 0) {
      this.lines.splice(0, tooMany);
      this.isCut = true;
    }
    if (isWhole && tooMany <= 0 && !this.words) this.append(joined.join(""));
    else this.draw();
    return told.next < told.size;
  }

  async loadEarlier() {
    const start = Math.max(0, this.position - PIECE);
    const told = await this.ask(start, this.position - start);
    if (!told) return;
    const lines = told.lines;
    // The last of them ends where what is here begins, perhaps within a line.
    if (lines.length && !lines.at(-1).endsWith("\n")) lines[lines.length - 1] += this.partial;
    else if (this.partial) lines.push(this.partial);
    if (this.lines.length && lines.length && !lines.at(-1).endsWith("\n")) lines.push(lines.pop() + this.lines.shift());
    this.partial = told.position && lines.length > 1 ? lines.shift() : "";
    this.position = told.position;
    this.lines.unshift(...lines);
    const fromEnd = this.text.scrollHeight - this.text.scrollTop;
    this.follows = false;
    this.draw();
    this.text.scrollTop = this.text.scrollHeight - fromEnd;
    this.setFollows(false);
  }

  append(text) {
    this.text.hidden = false;
    this.text.append(text);
    this.scroll();
    this.about();
  }

  draw() {
    this.text.hidden = !this.lines.length;
    if (!this.words) this.text.textContent = this.lines.join("");
    else this.text.replaceChildren(...this.found().slice(-MOST_SHOWN).flatMap(line => this.marked(line)));
    this.scroll();
    this.about();
  }

  found() {
    return this.lines.filter(line => line.toLowerCase().includes(this.words));
  }

  marked(line) {
    const parts = [], lower = line.toLowerCase();
    let at = 0;
    for (let start; (start = lower.indexOf(this.words, at)) >= 0; at = start + this.words.length) {
      const mark = document.createElement("mark");
      mark.textContent = line.slice(start, start + this.words.length);
      parts.push(line.slice(at, start), mark);
    }
    return [...parts, line.slice(at)];
  }

  scroll() {
    if (this.follows) this.text.scrollTop = this.text.scrollHeight;
  }

  about() {
    this.find("earlier").hidden = !this.position || this.isCut;
    const shown = this.words ? `${this.found().length} of ${this.lines.length} lines` : `${this.lines.length} lines`;
    const before = this.isCut ? ", the last ones" : this.position ? `, the last ${size(this.size - this.position)} of ${size(this.size)}` : "";
    this.find("about").textContent = this.size ? `${shown}${before}.` : "Nothing was printed yet.";
  }

  async watch(isActive) {
    let wait = SECONDS;
    for (const name of ["follow", "pause"]) this.find(name).hidden = false;
    while (isActive()) {
      await new Promise(done => setTimeout(done, wait * 1000));
      if (this.isPaused || document.hidden) continue;
      try { while (await this.loadNext()); wait = SECONDS } catch { wait = Math.min(wait * 2, 60) }
    }
    await this.rest();
    for (const name of ["follow", "pause"]) this.find(name).hidden = true;
  }

  // What was printed until the end, wherever it lies then.
  async rest() {
    try { while (await this.loadNext()); } catch { /* the page has a link to all of it */ }
    if (!this.size) this.find("about").textContent = "Nothing was printed.";
  }
}

const box = document.querySelector("[data-log]");
if (box) {
  const poll = box.closest("[data-poll]");
  const log = new Log(box);
  if (poll.dataset.active === "yes") log.watch(() => poll.dataset.active === "yes");
  else if (!log.size) log.find("about").textContent = "Nothing was printed.";
}
