/** The mask that is worked on: its voxels, what changed them, and the way back. */

/**
 * @typedef {object} Change voxels that were changed together, as they were and as they became
 * @property {Int32Array} voxels
 * @property {Uint8Array} before
 * @property {Uint8Array} after
 * @property {[Segments, Segments]} [segments] what the values meant and mean, where that is not the same
 */

/** @typedef {Record<string, number>} Segments values of a label map by the names of what they mark */

const MOST_CHANGES = 200;

/** A label map on the voxels of an image; `values[index]` is 0 outside of every segment. */
export class LabelMap {
  /**
   * @param {number[]} dims
   * @param {Uint8Array} [values]
   * @param {Segments} [segments]
   */
  constructor(dims, values, segments = { tumour: 1 }) {
    this.dims = dims;
    this.segments = segments;
    this.strides = [1, dims[0], dims[0] * dims[1]];
    this.values = values ?? new Uint8Array(dims[0] * dims[1] * dims[2]);
    /** @type {Change[]} */
    this.done = [];
    /** @type {Change[]} */
    this.undone = [];
    /** How often the mask was changed; what was taken back counts, too. */
    this.revision = 0;
    /** What a stroke that is being drawn has changed so far. @type {Map<number, number> | null} */
    this.stroke = null;
    /** Called when voxels changed; `finished` is false while a stroke goes on. */
    this.onChange = (/** @type {boolean} */ _finished) => {};
  }

  /** @param {number[]} voxel */
  index(voxel) {
    return voxel[0] + voxel[1] * this.strides[1] + voxel[2] * this.strides[2];
  }

  /** @param {number[]} voxel */
  holds(voxel) {
    return voxel.every((place, axis) => place >= 0 && place < this.dims[axis]);
  }

  begin() {
    this.stroke = new Map();
  }

  /**
   * Give one voxel a value as a part of the stroke.
   * @param {number} index
   * @param {number} value
   */
  set(index, value) {
    const before = this.values[index];
    if (!this.stroke || before === value) return;
    if (!this.stroke.has(index)) this.stroke.set(index, before);
    this.values[index] = value;
  }

  /** The stroke goes on. */
  moved() {
    this.onChange(false);
  }

  /** The stroke is one change now. */
  end() {
    const stroke = this.stroke;
    this.stroke = null;
    if (!stroke?.size) return;
    const voxels = Int32Array.from(stroke.keys()), before = Uint8Array.from(stroke.values());
    this._remember({ voxels, before, after: voxels.reduce((after, index, place) => (after[place] = this.values[index], after), new Uint8Array(voxels.length)) });
    this.onChange(true);
  }

  /**
   * Take other values as one change; false where nothing is different.
   * @param {Uint8Array} values
   * @param {Segments} segments what they mark
   */
  replace(values, segments) {
    if (values.length !== this.values.length) throw new RangeError("the values are of another image");
    let count = 0;
    for (let index = 0; index < values.length; index += 1) if (values[index] !== this.values[index]) count += 1;
    const isRenamed = JSON.stringify(segments) !== JSON.stringify(this.segments);
    if (!count && !isRenamed) return false;
    /** @type {Change} */
    const change = { voxels: new Int32Array(count), before: new Uint8Array(count), after: new Uint8Array(count) };
    if (isRenamed) change.segments = [this.segments, segments];
    this.segments = segments;
    for (let index = 0, place = 0; index < values.length; index += 1) {
      if (values[index] === this.values[index]) continue;
      change.voxels[place] = index;
      change.before[place] = this.values[index];
      change.after[place] = values[index];
      place += 1;
    }
    this.values.set(values);
    this._remember(change);
    this.onChange(true);
    return true;
  }

  /** Take the last change back. */
  undo() {
    const change = this.done.pop();
    if (!change) return;
    this.undone.push(change);
    if (change.segments) this.segments = change.segments[0];
    this._write(change.voxels, change.before);
  }

  /** Make the change again that was taken back. */
  redo() {
    const change = this.undone.pop();
    if (!change) return;
    this.done.push(change);
    if (change.segments) this.segments = change.segments[1];
    this._write(change.voxels, change.after);
  }

  /** Whether no voxel has a value above 0. */
  get isEmpty() {
    const { values } = this;
    for (let index = 0; index < values.length; index += 1) if (values[index]) return false;
    return true;
  }

  /** How many voxels have each value above 0. */
  counts() {
    const counts = new Uint32Array(256), { values } = this;
    for (let index = 0; index < values.length; index += 1) counts[values[index]] += 1; // an iterator takes ten times as long
    return new Map([...counts].map((count, value) => /** @type {[number, number]} */ ([value, count])).filter(([value, count]) => value && count));
  }

