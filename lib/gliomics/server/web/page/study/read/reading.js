/**
 * What is read of the mask: size, place, estimates, key features. Worded, rounded and put in order by the server; here it
 * is only shown, and asked for again when the mask has changed.
 */

import { BASE, isAbort, pause } from "../../api.js";
import { button, choice, h, message, reason, saveAs, say, show } from "../../dom.js";
import { fileOfZip } from "../../unzip.js";
import { t } from "../../words.js";
import { numberingOf } from "../segments.js";
import { plotOf } from "./population.js";
import { sortable } from "./tables.js";
import { readingOf, timePoints, titleOf } from "./timepoints.js";

const PAUSE = 1500;
const RESEARCH = t("For research use only; not a medical device and not for diagnosis or treatment decisions.");

/** The reading of the mask as it is now. */
export class ReadPanel {
  /** @param {import("../study.js").StudyView} study */
  constructor(study) {
    this.study = study;
    this.controller = new AbortController();
    this.age = "";
    this.region = "";
    this.vasari = false;
    /** The first reading of each region since the study was opened. @type {Map<string, any>} */
    this.first = new Map();
    /** The patient's other examinations, and the one that this is compared with; none for how it was when it was opened. @type {import("./timepoints.js").TimePoint[]} */
    this.others = [];
    this.comparedWith = "";
    /** @type {Promise<import("./timepoints.js").TimePoint[]> | undefined} */
    this.asked = undefined;
    /** Readings of other examinations, by what was asked. @type {Map<string, any>} */
    this.then = new Map();
    /** @type {any} */
    this.answer = null;
    this.isOld = true;
    this.status = h("div", { role: "status" });
    this.regions = h("div", {});
    this.content = h("div", { class: "reading" });
    this.files = h("div", {});
    const age = /** @type {HTMLInputElement} */ (h("input", { type: "number", min: 0, max: 120, class: "short", change: () => {
      this.age = age.value;
      this.changed();
    } }));
    const vasari = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", change: () => {
      this.vasari = vasari.checked;
      this.changed(0);
    } }));
    const field = h("label", { class: "field" }, h("span", {}, t("Age in years, if known")), age);
    this.element = h("div", {}, h("div", { class: "bar" }, field, h("label", { class: "check" }, vasari, t("Location and VASARI")), this.regions), this.status, this.content, this.files);
  }

  leave() {
    this.controller.abort();
  }

  get isShown() {
    return Boolean(this.element.parentElement) && !this.element.parentElement?.hidden;
  }

  shown() {
    if (this.isOld) this.changed(0);
  }

  /** Ask once which other examinations the patient has. */
  async _findOthers() {
    this.asked ??= timePoints(this.study).catch(() => []);
    this.others = await this.asked;
  }

  /**
   * The mask is another: what was asked before is given up, and it is read anew after a pause.
   * @param {number} [wait] milliseconds
   */
  async changed(wait = PAUSE) {
    this.controller.abort();
    this.controller = new AbortController();
    const { signal } = this.controller;
    this.isOld = true;
    this.content.classList.toggle("old", Boolean(this.answer));
    if (!this.isShown || !this.study.map) return;
    if (this.study.map.isEmpty) {
      this.answer = null;
      show(this.content, h("p", { class: "quiet" }, t("There is nothing to read: the mask is empty. Draw it, or let a model draw it, under Annotate.")));
      show(this.status);
      show(this.files);
      return;
    }
    show(this.status, h("span", { class: "busy" }, t("Reading the mask")));
    try {
      await pause(wait, signal);
      [this.answer] = await Promise.all([this._ask(signal), this._findOthers()]);
      this.isOld = false;
      show(this.status);
      await this._show(signal);
      say(t("The mask is read."));
    } catch (error) {
      if (isAbort(error)) return;
      show(this.status, message("bad", reason(error), " ", button(t("Read again"), () => this.changed(0))));
    }
  }

  /**
   * What a request says of the mask, or of another one with these segments.
   * @param {Record<string, number>} [segments]
   * @returns {any}
   */
  _options(segments = this.study.segments) {
    const age = Number(this.age);
    const known = { ...(this.age && Number.isFinite(age) ? { age } : {}), ...(this.vasari ? { vasari: true } : {}) };
    const names = Object.keys(segments);
    if (names.length > 1) return { ...known, regions: "all", numbering: numberingOf(segments) };
    return { ...known, region: names[0] ?? "tumour" };
  }

  /** @param {AbortSignal} signal */
  async _ask(signal) {
    const { server, id, session } = this.study;
    const model = session.info.models?.subtype ? "subtype" : "radiomics";
    return (await server.infer(model, id, this._options(), await this.study.maskFile(), signal)).params;
  }

  /** @param {AbortSignal} signal */
  async _show(signal) {
    const parts = this.answer.regions ?? [{ region: this.answer.reading.region, reading: this.answer.reading, features: this.answer.features }];
    const readable = parts.filter((/** @type {any} */ part) => part.reading);
    const part = readable.find((/** @type {any} */ each) => each.region === this.region) ?? readable[0];
    show(this.regions);
    if (parts.length > 1 && part) {
      const titles = readable.map((/** @type {any} */ each) => [each.region, each.reading.title]);
      show(this.regions, choice(t("Region"), titles, part.region, (region) => {
        this.region = region;
        this._show(this.controller.signal);
      }));
    }
    const refused = parts.filter((/** @type {any} */ each) => each.refused).map((/** @type {any} */ each) => h("p", { class: "quiet" }, each.refused));
    if (!part) {
      show(this.content, refused);
      return;
    }
    const { reading } = part;
    const earlier = this.first.get(part.region);
    if (!earlier) this.first.set(part.region, reading);
    const changes = await this._compared(earlier, reading, signal);
    this.content.classList.remove("old");
    show(
      this.content,
      h("h2", {}, reading.title),
      reading.cautions.map((/** @type {string} */ text) => h("p", { class: "caution" }, text)),
      headline(reading.headline),
      vasariFacts(reading.vasari),
      reading.estimates.map(estimate),
      changes,
      keyFeatures(reading),
      featureTable(part.features),
      refused,
    );
    this._showFiles();
  }

  /**
   * What is another than when the study was opened, or than at another time, as the server words it.
   * @param {any} earlier the first reading of this region
   * @param {any} reading
   * @param {AbortSignal} signal
   */
  async _compared(earlier, reading, signal) {
    const { study } = this, here = titleOf(study.info) || study.id;
    const other = this.others.find((each) => each.id === this.comparedWith);
    const select = this.others.length ? this._choice() : null;
    try {
      if (!other) return [select, earlier ? changesTable(await this._changes(earlier, reading, signal), [t("Before"), t("Now")]) : null];
      const key = JSON.stringify([other.id, reading.region, this._options({})]);
      const then = this.then.get(key) ?? (await readingOf(study, other, reading.region, (segments) => this._options(segments), signal));
      this.then.set(key, then);
      const isLater = Boolean(study.info.date) && other.date > study.info.date, pair = isLater ? [reading, then] : [then, reading];
      const titles = isLater ? [here, other.title] : [other.title, here];
      return [select, changesTable(await this._changes(pair[0], pair[1], signal), titles)];
    } catch (error) {
      if (isAbort(error)) throw error;
      return [select, message("bad", reason(error))];
    }
  }

  /** What this reading is compared with. */
  _choice() {
    const options = /** @type {[string, string][]} */ ([["", t("This study when it was opened")], ...this.others.map(({ id, title }) => [id, t("{title} ({study})", { title, study: id })])]);
    return choice(t("Compare with"), options, this.comparedWith, (id) => {
      this.comparedWith = id;
      this._show(this.controller.signal).catch((error) => isAbort(error) || this.study.tell("bad", error));
    });
  }

  /**
   * The rows in which two readings of one region differ.
   * @param {any} before
   * @param {any} after
   * @param {AbortSignal} signal
   * @returns {Promise<any[]>}
   */
  async _changes(before, after, signal) {
    const rows = await this.study.server.json("POST", "reading/changes", { json: { before, after }, signal });
    return rows.filter((/** @type {any} */ row) => row.before !== row.after);
  }

  _showFiles() {
    const keepFile = (/** @type {string} */ format) => async () => {
      try {
        const { server, id } = this.study, form = server.form(this._exportOptions(), await this.study.maskFile());
        const zip = await (await server.request("POST", `export/${format}`, { query: { image: id }, form })).blob();
        saveAs(await fileOfZip(zip), `${id}.${format}`);
      } catch (error) {
        this.study.tell("bad", error);
      }
    };
    show(this.files, h("div", { class: "bar" }, button(t("Report as a page"), () => this._openReport(), { class: "main" }), button("CSV", keepFile("csv")), button("XLSX", keepFile("xlsx"))));
  }

  _exportOptions() {
    return { ...this._options(), segments: this.study.segments };
  }

  /** The report in a tab of its own, which is opened at once so that the browser lets it be. */
  async _openReport() {
    const tab = window.open("about:blank", "_blank");
    try {
      const { server, id } = this.study, form = server.form(this._exportOptions(), await this.study.maskFile());
      const { path } = await server.json("POST", "report/", { query: { image: id }, form });
      const url = new URL(path, BASE).href;
      if (tab) {
        tab.opener = null;
        tab.location.replace(url);
      } else this.study.tell("note", t("The browser did not let the report be opened."), h("a", { href: url, target: "_blank", rel: "noopener" }, t("Open the report")));
    } catch (error) {
      tab?.close();
      this.study.tell("bad", error);
    }
  }
}

