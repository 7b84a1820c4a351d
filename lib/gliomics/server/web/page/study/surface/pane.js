/** The mask in 3-D: its segments' surfaces in the image's box, to be turned, with a way back to the slices. */

import { h } from "../../dom.js";
import { t } from "../../words.js";
import { inverted, spacing } from "../grid.js";
import { rgb } from "../slices.js";
import { meshesOf } from "./mesh.js";
import { Raster } from "./raster.js";

/** Wait so long after a change before the surface is made anew. */
const PAUSE = 400;
const STEP = Math.PI / 18, NEAREST = 12;
/** @type {[string, number[]][]} The sides of the patient and where they lie. */
const SIDES = [["R", [1, 0, 0]], ["L", [-1, 0, 0]], ["A", [0, 1, 0]], ["P", [0, -1, 0]], ["S", [0, 0, 1]], ["I", [0, 0, -1]]];
/** Seen from in front, as radiologists hang it: the patient's right on the left. */
const FRONT = [-1, 0, 0, 0, 0, 1, 0, 1, 0];

/** A pane beside those of the planes. */
export class SurfacePane {
  /** @param {import("../viewer.js").Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.canvas = /** @type {HTMLCanvasElement} */ (h("canvas", { tabindex: "0", role: "img" }));
    this.title = h("figcaption", {});
    this.element = h("figure", { class: "pane surface", "data-plane": "surface" }, this.canvas, this.title);
    this.cover = document.createElement("canvas");
    /** @type {import("./mesh.js").Mesh[]} */
    this.meshes = [];
    this.turn = turned(turned(FRONT, 1, Math.PI / 6), 0, Math.PI / 9);
    this.zoom = 1;
    /** What the surfaces were made of. @type {import("../labelmap.js").LabelMap | null} */
    this.of = null;
    this.made = -1;
    /** How often surfaces were made, and what the picture that is shown was made of. */
    this.count = 0;
    this.drawn = "";
    this.timer = 0;
    /** @type {Raster | null} */
    this.raster = null;
    this._listen();
  }

  leave() {
    clearTimeout(this.timer);
    this.meshes = [];
    this.raster = null;
    this.of = null;
  }

  /** Pixels of a millimetre, and what is in the middle: the mask, or the image where there is none. */
  camera() {
    const reference = /** @type {import("../nifti.js").Volume} */ (this.viewer.reference);
    const points = this.meshes.flatMap(({ points: all }) => ends(all)), place = points.length ? ends(points) : ends(corners(reference).flat());
    const centre = [0, 1, 2].map((world) => (place[world] + place[3 + world]) / 2);
    const size = Math.hypot(...spacing(reference.affine).map((step, axis) => step * reference.dims[axis]));
    const reach = points.length ? Math.max(30, Math.hypot(...[0, 1, 2].map((world) => place[3 + world] - place[world])) * 1.35) : size;
    return { turn: this.turn, centre, scale: (this.zoom * Math.min(this.canvas.width, this.canvas.height)) / reach };
  }

  draw() {
    const { viewer } = this, ratio = window.devicePixelRatio || 1, box = this.element.getBoundingClientRect();
    const width = Math.max(1, Math.round(box.width * ratio)), height = Math.max(1, Math.round(box.height * ratio));
    if (this.canvas.width !== width || this.canvas.height !== height) [this.canvas.width, this.canvas.height] = [width, height];
    if (!viewer.reference || !viewer.map) return;
    this._make();
    const now = JSON.stringify([this.turn, this.zoom, width, height, this.count]);
    if (now === this.drawn) return;
    this.drawn = now;
    const camera = this.camera(), context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    this._drawBox(context, camera, ratio);
    if (!this.raster || this.raster.width !== width || this.raster.height !== height) {
      this.raster = new Raster(width, height);
      [this.cover.width, this.cover.height] = [width, height];
    }
    const cover = /** @type {CanvasRenderingContext2D} */ (this.cover.getContext("2d")), picture = cover.createImageData(width, height);
    this.raster.draw(this.meshes, camera, rgb, picture);
    cover.putImageData(picture, 0, 0);
    context.drawImage(this.cover, 0, 0);
    this._drawLetters(context, camera, ratio);
    this._describe();
  }

  /** Make the surfaces where the mask is another; not while it is being drawn. */
  _make() {
    const { map, reference } = this.viewer;
    if (!map || !reference || (this.of === map && this.made === map.revision)) return;
    const make = () => {
      this.of = map;
      this.made = map.revision;
      this.meshes = meshesOf(map, reference.affine);
      this.count += 1;
      this.viewer.refresh();
    };
    clearTimeout(this.timer);
    if (this.of === map) this.timer = window.setTimeout(make, PAUSE);
    else make();
  }

  /**
   * @param {number[]} place in RAS
   * @param {import("./raster.js").Camera} camera
   */
  _onScreen(place, { turn, centre, scale }) {
    const away = place.map((at, world) => at - centre[world]);
    const [right, up] = [0, 1].map((axis) => away.reduce((sum, at, world) => sum + turn[3 * axis + world] * at, 0));
    return [this.canvas.width / 2 + scale * right, this.canvas.height / 2 - scale * up];
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {import("./raster.js").Camera} camera
   * @param {number} ratio
   */
  _drawBox(context, camera, ratio) {
    const all = corners(/** @type {import("../nifti.js").Volume} */ (this.viewer.reference)).map((corner) => this._onScreen(corner, camera));
    context.strokeStyle = "#46525e";
    context.lineWidth = ratio;
    context.beginPath();
    for (const [first, second] of [[0, 1], [2, 3], [4, 5], [6, 7], [0, 2], [1, 3], [4, 6], [5, 7], [0, 4], [1, 5], [2, 6], [3, 7]]) {
      context.moveTo(all[first][0], all[first][1]);
      context.lineTo(all[second][0], all[second][1]);
    }
    context.stroke();
  }

  /**
   * The patient's sides, at the edge of the picture in the direction in which they lie; those that lie towards who looks
   * and away from them are left out.
   * @param {CanvasRenderingContext2D} context
   * @param {import("./raster.js").Camera} camera
   * @param {number} ratio
   */
  _drawLetters(context, { turn }, ratio) {
    const middle = [this.canvas.width / 2, this.canvas.height / 2], reach = Math.min(...middle) - 22 * ratio;
    context.font = `700 ${15 * ratio}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = "#f2f6fa";
    for (const [letter, side] of SIDES) {
      const [right, up] = [0, 1].map((axis) => side.reduce((sum, at, world) => sum + turn[3 * axis + world] * at, 0));
      const length = Math.hypot(right, up);
      if (length > 0.35) context.fillText(letter, middle[0] + (reach * right) / length, middle[1] - (reach * up) / length);
    }
  }

  _describe() {
    const nearest = SIDES.reduce((best, side) => (facing(this.turn, side[1]) > facing(this.turn, best[1]) ? side : best));
    const text = this.meshes.length ? t("3-D, seen from {side}", { side: nearest[0] }) : t("3-D: the mask is empty");
    this.title.textContent = text;
    this.canvas.setAttribute("aria-label", `${text}. ${t("Arrow keys turn it, plus and minus zoom; a click on the surface shows its slices.")}`);
  }

  _listen() {
    const { canvas } = this;
    let last = [0, 0], moved = 0, isHeld = false;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      [last, moved, isHeld] = [[event.clientX, event.clientY], 0, true];
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!isHeld) return;
      const [dx, dy] = [event.clientX - last[0], event.clientY - last[1]];
      moved += Math.abs(dx) + Math.abs(dy);
      last = [event.clientX, event.clientY];
      this._turn(dx / 120, dy / 120);
    });
    canvas.addEventListener("pointerup", (event) => {
      isHeld = false;
      if (moved < 4) this._goTo(event);
    });
    canvas.addEventListener("pointercancel", () => {
      isHeld = false;
    });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(event.deltaY < 0 ? 1.15 : 1 / 1.15);
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const turns = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
      if (turns) this._turn(turns[0], turns[1]);
      else if (event.key === "+" || event.key === "-") this.zoomBy(event.key === "+" ? 1.25 : 0.8);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  /** @param {number} factor */
  zoomBy(factor) {
    this.zoom = Math.min(NEAREST, Math.max(0.3, this.zoom * factor));
    this.viewer.refresh();
  }

  /**
   * @param {number} right radians about the axis that runs up on the screen
   * @param {number} down and about the one that runs to the right
   */
  _turn(right, down) {
    this.turn = turned(turned(this.turn, 1, right), 0, down);
    this.viewer.refresh();
  }

  /** @param {MouseEvent} event */
  _goTo(event) {
    const { reference } = this.viewer, box = this.canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    const place = this.raster?.placeUnder((event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio, this.camera());
    if (place && reference) this.viewer.goTo(voxelAt(reference.affine, place));
  }
}

/**
 * How far a side faces who looks.
 * @param {number[]} turn
 * @param {number[]} side
 */
const facing = (turn, side) => side.reduce((sum, at, world) => sum + turn[6 + world] * at, 0);

/**
 * A view turned about an axis of the screen.
 * @param {number[]} turn
 * @param {0 | 1} axis 0 runs to the right, 1 up
 * @param {number} angle
 */
function turned(turn, axis, angle) {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)], rows = [0, 1, 2].map((row) => turn.slice(3 * row, 3 * row + 3));
  const [first, second] = axis ? [0, 2] : [1, 2], sign = axis ? 1 : -1;
  const one = rows[first].map((at, world) => cos * at + sign * sin * rows[second][world]);
  const other = rows[second].map((at, world) => cos * at - sign * sin * rows[first][world]);
  rows[first] = one;
  rows[second] = other;
  return rows.flat();
}

/** The lowest and the highest place along each axis. @param {ArrayLike<number>} points three numbers a place */
function ends(points) {
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
  for (let at = 0; at < points.length; at += 1) {
    low[at % 3] = Math.min(low[at % 3], points[at]);
    high[at % 3] = Math.max(high[at % 3], points[at]);
  }
  return [...low, ...high];
}

/** @param {import("../nifti.js").Volume} image the eight corners of its box in RAS */
function corners({ dims, affine }) {
  return [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => {
    const voxel = [bits & 1, (bits >> 1) & 1, bits >> 2].map((bit, axis) => bit * dims[axis] - 0.5);
    return [0, 1, 2].map((row) => affine[4 * row] * voxel[0] + affine[4 * row + 1] * voxel[1] + affine[4 * row + 2] * voxel[2] + affine[4 * row + 3]);
  });
}

/**
 * @param {number[]} affine
 * @param {number[]} place in RAS
 */
function voxelAt(affine, place) {
  const m = inverted(affine);
  return [0, 1, 2].map((row) => Math.round(m[4 * row] * place[0] + m[4 * row + 1] * place[1] + m[4 * row + 2] * place[2] + m[4 * row + 3]));
}
