// Draws balls and sticks with WebGL 2: half spheres and half cylinders that face the eye, one call for all of each.
//
// Everything is placed in the eye's coordinates: x to the right, y upwards, z towards the eye, in angstrom.

const BALL_VERTEX = `#version 300 es
uniform mat3 turn; uniform vec3 centre; uniform vec2 scale; uniform vec2 shift; uniform float depth; uniform float grow;
in vec3 corner; in vec3 position; in float radius; in vec3 colour; in vec2 sector;
out vec3 normal; out vec3 tint; out vec2 part; out float near;
void main() {
  vec3 seen = turn * (position - centre) + corner * radius * grow;
  normal = corner; tint = colour; part = sector; near = seen.z / depth;
  gl_Position = vec4(seen.xy * scale + shift, -near, 1.0);
}`;

const STICK_VERTEX = `#version 300 es
uniform mat3 turn; uniform vec3 centre; uniform vec2 scale; uniform vec2 shift; uniform float depth; uniform float thin;
in vec3 corner; in vec3 start; in vec3 end; in vec2 radii; in vec3 colour;
out vec3 normal; out vec3 tint; out vec2 part; out float near;
void main() {
  vec3 from = turn * (start - centre);
  vec3 along = turn * (end - start);
  vec3 side = cross(along, vec3(0.0, 0.0, 1.0));
  side = dot(side, side) < 1e-9 ? vec3(1.0, 0.0, 0.0) : normalize(side);
  vec3 front = normalize(cross(side, along));
  normal = side * corner.x + front * corner.y;
  float radius = thin > 0.0 ? thin : mix(radii.x, radii.y, corner.z);
  vec3 seen = from + along * corner.z + normal * radius;
  tint = colour; part = vec2(0.0, 1.0); near = seen.z / depth;
  gl_Position = vec4(seen.xy * scale + shift, -near, 1.0);
}`;

// A light from above on the left, a dark rim that sets balls apart on any ground, and mist on what is far.
const FRAGMENT = `#version 300 es
precision highp float;
uniform vec3 paper; uniform float flat_; uniform float mist;
in vec3 normal; in vec3 tint; in vec2 part; in float near;
out vec4 painted;
void main() {
  if (part.y - part.x < 0.999) {
    float turn = fract(atan(normal.x, normal.y) / 6.2831853 + 1.0);
    if (turn < part.x || turn >= part.y) discard;
  }
  vec3 n = normalize(normal);
  float light = 0.62 + 0.42 * dot(n, normalize(vec3(-0.45, 0.6, 0.75)));
  float gleam = pow(max(dot(n, normalize(vec3(-0.3, 0.42, 0.86))), 0.0), 36.0) * 0.38;
  float rim = smoothstep(0.0, 0.42, n.z);
  vec3 lit = tint * light * mix(0.52, 1.0, rim) + gleam;
  vec3 colour = mix(lit, tint, flat_);
  painted = vec4(mix(colour, paper, mist * clamp(0.5 - 0.5 * near, 0.0, 1.0)), 1.0);
}`;

const MOST_FINE = 2000; // balls with 1,300 triangles each

const BALL = { corner: 3, position: 3, radius: 1, colour: 3, sector: 2 };
const STICK = { corner: 3, start: 3, end: 3, radii: 2, colour: 3 };

