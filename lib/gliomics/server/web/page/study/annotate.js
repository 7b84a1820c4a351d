/** Drawing: a model's mask, clicks, brush, eraser, fill, undo, and the label that goes to the server. */

import { isAbort } from "../api.js";
import { add, button, choice, h, reason, say, show } from "../dom.js";
import { forget } from "../kept.js";
import { partTitle, t } from "../words.js";
import { chosen, takeNext } from "../worklist.js";
import { slider } from "./display.js";
import { fillEnclosed, paintDisc } from "./labelmap.js";
import { colourOf } from "./slices.js";

/** @typedef {import("./viewer.js").Tool} Tool */

/** @type {[Tool, string, string][]} */
const TOOLS = [
  ["look", t("Look"), "V"],
  ["add", t("Click: add"), "A"],
  ["remove", t("Click: remove"), "R"],
  ["brush", t("Brush"), "B"],
  ["erase", t("Eraser"), "E"],
  ["fill", t("Fill"), "F"],
];
const LARGEST_RADIUS = 40;
const MOST_CLICKS = 100;

/** What is drawn, and how. */
export class AnnotatePanel {
  /** @param {import("./study.js").StudyView} study */
  constructor(study) {
    this.study = study;
    this.viewer = study.viewer;
    this.part = "tumour";
    /** The model that makes masks. */
    this.model = "";
    this.tools = h("div", { class: "tools", role: "group", "aria-label": t("Tools") });
    this.parts = h("div", {});
    this.state = h("p", { class: "quiet" });
    this.slices = h("div", {});
    this.steps = h("div", { class: "bar" });
    this.send = h("div", { class: "bar" });
    this.radius = slider(t("Brush, millimetres"), 1, LARGEST_RADIUS, this.viewer.radius, (value) => this.setRadius(value));
    this.element = h("div", {}, this._automatic(), this.parts, this.tools, this.radius, this.steps, this.slices, this.state, this.send);
    /** Slices that are done and were saved as such. @type {Set<number>} */
    this.slicesDone = new Set();
    this.isWholeStudy = true;
    this.working = false;
    this.sending = false;
    this._listen();
    this.choose("look");
  }

  leave() {}

  shown() {
    this.changed();
  }

  _listen() {
    const { viewer, study } = this;
    viewer.onClick = (voxel, lesion) => this._click(voxel, lesion);
    viewer.onStrokeBegins = () => !this._isBusy() && study.map?.begin();
    viewer.onStrokeEnds = () => study.map?.end();
    viewer.onPaint = (pane, places) => {
      const map = study.map;
      if (!map?.stroke) return;
      const slice = viewer.cross[pane.plane.across], only = Object.keys(study.segments).length > 1 ? this.value : undefined;
      const brush = { radius: viewer.radius, value: viewer.tool === "brush" ? this.value : 0, only };
      places.forEach((place) => paintDisc(map, pane.plane, slice, place, brush));
      map.moved();
    };
    viewer.onFill = (pane, place) => {
      if (this._isBusy() || !study.map) return;
      const filled = fillEnclosed(study.map, pane.plane, viewer.cross[pane.plane.across], place, this.value);
      if (!filled) study.tell("note", t("The outline around this place is not closed on this slice; close it with the brush, then fill."));
    };
  }

  /** The value that is drawn. */
  get value() {
    return this.study.segments[this.part] ?? Object.values(this.study.segments)[0] ?? 1;
  }

  get mayDraw() {
    return Boolean(this.study.map) && this.study.session.may("annotator");
  }

  _isBusy() {
    if (this.working) say(t("The model is still at work."));
    return this.working;
  }

  /** @param {Tool} tool */
  choose(tool) {
    this.viewer.tool = tool;
    this.viewer.element.dataset.tool = tool;
    show(this.tools, TOOLS.map(([name, title, key]) => button(title, () => this.choose(name), { "aria-pressed": String(name === tool), "aria-keyshortcuts": key, "data-tool": name })));
    this.radius.hidden = tool !== "brush" && tool !== "erase";
    this.viewer.refresh();
  }

