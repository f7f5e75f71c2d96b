// Directions and sizes: how a scene is turned, and how large it is seen. Rows are unit vectors to the right, up, to the eye.

const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const length = (a) => Math.hypot(...a);
const scaled = (a, by) => a.map((x) => x * by);
const unit = (a) => scaled(a, 1 / (length(a) || 1));

export function turned(rows, vector) {
  return rows.map((row) => dot(row, vector));
}

// Turned by angles in radians: the front moves to the right and downwards.
export function rotated(rows, toRight, down) {
  const [right, up, eye] = rows;
  const sum = (a, x, b, y) => a.map((value, k) => value * x + b[k] * y);
  const right1 = sum(right, Math.cos(toRight), eye, Math.sin(toRight));
  const eye1 = sum(eye, Math.cos(toRight), right, -Math.sin(toRight));
  const eye2 = sum(eye1, Math.cos(down), up, Math.sin(down));
  const up2 = sum(up, Math.cos(down), eye1, -Math.sin(down));
  return orthogonal([right1, up2, eye2]);
}

// Rounding would bend the rows after thousands of turns.
function orthogonal([, up, eye]) {
  const near = unit(eye);
  const right = unit(cross(up, near));
  return [right, cross(near, right), near];
}

// Seen along a lattice vector, 0 to 2; where a scene does not repeat, along the direction that the others leave.
export function along(scene, axis) {
  const vectors = scene.lattice.map((vector, k) => direction(scene, vector, k));
  const eye = unit(vectors[axis]);
  const up = unit(vectors[axis === 2 ? 1 : 2]);
  const right = cross(up, eye);
  return length(right) > 1e-6 ? orthogonal([right, cross(eye, unit(right)), eye]) : scene.view;
}

function direction(scene, vector, axis) {
  if (length(vector) > 0) return vector;
  const others = cross(scene.lattice[(axis + 1) % 3], scene.lattice[(axis + 2) % 3]);
  return length(others) > 0 ? others : [0, 1, 2].map((k) => (k === axis ? 1 : 0));
}

// {centre, size: [width, height], reach}: the box around points as seen now; reach is that of any turn.
export function extent(points, rows, room) {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (const point of points) {
    turned(rows, point).forEach((x, k) => {
      low[k] = Math.min(low[k], x);
      high[k] = Math.max(high[k], x);
    });
  }
  if (!points.length) return { centre: [0, 0, 0], size: [1, 1], reach: 1 };
  const middle = low.map((x, k) => (x + high[k]) / 2);
  const centre = [0, 1, 2].map((k) => rows.reduce((sum, row, i) => sum + row[k] * middle[i], 0));
  const reach = points.reduce((most, point) => Math.max(most, length(minus(point, centre))), 0) + room;
  return { centre, size: [high[0] - low[0] + 2 * room, high[1] - low[1] + 2 * room], reach };
}
