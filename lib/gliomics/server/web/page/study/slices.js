/** Slices of images as pictures: sampled on the voxels that are worked on, windowed, with the mask as fill or outline. */

import { between, sameGrid } from "./grid.js";

/** @typedef {import("./nifti.js").Volume} Volume */
/** @typedef {import("./grid.js").Plane} Plane */

/** Colours of label values, told apart also by who sees no red or no green (Okabe and Ito). */
export const COLOURS = ["", "#e69f00", "#56b4e9", "#d55e00", "#f0e442", "#cc79a7", "#009e73", "#0072b2"];

/** @param {number} value */
export const colourOf = (value) => COLOURS[1 + ((value - 1) % (COLOURS.length - 1))];

/**
 * @param {number} value
 * @returns {number[]} red, green and blue
 */
export function rgb(value) {
  const code = parseInt(colourOf(value).slice(1), 16);
  return [code >> 16, (code >> 8) & 255, code & 255];
}

/** One image as it is shown on the voxels of another, or on its own. */
export class ShownImage {
  /**
   * @param {Volume} image
   * @param {Volume} reference whose slices are shown
   */
  constructor(image, reference) {
    this.image = image;
    this.reference = reference;
    this.matrix = sameGrid(image, reference) ? null : between(reference, image);
    const [low, high, floor, ceiling] = range(image);
    /** The darkest and the brightest value that are told apart. */
    this.window = [low, high];
    this.usual = [low, high];
    this.extent = [floor, ceiling];
  }

  /**
   * The values of a slice, row by row as on the screen; NaN where the image does not reach.
   * @param {Plane} plane
   * @param {number} slice
   */
  slice(plane, slice) {
    const [width, height] = plane.size, values = new Float32Array(width * height);
    if (this.matrix) this._resampled(plane, slice, values, this.matrix);
    else this._own(plane, slice, values);
    return values;
  }

  /**
   * @param {Plane} plane
   * @param {number} slice
   * @param {Float32Array} values
   */
  _own(plane, slice, values) {
    const { data, dims, slope, intercept } = this.image, [width, height] = plane.size;
    const strides = [1, dims[0], dims[0] * dims[1]], base = slice * strides[plane.across];
    for (let row = 0, place = 0; row < height; row += 1) {
      const line = base + (plane.vFlip ? height - 1 - row : row) * strides[plane.v];
      let index = line + (plane.uFlip ? width - 1 : 0) * strides[plane.u];
      const step = plane.uFlip ? -strides[plane.u] : strides[plane.u];
      for (let column = 0; column < width; column += 1, index += step, place += 1) values[place] = data[index] * slope + intercept;
    }
  }

  /**
   * @param {Plane} plane
   * @param {number} slice
   * @param {Float32Array} values
   * @param {number[]} m
   */
  _resampled(plane, slice, values, m) {
    const [width, height] = plane.size, voxel = [0, 0, 0];
    voxel[plane.across] = slice;
    for (let row = 0, place = 0; row < height; row += 1) {
      voxel[plane.v] = plane.vFlip ? height - 1 - row : row;
      for (let column = 0; column < width; column += 1, place += 1) {
        voxel[plane.u] = plane.uFlip ? width - 1 - column : column;
        const [i, j, k] = voxel;
        values[place] = this.at(
          m[0] * i + m[1] * j + m[2] * k + m[3],
          m[4] * i + m[5] * j + m[6] * k + m[7],
          m[8] * i + m[9] * j + m[10] * k + m[11],
        );
      }
    }
  }

  /**
   * The value between voxels, linear; NaN outside.
   * @param {number} x
   * @param {number} y
   * @param {number} z
   */
  at(x, y, z) {
    const { data, dims, slope, intercept } = this.image;
    if (x < -0.5 || y < -0.5 || z < -0.5 || x > dims[0] - 0.5 || y > dims[1] - 0.5 || z > dims[2] - 0.5) return NaN;
    const i = Math.min(Math.max(0, x), dims[0] - 1), j = Math.min(Math.max(0, y), dims[1] - 1), k = Math.min(Math.max(0, z), dims[2] - 1);
    const i0 = Math.floor(i), j0 = Math.floor(j), k0 = Math.floor(k);
    const a = i - i0, b = j - j0, c = k - k0;
    const di = i0 + 1 < dims[0] ? 1 : 0, dj = j0 + 1 < dims[1] ? dims[0] : 0, dk = k0 + 1 < dims[2] ? dims[0] * dims[1] : 0;
    const base = i0 + j0 * dims[0] + k0 * dims[0] * dims[1];
    const lower = mix(mix(data[base], data[base + di], a), mix(data[base + dj], data[base + di + dj], a), b);
    const upper = dk ? mix(mix(data[base + dk], data[base + di + dk], a), mix(data[base + dj + dk], data[base + di + dj + dk], a), b) : lower;
    return mix(lower, upper, c) * slope + intercept;
  }
}

/**
 * @param {number} first
 * @param {number} second
 * @param {number} share
 */
const mix = (first, second, share) => first + (second - first) * share;

/**
 * What an image shows best: where its values above the background lie, from 1 % to 99.5 %, and its lowest and highest.
 * @param {Volume} image
 */
