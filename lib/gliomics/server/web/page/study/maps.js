/** What a model thinks of each voxel, over the images: how probable tumour is, or how unsure it is, with a legend. */

import { isAbort } from "../api.js";
import { choice, h, say, show } from "../dom.js";
import { t } from "../words.js";
import { slider } from "./display.js";
import { readNifti } from "./nifti.js";
import { ShownImage, heatInto } from "./slices.js";

/** @typedef {"probability" | "uncertainty"} Kind */

/** @type {[Kind | "", string][]} */
const KINDS = [["", t("None")], ["probability", t("Probability")], ["uncertainty", t("Uncertainty")]];
/** @type {Record<Kind, string>} */
const TITLES = { probability: t("Probability of tumour"), uncertainty: t("Uncertainty, in bits") };
const OPACITY = 50, WIDTH = 120, HEIGHT = 14;

/** The map that is shown, if any: which, whose, and how strong. */
export class ModelMaps {
  /** @param {import("./study.js").StudyView} study */
  constructor(study) {
    this.study = study;
    this.controller = new AbortController();
    this.choice = choice(t("Model's map"), KINDS, "", (kind) => this.choose(/** @type {Kind | ""} */ (kind)));
    this.opacity = slider(t("Map opacity"), 10, 100, OPACITY, (value) => {
      study.viewer.mapOpacity = value / 100;
      study.viewer.refresh();
    });
    this.legend = h("div", {});
    this.more = h("div", { class: "field window", hidden: true }, this.opacity, this.legend);
    this.element = h("div", { class: "field window" }, this.choice, this.more);
  }

  leave() {
    this.controller.abort();
  }

  /** Take the map off: it is of another model than the one that is chosen now. */
  off() {
    /** @type {HTMLSelectElement} */ (this.choice.querySelector("select")).value = "";
    return this.choose("");
  }

  /**
   * Show a map of the model that makes masks, or none.
   * @param {Kind | ""} kind
   */
  async choose(kind) {
    const { viewer, server, id, annotate } = this.study, model = annotate?.model;
    this.controller.abort();
    this.controller = new AbortController();
    viewer.overlay = null;
    viewer.refresh();
    this.more.hidden = true;
    if (!kind) return;
    if (!model) {
      this.study.tell("note", t("No model of this server has all the sequences that it needs here."));
      return;
    }
    this.choice.setAttribute("aria-busy", "true");
    try {
      const { file, params } = await server.infer(model, id, { result: kind }, null, this.controller.signal);
      if (!file || !viewer.reference) throw new Error(t("The model gave no map."));
      viewer.overlay = { kind, image: new ShownImage(await readNifti(file), viewer.reference) };
      viewer.refresh();
      this._describe(kind, t("{model} version {version}", { model, version: params.model_version ?? "?" }));
    } catch (error) {
      if (isAbort(error)) return;
      this.off();
      this.study.tell("bad", error);
    } finally {
      this.choice.removeAttribute("aria-busy");
    }
  }

  /**
   * @param {Kind} kind
   * @param {string} model
   */
  _describe(kind, model) {
    const bar = /** @type {HTMLCanvasElement} */ (h("canvas", { width: WIDTH, height: HEIGHT, "aria-hidden": "true" }));
    const context = /** @type {CanvasRenderingContext2D} */ (bar.getContext("2d")), picture = context.createImageData(WIDTH, HEIGHT);
    heatInto(Float32Array.from({ length: WIDTH * HEIGHT }, (_, index) => (index % WIDTH) / (WIDTH - 1)), kind, 1, picture);
    context.putImageData(picture, 0, 0);
    const ends = h("div", { class: "ends" }, h("span", {}, "0"), h("span", {}, (0.5).toLocaleString()), h("span", {}, "1"));
    show(this.legend, h("div", { class: "legend", title: model }, h("span", {}, TITLES[kind]), bar, ends));
    this.more.hidden = false;
    say(t("{title} by {model} is shown, from 0 to 1.", { title: TITLES[kind], model }));
  }
}
