/** What annotators saved and reviewers said: the history of a study's labels, and the decision on the current one. */

import { button, h, say, show } from "../dom.js";
import { STATES, t, when } from "../words.js";
import { comparison } from "./compare.js";
import { pictureOf } from "./picture.js";

/** The labels of a study and their reviews. */
export class ReviewPanel {
  /** @param {import("./study.js").StudyView} study */
  constructor(study) {
    this.study = study;
    this.decision = h("div", {});
    this.history = h("div", {});
    this.agreement = h("div", {});
    this.element = h("div", {}, this.decision, this.agreement, this.history);
    this.comment = "";
  }

  leave() {}

  shown() {
    this.changed();
  }

  changed() {
    if (!this.study.info) return;
    const current = this.study.labels.find((label) => label.tag === "final" && label.is_current);
    this._showDecision(current);
    show(this.agreement, comparison(this.study));
    const rows = this.study.labels.map((label) => this._row(label));
    show(
      this.history,
      h("h2", {}, t("History")),
      rows.length ? h("ol", { class: "history" }, rows) : h("p", { class: "quiet" }, t("Nobody has saved a label of this study yet.")),
    );
  }

  /** @param {any} label */
  _row(label) {
    const { review } = label, name = label.version === null ? t("{tag}, by hand", { tag: label.tag }) : `${label.tag} v${label.version}`;
    const voxels = Object.values(label.voxels ?? {}).reduce((sum, count) => Number(sum) + Number(count), 0);
    const said = review ? [review.user, review.comment].filter(Boolean).join(": ") : "";
    const open = button(t("Show"), async () => {
      if (this.study.isChanged) {
        this.study.tell("note", t("What you drew is not sent yet: submit it or discard it before you look at another label."));
        return;
      }
      try {
        await this.study.takeLabel(label);
        say(t("{label} is shown.", { label: name }));
      } catch (error) {
        this.study.tell("bad", error);
      }
    }, { "aria-label": t("Show {label}", { label: name }) });
    const marked = label.is_current ? t("{label} (current)", { label: name }) : name;
    const facts = [label.user, when(label.saved), originOf(label), voxels ? t("{count} voxels", { count: Number(voxels) }) : ""];
    return h(
      "li",
      { class: label.is_current ? "current" : null },
      h("div", { class: "bar" }, h("strong", { class: "grow" }, marked), open),
      h("p", {}, facts.filter(Boolean).join(" \u00b7 ")),
      review ? h("p", {}, h("span", { class: `tag ${review.state}` }, STATES[review.state] ?? review.state), " ", said) : null,
      pictureOf(this.study, label, name),
    );
  }

  /** @param {any} label the current final one */
  _showDecision(label) {
    const { session } = this.study;
    if (!label || !session.may("trainer")) {
      show(this.decision);
      return;
    }
    const comment = /** @type {HTMLTextAreaElement} */ (h("textarea", { rows: 3, maxlength: 2000, input: () => {
      this.comment = comment.value;
    } }));
    comment.value = this.comment;
    const version = label.version === null ? t("the label that was put there by hand") : t("version {version} by {user}", { version: label.version, user: label.user ?? t("nobody who gave a name") });
    show(
      this.decision,
      h("h2", {}, t("Review")),
      h("p", {}, t("You decide on {version}.", { version }), label.user && label.user === session.user ? ` ${t("You drew it yourself.")}` : ""),
      h("label", { class: "field" }, h("span", {}, t("Comment, needed to send back")), comment),
      h("div", { class: "bar" }, button(t("Approve"), () => this._decide(label, "approved"), { class: "main" }), button(t("Send back"), () => this._decide(label, "returned"))),
    );
  }

  /**
   * @param {any} label
   * @param {string} state
   */
  async _decide(label, state) {
    const { study } = this, comment = this.comment.trim();
    if (state === "returned" && !comment) {
      study.tell("note", t("Say in the comment what is to be changed, then send it back."));
      return;
    }
    try {
      const version = label.version === null ? {} : { version: label.version };
      const json = { state, comment, ...version, ...(study.server.name ? { user: study.server.name } : {}) };
      await study.server.json("PUT", "datastore/label/review", { query: { label: study.id, tag: label.tag }, json });
      this.comment = "";
      study.tell("good", state === "approved" ? t("The label is approved.") : t("The label is sent back; its annotator gets the study again."));
      await study.reloadLabels();
    } catch (error) {
      study.tell("bad", error);
    }
  }
}

/** @param {any} label */
function originOf(label) {
  const origin = label.info?.origin;
  if (!origin) return label.info?.model ?? "";
  const model = origin.model ? `${origin.model} v${origin.version}` : "";
  const kinds = {
    edited: t("{model}, {share} % changed", { model, share: Math.round(100 * (origin.changed ?? 0)) }),
    unchanged: t("{model}, unchanged", { model }),
    independent: t("drawn without a model"),
    imported: t("imported"),
  };
  return kinds[/** @type {"edited"} */ (origin.kind)] ?? "";
}
