/** One pane: a sequence in a plane, with the mask, the crosshair, letters for the directions, and the mouse. */

import { h } from "../dom.js";
import { sequenceTitle, t } from "../words.js";
import { placeOf, voxelAt } from "./grid.js";
import { colourOf, fillInto, greyInto, heatInto, maskSlice, outlines } from "./slices.js";

/** A pane of a viewer, which tells it what to show and takes what the mouse says. */
export class Pane {
  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {string} sequence
   * @param {import("./grid.js").Plane} plane
   */
  constructor(viewer, sequence, plane) {
    this.viewer = viewer;
    this.sequence = sequence;
    this.plane = plane;
    this.canvas = /** @type {HTMLCanvasElement} */ (h("canvas", { tabindex: "0", role: "img" }));
    this.title = h("figcaption", {});
    const letters = Object.entries(plane.letters).map(([side, letter]) => h("span", { class: `letter ${side}`, "aria-hidden": "true" }, letter));
    this.element = h("figure", { class: "pane", "data-plane": plane.name, "data-sequence": sequence }, this.canvas, this.title, letters);
    this.picture = document.createElement("canvas");
    this.cover = document.createElement("canvas");
    for (const canvas of [this.picture, this.cover]) [canvas.width, canvas.height] = plane.size;
    /** Where the mouse is, as column and row. @type {number[] | null} */
    this.over = null;
    this._listen();
  }

  /** Screen pixels of a millimetre, and where column 0 and row 0 begin. */
  layout() {
    const ratio = window.devicePixelRatio || 1;
    const { width, height } = this.canvas, [columns, rows] = this.plane.size, [du, dv] = this.plane.spacing;
    const fit = Math.min(width / (columns * du), height / (rows * dv)), scale = fit * this.viewer.zoom;
    const centre = this.viewer.centre(this.plane);
    return { ratio, scale, left: width / 2 - centre[0] * du * scale, top: height / 2 - centre[1] * dv * scale, du: du * scale, dv: dv * scale };
  }

  /** Take the size that the page gives. */
  resize() {
    const ratio = window.devicePixelRatio || 1, box = this.element.getBoundingClientRect();
    const width = Math.max(1, Math.round(box.width * ratio)), height = Math.max(1, Math.round(box.height * ratio));
    if (this.canvas.width !== width || this.canvas.height !== height) [this.canvas.width, this.canvas.height] = [width, height];
  }

