/** What models learn from labels: trainings with their progress and verdict, versions, and which of them serves. */

import { isAbort } from "./api.js";
import { add, button, choice, h, message, reason, show } from "./dom.js";
import { t, when } from "./words.js";

const AGAIN = 2000;

/** @type {Record<string, string>} */
const FIGURES = { dice: t("mean Dice"), mean_dice: t("mean Dice"), median_dice: t("median Dice"), auc: "AUC" };

/**
 * @param {import("./main.js").Session} session
 * @param {HTMLElement} main
 * @returns {Promise<() => void>}
 */
export async function learningView(session, main) {
  const view = new Learning(session);
  add(main, h("h1", {}, t("Learning")), view.element);
  await view.load();
  const timer = setInterval(() => document.hidden || view.load(), AGAIN);
  return () => {
    clearInterval(timer);
    view.controller.abort();
  };
}

class Learning {
  /** @param {import("./main.js").Session} session */
  constructor(session) {
    this.session = session;
    this.controller = new AbortController();
    this.names = Object.keys(session.info.trainers ?? {});
    this.model = this.names[0] ?? "";
    this.reason = "";
    this.shown = "";
    this.messages = h("div", {});
    this.training = h("section", { "aria-label": t("Training") });
    this.versions = h("section", { "aria-label": t("Versions") });
    const models = choice(t("Model"), this.names.map((name) => [name, name]), this.model, (name) => {
      this.model = name;
      return this.load();
    });
    this.element = h("div", {}, this.names.length ? h("div", { class: "bar" }, models) : h("p", {}, t("This server has no model that can be trained.")), this.messages, this.training, this.versions);
  }

  async load() {
    if (!this.model) return;
    const model = encodeURIComponent(this.model), { server } = this.session, { signal } = this.controller;
    try {
      const [training, versions] = await Promise.all([server.json("GET", `train/${model}`, { signal }), server.json("GET", `model/versions/${model}`, { signal })]);
      const now = JSON.stringify([training, versions]);
      if (now === this.shown) return;
      this.shown = now;
      this._showTraining(training);
      this._showVersions(versions);
    } catch (error) {
      if (!isAbort(error)) this._tell("bad", error);
    }
  }

  /**
   * @param {"good" | "note" | "bad"} kind
   * @param {unknown} text
   */
  _tell(kind, text) {
    show(this.messages, message(kind, text instanceof Error ? reason(text) : String(text)));
  }

  /** @param {any} training */
  _showTraining(training) {
    const { basis, running, progress } = training;
    const lines = [t("Labelled studies: {count}. New since the last training: {new}.", { count: basis.labelled, new: progress.new_labels ?? 0 })];
    if (basis.partly_labelled) lines.push(t("Studies of which some slices are labelled: {count}.", { count: basis.partly_labelled }));
    show(
      this.training,
      h("h2", {}, t("Training")),
      h("p", {}, lines.join(" ")),
      running ? this._running(running, progress) : ended(progress),
      this.session.may("trainer") ? this._buttons(running) : null,
    );
  }

  /**
   * @param {any} running
   * @param {any} progress
   */
  _running(running, progress) {
    const who = running.user || t("the server itself");
    const text = t("{model} is being trained for {user} since {minutes} minutes.", { model: running.model, user: who, minutes: Math.floor(running.seconds / 60) });
    const total = progress.total_epochs || progress.total, done = progress.epoch || progress.done || 0;
    if (running.model !== this.model || !total) return h("p", { class: "busy" }, text);
    const bar = h("progress", { max: total, "aria-label": t("Progress of the training") });
    /** @type {HTMLProgressElement} */ (bar).value = done;
    return h("div", {}, h("p", { class: "busy" }, text), bar, h("p", {}, t("epoch {done} of {total}", { done, total })));
  }

  /** @param {any} running */
  _buttons(running) {
    const { server } = this.session, model = encodeURIComponent(this.model);
    const asked = async (/** @type {string} */ method, /** @type {string} */ path, /** @type {string} */ said) => {
      try {
        await server.json(method, path, { json: { ...server.signature } });
        this._tell("good", said);
        await this.load();
      } catch (error) {
        this._tell("bad", error);
      }
    };
    if (running) return button(t("Stop the training"), () => asked("DELETE", "train/", t("The training is stopped; the model is as before.")));
    return button(t("Train on the labels"), () => asked("POST", `train/${model}`, t("The training begins. What comes of it serves only if it is better.")), { class: "main" });
  }

  /** @param {any[]} versions */
  _showVersions(versions) {
    const titles = [t("Version"), t("Made"), t("Patients"), t("Figures"), t("Why"), ...(this.session.may("trainer") ? [t("Put in use")] : [])];
    const rows = versions.map((version) => {
      const cells = [
        h("th", { scope: "row" }, version.serves ? t("{version} (in use)", { version: version.version }) : version.version),
        h("td", {}, when(version.created)),
        h("td", {}, String(version.n_patients ?? "")),
        h("td", {}, figures(version.metrics ?? [])),
        h("td", {}, version.damage ?? version.reason ?? ""),
      ];
      if (this.session.may("trainer")) cells.push(h("td", {}, version.served && !version.serves ? button(t("Put in use"), () => this._rollBack(version.version)) : ""));
      return h("tr", {}, cells);
    });
    show(this.versions, h("h2", {}, t("Versions")), h("div", { class: "rows" }, h("table", {}, h("thead", {}, h("tr", {}, titles.map((title) => h("th", { scope: "col" }, title)))), h("tbody", {}, rows))));
  }

  /** @param {string} version */
  async _rollBack(version) {
    const { server } = this.session;
    try {
      const answer = await server.json("POST", `model/rollback/${encodeURIComponent(this.model)}`, { json: { version, ...server.signature } });
      this._tell("good", t("Version {version} serves from the next request on, instead of version {before}. Nothing is removed.", { version: answer.version, before: answer.before }));
      await this.load();
    } catch (error) {
      this._tell("bad", error);
    }
  }
}

/** @param {any} progress how the last training ended */
function ended(progress) {
  if (!progress.state) return h("p", { class: "quiet" }, t("It was not trained here yet."));
  const text = progress.verdict?.sentence || progress.reason;
  const states = { finished: t("The last training has ended."), failed: t("The last training failed."), interrupted: t("The last training did not end.") };
  const skipped = Object.entries(progress.skipped ?? {});
  return h("div", {}, h("p", {}, states[/** @type {"failed"} */ (progress.state)] ?? progress.state, " ", text ?? ""), skipped.length ? h("details", {}, h("summary", {}, t("{count} studies were left out", { count: skipped.length })), h("ul", {}, skipped.map(([study, why]) => h("li", {}, `${study}: ${why}`)))) : null);
}

/** @param {any[]} metrics */
function figures(metrics) {
  const number = (/** @type {number} */ value) => value.toFixed(2);
  return metrics.slice(0, 2).map((metric) => {
    const interval = metric.low === null || metric.low === undefined ? "" : t(" ({low} to {high})", { low: number(metric.low), high: number(metric.high) });
    return t("{name} {value}{interval} on {n} patients", { name: FIGURES[metric.name] ?? metric.name, value: number(metric.value), interval, n: metric.n ?? "?" });
  }).join("; ");
}
