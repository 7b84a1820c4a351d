/** The sequences of a study side by side, linked: one crosshair, one mask, one zoom. */

import { add, h, show } from "../dom.js";
import { planes, placeOf } from "./grid.js";
import { Pane } from "./pane.js";
import { ShownImage } from "./slices.js";
import { SurfacePane } from "./surface/pane.js";

/** @typedef {import("./nifti.js").Volume} Volume */
/** @typedef {import("./grid.js").Plane} Plane */

/** @typedef {"look" | "add" | "remove" | "brush" | "erase" | "fill"} Tool */
/** @typedef {"click" | "stroke" | "box"} By what a model is told by */
/** @typedef {import("./annotate/correction.js").Prompt} Prompt */

const LARGEST_ZOOM = 24;

/** What a study looks like now, and how it is changed. */
export class Viewer {
  constructor() {
    this.element = h("div", { class: "viewer" });
    /** On whose voxels is worked. @type {Volume | null} */
    this.reference = null;
    /** @type {Record<string, Plane>} */
    this.planes = {};
    /** @type {Map<string, ShownImage>} */
    this.images = new Map();
    /** @type {string[]} */
    this.sequences = [];
    /** @type {import("./labelmap.js").LabelMap | null} */
    this.map = null;
    /** What a model thinks of each voxel, over the images. @type {{kind: import("./maps.js").Kind, image: ShownImage} | null} */
    this.overlay = null;
    this.mapOpacity = 0.5;
    /** Labels of several annotators, which are looked at in place of the mask. @type {{map: import("./labelmap.js").LabelMap, colour: string, isResampled?: boolean}[]} */
    this.compared = [];
    /** @type {number[]} */
    this.cross = [0, 0, 0];
    this.layout = "sequences";
    this.active = "";
    this.zoom = 1;
    /** Where the middle of a plane is, as column and row. @type {Record<string, number[]>} */
    this.centres = {};
    this.opacity = 0.35;
    this.outlineOnly = false;
    this.maskShown = true;
    this.crossShown = true;
    /** @type {Tool} */
    this.tool = "look";
    /** @type {By} */
    this.by = "click";
    /** What is being said to a model. @type {Prompt | null} */
    this.prompt = null;
    this.radius = 4;
    /** @type {Pane[]} */
    this.panes = [];
    /** The mask in 3-D, where the layout has it. */
    this.surface = new SurfacePane(this);
    this.onPrompt = (/** @type {Prompt} */ _prompt) => {};
    this.onPaint = (/** @type {Pane} */ _pane, /** @type {number[][]} */ _places) => {};
    this.onStrokeBegins = () => {};
    this.onStrokeEnds = () => {};
    this.onFill = (/** @type {Pane} */ _pane, /** @type {number[]} */ _place) => {};
    this.onWindow = () => {};
    this._frame = 0;
    /** @type {number[] | null} */
    this._lastPlace = null;
    this._observer = new ResizeObserver(() => this.refresh());
    this._observer.observe(this.element);
  }

  close() {
    this._observer.disconnect();
    cancelAnimationFrame(this._frame);
    this.images.clear();
    this.map = null;
    this.overlay = null;
    this.compared = [];
    this.panes = [];
    this.surface.leave();
  }

  /**
   * Begin with the image on whose voxels is worked.
   * @param {Volume} reference
   * @param {string[]} sequences
   */
  begin(reference, sequences) {
    this.reference = reference;
    this.planes = planes(reference);
    this.sequences = sequences;
    this.cross = reference.dims.map((size) => Math.floor(size / 2));
    this.centres = {};
    this.arrange();
  }

  /**
   * @param {string} sequence
   * @param {Volume} image
   */
  addImage(sequence, image) {
    if (!this.reference) return;
    this.images.set(sequence, new ShownImage(image, this.reference));
    if (!this.active) this.active = sequence;
    this.onWindow();
    this.refresh();
  }