/** @param {any[]} facts */
function headline(facts) {
  return h("dl", { class: "facts" }, facts.flatMap((fact) => [h("dt", { title: fact.explanation }, fact.name), h("dd", { class: fact.tone }, fact.text)]));
}

/**
 * The VASARI features that the mask tells, and why the others are open.
 * @param {any} vasari
 */
function vasariFacts(vasari) {
  if (!vasari) return null;
  const open = vasari.open.map((/** @type {any} */ fact) => h("li", {}, `${fact.name}: ${fact.text}`));
  return h("details", { open: true }, h("summary", {}, "VASARI"), headline(vasari.told), h("p", { class: "quiet" }, vasari.note), open.length ? h("details", {}, h("summary", {}, t("Open")), h("ul", {}, open)) : null);
}

/**
 * One question and its answer, with the research-use line beside it.
 * @param {any} item
 */
function estimate(item) {
  const details = item.details.length || item.meaning
    ? h("details", {}, h("summary", {}, t("About this estimate")), h("p", {}, item.meaning), item.details.map((/** @type {string} */ text) => h("p", {}, text)))
    : null;
  return h(
    "section",
    { class: `estimate ${item.tone}`, "data-title": item.title },
    h("h3", {}, item.title, ": ", h("strong", {}, item.headline)),
    h("p", { class: "notice" }, RESEARCH),
    item.bars.map(bar),
    item.cautions.map((/** @type {string} */ text) => h("p", { class: "caution" }, text)),
    item.reasons.length ? h("ul", { class: "reasons" }, item.reasons.map((/** @type {string} */ text) => h("li", {}, text))) : null,
    details,
  );
}