// A painter for a canvas, or null where there is no WebGL 2.
export function painterFor(canvas) {
  const gl = canvas.getContext("webgl2", { antialias: true, alpha: true, preserveDrawingBuffer: true });
  if (!gl) return null;
  const fine = shape(gl, BALL_VERTEX, BALL, halfSphere(18, 36));
  const coarse = shape(gl, BALL_VERTEX, BALL, halfSphere(6, 14));
  let balls = fine;
  const sticks = shape(gl, STICK_VERTEX, STICK, halfCylinder(12));
  const edges = shape(gl, STICK_VERTEX, STICK, halfCylinder(4));
  gl.enable(gl.DEPTH_TEST);

  return {
    // Each a list of numbers: see BALL and STICK without the corner.
    load(things) {
      balls = things.balls.length / fine.size > MOST_FINE ? coarse : fine;
      fill(gl, balls, things.balls);
      fill(gl, sticks, things.sticks);
      fill(gl, edges, things.edges);
    },
    // camera: {turn: 9 numbers by column, centre, scale: [x, y], shift: [x, y], depth, pixel}; pixel is in angstrom.
    draw(camera, { paper, grow, withSticks, mist }) {
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      const all = { ...camera, paper, mist };
      run(gl, edges, { ...all, flat_: 1, thin: 0.8 * camera.pixel });
      if (withSticks) run(gl, sticks, { ...all, flat_: 0, thin: 0 });
      run(gl, balls, { ...all, flat_: 0, grow });
    },
  };
}

function shape(gl, vertexText, layout, corners) {
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertexText], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  const array = gl.createVertexArray();
  gl.bindVertexArray(array);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, corners, gl.STATIC_DRAW);
  attribute(gl, program, "corner", 3, 0, 0, 0);
  const instances = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, instances);
  const [, ...rest] = Object.entries(layout);
  const size = rest.reduce((sum, [, numbers]) => sum + numbers, 0);
  let offset = 0;
  for (const [name, numbers] of rest) {
    attribute(gl, program, name, numbers, size * 4, offset * 4, 1);
    offset += numbers;
  }
  return { program, array, instances, size, corners: corners.length / 3, count: 0 };
}

function attribute(gl, program, name, numbers, stride, offset, divisor) {
  const place = gl.getAttribLocation(program, name);
  if (place < 0) return;
  gl.enableVertexAttribArray(place);
  gl.vertexAttribPointer(place, numbers, gl.FLOAT, false, stride, offset);
  gl.vertexAttribDivisor(place, divisor);
}

function fill(gl, shape, numbers) {
  shape.count = numbers.length / shape.size;
  gl.bindBuffer(gl.ARRAY_BUFFER, shape.instances);
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(numbers), gl.STATIC_DRAW);
}

function run(gl, shape, values) {
  if (!shape.count) return;
  gl.useProgram(shape.program);
  gl.bindVertexArray(shape.array);
  for (const [name, value] of Object.entries(values)) {
    const place = gl.getUniformLocation(shape.program, name);
    if (place === null) continue;
    if (typeof value === "number") gl.uniform1f(place, value);
    else if (value.length === 2) gl.uniform2fv(place, value);
    else if (value.length === 3) gl.uniform3fv(place, value);
    else gl.uniformMatrix3fv(place, false, value);
  }
  gl.drawArraysInstanced(gl.TRIANGLES, 0, shape.corners, shape.count);
}

// Corners of triangles on the half of a unit sphere with z >= 0.
function halfSphere(rings, segments) {
  const at = (ring, segment) => {
    const down = (Math.PI / 2) * (ring / rings);
    const round = 2 * Math.PI * (segment / segments);
    return [Math.sin(down) * Math.cos(round), Math.sin(down) * Math.sin(round), Math.cos(down)];
  };
  return grid(rings, segments, at);
}

// Corners of triangles on half a cylinder: x and y of its normal, and how far along it is, 0 to 1.
function halfCylinder(segments) {
  const at = (along, segment) => {
    const round = Math.PI * (segment / segments);
    return [Math.cos(round), Math.sin(round), along];
  };
  return grid(1, segments, at);
}

function grid(rows, columns, at) {
  const corners = [];
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const [a, b, c, d] = [at(row, column), at(row + 1, column), at(row + 1, column + 1), at(row, column + 1)];
      corners.push(...a, ...b, ...c, ...a, ...c, ...d);
    }
  }
  return new Float32Array(corners);
}
