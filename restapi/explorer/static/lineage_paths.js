// The way from the node of the page to another one, lit up in the picture of a lineage.

function linksOf(svg) {
  return [...svg.querySelectorAll(".link")].map(link => ({ link, from: link.dataset.from, to: link.dataset.to }));
}

function reached(start, links, from, to) {
  const next = new Map();
  for (const each of links) next.set(each[from], [...next.get(each[from]) ?? [], each[to]]);
  const seen = new Set([start]);
  for (const name of seen) for (const each of next.get(name) ?? []) seen.add(each);
  return seen;
}

// Links of a shortest way, whatever the directions of its links.
function shortest(start, end, links) {
  const came = new Map([[start, null]]);
  for (const name of came.keys()) {
    if (name === end) break;
    for (const each of links) {
      const other = each.from === name ? each.to : each.to === name ? each.from : null;
      if (other !== null && !came.has(other)) came.set(other, { each, name });
    }
  }
  const found = [];
  for (let step = came.get(end); step; step = came.get(step.name)) found.push(step.each);
  return found;
}

// All links on ways that only go on, or only back; else those of a shortest way. At the root itself: its own links.
export function way(links, root, name) {
  if (name === root) return links.filter(each => each.from === root || each.to === root);
  for (const [first, last] of [[root, name], [name, root]]) {
    const after = reached(first, links, "from", "to");
    if (!after.has(last)) continue;
    const before = reached(last, links, "to", "from");
    return links.filter(each => after.has(each.from) && before.has(each.to));
  }
  return shortest(root, name, links);
}

// Lit links come last, so that no pale one covers them.
export function light(svg, root, name) {
  for (const each of svg.querySelectorAll(".lit")) each.classList.remove("lit");
  svg.classList.toggle("lighting", name !== undefined);
  if (name === undefined) return;
  const found = way(linksOf(svg), root, name);
  const names = new Set([name, root, ...found.flatMap(each => [each.from, each.to])]);
  for (const { link } of found) {
    link.classList.add("lit");
    link.parentNode.append(link);
  }
  for (const node of svg.querySelectorAll(".node")) node.classList.toggle("lit", names.has(node.dataset.name));
}