  /** @param {number} radius in millimetres */
  setRadius(radius) {
    this.viewer.radius = Math.min(LARGEST_RADIUS, Math.max(1, radius));
    /** @type {HTMLInputElement} */ (this.radius.querySelector("input")).value = String(this.viewer.radius);
    this.viewer.refresh();
  }

  /** The models that make a mask of this study. */
  _automatic() {
    const { models } = this.study.session.info, sequences = this.viewer.sequences;
    const usable = Object.entries(models ?? {}).filter(
      ([, model]) => model.type === "segmentation" && (model.sequences?.required ?? []).every((/** @type {string} */ name) => sequences.includes(name)),
    );
    if (!usable.length) return h("p", { class: "quiet" }, t("No model of this server has all the sequences that it needs here."));
    // A model of tumour parts is for other tumours than one of the lesion: who wants it chooses it.
    const ofLesion = usable.filter(([, model]) => Object.keys(model.labels ?? {}).length < 2);
    const widest = (ofLesion.length ? ofLesion : usable).reduce((best, each) => (sequenceCount(each[1]) > sequenceCount(best[1]) ? each : best));
    this.model = widest[0];
    const select = choice(t("Model"), usable.map(([name, each]) => [name, each.title ?? name]), this.model, (value) => {
      this.model = value;
    });
    return h("div", { class: "bar" }, select, button(t("Automatic mask"), () => this._segment(this.model), { class: "main" }));
  }

  /** @param {string} model */
  async _segment(model) {
    await this._withModel(t("The model draws the mask."), async (signal) => {
      const { file, params } = await this.study.server.infer(model, this.study.id, {}, null, signal);
      if (!file) throw new Error(t("The model gave no mask."));
      const names = params.label_names ?? { tumour: 1 };
      this.study.notes = { ...this.study.notes, model, model_version: params.model_version };
      this.study.clicks = [];
      if (!(await this.study.takeModelMask(file, names))) this.study.tell("note", t("The model's mask is the one that is there."));
      const map = this.study.map, first = map?.values.indexOf(map.values.find(Boolean) ?? -1) ?? -1;
      if (first < 0) this.study.tell("note", t("The model found no tumour here."));
      for (const warning of params.warnings ?? []) this.study.tell("note", warning);
    });
  }

  /**
   * Let the model correct the mask at a voxel.
   * @param {number[]} voxel
   * @param {boolean} lesion
   */
  async _click(voxel, lesion) {
    const { study } = this;
    const model = Object.entries(study.session.info.models ?? {}).find(([, each]) => each.task === "refinement")?.[0];
    if (!model) {
      study.tell("bad", t("This server has no model that corrects masks by clicks; use the brush."));
      return;
    }
    study.viewer.goTo(voxel);
    await this._withModel(t("The model corrects the mask."), async (signal) => {
      const clicks = [...study.clicks, { voxel, lesion }].slice(-MOST_CLICKS);
      const { file, params } = await study.server.infer(model, study.id, { clicks, ...this._partOptions() }, await study.maskFile(), signal);
      if (!file) throw new Error(t("The model gave no mask."));
      study.clicks = clicks;
      const names = Object.keys(study.segments).length > 1 ? (params.label_names ?? study.segments) : study.segments;
      if (!(await study.takeModelMask(file, names))) study.tell("note", t("The model changed nothing there; use the brush."));
    });
  }

  /** What a request says of the part that is corrected; nothing for a whole lesion. */
  _partOptions() {
    const { segments } = this.study;
    if (Object.keys(segments).length < 2) return {};
    return { part: this.part, numbering: numberingOf(segments) };
  }

  /**
   * Do something with a model; the mask is not drawn on meanwhile.
   * @param {string} doing
   * @param {(signal: AbortSignal) => Promise<void>} work
   */
  async _withModel(doing, work) {
    if (this._isBusy() || !this.study.map) return;
    const controller = new AbortController();
    this.study.signal.addEventListener("abort", () => controller.abort());
    this.working = true;
    this.giveUp = () => controller.abort();
    this._showSteps(doing);
    this.viewer.element.setAttribute("aria-busy", "true");
    try {
      await work(controller.signal);
    } catch (error) {
      this.study.tell("bad", error);
    } finally {
      this.working = false;
      this.viewer.element.removeAttribute("aria-busy");
      this.changed();
    }
  }

