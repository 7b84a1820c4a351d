/** Drawing: a model's mask and its corrections, brush, eraser, fill, undo, and the label that goes to the server. */

import { isAbort } from "../../api.js";
import { add, button, choice, h, reason, say, show } from "../../dom.js";
import { forget } from "../../kept.js";
import { partTitle, t } from "../../words.js";
import { takeNext } from "../../worklist.js";
import { slider } from "../display.js";
import { fillEnclosed, paintDisc } from "../labelmap.js";
import { colourOf } from "../slices.js";
import { AskedSlices } from "./asked.js";
import { Correction } from "./correction.js";

/** @typedef {import("../viewer.js").Tool} Tool */
/** @typedef {import("../viewer.js").By} By */

/** @type {[Tool, string, string][]} */
const TOOLS = [
  ["look", t("Look"), "V"],
  ["add", t("Model: add"), "A"],
  ["remove", t("Model: remove"), "R"],
  ["brush", t("Brush"), "B"],
  ["erase", t("Eraser"), "E"],
  ["fill", t("Fill"), "F"],
];
/** @type {[By, string, string, string][]} What the model is told by, its key, and how that is done. */
const WAYS = [
  ["click", t("by clicks"), "C", t("Click on the place.")],
  ["stroke", t("by strokes"), "S", t("Drag along what is meant.")],
  ["box", t("by boxes"), "D", t("Drag across it, or click on two opposite corners; the slice may be turned between them.")],
];
const LARGEST_RADIUS = 40;

/** What is drawn, and how. */
export class AnnotatePanel {
  /** @param {import("../study.js").StudyView} study */
  constructor(study) {
    this.study = study;
    this.correction = new Correction(this);
    this.slices = new AskedSlices(study, () => this.changed());
    this.viewer = study.viewer;
    this.part = "tumour";
    /** The model that makes masks. */
    this.model = "";
    this.tools = h("div", { class: "tools", role: "group", "aria-label": t("Tools") });
    this.parts = h("div", {});
    this.state = h("p", { class: "quiet" });
    this.ways = h("div", {});
    this.steps = h("div", { class: "bar" });
    this.send = h("div", { class: "bar" });
    this.radius = slider(t("Brush, millimetres"), 1, LARGEST_RADIUS, this.viewer.radius, (value) => this.setRadius(value));
    this.element = h("div", {}, this.slices.element, this._automatic(), this.parts, this.tools, this.ways, this.radius, this.steps, this.state, this.send);
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
    viewer.onPrompt = (prompt) => this.correction.take(prompt);
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
    this.tellBy(this.viewer.by);
  }

