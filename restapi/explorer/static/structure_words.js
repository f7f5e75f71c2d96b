// What is written over the picture of a structure, and what is said of atoms that were chosen.

import { dot, length, minus } from "./structure_camera.js";

const MOST_LABELS = 400;

// Paints axis names, labels and rings around chosen atoms. The viewer says where things are seen and how large.
export function paintWords(viewer) {
  const { overlay, width, height, scene, placed, scale } = viewer;
  const sharp = overlay.width / width;
  const pen = overlay.getContext("2d");
  pen.setTransform(sharp, 0, 0, sharp, 0, 0);
  pen.clearRect(0, 0, width, height);
  Object.assign(pen, { textAlign: "center", textBaseline: "middle", lineJoin: "round", lineWidth: 3 });
  pen.strokeStyle = viewer.colour("--card");
  pen.fillStyle = viewer.colour("--ink");
  pen.font = "italic 600 15px system-ui, sans-serif";
  axisEnds(viewer).forEach(([name, x, y]) => write(pen, name, x, y));
  pen.font = "600 12px system-ui, sans-serif";
  if (viewer.show.labels && placed.atoms.length <= MOST_LABELS) {
    for (const { kind, position } of placed.atoms) write(pen, scene.kinds[kind].symbol, ...viewer.seen(position));
  }
  pen.strokeStyle = viewer.colour("--mark");
  for (const atom of viewer.chosen) {
    const [x, y] = viewer.seen(atom.position);
    pen.beginPath();
    pen.arc(x, y, viewer.sizeOf(scene.kinds[atom.kind]) * scale + 2, 0, 2 * Math.PI);
    pen.stroke();
  }
}

// Names beyond the balls at the ends of the lattice vectors; none for what points at the eye.
function axisEnds(viewer) {
  const { lattice, origin } = viewer.scene;
  const [x, y] = viewer.seen(origin);
  return lattice.flatMap((vector, k) => {
    const end = viewer.seen(origin.map((here, i) => here + viewer.repeat[k] * vector[i]));
    const far = Math.hypot(end[0] - x, end[1] - y);
    if (far < 4) return [];
    const more = 1 + (12 + viewer.room * viewer.scale) / far;
    return [["abc"[k], x + more * (end[0] - x), y + more * (end[1] - y)]];
  });
}

function write(pen, text, x, y) {
  pen.strokeText(text, x, y);
  pen.fillText(text, x, y);
}

// What is said of one atom, the distance of two, or the angle at the second of three.
export function measured(atoms, scene) {
  const name = (atom) => `${scene.kinds[atom.kind].symbol} (site ${scene.sites[atom.site][0]})`;
  if (atoms.length === 1) {
    return `${name(atoms[0])} at ${atoms[0].position.map((x) => x.toFixed(3)).join(", ")} Å. Choose another for the distance.`;
  }
  if (atoms.length === 2) {
    return `${atoms.map(name).join(" – ")}: ${length(minus(atoms[0].position, atoms[1].position)).toFixed(3)} Å`;
  }
  if (atoms.length === 3) {
    const [one, other] = [0, 2].map((k) => minus(atoms[k].position, atoms[1].position));
    const angle = Math.acos(Math.min(1, Math.max(-1, dot(one, other) / (length(one) * length(other)))));
    return `${atoms.map(name).join(" – ")}: ${((angle * 180) / Math.PI).toFixed(2)}°`;
  }
  return "";
}