  /** The mask, the labels or what goes on are others. */
  changed() {
    const { study } = this, map = study.map;
    if (!map || !study.info) return;
    if (!(this.part in study.segments)) this.part = Object.keys(study.segments)[0] ?? "tumour";
    this._showParts(map);
    this._showSteps("");
    this._showSlices();
    this._showSend();
  }

  /** @param {import("./labelmap.js").LabelMap} map */
  _showParts(map) {
    const counts = map.counts(), names = Object.entries(this.study.segments);
    const volume = voxelVolume(this.study);
    const items = names.map(([name, value]) => {
      const part = partTitle(name), count = counts.get(value) ?? 0;
      const text = this.study.info.spacing_known === false
        ? t("{part}: {count} voxels drawn, whose size is unknown", { part, count })
        : t("{part}: {volume} cm\u00b3 drawn", { part, volume: ((count * volume) / 1000).toFixed(1) });
      const swatch = h("span", { class: "swatch", "aria-hidden": "true" });
      swatch.style.backgroundColor = colourOf(value);
      if (names.length < 2) return h("p", {}, swatch, text);
      return h("label", { class: "check" }, radio(name === this.part, () => {
        this.part = name;
      }), swatch, text);
    });
    show(this.parts, h("div", { role: names.length > 1 ? "radiogroup" : null, "aria-label": names.length > 1 ? t("Part that is drawn") : null }, items));
  }

  /** @param {string} doing */
  _showSteps(doing) {
    const map = this.study.map;
    if (this.working) {
      show(this.steps, h("span", { class: "busy", role: "status" }, doing), button(t("Give up"), () => this.giveUp?.()));
      return;
    }
    show(
      this.steps,
      button(t("Undo"), () => map?.undo(), { disabled: !map?.done.length, "aria-keyshortcuts": "Control+Z" }),
      button(t("Redo"), () => map?.redo(), { disabled: !map?.undone.length, "aria-keyshortcuts": "Control+Y" }),
    );
  }

