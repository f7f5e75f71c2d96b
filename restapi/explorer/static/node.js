// Finds keys and values in trees: what does not fit is hidden, what does is opened and marked.

const FEW = 6;

function search(part) {
  const field = part.querySelector(".tree-search");
  const told = part.querySelector(".tree-found");
  const tree = part.querySelector(".tree");
  if (!field || !tree) return;
  const items = [...tree.querySelectorAll("li")];
  const branches = [...tree.querySelectorAll("details")];
  if (items.length < FEW) return;
  let wasOpen = null;

  function own(item) {
    const place = item.firstElementChild?.tagName === "DETAILS" ? item.firstElementChild.firstElementChild : item;
    return place.textContent.toLowerCase();
  }

  function show(text) {
    const wanted = text.trim().toLowerCase();
    if (!wanted) {
      for (const item of items) { item.hidden = false; item.classList.remove("here") }
      if (wasOpen) branches.forEach((each, index) => { each.open = wasOpen[index] });
      wasOpen = null;
      told.textContent = "";
      return;
    }
    wasOpen ??= branches.map(each => each.open);
    let found = 0;
    const fits = new Set(items.filter(item => own(item).includes(wanted)));
    const kept = new Set();
    for (const item of fits) {
      found += 1;
      for (let each = item; each && each !== tree; each = each.parentElement) {
        kept.add(each);
        if (each.tagName === "DETAILS" && each.parentElement !== item) each.open = true;
      }
      for (const below of item.querySelectorAll("li")) kept.add(below);
    }
    for (const item of items) {
      item.hidden = !kept.has(item);
      item.classList.toggle("here", fits.has(item));
    }
    told.textContent = found === 1 ? "1 place" : `${found} places`;
  }

  field.hidden = false;
  field.addEventListener("input", () => show(field.value));
}

for (const part of document.querySelectorAll(".tree-part")) search(part);