  /** Make the panes that the layout asks for. */
  arrange() {
    const pairs = this.layout === "sequences"
      ? this.sequences.map((sequence) => [sequence, "axial"])
      : this.layout === "pair"
        ? this._pair().map((sequence) => [sequence, "axial"])
      : this.layout === "one"
        ? [[this.active || this.sequences[0], "axial"]]
        : ["axial", "sagittal", "coronal"].map((plane) => [this.active || this.sequences[0], plane]);
    this.panes = pairs.map(([sequence, plane]) => new Pane(this, sequence, this.planes[plane]));
    show(this.element);
    const elements = [...this.panes.map((pane) => pane.element), ...(this.hasSurface ? [this.surface.element] : [])];
    add(this.element, elements);
    this.element.dataset.count = String(elements.length);
    this.refresh();
  }

  /** The sequence that is chosen and one to compare it with, in the order of all: the first, or of the first the second. */
  _pair() {
    const chosen = this.active || this.sequences[0], other = this.sequences.find((each) => each !== chosen);
    return this.sequences.filter((each) => each === chosen || each === other);
  }

  get hasSurface() {
    return this.layout === "surface";
  }

  /** Draw once, soon. */
  refresh() {
    cancelAnimationFrame(this._frame);
    this._frame = requestAnimationFrame(() => {
      this.panes.forEach((pane) => pane.draw());
      if (this.hasSurface) this.surface.draw();
    });
  }

  /** @param {string} sequence */
  activate(sequence) {
    if (this.active === sequence) return;
    this.active = sequence;
    if (this.layout !== "sequences") this.arrange();
    this.onWindow();
    this.refresh();
  }

  /**
   * Where the middle of a plane is.
   * @param {Plane} plane
   */
  centre(plane) {
    return this.centres[plane.name] ?? plane.size.map((count) => count / 2);
  }

  /** @param {number[]} voxel */
  goTo(voxel) {
    if (!this.reference) return;
    const { dims } = this.reference;
    this.cross = voxel.map((place, axis) => Math.min(dims[axis] - 1, Math.max(0, Math.round(place))));
    this.refresh();
  }

  /**
   * Go on by slices, up being towards head, nose or right ear.
   * @param {Plane} plane
   * @param {number} by
   */
  turn(plane, by) {
    const voxel = [...this.cross];
    voxel[plane.across] += by * plane.up;
    this.goTo(voxel);
  }

  /**
   * @param {number} factor
   * @param {Pane} [pane]
   * @param {number[]} [place] what stays where it is
   */
  zoomBy(factor, pane, place) {
    const before = this.zoom;
    this.zoom = Math.min(LARGEST_ZOOM, Math.max(1, this.zoom * factor));
    if (this.zoom === 1) this.centres = {};
    else if (pane && place) {
      const centre = this.centre(pane.plane), share = 1 - before / this.zoom;
      this.centres[pane.plane.name] = centre.map((middle, axis) => middle + (place[axis] + 0.5 - middle) * share);
    } else {
      for (const plane of Object.values(this.planes)) this.centres[plane.name] = placeOf(plane, this.cross).map((at) => at + 0.5);
    }
    this.refresh();
  }

  /**
   * @param {Pane} pane
   * @param {number} dx in pixels of the page
   * @param {number} dy
   */
  pan(pane, dx, dy) {
    const place = pane.layout(), [column, row] = this.centre(pane.plane);
    this.centres[pane.plane.name] = [column - (dx * place.ratio) / place.du, row - (dy * place.ratio) / place.dv];
    this.refresh();
  }

  /**
   * @param {string} sequence
   * @param {number} dx to the right: a wider window
   * @param {number} dy down: a brighter picture
   */
  windowBy(sequence, dx, dy) {
    const image = this.images.get(sequence);
    if (!image) return;
    const width = image.window[1] - image.window[0], level = (image.window[0] + image.window[1]) / 2;
    this.setWindow(sequence, width * Math.exp(dx / 200), level + (dy / 300) * (image.usual[1] - image.usual[0]));
  }

