/** Triangles as a picture, computed here: it takes no graphics card, and no WebGL, which remote desktops often lack. */

/** @typedef {import("./mesh.js").Mesh} Mesh */

/**
 * @typedef {object} Camera seen along parallel rays
 * @property {number[]} turn nine numbers row by row: RAS to right, up, and towards who looks
 * @property {number[]} centre RAS, what is in the middle of the picture
 * @property {number} scale pixels of a millimetre
 */

const BEHIND = -1e9, CLEAR = 0.45;

/** A picture that meshes are drawn into, and how near each of its pixels is. */
export class Raster {
  /**
   * @param {number} width
   * @param {number} height
   */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    /** How near the solid surfaces are, in millimetres towards who looks. */
    this.near = new Float32Array(width * height);
    this.light = new Float32Array(width * height);
    this.owner = new Uint8Array(width * height);
    /** The same of the surface that is seen through. */
    this.nearClear = new Float32Array(width * height);
    this.lightClear = new Float32Array(width * height);
  }

  /**
   * Draw meshes; with several the last, which holds the others, is seen through.
   * @param {Mesh[]} meshes
   * @param {Camera} camera
   * @param {(value: number) => number[]} colour
   * @param {ImageData} picture
   */
  draw(meshes, camera, colour, picture) {
    this.near.fill(BEHIND);
    this.nearClear.fill(BEHIND);
    this.owner.fill(0);
    const isThrough = meshes.length > 1;
    meshes.forEach((mesh, place) => {
      if (isThrough && place === meshes.length - 1) this._fill(mesh, camera, this.nearClear, this.lightClear, null, 0);
      else this._fill(mesh, camera, this.near, this.light, this.owner, place + 1);
    });
    const colours = meshes.map((mesh) => colour(mesh.value)), outer = colours[colours.length - 1];
    const pixels = picture.data;
    for (let at = 0; at < this.near.length; at += 1) {
      const owner = this.owner[at], isClear = isThrough && this.nearClear[at] > this.near[at] && this.nearClear[at] > BEHIND;
      const share = isClear ? (owner ? CLEAR * 0.8 : CLEAR + 0.3 * (1 - this.lightClear[at])) : 0;
      for (let channel = 0; channel < 3; channel += 1) {
        const solid = owner ? colours[owner - 1][channel] * this.light[at] : 0;
        const through = isClear ? outer[channel] * this.lightClear[at] : 0;
        pixels[4 * at + channel] = owner ? solid + (through - solid) * share : through;
      }
      pixels[4 * at + 3] = owner ? 255 : 255 * share;
    }
  }

  /**
   * @param {Mesh} mesh
   * @param {Camera} camera
   * @param {Float32Array} near
   * @param {Float32Array} light
   * @param {Uint8Array | null} owners
   * @param {number} owner
   */
  _fill({ points, normals, triangles }, { turn, centre, scale }, near, light, owners, owner) {
    const count = points.length / 3, x = new Float32Array(count), y = new Float32Array(count), z = new Float32Array(count), l = new Float32Array(count);
    for (let at = 0; at < count; at += 1) {
      const [r, a, s] = [points[3 * at] - centre[0], points[3 * at + 1] - centre[1], points[3 * at + 2] - centre[2]];
      x[at] = this.width / 2 + scale * (turn[0] * r + turn[1] * a + turn[2] * s);
      y[at] = this.height / 2 - scale * (turn[3] * r + turn[4] * a + turn[5] * s);
      z[at] = turn[6] * r + turn[7] * a + turn[8] * s;
      const [nr, na, ns] = [normals[3 * at], normals[3 * at + 1], normals[3 * at + 2]];
      const right = turn[0] * nr + turn[1] * na + turn[2] * ns, up = turn[3] * nr + turn[4] * na + turn[5] * ns, towards = turn[6] * nr + turn[7] * na + turn[8] * ns;
      l[at] = 0.25 + 0.75 * Math.min(1, Math.abs(0.9 * towards + Math.sign(towards || 1) * (0.35 * up - 0.25 * right)));
    }
    for (let at = 0; at < triangles.length; at += 3) {
      const [a, b, c] = [triangles[at], triangles[at + 1], triangles[at + 2]];
      const area = (x[b] - x[a]) * (y[c] - y[a]) - (x[c] - x[a]) * (y[b] - y[a]);
      if (!area) continue;
      const left = Math.max(0, Math.ceil(Math.min(x[a], x[b], x[c]) - 0.5)), right = Math.min(this.width - 1, Math.floor(Math.max(x[a], x[b], x[c]) - 0.5));
      const top = Math.max(0, Math.ceil(Math.min(y[a], y[b], y[c]) - 0.5)), bottom = Math.min(this.height - 1, Math.floor(Math.max(y[a], y[b], y[c]) - 0.5));
      for (let row = top; row <= bottom; row += 1) {
        for (let column = left; column <= right; column += 1) {
          const px = column + 0.5, py = row + 0.5;
          const v = ((px - x[a]) * (y[c] - y[a]) - (x[c] - x[a]) * (py - y[a])) / area;
          const w = ((x[b] - x[a]) * (py - y[a]) - (px - x[a]) * (y[b] - y[a])) / area;
          if (v < 0 || w < 0 || v + w > 1) continue;
          const depth = z[a] + v * (z[b] - z[a]) + w * (z[c] - z[a]), pixel = column + row * this.width;
          if (depth <= near[pixel]) continue;
          near[pixel] = depth;
          light[pixel] = l[a] + v * (l[b] - l[a]) + w * (l[c] - l[a]);
          if (owners) owners[pixel] = owner;
        }
      }
    }
  }

  /**
   * The place in RAS under a pixel; null where no surface is.
   * @param {number} column
   * @param {number} row
   * @param {Camera} camera
   */
  placeUnder(column, row, { turn, centre, scale }) {
    const pixel = Math.floor(column) + Math.floor(row) * this.width, depth = Math.max(this.near[pixel], this.nearClear[pixel]);
    if (!(depth > BEHIND)) return null;
    const seen = [(column - this.width / 2) / scale, (this.height / 2 - row) / scale, depth];
    return [0, 1, 2].map((world) => centre[world] + seen.reduce((sum, at, axis) => sum + turn[3 * axis + world] * at, 0));
  }
}