  draw() {
    this.resize();
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    const { viewer, plane } = this, place = this.layout(), slice = viewer.cross[plane.across];
    const box = /** @type {[number, number, number, number]} */ ([place.left, place.top, plane.size[0] * place.du, plane.size[1] * place.dv]);
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    const image = viewer.images.get(this.sequence);
    if (image) {
      const values = image.slice(plane, slice);
      this._paint(this.picture, (picture) => greyInto(values, image.window, picture));
      context.imageSmoothingEnabled = true;
      context.drawImage(this.picture, ...box);
    }
    if (viewer.overlay) {
      const { image: map, kind } = viewer.overlay, values = map.slice(plane, slice);
      this._paint(this.cover, (picture) => heatInto(values, kind, viewer.mapOpacity, picture));
      context.drawImage(this.cover, ...box);
    }
    if (viewer.compared.length) viewer.compared.forEach(({ map, colour }) => this._drawOutlines(context, place, maskSlice(map, plane, slice), () => colour));
    else if (viewer.map && viewer.maskShown) this._drawMask(context, box, place, slice);
    this._drawCross(context, place);
    if (viewer.prompt) this._drawPrompt(context, place, viewer.prompt);
    this._describe(slice);
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(picture: ImageData) => void} fill
   */
  _paint(canvas, fill) {
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const picture = context.createImageData(canvas.width, canvas.height);
    fill(picture);
    context.putImageData(picture, 0, 0);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {[number, number, number, number]} box
   * @param {ReturnType<Pane["layout"]>} place
   * @param {number} slice
   */
  _drawMask(context, box, place, slice) {
    const { viewer, plane } = this, map = /** @type {import("./labelmap.js").LabelMap} */ (viewer.map);
    const values = maskSlice(map, plane, slice);
    if (!viewer.outlineOnly) {
      this._paint(this.cover, (picture) => fillInto(values, viewer.opacity, picture));
      context.imageSmoothingEnabled = false;
      context.drawImage(this.cover, ...box);
    }
    this._drawOutlines(context, place, values, colourOf);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {ReturnType<Pane["layout"]>} place
   * @param {Uint8Array} values
   * @param {(value: number) => string} colour
   */
  _drawOutlines(context, place, values, colour) {
    const { viewer, plane } = this;
    context.save();
    for (const [value, path] of outlines(values, plane.size[0], plane.size[1])) {
      const onScreen = new Path2D();
      onScreen.addPath(path, new DOMMatrix([place.du, 0, 0, place.dv, place.left, place.top]));
      context.strokeStyle = colour(value);
      context.globalAlpha = viewer.outlineOnly ? Math.max(0.35, viewer.opacity) : 1;
      context.lineWidth = 1.5 * place.ratio;
      context.stroke(onScreen);
    }
    context.restore();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {ReturnType<Pane["layout"]>} place
   */
  _drawCross(context, place) {
    const { viewer, plane } = this;
    const [column, row] = placeOf(plane, viewer.cross);
    const x = place.left + (column + 0.5) * place.du, y = place.top + (row + 0.5) * place.dv, gap = 9 * place.ratio;
    if (viewer.crossShown) {
      context.strokeStyle = "rgba(120, 220, 255, 0.75)";
      context.lineWidth = place.ratio;
      context.beginPath();
      for (const [x0, y0, x1, y1] of [[0, y, x - gap, y], [x + gap, y, this.canvas.width, y], [x, 0, x, y - gap], [x, y + gap, x, this.canvas.height]]) {
        context.moveTo(x0, y0);
        context.lineTo(x1, y1);
      }
      context.stroke();
    }
    const radius = viewer.brushRadius();
    if (radius && this.over) {
      context.strokeStyle = "#fff";
      context.lineWidth = place.ratio;
      context.beginPath();
      context.arc(place.left + (this.over[0] + 0.5) * place.du, place.top + (this.over[1] + 0.5) * place.dv, radius * place.scale, 0, 7);
      context.stroke();
    }
  }

  /**
   * What is being said to a model: the line so far, or the box as far as the mouse.
   * @param {CanvasRenderingContext2D} context
   * @param {ReturnType<Pane["layout"]>} place
   * @param {import("./annotate/correction.js").Prompt} prompt
   */
  _drawPrompt(context, place, { kind, voxels, lesion }) {
    const { plane, viewer } = this, slice = viewer.cross[plane.across];
    /** @type {(at: number[], middle?: number) => [number, number]} */
    const onScreen = ([column, row], middle = 0.5) => [place.left + (column + middle) * place.du, place.top + (row + middle) * place.dv];
    context.strokeStyle = lesion ? "#7dff9b" : "#ff7b72";
    context.lineWidth = 2 * place.ratio;
    context.beginPath();
    if (kind === "stroke") {
      voxels.filter((voxel) => voxel[plane.across] === slice).forEach((voxel) => context.lineTo(...onScreen(placeOf(plane, voxel))));
      context.stroke();
      return;
    }
    const first = placeOf(plane, voxels[0]), second = voxels[1] ? placeOf(plane, voxels[1]) : this.over;
    if (second) {
      const corners = [0, 1].map((axis) => [first[axis], second[axis]].sort((low, high) => low - high));
      const [x, y] = onScreen([corners[0][0], corners[1][0]], 0), [x1, y1] = onScreen([corners[0][1], corners[1][1]], 1);
      if (voxels[0][plane.across] === slice || !voxels[1]) context.rect(x, y, x1 - x, y1 - y);
    }
    context.stroke();
  }

  /** @param {number} slice */
  _describe(slice) {
    const { plane, viewer } = this;
    const planes = { axial: t("axial"), coronal: t("coronal"), sagittal: t("sagittal") };
    const title = viewer.images.has(this.sequence) ? sequenceTitle(this.sequence) : t("{sequence}: loading", { sequence: sequenceTitle(this.sequence) });
    const where = t("slice {number} (0 to {last})", { number: slice, last: (viewer.reference?.dims[plane.across] ?? 1) - 1 });
    this.title.textContent = `${title}, ${planes[/** @type {"axial"} */ (plane.name)]}, ${where}`;
    const { left, right } = plane.letters;
    this.canvas.setAttribute("aria-label", `${this.title.textContent}. ${t("Left of the picture is {left}, right is {right}. Arrow keys turn the slices.", { left, right })}`);
    this.element.classList.toggle("active", viewer.active === this.sequence);
  }

  /**
   * Column and row under the mouse, also outside of the image.
   * @param {MouseEvent} event
   */
  under(event) {
    const place = this.layout(), box = this.canvas.getBoundingClientRect();
    const x = (event.clientX - box.left) * place.ratio, y = (event.clientY - box.top) * place.ratio;
    return [Math.floor((x - place.left) / place.du), Math.floor((y - place.top) / place.dv)];
  }

  /** @param {number[]} place column and row */
  isInside([column, row]) {
    return column >= 0 && row >= 0 && column < this.plane.size[0] && row < this.plane.size[1];
  }

  /** @param {number[]} place column and row */
  voxel([column, row]) {
    return voxelAt(this.plane, this.viewer.cross[this.plane.across], column, row);
  }

  _listen() {
    const { canvas, viewer } = this;
    let held = -1, last = [0, 0];
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      held = event.button;
      last = [event.clientX, event.clientY];
      viewer.activate(this.sequence);
      if (held === 0) viewer.pressed(this, this.under(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      this.over = this.under(event);
      if (held === 0) viewer.dragged(this, this.over);
      if (held === 1) viewer.pan(this, event.clientX - last[0], event.clientY - last[1]);
      if (held === 2) viewer.windowBy(this.sequence, event.clientX - last[0], event.clientY - last[1]);
      last = [event.clientX, event.clientY];
      if (held < 0 && (viewer.brushRadius() || viewer.prompt)) viewer.refresh();
    });
    const released = () => {
      if (held === 0) viewer.released();
      held = -1;
    };
    canvas.addEventListener("pointerup", released);
    canvas.addEventListener("pointercancel", released);
    canvas.addEventListener("pointerleave", () => {
      this.over = null;
      viewer.refresh();
    });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (event.ctrlKey) viewer.zoomBy(event.deltaY < 0 ? 1.15 : 1 / 1.15, this, this.under(event));
      else viewer.turn(this.plane, event.deltaY < 0 ? 1 : -1);
    }, { passive: false });
    canvas.addEventListener("focus", () => viewer.activate(this.sequence));
  }
}
