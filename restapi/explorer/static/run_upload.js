// Files of a form: they are dropped or chosen, sent one after the other with their progress, and named in the form.

import { size } from "./quantities.js";

const AT_ONCE = 2;

class Uploads {
  constructor(form) {
    this.form = form;
    this.card = form.closest("[data-files]");
    this.list = this.card.querySelector(".uploads");
    this.chosen = this.card.querySelector("[data-chosen]");
    this.input = form.querySelector("input[type=file]");
    this.waiting = [];
    this.running = 0;
    this.input.multiple = true;
    form.querySelector("[data-send]").hidden = true;
    this.card.querySelector("[data-without]").hidden = true;
    this.card.classList.add("ready");
    form.querySelector("label").replaceChildren("Drop files here, or ", Object.assign(document.createElement("u"), { textContent: "choose them" }));
    this.input.addEventListener("change", () => { this.add(this.input.files); this.input.value = "" });
    for (const name of ["dragenter", "dragover"]) this.card.addEventListener(name, event => { event.preventDefault(); this.card.classList.add("over") });
    for (const name of ["dragleave", "drop"]) this.card.addEventListener(name, () => this.card.classList.remove("over"));
    this.card.addEventListener("drop", event => { event.preventDefault(); this.add(event.dataTransfer.files) });
    // A file that misses the place must not take the place of the page.
    for (const name of ["dragover", "drop"]) document.addEventListener(name, event => event.preventDefault());
    form.addEventListener("submit", event => event.preventDefault());
    const job = document.querySelector("[data-form]");
    job.addEventListener("submit", event => {
      if (this.running || this.waiting.length) { event.preventDefault(); this.list.scrollIntoView({ block: "center" }) }
    });
  }

  add(files) {
    for (const file of files) this.waiting.push([file, this.entry(file)]);
    this.start();
  }

  entry(file) {
    const entry = document.createElement("li"), name = document.createElement("span"), told = document.createElement("span");
    const progress = document.createElement("progress");
    name.textContent = file.name;
    told.className = "number soft";
    told.textContent = "waits";
    progress.max = Math.max(file.size, 1);
    progress.value = 0;
    progress.setAttribute("aria-label", file.name);
    entry.append(name, told, progress);
    this.list.append(entry);
    return entry;
  }

  start() {
    while (this.running < AT_ONCE && this.waiting.length) this.send(...this.waiting.shift());
  }

  send(file, entry) {
    const told = entry.querySelector(".number"), progress = entry.querySelector("progress");
    const request = new XMLHttpRequest(), body = new FormData();
    body.append("file", file);
    this.running += 1;
    request.open("POST", this.form.dataset.upload);
    request.responseType = "json";
    request.upload.addEventListener("progress", event => {
      progress.value = Math.min(event.loaded, progress.max);
      told.textContent = `${Math.floor(100 * event.loaded / Math.max(event.total, 1))} %`;
    });
    request.addEventListener("loadend", () => {
      this.running -= 1;
      if (request.status === 201) { this.name(request.response); entry.remove() }
      else this.fail(file, entry, request);
      this.start();
    });
    request.send(body);
  }

  // The form has the file now, and whoever does not want it takes the mark away.
  name(file) {
    const entry = document.createElement("li"), label = document.createElement("label"), box = document.createElement("input");
    const bytes = document.createElement("span");
    Object.assign(box, { type: "checkbox", name: this.form.dataset.field, value: file.id, checked: true });
    box.setAttribute("form", "run");
    bytes.className = "number soft";
    bytes.textContent = size(file.decryptedSize);
    label.append(box, ` ${file.name}`);
    entry.append(label, bytes);
    this.chosen.append(entry);
  }

  fail(file, entry, request) {
    const wrong = document.createElement("span"), again = document.createElement("button");
    const said = request.response?.detail ?? request.response?.message ?? Object.values(request.response ?? {}).flat().join(" ");
    wrong.className = "wrong";
    wrong.textContent = said || "It did not arrive. ";
    Object.assign(again, { type: "button", className: "small", textContent: "Try again" });
    again.addEventListener("click", () => { entry.remove(); this.add([file]) });
    entry.querySelector("progress").remove();
    entry.querySelector(".number").replaceWith(again);
    entry.append(wrong);
  }
}

const form = document.querySelector("[data-upload]");
if (form) new Uploads(form);
