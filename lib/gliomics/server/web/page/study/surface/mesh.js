/**
 * The surface of a segment as triangles, by surface nets (Gibson 1998): a vertex in each cube of neighbouring voxels of
 * which some are inside, joined across each face between inside and outside, then smoothed.
 */

/** @typedef {import("../labelmap.js").LabelMap} LabelMap */

/**
 * @typedef {object} Mesh
 * @property {number} value the segment's value in the label map
 * @property {Float32Array} points in RAS millimetres, three numbers a vertex
 * @property {Float32Array} normals of length 1, three numbers a vertex
 * @property {Uint32Array} triangles three vertices each
 * @property {number} voxels of the segment
 */

const MOST_CUBES = 1e6, ROUNDS = 4;

/**
 * The surface of every segment of a label map; large ones are looked at in steps of several voxels.
 * @param {LabelMap} map
 * @param {number[]} affine
 * @returns {Mesh[]} the segment with most voxels last
 */
export function meshesOf(map, affine) {
  return boxes(map)
    .map(({ value, low, high, voxels }) => ({ value, voxels, ...meshOf(map, value, low, high, affine) }))
    .sort((first, second) => first.voxels - second.voxels);
}

/** @param {LabelMap} map */
function boxes({ values, dims }) {
  /** @type {Map<number, {value: number, low: number[], high: number[], voxels: number}>} */
  const found = new Map();
  for (let k = 0, index = 0; k < dims[2]; k += 1) {
    for (let j = 0; j < dims[1]; j += 1) {
      for (let i = 0; i < dims[0]; i += 1, index += 1) {
        const value = values[index];
        if (!value) continue;
        let box = found.get(value);
        if (!box) found.set(value, (box = { value, low: [i, j, k], high: [i, j, k], voxels: 0 }));
        box.voxels += 1;
        if (i < box.low[0]) box.low[0] = i;
        else if (i > box.high[0]) box.high[0] = i;
        if (j < box.low[1]) box.low[1] = j;
        else if (j > box.high[1]) box.high[1] = j;
        box.high[2] = k;
      }
    }
  }
  return [...found.values()];
}

/**
 * @param {LabelMap} map
 * @param {number} value
 * @param {number[]} low
 * @param {number[]} high
 * @param {number[]} affine
 */
function meshOf(map, value, low, high, affine) {
  const steps = stepsFor(low, high, affine);
  const size = [0, 1, 2].map((axis) => Math.floor((high[axis] - low[axis]) / steps[axis]) + 3); // outside on every side
  const strides = [1, size[0], size[0] * size[1]], inside = new Uint8Array(size[0] * size[1] * size[2]);
  for (let k = 1; k < size[2] - 1; k += 1) {
    for (let j = 1; j < size[1] - 1; j += 1) {
      const row = map.index([low[0], low[1] + (j - 1) * steps[1], low[2] + (k - 1) * steps[2]]);
      for (let i = 1; i < size[0] - 1; i += 1) inside[i + j * strides[1] + k * strides[2]] = map.values[row + (i - 1) * steps[0]] === value ? 1 : 0;
    }
  }
  const { places, quads } = net(inside, size, strides);
  smooth(places, quads);
  const points = new Float32Array(places.length);
  for (let at = 0; at < places.length; at += 3) {
    const voxel = [0, 1, 2].map((axis) => low[axis] + (places[at + axis] - 1) * steps[axis]);
    for (let row = 0; row < 3; row += 1) points[at + row] = affine[4 * row] * voxel[0] + affine[4 * row + 1] * voxel[1] + affine[4 * row + 2] * voxel[2] + affine[4 * row + 3];
  }
  const triangles = Uint32Array.from(quads.flatMap(([a, b, c, d]) => [a, b, c, a, c, d]));
  return { points, normals: normalsOf(points, triangles), triangles };
}

/**
 * Every how many voxels is looked, so that there are not too many cubes; along the axis with the finest steps first.
 * @param {number[]} low
 * @param {number[]} high
 * @param {number[]} affine
 */
function stepsFor(low, high, affine) {
  const steps = [1, 1, 1], sizes = [0, 1, 2].map((axis) => Math.hypot(affine[axis], affine[4 + axis], affine[8 + axis]));
  const cubes = () => [0, 1, 2].reduce((count, axis) => count * ((high[axis] - low[axis]) / steps[axis] + 3), 1);
  while (cubes() > MOST_CUBES) {
    const finest = [0, 1, 2].reduce((best, axis) => (sizes[axis] * steps[axis] < sizes[best] * steps[best] ? axis : best));
    steps[finest] += 1;
  }
  return steps;
}

