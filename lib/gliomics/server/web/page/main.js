/** The page: who is signed in, and which of its views is shown, as the address after # says. */

import { Server, isAbort } from "./api.js";
import { add, button, h, message, reason, show } from "./dom.js";
import { claimKept } from "./kept.js";
import { learningView } from "./learning.js";
import { signInView } from "./signin.js";
import { StudyView } from "./study/study.js";
import { t } from "./words.js";
import { worklistView } from "./worklist.js";

/**
 * @typedef {object} Session
 * @property {Server} server
 * @property {any} info what the server offers
 * @property {string} user who works here, empty where nobody says
 * @property {boolean} asksForTokens
 * @property {(role: "reader" | "annotator" | "trainer") => boolean} may
 * @property {(path: string) => void} go
 */

const RANKS = ["reader", "annotator", "trainer"];

const page = /** @type {HTMLElement} */ (document.getElementById("page"));
const server = new Server();
/** @type {Session | null} */
let session = null;
/** What the view that is shown does when it goes. @type {() => void | Promise<void>} */
let leave = () => {};

server.onSignedOut = () => {
  if (session) start(t("Your token opens nothing any more. What you drew and did not send is kept here."));
};
server.onConnection = (/** @type {boolean} */ answers) => {
  document.getElementById("connection")?.toggleAttribute("hidden", answers);
};

/** @param {string} [note] why the sign-in is shown again */
async function start(note = "") {
  await leave();
  leave = () => {};
  session = null;
  try {
    const info = await server.json("GET", "info/");
    session = sessionOf(info);
    // A reload may have come between a name and its work; where nothing can be kept, there is none.
    if (session.user && !session.asksForTokens) await claimKept(session.user).catch(() => undefined);
    await route();
  } catch (error) {
    const refused = error instanceof Error && "status" in error && error.status === 401;
    if (refused) {
      const failed = server.token ? t("This token opens nothing here; ask who runs the server for one.") : "";
      server.setToken("");
      show(page, signInView(server, note || failed, () => start()));
    } else {
      show(page, h("main", { class: "alone" }, message("bad", reason(error), " ", button(t("Try again"), () => start()))));
    }
  }
}

/**
 * @param {any} info
 * @returns {Session}
 */
function sessionOf(info) {
  const role = info.you?.role ?? "trainer";
  return {
    server,
    info,
    user: info.you?.name ?? server.name,
    asksForTokens: Boolean(info.you?.name),
    may: (needed) => RANKS.indexOf(role) >= RANKS.indexOf(needed),
    go: (path) => {
      location.hash = `#/${path}`;
    },
  };
}

/** Show the view that the address says. */
async function route() {
  if (!session) return;
  await leave();
  leave = () => {};
  const [view, argument] = location.hash.replace(/^#\/?/, "").split("/");
  const main = h("main", { id: "main", tabindex: "-1" });
  show(page, header(session, view), main);
  try {
    if (view === "study" && argument) {
      const study = new StudyView(session, nameIn(argument), main);
      leave = () => study.leave();
      await study.open();
    } else if (view === "learning") {
      leave = await learningView(session, main);
    } else {
      leave = await worklistView(session, main);
    }
  } catch (error) {
    if (!isAbort(error) && session) add(main, message("bad", reason(error)));
  }
}

/**
 * A study's name in the address; as it stands there where nobody wrote it so.
 * @param {string} argument
 */
function nameIn(argument) {
  try {
    return decodeURIComponent(argument);
  } catch {
    return argument;
  }
}

/**
 * @param {Session} current
 * @param {string} view
 */
function header(current, view) {
  const link = (/** @type {string} */ path, /** @type {string} */ title, /** @type {boolean} */ here) =>
    h("a", { href: `#/${path}`, "aria-current": here ? "page" : null }, title);
  return h(
    "header",
    { class: "masthead" },
    h("a", { href: "#main", class: "skip", click: toMain }, t("To the content")),
    h("strong", {}, "Gliomics"),
    h("nav", { "aria-label": t("Views") }, link("", t("Studies"), !view || view === "study"), link("learning", t("Learning"), view === "learning")),
    h("span", { id: "connection", class: "tag bad", role: "status", hidden: true }, t("No connection")),
    h("span", { class: "notice" }, t("For research use only.")),
    who(current),
  );
}

/** @param {Event} event */
function toMain(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** @param {Session} current */
function who(current) {
  if (current.asksForTokens) {
    const signOut = button(t("Sign out"), () => {
      server.setToken("");
      return start();
    });
    return h("span", { class: "who" }, `${current.user} (${current.info.you.role})`, signOut);
  }
  const input = /** @type {HTMLInputElement} */ (
    h("input", { value: server.name, maxlength: 100, autocomplete: "name", change: () => rename(current, input.value) })
  );
  return h("label", { class: "who" }, h("span", {}, t("Your name")), input);
}

/**
 * @param {Session} current
 * @param {string} name
 */
async function rename(current, name) {
  const isFirst = !current.user;
  server.setName(name);
  current.user = server.name;
  if (isFirst && current.user) await claimKept(current.user);
}

window.addEventListener("hashchange", () => route());
start();
