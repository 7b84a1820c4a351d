/** What is said to a model that corrects the mask: clicks, strokes and boxes, each of which waits for those before it. */

import { t } from "../../words.js";
import { sameGrid } from "../grid.js";
import { readNifti, valuesOf } from "../nifti.js";
import { numberingOf } from "../segments.js";

/** @typedef {import("../labelmap.js").LabelMap} LabelMap */

/**
 * @typedef {object} Prompt what is said of a place
 * @property {"click" | "stroke" | "box"} kind
 * @property {number[][]} voxels the one that was clicked, those along a stroke, or two opposite corners
 * @property {boolean} lesion whether it belongs to the segment
 * @property {string | null} [part] which part of the tumour is meant; null for a whole lesion
 */

const MOST_CLICKS = 100;
/** Values by which the server tells strokes from the mask that they are drawn on. */
const STROKE_LESION = 3, STROKE_NOT_LESION = 2;

/** Sends what is said, and takes the answers as changes that can be undone. */
export class Correction {
  /**
   * @param {import("./annotate.js").AnnotatePanel} panel
   */
  constructor(panel) {
    this.panel = panel;
    this.study = panel.study;
    /** @type {Prompt[]} */
    this.waiting = [];
    this.isAnswering = false;
  }

  /** The model that corrects, and what the server says of it. */
  get model() {
    return Object.entries(this.study.session.info.models ?? {}).find(([, each]) => each.task === "refinement");
  }

  /**
   * Have the mask corrected by one more prompt.
   * @param {Prompt} prompt
   */
  async take(prompt) {
    if (!this.model) {
      this.study.tell("bad", t("This server has no model that corrects masks; use the brush."));
      return;
    }
    this.waiting.push({ ...prompt, part: this._part() });
    if (this.isAnswering) return;
    this.isAnswering = true;
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) {
      const said = next;
      const isDone = await this.panel.withModel(t("The model corrects the mask."), (signal) => this._answer(said, signal));
      if (!isDone) this.waiting = [];
    }
    this.isAnswering = false;
  }

  /** The part that is corrected; null where the mask is a lesion by itself. */
  _part() {
    const names = Object.keys(this.study.segments), regions = this.model?.[1].parts?.regions ?? [];
    return names.length > 1 || (regions.includes(names[0]) && names[0] !== "whole") ? this.panel.part : null;
  }

  /**
   * @param {Prompt} prompt
   * @param {AbortSignal} signal
   */
  async _answer(prompt, signal) {
    const { study } = this, map = /** @type {LabelMap} */ (study.map), { revision } = map;
    const said = [...study.prompts.filter((each) => each.part === prompt.part && holds(each, map)), prompt];
    const sent = prompt.part === null ? lesionWith(map, prompt) : map.values;
    const [model] = /** @type {[string, any]} */ (this.model);
    const { file, params } = await study.server.infer(model, study.id, optionsOf(said, map), await study.maskFile(sent), signal);
    if (!file) throw new Error(t("The model gave no mask."));
    const image = await readNifti(file), reference = study.viewer.reference;
    if (study.map !== map || map.revision !== revision) throw new Error(t("The mask was changed while the model corrected it, so that its answer was dropped; say it again."));
    if (!reference || !sameGrid(image, reference)) throw new Error(t("The model's mask lies on other voxels than the image that is worked on."));
    const segments = prompt.part === null ? map.segments : (params.label_names ?? map.segments);
    const values = prompt.part === null ? lesionAfter(map, valuesOf(image), said) : partsAfter(map, valuesOf(image), segments, said);
    if (!map.replace(values, segments)) study.tell("note", t("The model changed nothing there; use the brush."));
    study.prompts = said.filter((each) => holds(each, map));
  }
}

/**
 * What a request says of the last prompt; the mask has those before it already.
 * @param {Prompt[]} said
 * @param {LabelMap} map
 */
function optionsOf(said, map) {
  const last = said[said.length - 1];
  const clicks = said.filter((each) => each.kind === "click").slice(-MOST_CLICKS).map(({ voxels, lesion }) => ({ voxel: voxels[0], lesion }));
  return {
    ...(last.kind === "box" ? { box: { corners: last.voxels, lesion: last.lesion } } : {}),
    ...(last.part === null ? {} : { part: last.part, numbering: numberingOf(map.segments) }),
    ...(last.part !== null && last.kind === "stroke" ? { stroke: { voxels: last.voxels, lesion: last.lesion } } : {}),
    ...(clicks.length && (last.kind === "click" || last.part !== null) ? { clicks } : {}),
  };
}

/**
 * A lesion by itself as it is sent: 1, and the voxels of a stroke by values of their own.
 * @param {LabelMap} map
 * @param {Prompt} prompt
 */
function lesionWith(map, prompt) {
  const values = map.values.map((value) => (value ? 1 : 0));
  if (prompt.kind === "stroke") for (const voxel of prompt.voxels) values[map.index(voxel)] = prompt.lesion ? STROKE_LESION : STROKE_NOT_LESION;
  return values;
}

/**
 * A lesion by itself after the answer; after a stroke with all strokes, for earlier ones were not sent but hold.
 * @param {LabelMap} map
 * @param {Uint8Array} answer
 * @param {Prompt[]} said
 */
function lesionAfter(map, answer, said) {
  const lesion = Object.values(map.segments)[0] ?? 1, values = answer.map((value) => (value ? lesion : 0));
  if (said[said.length - 1].kind !== "stroke") return values;
  for (const stroke of said.filter((each) => each.kind === "stroke")) {
    for (const voxel of stroke.voxels) values[map.index(voxel)] = stroke.lesion ? lesion : 0;
  }
  return values;
}

/**
 * Parts after the answer: where the last prompt does not cross earlier strokes, their voxels stay as they were.
 * @param {LabelMap} map
 * @param {Uint8Array} answer
 * @param {Record<string, number>} segments the values of the answer
 * @param {Prompt[]} said
 */
function partsAfter(map, answer, segments, said) {
  const values = answer.slice(), names = Object.fromEntries(Object.entries(map.segments).map(([name, value]) => [value, name]));
  const last = said[said.length - 1], crossed = new Set(last.kind === "stroke" ? last.voxels.map((voxel) => map.index(voxel)) : []);
  for (const stroke of said.slice(0, -1).filter((each) => each.kind === "stroke")) {
    for (const index of stroke.voxels.map((voxel) => map.index(voxel))) {
      if (!crossed.has(index)) values[index] = segments[names[map.values[index]]] ?? 0;
    }
  }
  return values;
}

/**
 * Whether a mask still is what was said: at the click, along most of a stroke. A box says something of the moment only.
 * @param {Prompt} prompt
 * @param {LabelMap} map
 */
function holds(prompt, map) {
  if (prompt.kind === "box") return false;
  const value = prompt.part ? map.segments[prompt.part] : undefined;
  const isIn = (/** @type {number[]} */ voxel) => (value === undefined ? map.values[map.index(voxel)] > 0 : map.values[map.index(voxel)] === value);
  return prompt.voxels.filter((voxel) => isIn(voxel) === prompt.lesion).length > prompt.voxels.length / 2;
}