/**
 * Vertices, three numbers each, and quadrilaterals, all seen from the same side.
 * @param {Uint8Array} inside
 * @param {number[]} size
 * @param {number[]} strides
 */
function net(inside, size, strides) {
  const vertex = new Int32Array(inside.length).fill(-1);
  /** @type {number[]} */
  const places = [];
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => [bits & 1, (bits >> 1) & 1, bits >> 2]);
  const offsets = corners.map(([i, j, k]) => i + j * strides[1] + k * strides[2]);
  const edges = corners.flatMap((first, at) => corners.map((second, to) => [at, to]).filter(([, to]) => to > at && first.filter((bit, axis) => bit !== corners[to][axis]).length === 1));
  for (let k = 0; k < size[2] - 1; k += 1) {
    for (let j = 0; j < size[1] - 1; j += 1) {
      for (let i = 0; i < size[0] - 1; i += 1) {
        const cube = i + j * strides[1] + k * strides[2];
        const count = offsets.reduce((sum, offset) => sum + inside[cube + offset], 0);
        if (count === 0 || count === 8) continue;
        const crossed = edges.filter(([at, to]) => inside[cube + offsets[at]] !== inside[cube + offsets[to]]);
        vertex[cube] = places.length / 3;
        for (let axis = 0; axis < 3; axis += 1) places.push([i, j, k][axis] + crossed.reduce((sum, [at, to]) => sum + (corners[at][axis] + corners[to][axis]) / 2, 0) / crossed.length);
      }
    }
  }
  /** @type {number[][]} */
  const quads = [];
  for (let index = 0; index < inside.length; index += 1) {
    for (let axis = 0; axis < 3; axis += 1) {
      const next = index + strides[axis];
      if (next >= inside.length || inside[index] === inside[next]) continue;
      const [u, v] = [strides[(axis + 1) % 3], strides[(axis + 2) % 3]];
      const quad = [vertex[index], vertex[index - u], vertex[index - u - v], vertex[index - v]];
      quads.push(inside[index] ? quad : quad.reverse());
    }
  }
  return { places, quads };
}

/**
 * Draw each vertex to the middle of its neighbours.
 * @param {number[]} places
 * @param {number[][]} quads
 */
function smooth(places, quads) {
  for (let round = 0; round < ROUNDS; round += 1) {
    const sums = new Float32Array(places.length), counts = new Uint16Array(places.length / 3);
    for (const quad of quads) {
      for (let side = 0; side < 4; side += 1) {
        const one = quad[side], other = quad[(side + 1) % 4];
        for (let axis = 0; axis < 3; axis += 1) {
          sums[3 * one + axis] += places[3 * other + axis];
          sums[3 * other + axis] += places[3 * one + axis];
        }
        counts[one] += 1;
        counts[other] += 1;
      }
    }
    for (let at = 0; at < places.length; at += 1) {
      const count = counts[Math.floor(at / 3)];
      if (count) places[at] += (sums[at] / count - places[at]) / 2;
    }
  }
}

/**
 * @param {Float32Array} points
 * @param {Uint32Array} triangles
 */
function normalsOf(points, triangles) {
  const normals = new Float32Array(points.length);
  for (let at = 0; at < triangles.length; at += 3) {
    const [a, b, c] = [3 * triangles[at], 3 * triangles[at + 1], 3 * triangles[at + 2]];
    const [ux, uy, uz] = [points[b] - points[a], points[b + 1] - points[a + 1], points[b + 2] - points[a + 2]];
    const [vx, vy, vz] = [points[c] - points[a], points[c + 1] - points[a + 1], points[c + 2] - points[a + 2]];
    const normal = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    for (const corner of [a, b, c]) for (let axis = 0; axis < 3; axis += 1) normals[corner + axis] += normal[axis];
  }
  for (let at = 0; at < normals.length; at += 3) {
    const length = Math.hypot(normals[at], normals[at + 1], normals[at + 2]) || 1;
    for (let axis = 0; axis < 3; axis += 1) normals[at + axis] /= length;
  }
  return normals;
}
