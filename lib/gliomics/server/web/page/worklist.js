/** The list of studies: found, filtered and put in order by the server, which sends only what is shown. */

import { isAbort } from "./api.js";
import { add, button, choice, h, message, reason, say, show } from "./dom.js";
import { allKept, forget } from "./kept.js";
import { STATES, ago, strategyMeaning, strategyTitle, t, when } from "./words.js";

const ROWS = 100;
const TYPING = 150;
const AGAIN = 15000;
/** How many slices are asked of the strategies that name some: docs/benchmarks/active_learning.md. */
const SLICES = 2;

/** @type {[string, string][]} Columns by which the server sorts, and their titles. */
const COLUMNS = [
  ["id", t("Study")],
  ["patient_id", t("Patient")],
  ["state", t("State")],
  ["user", t("Annotator")],
  ["version", t("Label")],
  ["saved", t("Saved")],
  ["lease", t("Kept for")],
];

/** What is asked for; it stays while somebody looks at a study and comes back. */
const query = { search: "", state: "", sort: "id", descending: false, offset: 0, limit: ROWS };
let strategy = "";

/**
 * @param {import("./main.js").Session} session
 * @param {HTMLElement} main
 * @returns {Promise<() => void>} what to do when the view goes
 */
export async function worklistView(session, main) {
  const list = new Worklist(session);
  add(main, h("h1", {}, t("Studies")), await keptWork(session), nextStudy(session), list.element);
  await list.load();
  const timer = setInterval(() => document.hidden || list.load(), AGAIN);
  return () => {
    clearInterval(timer);
    list.leave();
  };
}

class Worklist {
  /** @param {import("./main.js").Session} session */
  constructor(session) {
    this.session = session;
    this.states = h("div", { class: "states", role: "group", "aria-label": t("State") });
    this.viewer = h("div", {});
    this.place = h("div", { class: "rows" });
    this.foot = h("div", { class: "pages" });
    this.unusable = h("div", {});
    this.notices = h("div", {});
    const search = /** @type {HTMLInputElement} */ (
      h("input", { type: "search", value: query.search, maxlength: 200, input: () => this.typed(search.value) })
    );
    const field = h("label", { class: "field grow" }, h("span", {}, t("Search study, patient, annotator, comment")), search);
    this.element = h("section", { "aria-label": t("List of studies") }, h("div", { class: "bar" }, field, this.states, this.viewer), this.notices, this.place, this.foot, this.unusable);
    this.controller = new AbortController();
    this.timer = 0;
  }

  leave() {
    clearTimeout(this.timer);
    this.controller.abort();
  }

  /** @param {string} text */
  typed(text) {
    query.search = text;
    query.offset = 0;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.load(), TYPING);
  }

  /** Ask for what is shown now; what was asked for before is given up. */
  async load() {
    this.controller.abort();
    this.controller = new AbortController();
    const { signal } = this.controller;
    try {
      this.show(await this.session.server.json("GET", "datastore/worklist", { query, signal }));
    } catch (error) {
      if (!isAbort(error)) show(this.foot, message("bad", reason(error), " ", button(t("Try again"), () => this.load())));
    }
  }

  /** @param {any} answer */
  show(answer) {
    const focused = document.activeElement?.getAttribute("data-key");
    const all = Object.values(answer.counts).reduce((sum, count) => sum + Number(count), 0);
    show(
      this.states,
      this.filter("", t("All"), all),
      Object.entries(STATES).map(([state, title]) => this.filter(state, title, answer.counts[state])),
    );
    const head = COLUMNS.map(([key, title]) => this.columnHead(key, title));
    const rows = answer.studies.map((/** @type {any} */ study) => this.row(study));
    const table = h(
      "table",
      { class: "studies" },
      h("caption", { class: "unseen" }, t("Studies with the state of their labels")),
      h("thead", {}, h("tr", {}, head, h("th", { scope: "col" }, t("Agreement")))),
      h("tbody", {}, rows),
    );
    const none = all || query.search ? t("No study is like this.") : t("The folder of studies is empty. Make studies of your images with: gliomics import IMAGES STUDIES");
    show(this.place, rows.length ? table : h("p", { class: "quiet" }, none));
    this.pages(answer);
    show(this.viewer, answer.viewer ? h("a", { href: answer.viewer }, t("OHIF viewer")) : null);
    show(this.notices, answer.notices.map((/** @type {string} */ text) => message("bad", text)));
    this.showUnusable(answer.unusable);
    if (focused) /** @type {HTMLElement | null} */ (this.element.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
  }

  /**
   * @param {string} state
   * @param {string} title
   * @param {number} count
   */
  filter(state, title, count) {
    const choose = () => {
      query.state = state;
      query.offset = 0;
      return this.load();
    };
    const pressed = query.state === state ? "true" : "false";
    return button(`${title} ${count}`, choose, { class: "filter", "aria-pressed": pressed, "data-key": `state ${state}` });
  }

  /**
   * @param {string} key
   * @param {string} title
   */
  columnHead(key, title) {
    const sorted = query.sort === key;
    const order = () => {
      query.descending = sorted && !query.descending;
      query.sort = key;
      query.offset = 0;
      return this.load();
    };
    const direction = sorted ? (query.descending ? "descending" : "ascending") : null;
    const sign = sorted ? (query.descending ? " \u2193" : " \u2191") : "";
    return h("th", { scope: "col", "aria-sort": direction }, button(title + sign, order, { class: "plain", "data-key": `sort ${key}` }));
  }

  /** @param {any} study */
  row(study) {
    const label = study.fetched === false ? t("in the archive, not fetched yet") : study.version ? t("v{version}", { version: study.version }) : study.tag ? t("by hand") : "";
    const said = study.review?.comment && study.state === "returned" ? study.review.comment : null;
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, h("a", { href: `#/study/${encodeURIComponent(study.id)}`, "data-key": `study ${study.id}` }, study.id)),
      h("td", {}, study.patient_id),
      h("td", {}, h("span", { class: `tag ${study.state}`, title: said }, STATES[study.state] ?? study.state)),
      h("td", {}, study.user ?? ""),
      h("td", {}, label),
      h("td", {}, when(study.saved)),
      h("td", {}, study.lease ? t("{user}, {minutes} min", { user: study.lease.user, minutes: Math.ceil(study.lease.seconds / 60) }) : ""),
      h("td", {}, agreement(study.agreements)),
    );
  }

  /**
   * What lies in the folder of studies and cannot be used, with the reason.
   * @param {{count: number, first: {name: string, reason: string}[]}} unusable
   */
  showUnusable({ count, first }) {
    const isOpen = Boolean(this.unusable.querySelector("details")?.open);
    const items = first.map(({ name, reason: why }) => h("li", {}, h("strong", {}, name), ` ${why}`));
    const more = count > first.length ? h("li", {}, t("and {count} more", { count: count - first.length })) : null;
    const title = count === 1 ? t("1 entry of the folder of studies cannot be used") : t("{count} entries of the folder of studies cannot be used", { count });
    show(this.unusable, count ? h("details", { class: "kept", open: isOpen }, h("summary", {}, title), h("ul", {}, items, more)) : null);
  }

  /** @param {any} answer */
  pages(answer) {
    const { matching, offset } = answer;
    const last = Math.min(offset + ROWS, matching);
    const text = matching
      ? t("{first} to {last} of {count}", { first: offset + 1, last, count: matching })
      : t("None of {count}", { count: 0 });
    const turn = (/** @type {number} */ by) => () => {
      query.offset = Math.max(0, offset + by * ROWS);
      return this.load();
    };
    show(
      this.foot,
      button(t("Earlier"), turn(-1), { disabled: offset === 0, "data-key": "earlier" }),
      h("span", {}, text),
      button(t("Later"), turn(1), { disabled: last >= matching, "data-key": "later" }),
    );
    say(text);
  }
}

