/** Who may use the server says so with a token. */

import { add, h, message } from "./dom.js";
import { t } from "./words.js";

/**
 * @param {import("./api.js").Server} server
 * @param {string} note
 * @param {() => Promise<void>} signedIn
 */
export function signInView(server, note, signedIn) {
  const token = /** @type {HTMLInputElement} */ (
    h("input", { id: "token", type: "password", autocomplete: "off", spellcheck: "false", required: true })
  );
  const place = h("div", {});
  if (note) add(place, message("note", note));
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!/^[\x21-\x7e]{1,500}$/.test(token.value.trim())) {
      place.replaceChildren(message("bad", t("This is no token: it has letters, digits, - and _ alone.")));
      return;
    }
    server.setToken(token.value);
    await signedIn();
  };
  return h(
    "main",
    { class: "alone" },
    h("h1", {}, "Gliomics"),
    h("p", {}, t("This server knows you by a token. Whoever runs it gives you one with: gliomics tokens add")),
    h(
      "form",
      { submit },
      h("label", { class: "field", for: "token" }, t("Token")),
      token,
      h("p", { class: "quiet" }, t("It is kept until you close this tab.")),
      h("button", { type: "submit", class: "main" }, t("Sign in")),
    ),
    place,
    h("p", { class: "quiet" }, t("For research use only; not a medical device and not for diagnosis or treatment decisions.")),
  );
}