  /** The slices that were asked for, and which of these are done. */
  _showSlices() {
    const asked = chosen.get(this.study.id)?.slices ?? [];
    if (!asked.length || !this.study.session.may("annotator")) return;
    const plane = this.viewer.planes.axial;
    const go = (/** @type {number} */ number) => () => {
      const voxel = [...this.viewer.cross];
      voxel[plane.across] = number;
      this.viewer.goTo(voxel);
    };
    const item = (/** @type {number} */ number) => {
      const box = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", "aria-label": t("Slice {number} is done", { number }), change: () => {
        if (box.checked) this.slicesDone.add(number);
        else this.slicesDone.delete(number);
        this._showSend();
      } }));
      box.checked = this.slicesDone.has(number);
      return h("li", {}, box, button(t("Slice {number}", { number }), go(number), { class: "plain" }));
    };
    const whole = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", change: () => {
      this.isWholeStudy = whole.checked;
      this._showSend();
    } }));
    whole.checked = this.isWholeStudy;
    show(
      this.slices,
      h("h3", {}, t("Slices of which the model is least sure")),
      h("ul", { class: "slices" }, asked.map(item)),
      h("label", { class: "check" }, whole, t("The whole study is done, not only these slices")),
    );
  }

  _showSend() {
    const { study } = this;
    const current = study.labels.find((label) => label.is_current && label.tag === "final") ?? study.labels.find((label) => label.is_current);
    const saved = current ? t("The server has {tag} v{version} by {user}.", { tag: current.tag, version: current.version ?? "?", user: current.user ?? t("nobody who gave a name") }) : t("The server has no label of this study.");
    this.state.textContent = `${study.isChanged ? t("Not sent yet; kept in this browser.") : t("Nothing here that was not sent.")} ${saved}`;
    if (!study.session.may("annotator")) {
      show(this.send, h("p", { class: "quiet" }, t("Your role may read here; a label is saved by annotators.")));
      return;
    }
    const isEmpty = !study.map?.values.some(Boolean), isPartial = this._isPartial();
    const off = this.sending || (isPartial && !this.slicesDone.size);
    /** @type {HTMLInputElement | null} */
    const none = isEmpty && !isPartial ? /** @type {HTMLInputElement} */ (h("input", { type: "checkbox" })) : null;
    show(
      this.send,
      none && h("label", { class: "check" }, none, t("There is no tumour in this study")),
      button(t("Submit"), () => this.submit(Boolean(none?.checked)), { class: "main", disabled: off }),
      button(t("Submit and next"), () => this.submit(Boolean(none?.checked), true), { disabled: off }),
    );
  }

  _isPartial() {
    return !this.isWholeStudy && Boolean(chosen.get(this.study.id)?.slices?.length);
  }

  /**
   * Send the label; it is kept here until the server has it.
   * @param {boolean} isWithoutTumour
   * @param {boolean} [next] whether the next study is taken then
   */
  async submit(isWithoutTumour, next = false) {
    const { study } = this;
    if (this.sending || this._isBusy()) return;
    this.sending = true;
    this._showSend();
    try {
      const tag = this._isPartial() ? "partial" : "final";
      const before = await study.server.json("GET", "datastore/image/labels", { query: { image: study.id } });
      const earlier = before.find((/** @type {any} */ label) => label.tag === tag && label.is_current);
      const notes = { ...study.notes, client: "browser", segments: study.segments, seconds: Math.round((Date.now() - study.opened) / 1000), ...(isWithoutTumour ? { allow_empty: true } : {}), ...this._slicesNote(before) };
      const { map } = study, sent = map?.revision;
      await study.server.json("PUT", "datastore/label", { query: { image: study.id, tag }, form: study.server.form(notes, await study.maskFile()) });
      if (study.map === map && map?.revision === sent) {
        study.isChanged = false;
        await study.kept;
        await forget(study.session.user, study.id);
      }
      study.opened = Date.now();
      study.clicks = [];
      const kept = earlier?.version ? " " + t("Version {version} by {user} is kept in its history.", { version: earlier.version, user: earlier.user ?? t("nobody who gave a name") }) : "";
      study.tell("good", t("The label of {study} was saved.", { study: study.id }) + kept);
      if (next) await takeNext(study.session, (said) => add(study.messages, said));
      else await study.reloadLabels();
    } catch (error) {
      if (!isAbort(error)) study.tell("bad", t("The label was not saved: {reason}", { reason: reason(error) }), button(t("Send again"), () => this.submit(isWithoutTumour, next)));
    } finally {
      this.sending = false;
      this.changed();
    }
  }

  /** @param {any[]} labels */
  _slicesNote(labels) {
    if (!this._isPartial()) return {};
    const earlier = labels.find((label) => label.tag === "partial" && label.is_current)?.info?.slices_done ?? [];
    return { slices_done: [...new Set([...earlier, ...this.slicesDone])].sort((first, second) => first - second) };
  }
}

/** @param {any} model */
const sequenceCount = (model) => (model.sequences?.required?.length ?? 0) + (model.sequences?.optional?.length ?? 0);

/**
 * Which value of a label map is which part, as the server reads it.
 * @param {Record<string, number>} segments
 */
export const numberingOf = (segments) => Object.entries(segments).map(([name, value]) => `${value}=${name}`).join(",");

/**
 * @param {boolean} checked
 * @param {() => void} chosenNow
 */
function radio(checked, chosenNow) {
  const input = /** @type {HTMLInputElement} */ (h("input", { type: "radio", name: "part", change: chosenNow }));
  input.checked = checked;
  return input;
}

/** @param {import("./study.js").StudyView} study */
function voxelVolume(study) {
  const affine = study.viewer.reference?.affine ?? [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];
  const [a, b, c, , d, e, f, , g, k, i] = affine;
  return Math.abs(a * (e * i - f * k) - b * (d * i - f * g) + c * (d * k - e * g));
}