/** @param {any[]} pairs */
function agreement(pairs) {
  const known = pairs.map((pair) => pair.dice).filter((dice) => typeof dice === "number");
  return known.length ? `Dice ${Math.min(...known).toFixed(2)}` : "";
}

/**
 * The study to label next, and why that one.
 * @param {import("./main.js").Session} session
 */
function nextStudy(session) {
  const names = Object.keys(session.info.strategies ?? {});
  if (!session.may("annotator") || !names.length) return null;
  if (!names.includes(strategy)) strategy = names[0];
  const meaning = h("span", { class: "quiet" }, strategyMeaning(strategy));
  const choose = choice(t("Next study"), names.map((name) => [name, strategyTitle(name)]), strategy, (name) => {
    strategy = name;
    meaning.textContent = strategyMeaning(name);
  });
  const place = h("div", {});
  const take = button(t("Take the next study"), () => takeNext(session, (said) => show(place, said)), { class: "main" });
  return h("section", { class: "next", "aria-label": t("Next study") }, choose, take, meaning, place);
}

/** Why the study that is open was chosen, and which of its slices are worth most, by study. @type {Map<string, any>} */
export const chosen = new Map();

/**
 * Ask for the study to label next and open it.
 * @param {import("./main.js").Session} session
 * @param {(message: HTMLElement) => void} tell
 * @param {AbortSignal} [signal] of who has gone elsewhere meanwhile
 */
export async function takeNext(session, tell, signal) {
  const names = Object.keys(session.info.strategies ?? {});
  const name = strategy || names[0];
  try {
    const asked = session.info.strategies?.[name]?.names_slices ? { slices: SLICES } : {};
    const options = { json: { ...session.server.signature, ...asked }, signal };
    const answer = await session.server.json("POST", `activelearning/${encodeURIComponent(name)}`, options);
    if (!answer.id) {
      tell(message("note", answer.reason ?? t("No study is left to label.")));
      return;
    }
    chosen.set(answer.id, answer);
    session.go(`study/${encodeURIComponent(answer.id)}`);
  } catch (error) {
    if (!isAbort(error)) tell(message("bad", reason(error)));
  }
}

/**
 * What was drawn in this browser and not sent.
 * @param {import("./main.js").Session} session
 */
async function keptWork(session) {
  const kept = await allKept(session.user);
  if (!kept.length) return null;
  const list = h("ul", {});
  const section = h("section", { class: "kept", "aria-label": t("Unsent work") }, h("h2", {}, t("Drawn here and not sent yet")), list);
  for (const work of kept) {
    const item = h(
      "li",
      {},
      h("a", { href: `#/study/${encodeURIComponent(work.study)}` }, work.study),
      ` ${ago(Date.now() - work.time)} `,
      button(t("Discard"), async () => {
        await forget(session.user, work.study);
        item.remove();
        if (!list.childElementCount) section.remove();
      }, { "aria-label": t("Discard the unsent work on {study}", { study: work.study }) }),
    );
    list.append(item);
  }
  return section;
}
