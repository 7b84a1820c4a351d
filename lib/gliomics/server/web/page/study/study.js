/** One study: its images, the mask that is worked on, and what goes to the server and comes from it. */

import { isAbort } from "../api.js";
import { add, button, h, message, reason, say, show } from "../dom.js";
import { forget, keep, keptOf, onOtherTabs } from "../kept.js";
import { ago, sequenceTitle, t } from "../words.js";
import { chosen } from "../worklist.js";
import { AnnotatePanel } from "./annotate/annotate.js";
import { displayBar } from "./display.js";
import { axes, sameGrid } from "./grid.js";
import { shortcuts } from "./keys.js";
import { LabelMap, middleOf } from "./labelmap.js";
import { ModelMaps } from "./maps.js";
import { gzipped, readNifti, readStream, unzipped, valuesOf, writeMask } from "./nifti.js";
import { ReadPanel } from "./read/reading.js";
import { ReviewPanel } from "./review.js";
import { segmentsOf } from "./segments.js";
import { tabs } from "./tabs.js";
import { Viewer } from "./viewer.js";

/** @typedef {import("./nifti.js").Volume} Volume */

const KEEP_AFTER = 250;
const ORDER = ["flair", "t1c", "t1", "t2"];

/** The view of one study. */
export class StudyView {
  /**
   * @param {import("../main.js").Session} session
   * @param {string} id
   * @param {HTMLElement} main
   */
  constructor(session, id, main) {
    this.session = session;
    this.server = session.server;
    this.id = id;
    this.main = main;
    this.viewer = new Viewer();
    this.maps = new ModelMaps(this);
    this.controller = new AbortController();
    /** Images by sequence, as they come. @type {Map<string, Volume>} */
    this.volumes = new Map();
    /** The sequence on whose voxels the mask lies. */
    this.sequence = "";
    /** @type {any[]} */
    this.labels = [];
    /** What goes with the label when it is sent. @type {any} */
    this.notes = {};
    /** What was said to a model, as long as it holds. @type {import("./annotate/correction.js").Prompt[]} */
    this.prompts = [];
    /** Slices that were asked for when the study was taken. @type {number[]} */
    this.asked = chosen.get(id)?.slices ?? [];
    /** Whether there is work that was not sent. */
    this.isChanged = false;
    /** At which revision the mask is what was kept when the study was opened, and at which what is kept now. */
    this.restored = this.keptRevision = -1;
    this.keptUser = "";
    this.opened = Date.now();
    this.keeping = 0;
    /** What is kept is written in the order in which it was changed. */
    this.kept = Promise.resolve();
    this.messages = h("div", { class: "messages" });
    this.keys = shortcuts(this);
    this.keepNow = () => this._keep();
    this.hearNoMore = onOtherTabs((told) => told.study === id && told.user === session.user && this._toldByOtherTab(told.what));
    /** @type {{changed(): void, shown(): void, leave(): void, element: HTMLElement}[]} */
    this.panels = [];
  }

  get signal() {
    return this.controller.signal;
  }

  get map() {
    return this.viewer.map;
  }

  /** The values of the mask by the names of what they mark. @type {Record<string, number>} */
  get segments() {
    return this.map?.segments ?? { tumour: 1 };
  }

  /** Leave the study; what was not sent is kept before anything else is shown. */
  async leave() {
    this.controller.abort();
    this.hearNoMore();
    this.panels.forEach((panel) => panel.leave());
    this.maps.leave();
    document.removeEventListener("keydown", this.keys);
    document.removeEventListener("visibilitychange", this.keepNow);
    await this.keepNow();
    this.viewer.close();
  }

  /** Ask for the study and show it: the image that is worked on first, all others when they come. */
  async open() {
    const info = await this.server.json("GET", "datastore/image/info", { query: { image: this.id }, signal: this.signal });
    this.info = info;
    this.sequence = info.default_sequence;
    this._build(info);
    const labels = this.server.json("GET", "datastore/image/labels", { query: { image: this.id }, signal: this.signal });
    const first = this._load(info.default_sequence);
    this.labels = await labels;
    await first;
    if (info.archive?.left_out) this.tell("note", t("The archive has series that are no sequence of this study: {reasons}", { reasons: info.archive.left_out }));
    await this._takeMask();
    const others = this.viewer.sequences.filter((sequence) => !this.volumes.has(sequence));
    this.loading = Promise.all(others.map((sequence) => this._load(sequence).catch((error) => this.tell("bad", error))));
    this.panels.forEach((panel) => panel.shown());
    this.annotate?.slices.begin();
  }