/** @param {any} item */
function bar(item) {
  const excluded = item.in_set === false;
  const low = h("span", { class: "low" }), middle = h("span", { class: "estimated" }), share = h("span", { class: "share" });
  low.style.left = `${100 * item.low}%`;
  low.style.width = `${100 * (item.high - item.low)}%`;
  middle.style.left = `${100 * item.probability}%`;
  const marks = [low, middle];
  if (item.training_share !== null) {
    share.style.left = `${100 * item.training_share}%`;
    share.title = t("Share of the training patients");
    marks.push(share);
  }
  return h(
    "div",
    { class: `class ${item.tone}${excluded ? " excluded" : ""}` },
    h("span", {}, item.title),
    h("span", { class: "number" }, item.text, excluded ? ` ${t("excluded")}` : ""),
    h("span", { class: "scale", "aria-hidden": "true" }, marks),
  );
}

/**
 * @param {any[]} rows
 * @param {string[]} times
 */
function changesTable(rows, times) {
  if (!rows.length) return null;
  const cells = rows.map((row) => h("tr", {}, h("th", { scope: "row" }, row.name), h("td", {}, row.before), h("td", {}, row.after), h("td", {}, row.text)));
  return h(
    "details",
    { open: true },
    h("summary", {}, t("What changed")),
    h("table", {}, h("thead", {}, h("tr", {}, [t("What"), ...times, t("Change")].map((title) => h("th", { scope: "col" }, title)))), h("tbody", {}, cells)),
  );
}

/** @param {any} reading */
function keyFeatures(reading) {
  if (!reading.key_features.length) return null;
  const rows = reading.key_features.map((/** @type {any} */ feature) =>
    h(
      "tr",
      { class: feature.tone },
      h("th", { scope: "row", title: feature.explanation }, feature.name),
      h("td", { class: "number" }, feature.text),
      h("td", {}, feature.population ? plotOf(feature) : null, feature.percentile_text),
      h("td", {}, feature.stability_text),
    ),
  );
  const titles = [t("Feature"), t("Value"), t("Percentile"), t("Stability")];
  return h(
    "details",
    { open: true },
    h("summary", {}, t("Key features")),
    h("table", { class: "key" }, h("thead", {}, h("tr", {}, titles.map((title) => h("th", { scope: "col" }, title)))), h("tbody", {}, rows)),
    h("p", { class: "quiet" }, reading.key_features_note),
  );
}

/**
 * Every feature, to be found and put in order.
 * @param {any} features
 */
function featureTable(features) {
  const values = Object.entries(features?.values ?? {});
  if (!values.length) return null;
  const unstable = new Set(features.diagnostics?.unstable ?? []);
  const rows = values.map(([name, value]) => [name, Number(value), unstable.has(name) ? t("depends on the edge") : ""]);
  return h("details", {}, h("summary", {}, t("All {count} features", { count: rows.length })), sortable([t("Feature"), t("Value"), t("Stability")], rows));
}