  /** @param {Change} change */
  _remember(change) {
    this.revision += 1;
    this.done.push(change);
    if (this.done.length > MOST_CHANGES) this.done.shift();
    this.undone = [];
  }

  /**
   * @param {Int32Array} voxels
   * @param {Uint8Array} values
   */
  _write(voxels, values) {
    this.revision += 1;
    voxels.forEach((index, place) => {
      this.values[index] = values[place];
    });
    this.onChange(true);
  }
}

/**
 * Give a disc of a plane a value, or take it away: with `value` 0 only voxels of `only` are emptied.
 * @param {LabelMap} map
 * @param {import("./grid.js").Plane} plane
 * @param {number} slice
 * @param {number[]} centre column and row, in voxels
 * @param {{radius: number, value: number, only?: number}} brush the radius in millimetres
 */
export function paintDisc(map, plane, slice, [column, row], { radius, value, only }) {
  const [du, dv] = plane.spacing, base = slice * map.strides[plane.across];
  const reach = [Math.floor(radius / du), Math.floor(radius / dv)];
  for (let y = row - reach[1]; y <= row + reach[1]; y += 1) {
    for (let x = column - reach[0]; x <= column + reach[0]; x += 1) {
      if (x < 0 || y < 0 || x >= plane.size[0] || y >= plane.size[1]) continue;
      if (((x - column) * du) ** 2 + ((y - row) * dv) ** 2 > radius * radius) continue;
      const u = plane.uFlip ? plane.size[0] - 1 - x : x, v = plane.vFlip ? plane.size[1] - 1 - y : y;
      const index = base + u * map.strides[plane.u] + v * map.strides[plane.v];
      if (value || only === undefined || map.values[index] === only) map.set(index, value);
    }
  }
}

/**
 * Fill what is closed in on a slice around a place; false where it reaches the image's edge, because nothing closes it.
 * @param {LabelMap} map
 * @param {import("./grid.js").Plane} plane
 * @param {number} slice
 * @param {number[]} place column and row
 * @param {number} value
 */
export function fillEnclosed(map, plane, slice, [column, row], value) {
  const [width, height] = plane.size, base = slice * map.strides[plane.across];
  const at = (/** @type {number} */ x, /** @type {number} */ y) =>
    base + (plane.uFlip ? width - 1 - x : x) * map.strides[plane.u] + (plane.vFlip ? height - 1 - y : y) * map.strides[plane.v];
  const seen = new Set([column + row * width]), waiting = [[column, row]], start = map.values[at(column, row)];
  if (start === value) return true;
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [x, y] = next;
    if (x === 0 || y === 0 || x === width - 1 || y === height - 1) return false;
    for (const [nx, ny] of [[x + 1, y], [x - 1, y], [x, y + 1], [x, y - 1]]) {
      const key = nx + ny * width;
      if (!seen.has(key) && map.values[at(nx, ny)] === start) {
        seen.add(key);
        waiting.push([nx, ny]);
      }
    }
  }
  map.begin();
  for (const key of seen) map.set(at(key % width, Math.floor(key / width)), value);
  map.end();
  return true;
}

/**
 * A voxel of the mask nearest to the middle of it in the slice that shows most of it; null where the mask is empty.
 * @param {LabelMap} map
 * @param {number} axis along which the slices follow each other
 */
export function middleOf({ values, dims, strides }, axis) {
  const counts = new Array(dims[axis]).fill(0), stride = strides[axis], size = dims[axis];
  for (let index = 0; index < values.length; index += 1) if (values[index]) counts[Math.floor(index / stride) % size] += 1;
  const slice = counts.indexOf(Math.max(...counts)), [across, down] = [0, 1, 2].filter((each) => each !== axis);
  if (!counts[slice]) return null;
  /** @type {number[][]} */
  const voxels = [];
  for (let row = 0; row < dims[down]; row += 1) {
    for (let column = 0; column < dims[across]; column += 1) {
      const voxel = [0, 0, 0];
      [voxel[axis], voxel[across], voxel[down]] = [slice, column, row];
      if (values[slice * stride + column * strides[across] + row * strides[down]]) voxels.push(voxel);
    }
  }
  const middle = [0, 1, 2].map((along) => voxels.reduce((sum, voxel) => sum + voxel[along], 0) / voxels.length);
  const far = (/** @type {number[]} */ voxel) => voxel.reduce((sum, at, along) => sum + (at - middle[along]) ** 2, 0);
  return voxels.reduce((nearest, voxel) => (far(voxel) < far(nearest) ? voxel : nearest));
}