function range({ data, slope, intercept }) {
  const step = Math.max(1, Math.floor(data.length / 60000));
  /** @type {number[]} */
  const values = [];
  let low = Infinity, high = -Infinity;
  for (let index = 0; index < data.length; index += step) {
    const value = data[index] * slope + intercept;
    if (!Number.isFinite(value)) continue;
    values.push(value);
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (!values.length) return [0, 1, 0, 1];
  values.sort((first, second) => first - second);
  const background = values[Math.floor(values.length * 0.02)];
  const tissue = values.filter((value) => value > background + 0.02 * (high - background));
  const from = tissue.length > 100 ? tissue : values;
  const pick = (/** @type {number} */ share) => from[Math.min(from.length - 1, Math.floor(from.length * share))];
  const floor = tissue.length > 100 ? Math.min(background, pick(0.01)) : pick(0.01);
  return [floor, Math.max(pick(0.995), floor + 1e-6), low, Math.max(high, low + 1e-6)];
}

/**
 * A slice in grey.
 * @param {Float32Array} values
 * @param {number[]} window
 * @param {ImageData} picture
 */
export function greyInto(values, [low, high], picture) {
  const pixels = new Uint32Array(picture.data.buffer), scale = 255 / (high - low || 1);
  for (let index = 0; index < values.length; index += 1) {
    const grey = values[index] >= low ? Math.min(255, (values[index] - low) * scale) | 0 : 0;
    pixels[index] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
}

/** Below this the image is seen through a map. */
const LEAST_SHOWN = 0.05;

/** Colours of a map's values at even distances from 0 to 1, ever lighter. @type {Record<string, number[][]>} */
const HEAT = {
  probability: [[70, 0, 60], [190, 20, 50], [245, 120, 20], [255, 235, 120]],
  uncertainty: [[0, 30, 90], [0, 110, 150], [30, 190, 160], [225, 255, 220]],
};

/**
 * A map of values from 0 to 1 in colours; NaN, where it does not reach, is clear.
 * @param {Float32Array} values
 * @param {"probability" | "uncertainty"} kind
 * @param {number} opacity
 * @param {ImageData} picture
 */
export function heatInto(values, kind, opacity, picture) {
  const pixels = picture.data, colours = HEAT[kind], steps = colours.length - 1;
  for (let index = 0; index < values.length; index += 1) {
    const value = Math.min(1, values[index]);
    if (!(value >= LEAST_SHOWN)) continue;
    const step = Math.min(steps - 1, Math.floor(value * steps)), share = value * steps - step;
    for (let channel = 0; channel < 3; channel += 1) pixels[4 * index + channel] = mix(colours[step][channel], colours[step + 1][channel], share);
    pixels[4 * index + 3] = 255 * opacity;
  }
}

/**
 * The mask of a slice, row by row as on the screen.
 * @param {import("./labelmap.js").LabelMap} map
 * @param {Plane} plane
 * @param {number} slice
 */
export function maskSlice(map, plane, slice) {
  const [width, height] = plane.size, values = new Uint8Array(width * height);
  const base = slice * map.strides[plane.across], step = plane.uFlip ? -map.strides[plane.u] : map.strides[plane.u];
  for (let row = 0, place = 0; row < height; row += 1) {
    let index = base + (plane.vFlip ? height - 1 - row : row) * map.strides[plane.v] + (plane.uFlip ? width - 1 : 0) * map.strides[plane.u];
    for (let column = 0; column < width; column += 1, index += step, place += 1) values[place] = map.values[index];
  }
  return values;
}

/**
 * @param {Uint8Array} values
 * @param {number} opacity
 * @param {ImageData} picture
 */
export function fillInto(values, opacity, picture) {
  const pixels = picture.data;
  pixels.fill(0);
  for (let index = 0; index < values.length; index += 1) {
    if (!values[index]) continue;
    const [red, green, blue] = rgb(values[index]);
    pixels[4 * index] = red;
    pixels[4 * index + 1] = green;
    pixels[4 * index + 2] = blue;
    pixels[4 * index + 3] = 255 * opacity;
  }
}

/**
 * The edges of each segment on a slice, along the borders of voxels.
 * @param {Uint8Array} values
 * @param {number} width
 * @param {number} height
 * @returns {Map<number, Path2D>} in voxels, by value
 */
export function outlines(values, width, height) {
  /** @type {Map<number, Path2D>} */
  const paths = new Map();
  const edge = (/** @type {number} */ value, /** @type {number[]} */ [x0, y0, x1, y1]) => {
    const path = paths.get(value) ?? new Path2D();
    path.moveTo(x0, y0);
    path.lineTo(x1, y1);
    paths.set(value, path);
  };
  for (let y = 0, place = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, place += 1) {
      const value = values[place];
      if (!value) continue;
      if (x === 0 || values[place - 1] !== value) edge(value, [x, y, x, y + 1]);
      if (x === width - 1 || values[place + 1] !== value) edge(value, [x + 1, y, x + 1, y + 1]);
      if (y === 0 || values[place - width] !== value) edge(value, [x, y, x + 1, y]);
      if (y === height - 1 || values[place + width] !== value) edge(value, [x, y + 1, x + 1, y + 1]);
    }
  }
  return paths;
}

