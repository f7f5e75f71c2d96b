// The atoms, bonds and edges of several cells of a scene: the same as pictures/placing.py does on the server.
//
// A scene is what pictures/scene.py writes as JSON:
//   lattice  three vectors; one of zeros where nothing repeats      origin  where the cell is drawn
//   kinds    {symbol, label, ball, radius, shares: [[colour, part], ...]}
//   sites    [number, kind, x, y, z, faces]; bit k of faces: on the face of the cell where axis k starts
//   bonds    [site, site, shift a, shift b, shift c]                repeat  how many cells at first
//   view     unit vectors to the right, upwards and towards the eye

export const MOST_ATOMS = 20000;

export function repeats(scene) {
  return scene.lattice.map((vector) => vector.some((x) => x !== 0));
}

// How many atoms place() makes.
export function countAtoms(scene, repeat) {
  const along = repeats(scene);
  let count = 0;
  for (const site of scene.sites) {
    count += along.reduce((product, is, k) => product * (is ? repeat[k] + onFace(site, k) : 1), 1);
  }
  return count;
}

// {atoms: [{site, kind, position}], bonds: [{first, second, end}], edges: [[start, end]]}; a bond whose second is
// undefined leads to an atom that is not drawn.
export function place(scene, repeat) {
  const along = repeats(scene);
  const atoms = [];
  const numbers = new Map();
  scene.sites.forEach((site, index) => {
    const counts = along.map((is, k) => (is ? repeat[k] + onFace(site, k) : 1));
    for (const cell of cells(counts)) {
      numbers.set(keyOf(index, cell), atoms.length);
      atoms.push({ site: index, cell, kind: site[1], position: moved(scene, positionOf(site), cell) });
    }
  });
  return { atoms, bonds: [...bondsOf(scene, atoms, numbers)], edges: [...edgesOf(scene, along, repeat)] };
}

function onFace(site, axis) {
  return (site[5] >> axis) & 1;
}

function positionOf(site) {
  return [site[2], site[3], site[4]];
}

function keyOf(site, cell) {
  return `${site} ${cell[0]} ${cell[1]} ${cell[2]}`;
}

function* cells([na, nb, nc]) {
  for (let a = 0; a < na; a += 1) {
    for (let b = 0; b < nb; b += 1) {
      for (let c = 0; c < nc; c += 1) yield [a, b, c];
    }
  }
}

function moved(scene, position, cell) {
  return position.map((x, k) => x + cell.reduce((sum, count, axis) => sum + count * scene.lattice[axis][k], 0));
}

function* bondsOf(scene, atoms, numbers) {
  const ends = new Map();
  const add = (site, end) => (ends.has(site) ? ends.get(site).push(end) : ends.set(site, [end]));
  for (const [first, second, a, b, c] of scene.bonds) {
    add(first, [second, [a, b, c]]);
    add(second, [first, [-a, -b, -c]]);
  }
  for (let first = 0; first < atoms.length; first += 1) {
    const { site, cell } = atoms[first];
    for (const [other, shift] of ends.get(site) ?? []) {
      const there = cell.map((count, k) => count + shift[k]);
      const second = numbers.get(keyOf(other, there));
      if (second === undefined || first < second) {
        yield { first, second, end: moved(scene, positionOf(scene.sites[other]), there) };
      }
    }
  }
}

function* edgesOf(scene, along, repeat) {
  const counts = along.map((is, k) => (is ? repeat[k] : 0));
  for (let axis = 0; axis < 3; axis += 1) {
    if (!counts[axis]) continue;
    for (const cell of cells(counts.map((count, k) => (k === axis ? 1 : count + 1)))) {
      const end = cell.map((place, k) => (k === axis ? counts[axis] : place));
      yield [moved(scene, scene.origin, cell), moved(scene, scene.origin, end)];
    }
  }
}
