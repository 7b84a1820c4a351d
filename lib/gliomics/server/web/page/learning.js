/** What models learn from labels: trainings with their progress and verdict, versions, and which of them serves. */

import { isAbort } from "./api.js";
import { add, button, choice, h, message, reason, show } from "./dom.js";
import { t, when } from "./words.js";

const AGAIN = 2000;

/** @type {Record<string, string>} */
const DOING = { measuring: t("measuring the labels:"), fitting: t("fitting the model:") };
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
    this.why = /** @type {HTMLInputElement} */ (h("input", { maxlength: 200 }));
    /** What is shown of the training and of the versions: what did not change is not shown anew under somebody's hands. */
    this.shown = ["", ""];
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
      const now = [training, versions].map((answer) => this.model + JSON.stringify(answer)), { shown } = this;
      this.shown = now;
      if (now[0] !== shown[0]) this._showTraining(training);
      if (now[1] !== shown[1]) this._showVersions(versions);
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
    const { basis, running, progress } = training, hindrance = basis.refused || nothingToLearn(basis);
    const lines = [t("Labelled studies: {count}. New since the last training: {new}.", { count: basis.labelled, new: progress.new_labels ?? 0 })];
    if (basis.partly_labelled) lines.push(t("Studies of which some slices are labelled: {count}.", { count: basis.partly_labelled }));
    if (basis.with_outcome !== undefined) lines.push(t("Studies whose outcome is known: {count}.", { count: basis.with_outcome }));
    show(
      this.training,
      h("h2", {}, t("Training")),
      h("p", {}, lines.join(" ")),
      running ? this._running(running, progress) : ended(progress),
      hindrance ? h("p", { class: "caution" }, hindrance) : null,
      this.session.may("trainer") ? this._buttons(running, Boolean(hindrance)) : null,
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
    if (running.model !== this.model || progress.state !== "running" || !total) return h("p", { class: "busy" }, text);
    const bar = h("progress", { max: total, "aria-label": t("Progress of the training") });
    /** @type {HTMLProgressElement} */ (bar).value = done;
    const doing = DOING[progress.doing] ?? t("epoch"), left = progress.seconds_left;
    const step = t("{doing} {done} of {total}", { doing, done, total });
    const minutes = typeof left === "number" ? ", " + t("about {minutes} minutes left", { minutes: Math.max(1, Math.round(left / 60)) }) : "";
    return h("div", {}, h("p", { class: "busy" }, text), bar, h("p", {}, step + minutes));
  }

  /**
   * @param {any} running
   * @param {boolean} isHindered
   */
  _buttons(running, isHindered) {
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
    return button(t("Train on the labels"), () => asked("POST", `train/${model}`, t("The training begins. What comes of it serves only if it is better.")), { class: "main", disabled: isHindered });
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
      if (this.session.may("trainer")) cells.push(h("td", {}, this._use(version)));
      return h("tr", {}, cells);
    });
    const hasOthers = this.session.may("trainer") && versions.some((version) => version.served && !version.serves && !version.damage);
    const why = hasOthers ? h("div", { class: "bar" }, h("label", { class: "field grow" }, h("span", {}, t("Why another version is put in use")), this.why)) : null;
    show(this.versions, h("h2", {}, t("Versions")), why, h("div", { class: "rows" }, h("table", {}, h("thead", {}, h("tr", {}, titles.map((title) => h("th", { scope: "col" }, title)))), h("tbody", {}, rows))));
  }

  /**
   * What puts a version in use, or why it cannot be.
   * @param {any} version
   */
  _use(version) {
    if (version.serves) return t("in use");
    if (version.damage) return t("damaged");
    if (!version.served) return t("never in use, for it was not better; only a version that was can be put back");
    const name = t("Put version {version} in use", { version: version.version });
    return button(t("Put in use"), () => this._rollBack(version.version), { "aria-label": name });
  }

  /** @param {string} version */
  async _rollBack(version) {
    const { server } = this.session, reason = this.why.value.trim();
    if (!reason) {
      this._tell("note", t("Say first why another version is put in use; it is kept in the record."));
      this.why.focus();
      return;
    }
    try {
      const answer = await server.json("POST", `model/rollback/${encodeURIComponent(this.model)}`, { json: { version, reason, ...server.signature } });
      this.why.value = "";
      this._tell("good", t("Version {version} serves from the next request on, instead of version {before}. Nothing is removed.", { version: answer.version, before: answer.before }));
      await this.load();
    } catch (error) {
      this._tell("bad", error);
    }
  }
}

/**
 * Why there is nothing to train on; empty where there is.
 * @param {any} basis
 */
function nothingToLearn(basis) {
  if (!basis.labelled && !basis.partly_labelled) return t("No study is labelled yet.");
  return basis.with_outcome === 0 ? t("No labelled study has an outcome in the server's table genomics.csv: add its patient there.") : "";
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
