// Small comforts of all pages: "/" goes to the search field, and what carries data-copy copies it.

document.addEventListener("keydown", event => {
  const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.getElementById("search");
  if (search) { event.preventDefault(); search.focus(); search.select() }
});

async function copy(button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "copied";
  } catch {
    button.textContent = "press Ctrl-C";
    const field = document.createElement("input");
    field.value = button.dataset.copy;
    button.after(field);
    field.select();
    field.addEventListener("blur", () => field.remove());
  }
  setTimeout(() => { button.textContent = before }, 1500);
}

document.addEventListener("click", event => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

// Buttons that copy are hidden where no script runs. Whoever puts a part into the page shows those in it.
export function showCopies(part) {
  for (const button of part.querySelectorAll("[data-copy]")) button.hidden = false;
}
showCopies(document);

// A part that takes its time is fetched when the page is there, or opened around it. Its link stays if that fails.
async function load(place) {
  place.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(place.dataset.load, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const read = new DOMParser().parseFromString(await answer.text(), "text/html");
    // Where nothing was found, nothing is headed either.
    if (place.dataset.whole && !read.body.children.length) place.closest(place.dataset.whole)?.remove();
    else place.replaceChildren(...read.body.childNodes);
    showCopies(place);
  } finally {
    place.removeAttribute("aria-busy");
  }
}
for (const place of document.querySelectorAll("[data-load]")) {
  const closed = place.closest("details:not([open])");
  if (closed) closed.addEventListener("toggle", () => load(place).catch(() => {}), { once: true });
  else load(place).catch(() => {});
}