  /**
   * What a model is told by.
   * @param {By} by
   */
  tellBy(by) {
    const { viewer } = this, how = WAYS.find(([way]) => way === by)?.[3] ?? "";
    viewer.by = by;
    viewer.dropPrompt();
    this.ways.hidden = viewer.tool !== "add" && viewer.tool !== "remove";
    const buttons = WAYS.map(([way, title, key]) => button(title, () => this.tellBy(way), { "aria-pressed": String(way === by), "aria-keyshortcuts": key, "data-by": way }));
    show(this.ways, h("div", { class: "tools", role: "group", "aria-label": t("What the model is told by") }, buttons), h("p", { class: "quiet" }, how));
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
      this.study.maps.off();
    });
    return h("div", { class: "bar" }, select, button(t("Automatic mask"), () => this._segment(this.model), { class: "main" }));
  }

  /** @param {string} model */
  async _segment(model) {
    await this.withModel(t("The model draws the mask."), async (signal) => {
      const { file, params } = await this.study.server.infer(model, this.study.id, {}, null, signal);
      if (!file) throw new Error(t("The model gave no mask."));
      const names = params.label_names ?? { tumour: 1 };
      this.study.notes = { ...this.study.notes, model, model_version: params.model_version };
      this.study.prompts = [];
      if (!(await this.study.takeModelMask(file, names))) this.study.tell("note", t("The model's mask is the one that is there."));
      if (this.study.map?.isEmpty) this.study.tell("note", t("The model found no tumour here."));
      for (const warning of params.warnings ?? []) this.study.tell("note", warning);
    });
  }

  /**
   * Do something with a model; the mask is not drawn on meanwhile.
   * @param {string} doing
   * @param {(signal: AbortSignal) => Promise<void>} work
   * @returns {Promise<boolean>} whether it was done
   */
  async withModel(doing, work) {
    if (!this.study.map) this.study.tell("note", t("The images are still on their way; press again when they are there."));
    if (this._isBusy() || !this.study.map) return false;
    const controller = new AbortController();
    this.study.signal.addEventListener("abort", () => controller.abort());
    this.working = true;
    this.giveUp = () => controller.abort();
    this._showSteps(doing);
    this.viewer.element.setAttribute("aria-busy", "true");
    try {
      await work(controller.signal);
      return true;
    } catch (error) {
      this.study.tell("bad", error);
      return false;
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
    this.slices.show();
    this._showSend();
  }

  /** @param {import("../labelmap.js").LabelMap} map */
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

  _showSend() {
    const { study } = this;
    const current = study.labels.find((label) => label.is_current && label.tag === "final") ?? study.labels.find((label) => label.is_current);
    const saved = !current
      ? t("The server has no label of this study.")
      : current.version === null
        ? t("The server has a label ({tag}) that was put there by hand.", { tag: current.tag })
        : t("The server has {tag} v{version} by {user}.", { tag: current.tag, version: current.version, user: current.user ?? t("nobody who gave a name") });
    this.state.textContent = `${study.isChanged ? t("Not sent yet; kept in this browser.") : t("Nothing here that was not sent.")} ${saved}`;
    if (!study.session.may("annotator")) {
      show(this.send, h("p", { class: "quiet" }, t("Your role may read here; a label is saved by annotators.")));
      return;
    }
    const isEmpty = study.map?.isEmpty ?? true, { isPartial } = this.slices;
    const off = this.sending || (isPartial && !this.slices.done.size);
    /** @type {HTMLInputElement | null} */
    const none = isEmpty && !isPartial ? /** @type {HTMLInputElement} */ (h("input", { type: "checkbox" })) : null;
    show(
      this.send,
      none && h("label", { class: "check" }, none, t("There is no tumour in this study")),
      button(t("Submit"), () => this.submit(Boolean(none?.checked)), { class: "main", disabled: off }),
      button(t("Submit and next"), () => this.submit(Boolean(none?.checked), true), { disabled: off }),
    );
  }

  /**
   * Send the label; it is kept here until the server has it.
   * @param {boolean} isWithoutTumour
   * @param {boolean} [next] whether the next study is taken then
   */
  async submit(isWithoutTumour, next = false) {
    const { study } = this;
    if (this.sending || this._isBusy()) return;
    if (study.map?.isEmpty && !isWithoutTumour && !this.slices.isPartial) {
      study.tell("note", t("The mask is empty. Draw the tumour, or tick that there is none; then submit."));
      return;
    }
    this.sending = true;
    this._showSend();
    try {
      const { isPartial } = this.slices, tag = isPartial ? "partial" : "final";
      const before = await study.server.json("GET", "datastore/image/labels", { query: { image: study.id } });
      const earlier = before.find((/** @type {any} */ label) => label.tag === tag && label.is_current);
      const { map } = study, sent = map?.revision;
      const slices = isPartial ? await this.slices.saved(before) : null;
      const notes = { ...study.notes, client: "browser", segments: study.segments, seconds: Math.round((Date.now() - study.opened) / 1000), ...(isWithoutTumour ? { allow_empty: true } : {}), ...(slices ? { slices_done: slices.slices } : {}) };
      const answer = await study.server.json("PUT", "datastore/label", { query: { image: study.id, tag }, form: study.server.form(notes, await study.maskFile(slices?.values)) });
      if (study.map === map && map?.revision === sent) {
        study.isChanged = false;
        await study.kept;
        await forget(study.session.user, study.id);
      }
      study.opened = Date.now();
      study.prompts = [];
      const kept = earlier?.version ? " " + t("Version {version} by {user} is kept in its history.", { version: earlier.version, user: earlier.user ?? t("nobody who gave a name") }) : "";
      const whole = slices ? t("Slices {numbers} of {study} were saved; the study stays open.", { numbers: slices.slices.join(", "), study: study.id }) : t("The label of {study} was saved.", { study: study.id });
      const earlierSlices = slices?.before.length ? " " + t("Slices {numbers} are as they were saved before.", { numbers: slices.before.join(", ") }) : "";
      const archive = answer.archive ? " " + t("Archive: {told}.", { told: answer.archive }) : "";
      study.tell("good", whole + earlierSlices + kept + archive);
      if (next) await takeNext(study.session, (said) => add(study.messages, said), study.signal);
      else await study.reloadLabels();
    } catch (error) {
      if (!isAbort(error)) study.tell("bad", t("The label was not saved: {reason}", { reason: reason(error) }), button(t("Send again"), () => this.submit(isWithoutTumour, next)));
    } finally {
      this.sending = false;
      this.changed();
    }
  }
}

/** @param {any} model */
const sequenceCount = (model) => (model.sequences?.required?.length ?? 0) + (model.sequences?.optional?.length ?? 0);

/**
 * @param {boolean} checked
 * @param {() => void} chosenNow
 */
function radio(checked, chosenNow) {
  const input = /** @type {HTMLInputElement} */ (h("input", { type: "radio", name: "part", change: chosenNow }));
  input.checked = checked;
  return input;
}

/** @param {import("../study.js").StudyView} study */
function voxelVolume(study) {
  const affine = study.viewer.reference?.affine ?? [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];
  const [a, b, c, , d, e, f, , g, k, i] = affine;
  return Math.abs(a * (e * i - f * k) - b * (d * i - f * g) + c * (d * k - e * g));
}
