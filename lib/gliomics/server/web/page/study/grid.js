/** Where voxels lie: which axis of an image runs where in the patient, and how its planes are shown. */

/** @typedef {import("./nifti.js").Volume} Volume */

/**
 * @typedef {object} Plane
 * @property {string} name axial, coronal or sagittal
 * @property {number} across the voxel axis that slices are counted along
 * @property {number} u the voxel axis that runs to the right on the screen
 * @property {number} v and the one that runs down
 * @property {boolean} uFlip whether it runs against the voxels' order
 * @property {boolean} vFlip
 * @property {number[]} size voxels along u and v
 * @property {number[]} spacing millimetres of a voxel along u and v
 * @property {number} up +1 where the next voxel along `across` lies towards S, A or R, else -1
 * @property {{left: string, right: string, top: string, bottom: string}} letters
 */

/** @type {[string, number, number, number][]} Each plane: the world axis across, the one to the right, the one down. */
const PLANES = [
  ["axial", 2, 0, 1],
  ["coronal", 1, 0, 2],
  ["sagittal", 0, 1, 2],
];
const POSITIVE = ["R", "A", "S"], NEGATIVE = ["L", "P", "I"];
const ORDERS = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/** A direction is named by a second letter, too, where it lies more than 15 degrees off the first. */
const SECOND = Math.sin((15 * Math.PI) / 180);

/**
 * Millimetres of a voxel along i, j and k.
 * @param {number[]} affine
 */
export const spacing = (affine) => [0, 1, 2].map((axis) => Math.hypot(affine[axis], affine[4 + axis], affine[8 + axis]));

/**
 * Unit vectors in RAS along i, j and k.
 * @param {number[]} affine
 */
export function directions(affine) {
  const sizes = spacing(affine);
  return [0, 1, 2].map((axis) => [0, 1, 2].map((row) => affine[4 * row + axis] / (sizes[axis] || 1)));
}

/**
 * The voxel axis that is most nearly R, A and S.
 * @param {number[]} affine
 */
export function axes(affine) {
  const unit = directions(affine);
  const fit = (/** @type {number[]} */ order) => order.reduce((sum, axis, world) => sum + Math.abs(unit[axis][world]), 0);
  return ORDERS.reduce((best, order) => (fit(order) > fit(best) + 1e-9 ? order : best));
}

/**
 * The three planes of an image along its own voxels, as radiologists hang them: the patient's right on the left, the
 * nose of a sagittal slice on the left, up is up.
 * @param {Volume} image
 * @returns {Record<string, Plane>}
 */
export function planes(image) {
  const unit = directions(image.affine), axis = axes(image.affine), sizes = spacing(image.affine);
  /** @type {Record<string, Plane>} */
  const found = {};
  for (const [name, across, right, down] of PLANES) {
    const u = axis[right], v = axis[down];
    const uFlip = unit[u][right] > 0, vFlip = unit[v][down] > 0;
    found[name] = {
      name,
      across: axis[across],
      u,
      v,
      uFlip,
      vFlip,
      size: [image.dims[u], image.dims[v]],
      spacing: [sizes[u], sizes[v]],
      up: unit[axis[across]][across] > 0 ? 1 : -1,
      letters: {
        right: letters(unit[u], uFlip ? -1 : 1),
        left: letters(unit[u], uFlip ? 1 : -1),
        bottom: letters(unit[v], vFlip ? -1 : 1),
        top: letters(unit[v], vFlip ? 1 : -1),
      },
    };
  }
  return found;
}

/**
 * A direction in letters, the strongest first: "L", or "LP" where it runs askew.
 * @param {number[]} direction
 * @param {number} sign
 */
export function letters(direction, sign) {
  return [0, 1, 2]
    .filter((world) => Math.abs(direction[world]) > SECOND)
    .sort((first, second) => Math.abs(direction[second]) - Math.abs(direction[first]))
    .map((world) => (sign * direction[world] > 0 ? POSITIVE[world] : NEGATIVE[world]))
    .join("");
}

/**
 * The voxel under a place of a plane.
 * @param {Plane} plane
 * @param {number} slice
 * @param {number} column counted to the right on the screen
 * @param {number} row counted down
 */
export function voxelAt(plane, slice, column, row) {
  const voxel = [0, 0, 0];
  voxel[plane.across] = slice;
  voxel[plane.u] = plane.uFlip ? plane.size[0] - 1 - column : column;
  voxel[plane.v] = plane.vFlip ? plane.size[1] - 1 - row : row;
  return voxel;
}

/**
 * Column and row of a voxel on a plane.
 * @param {Plane} plane
 * @param {number[]} voxel
 */
export function placeOf(plane, voxel) {
  const column = plane.uFlip ? plane.size[0] - 1 - voxel[plane.u] : voxel[plane.u];
  const row = plane.vFlip ? plane.size[1] - 1 - voxel[plane.v] : voxel[plane.v];
  return [column, row];
}

/**
 * Whether two images have the same voxels.
 * @param {Volume} first
 * @param {Volume} second
 */
export function sameGrid(first, second) {
  const size = Math.max(...spacing(first.affine));
  return (
    first.dims.every((count, axis) => count === second.dims[axis]) &&
    first.affine.every((value, index) => Math.abs(value - second.affine[index]) < 1e-3 * size)
  );
}

/**
 * From the voxels of one image to those of another, as 12 numbers row by row.
 * @param {Volume} from
 * @param {Volume} to
 */
export function between(from, to) {
  const inverse = inverted(to.affine), found = new Array(12).fill(0);
  for (let row = 0; row < 3; row += 1) {
    for (let column = 0; column < 4; column += 1) {
      for (let step = 0; step < 4; step += 1) found[4 * row + column] += inverse[4 * row + step] * from.affine[4 * step + column];
    }
  }
  return found;
}

/** @param {number[]} m an affine, 16 numbers */
export function inverted(m) {
  const [a, b, c, x, d, e, f, y, g, h, i, z] = m;
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const n = [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ].map((row) => row.map((value) => value / determinant));
  return [...n.flatMap((row) => [...row, -(row[0] * x + row[1] * y + row[2] * z)]), 0, 0, 0, 1];
}