  /** @param {any} info */
  _build(info) {
    const sequences = [...info.sequences].sort((first, second) => rank(first) - rank(second));
    this.viewer.sequences = sequences;
    const annotate = new AnnotatePanel(this), read = new ReadPanel(this), review = new ReviewPanel(this);
    this.annotate = annotate;
    this.panels = [annotate, read, review];
    const reasonOfChoice = chosen.get(this.id)?.reason;
    show(
      this.main,
      h(
        "div",
        { class: "study" },
        h(
          "div",
          { class: "stage" },
          h("div", { class: "bar head" }, h("h1", {}, this.id), h("span", { class: "quiet" }, facts(info)), reasonOfChoice && h("span", { class: "quiet" }, reasonOfChoice)),
          displayBar(this.viewer, this.maps.element),
          this.viewer.element,
        ),
        h("aside", { class: "side", "aria-label": t("Work on the study") }, this.messages, tabs([
          [t("Annotate"), annotate],
          [t("Read"), read],
          [t("Review"), review],
        ])),
      ),
    );
    if (info.held && info.held.user !== this.session.user) {
      this.tell("note", t("{user} has this study for {minutes} minutes yet: agree on who labels it.", { user: info.held.user, minutes: Math.ceil(info.held.seconds / 60) }));
    }
    document.addEventListener("keydown", this.keys);
    document.addEventListener("visibilitychange", this.keepNow);
  }

  /**
   * Ask for an image and show it; of the first one, whose slices run one after the other, the middle as soon as it is there.
   * @param {string} sequence
   */
  async _load(sequence) {
    const options = { query: { image: this.id, sequence }, signal: this.signal }, isFirst = !this.viewer.reference;
    const onHalf = (/** @type {Volume} */ part) => isFirst && axes(part.affine)[2] === 2 && this._show(sequence, part);
    const image = await this.server.read("datastore/image", options, (content) => readStream(content, onHalf));
    this.volumes.set(sequence, image);
    this._show(sequence, image);
  }

  /**
   * @param {string} sequence
   * @param {Volume} image
   */
  _show(sequence, image) {
    if (!this.viewer.reference) this.viewer.begin(image, this.viewer.sequences);
    this.viewer.addImage(sequence, image);
  }

  /** The mask to work on: what was drawn here and not sent, else the label that the server has, else none. */
  async _takeMask() {
    const kept = await keptOf(this.session.user, this.id);
    if (kept && (await this._restore(kept))) return;
    const label = this.labels.find((each) => each.tag === "final" && each.is_current) ?? this.labels.find((each) => each.is_current);
    this.setMask(null, { tumour: 1 });
    if (!label) return;
    try {
      await this.takeLabel(label);
    } catch (error) {
      this.tell("bad", error);
    }
  }

  /** @param {import("../kept.js").Kept} kept */
  async _restore(kept) {
    const reference = this.volumes.get(kept.sequence) ?? (await this._load(kept.sequence).then(() => this.volumes.get(kept.sequence)));
    if (!reference || reference.dims.some((size, axis) => size !== kept.dims[axis])) {
      this.tell("bad", t("What was drawn here before does not fit the study's images any more, so that it is not shown. It is kept until you discard it in the list of studies."));
      return false;
    }
    this._work(kept.sequence);
    if (!this.asked.length) this.asked = kept.asked ?? [];
    this.setMask(await unzipped(kept.mask), kept.segments);
    this.notes = kept.notes;
    this.prompts = kept.prompts ?? [];
    this.isChanged = true;
    this.restored = this.keptRevision = 0;
    this.keptUser = this.session.user;
    const place = message("note", t("This is what you drew here {ago} and did not send.", { ago: ago(Date.now() - kept.time) }), " ");
    add(place, button(t("Discard it"), async () => {
      place.remove();
      await this.discard();
    }));
    add(this.messages, place);
    this.panels.forEach((panel) => panel.changed());
    return true;
  }

  /**
   * Another tab of this browser keeps work on this study, or has sent or discarded what was kept.
   * @param {"kept" | "gone"} what
   */
  async _toldByOtherTab(what) {
    if (!this.map) return;
    if (what === "kept") {
      this.tell("note", t("This study is drawn on in another tab of this browser, too, and what was drawn last is what is kept: go on in one of them."));
    } else if (this.isChanged && this.map.revision !== this.restored) {
      this.keptRevision = -1;
      this._keep();
      this.tell("note", t("What was drawn of this study in another tab was sent or discarded there. What you drew in this one is not sent yet."));
    } else {
      try {
        const wasShown = this.isChanged;
        this.isChanged = false;
        await this.reloadLabels();
        if (wasShown) await this._takeMask();
        this.tell("note", t("What was drawn of this study in another tab was sent or discarded there."));
      } catch (error) {
        this.tell("bad", error);
      }
    }
  }

  /** Forget what was not sent, and take the server's label. */
  async discard() {
    this.isChanged = false;
    clearTimeout(this.keeping);
    await this.kept;
    await forget(this.session.user, this.id);
    this.prompts = [];
    await this._takeMask();
  }

  /**
   * Take a label of the server as the mask to work on.
   * @param {any} label a row of the study's labels
   */
  async takeLabel(label) {
    const image = await this.labelImage(label);
    const sequence = await this.sequenceOf(image);
    this._work(sequence);
    this.setMask(valuesOf(image), segmentsOf(label, image));
    const name = label.version === null ? t("{tag}, put there by hand", { tag: label.tag }) : `${label.tag} v${label.version}`;
    this.notes = { started_from: name };
  }

