/** The slices that were asked for, those that were saved before, and which of them are done. */

import { button, h, show } from "../../dom.js";
import { t } from "../../words.js";
import { sameGrid } from "../grid.js";
import { valuesOf } from "../nifti.js";

/** Less than a study: what is saved of it under the tag `partial`. */
export class AskedSlices {
  /**
   * @param {import("../study.js").StudyView} study
   * @param {() => void} onChange called when what is to be saved is another
   */
  constructor(study, onChange) {
    this.study = study;
    this.onChange = onChange;
    this.element = h("div", {});
    /** @type {Set<number>} */
    this.done = new Set();
    this.isWholeStudy = true;
  }

  /** Slices in which the model is least sure, as they were named when the study was taken. */
  get asked() {
    return this.study.asked;
  }

  /** The partial label that the server has, where there is no final one. */
  get earlier() {
    const current = this.study.labels.filter((label) => label.is_current);
    return current.some((label) => label.tag === "final") ? undefined : current.find((label) => label.tag === "partial");
  }

  get numbers() {
    const { last } = this, numbers = new Set([...this.asked, ...(this.earlier?.info?.slices_done ?? [])]);
    return [...numbers].filter((number) => number >= 0 && number <= last).sort((first, second) => first - second);
  }

  /** Whether some slices are saved, and nothing of the others. */
  get isPartial() {
    return !this.isWholeStudy && this.numbers.length > 0;
  }

  /** The number of the last slice of the image. */
  get last() {
    const { reference, planes } = this.study.viewer;
    return reference ? reference.dims[planes.axial.across] - 1 : -1;
  }

  /** Show the first slice that was asked for. */
  begin() {
    const first = this.numbers.find((number) => this.asked.includes(number));
    if (first !== undefined) this._go(first);
  }

  /** @param {number} number */
  _go(number) {
    const { viewer } = this.study, voxel = [...viewer.cross];
    voxel[viewer.planes.axial.across] = number;
    viewer.goTo(voxel);
  }

  show() {
    const { numbers } = this, focused = document.activeElement?.getAttribute("data-key");
    if (!numbers.length || !this.study.session.may("annotator")) {
      show(this.element);
      return;
    }
    const whole = check(this.isWholeStudy, { "data-key": "whole" }, (checked) => {
      this.isWholeStudy = checked;
      this.onChange();
    });
    show(
      this.element,
      h("h3", {}, this.asked.length ? t("Slices of which the model is least sure") : t("Slices that were saved")),
      h("ul", { class: "slices" }, numbers.map((number) => this._item(number))),
      h("label", { class: "check" }, whole, t("The whole study is done, not only these slices")),
    );
    if (focused) /** @type {HTMLElement | null} */ (this.element.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
  }

  /** @param {number} number */
  _item(number) {
    const box = check(this.done.has(number), { "aria-label": t("Slice {number} is done", { number }), "data-key": `slice ${number}` }, (checked) => this._tick(number, checked));
    const saved = (this.earlier?.info?.slices_done ?? []).includes(number) ? h("span", { class: "quiet" }, t("saved before")) : null;
    return h("li", {}, box, button(t("Slice {number}", { number }), () => this._go(number), { class: "plain" }), saved);
  }

  /**
   * A slice is done: then these are saved and not the whole study, unless the user says so, and the next one is shown.
   * @param {number} number
   * @param {boolean} isDone
   */
  _tick(number, isDone) {
    if (isDone) {
      this.isWholeStudy = this.done.size ? this.isWholeStudy : false;
      this.done.add(number);
      const next = this.asked.find((each) => !this.done.has(each));
      if (next !== undefined) this._go(next);
    } else this.done.delete(number);
    this.onChange();
  }

  /**
   * What is saved of the mask: the slices that are done, beside those that were saved before.
   * @param {any[]} labels of the study, as the server has them now
   * @returns {Promise<{values: Uint8Array, slices: number[], before: number[]}>} `before` are those taken from the label before
   */
  async saved(labels) {
    const map = /** @type {import("../labelmap.js").LabelMap} */ (this.study.map), values = map.values.slice();
    const label = labels.find((each) => each.tag === "partial" && each.is_current);
    const before = (label?.info?.slices_done ?? []).filter((/** @type {number} */ number) => !this.done.has(number));
    if (before.length) {
      const image = await this.study.labelImage(label), { reference, planes } = this.study.viewer;
      if (!reference || !sameGrid(image, reference)) throw new Error(t("the slices that were saved before lie on other voxels than these: draw on the sequence that they were drawn on, or save the whole study"));
      const names = label.info?.segments ?? { tumour: 1 };
      if (Object.keys({ ...names, ...map.segments }).some((name) => names[name] !== map.segments[name])) throw new Error(t("the slices that were saved before have other segments than these: draw the same ones, or save the whole study"));
      const axis = planes.axial.across, earlier = valuesOf(image), stride = map.strides[axis], size = map.dims[axis];
      earlier.forEach((value, index) => {
        if (before.includes(Math.floor(index / stride) % size)) values[index] = value;
      });
    }
    return { values, slices: [...this.done, ...before].sort((first, second) => first - second), before };
  }
}

/**
 * @param {boolean} isChecked
 * @param {Record<string, unknown>} properties
 * @param {(checked: boolean) => void} changed
 */
function check(isChecked, properties, changed) {
  const box = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", ...properties, change: () => changed(box.checked) }));
  box.checked = isChecked;
  return box;
}