  /**
   * @param {string} sequence
   * @param {number} width
   * @param {number} level
   */
  setWindow(sequence, width, level) {
    const image = this.images.get(sequence);
    if (!image) return;
    const least = (image.usual[1] - image.usual[0]) / 500, half = Math.max(least, width) / 2;
    image.window = [level - half, level + half];
    this.onWindow();
    this.refresh();
  }

  /** The radius of the brush in millimetres; 0 where another tool is used. */
  brushRadius() {
    return this.tool === "brush" || this.tool === "erase" ? this.radius : 0;
  }

  /**
   * @param {Pane} pane
   * @param {number[]} place
   */
  pressed(pane, place) {
    if (!pane.isInside(place)) return;
    if (this.tool === "look" || this.compared.length) this.goTo(pane.voxel(place));
    else if (this.tool === "add" || this.tool === "remove") this._beginPrompt(pane.voxel(place), place);
    else if (this.tool === "fill") this.onFill(pane, place);
    else {
      this._lastPlace = place;
      this.onStrokeBegins();
      this.onPaint(pane, [place]);
    }
  }

  /**
   * @param {Pane} pane
   * @param {number[]} place
   */
  dragged(pane, place) {
    if (this.tool === "look" && pane.isInside(place)) this.goTo(pane.voxel(place));
    if (!this._lastPlace) return;
    const places = line(this._lastPlace, place);
    this._lastPlace = place;
    if (this.prompt) this._goOn(pane, this.prompt, places);
    else this.onPaint(pane, places);
  }

  /** The mouse was let go. */
  released() {
    if (!this._lastPlace) return;
    this._lastPlace = null;
    const { prompt } = this;
    if (!prompt) this.onStrokeEnds();
    else if (prompt.kind === "stroke" || prompt.voxels.length === 2) this._said(prompt);
  }

  /**
   * Something is said to a model from this voxel on.
   * @param {number[]} voxel
   * @param {number[]} place
   */
  _beginPrompt(voxel, place) {
    const first = this.prompt?.kind === "box" ? this.prompt.voxels[0] : null;
    const prompt = { kind: this.by, voxels: first ? [first, voxel] : [voxel], lesion: this.tool === "add" };
    if (this.by === "click" || first) this._said(prompt);
    else {
      this.prompt = prompt;
      this._lastPlace = place;
      this.refresh();
    }
  }

  /**
   * A stroke gets longer, or a box another corner.
   * @param {Pane} pane
   * @param {Prompt} prompt
   * @param {number[][]} places
   */
  _goOn(pane, prompt, places) {
    const voxels = places.filter((place) => pane.isInside(place)).map((place) => pane.voxel(place));
    if (prompt.kind === "stroke") prompt.voxels.push(...voxels.filter((voxel) => !prompt.voxels.some((each) => each.join() === voxel.join())));
    else if (voxels.length) prompt.voxels = [prompt.voxels[0], ...voxels.slice(-1)];
    this.refresh();
  }

  /** @param {Prompt} prompt */
  _said(prompt) {
    this.dropPrompt();
    this.onPrompt(prompt);
  }

  /** Take back what is being said. */
  dropPrompt() {
    this.prompt = null;
    this._lastPlace = null;
    this.refresh();
  }
}

/**
 * The places on the way from one to another, that one left out.
 * @param {number[]} from
 * @param {number[]} to
 */
function line([x0, y0], [x1, y1]) {
  const steps = Math.max(1, Math.abs(x1 - x0), Math.abs(y1 - y0));
  return Array.from({ length: steps }, (_, step) => {
    const share = (step + 1) / steps;
    return [Math.round(x0 + (x1 - x0) * share), Math.round(y0 + (y1 - y0) * share)];
  });
}