  /**
   * A label of the server as it is there.
   * @param {any} label a row of the study's labels
   */
  async labelImage(label) {
    const query = { label: this.id, tag: label.tag, version: label.is_current ? undefined : (label.version ?? undefined) };
    return readNifti(await this.server.file("datastore/label", { query, signal: this.signal }));
  }

  /**
   * The sequence on whose voxels a label lies.
   * @param {Volume} label
   */
  async sequenceOf(label) {
    for (const sequence of this.viewer.sequences) {
      if (!this.volumes.has(sequence)) await this._load(sequence);
      const image = this.volumes.get(sequence);
      if (image && sameGrid(image, label)) return sequence;
    }
    throw new Error(t("The label lies on the voxels of none of the study's sequences; correct it in 3D Slicer."));
  }

  /**
   * Work on the voxels of a sequence.
   * @param {string} sequence
   */
  _work(sequence) {
    const image = this.volumes.get(sequence);
    if (!image || this.viewer.reference === image) return;
    this.sequence = sequence;
    this.viewer.begin(image, this.viewer.sequences);
    for (const [name, volume] of this.volumes) this.viewer.addImage(name, volume);
  }

  /**
   * @param {Uint8Array | null} values null for an empty mask
   * @param {Record<string, number>} segments
   */
  setMask(values, segments) {
    const reference = /** @type {Volume} */ (this.viewer.reference);
    const map = new LabelMap(reference.dims, values ?? undefined, segments);
    map.onChange = (finished) => {
      this.viewer.refresh();
      if (finished) this.changed();
    };
    this.viewer.map = map;
    this.isChanged = false;
    this.restored = this.keptRevision = -1;
    this.viewer.goTo(middleOf(map, this.viewer.planes.axial.across) ?? this.viewer.cross);
    this.panels.forEach((panel) => panel.changed());
  }

  /** The mask is another: it is kept here until it is sent. */
  changed() {
    this.isChanged = true;
    clearTimeout(this.keeping);
    this.keeping = window.setTimeout(() => this._keep(), KEEP_AFTER);
    this.panels.forEach((panel) => panel.changed());
  }

  /** Keep what was not sent in this browser. */
  _keep() {
    clearTimeout(this.keeping);
    const map = this.map;
    const { user } = this.session;
    if (!this.isChanged || !map || (map.revision === this.keptRevision && user === this.keptUser)) return this.kept;
    [this.keptRevision, this.keptUser] = [map.revision, user];
    const values = map.values.slice(), work = { user, study: this.id, time: Date.now(), dims: map.dims, sequence: this.sequence, segments: this.segments, notes: this.notes, prompts: this.prompts, asked: this.asked };
    this.kept = this.kept.then(async () => {
      if (!this.isChanged) return;
      try {
        await keep({ ...work, mask: await gzipped(new Blob([/** @type {BlobPart} */ (values)])) });
      } catch (error) {
        this.keptRevision = -1;
        this.tell("bad", t("What you draw cannot be kept in this browser ({reason}); submit it before you leave.", { reason: reason(error) }));
      }
    });
    return this.kept;
  }

  /**
   * The mask as a file for the server, or other values on its voxels.
   * @param {Uint8Array} [values]
   */
  maskFile(values) {
    const reference = /** @type {Volume} */ (this.viewer.reference);
    return writeMask(reference, values ?? /** @type {LabelMap} */ (this.map).values);
  }

  /**
   * Take a mask that a model made, as one change that can be undone.
   * @param {Blob} file
   * @param {Record<string, number>} names
   */
  async takeModelMask(file, names) {
    const image = await readNifti(file), map = /** @type {LabelMap} */ (this.map);
    const reference = /** @type {Volume} */ (this.viewer.reference);
    if (!sameGrid(image, reference)) throw new Error(t("The model's mask lies on other voxels than the image that is worked on."));
    return map.replace(valuesOf(image), names);
  }

  /**
   * Say something above the panels; what was said before of the same kind goes.
   * @param {"good" | "note" | "bad"} kind
   * @param {unknown} text
   * @param {...Node} more
   */
  tell(kind, text, ...more) {
    if (isAbort(text)) return;
    const words = text instanceof Error ? reason(text) : String(text);
    this.messages.querySelectorAll(`.${kind}`).forEach((earlier) => earlier.remove());
    const place = message(kind, words, " ", ...more);
    add(place, button("\u00d7", () => place.remove(), { class: "plain close", "aria-label": t("Close this message") }));
    add(this.messages, place);
    if (kind !== "bad") say(words);
  }

  /** Ask again which labels there are. */
  async reloadLabels() {
    this.labels = await this.server.json("GET", "datastore/image/labels", { query: { image: this.id }, signal: this.signal });
    this.panels.forEach((panel) => panel.changed());
  }
}

/** @param {string} sequence */
const rank = (sequence) => (ORDER.includes(sequence) ? ORDER.indexOf(sequence) : ORDER.length);

/** @param {any} info */
function facts(info) {
  const parts = [info.patient_id, info.timepoint, info.date, info.sequences.map(sequenceTitle).join(", ")];
  if (info.spacing_known === false) parts.push(t("voxel size unknown"));
  return parts.filter(Boolean).join(" \u00b7 ");
}

