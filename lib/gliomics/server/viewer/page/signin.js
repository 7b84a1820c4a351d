/** The token of this tab, which the page at / keeps, too: sent in a header with requests to this server, and to no other. */

const TOKEN_KEY = "gliomics.token /";

const token = () => sessionStorage.getItem(TOKEN_KEY) ?? "";

/** @param {string | URL} url */
const isHere = (url) => new URL(url, location.href).origin === location.origin;

/** The viewer has several ways to ask, and not all can be told to send a header. */
export function sendTokenWithRequests() {
  const open = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function (/** @type {any[]} */ ...given) {
    open.apply(this, /** @type {any} */ (given));
    if (token() && isHere(given[1])) this.setRequestHeader("Authorization", `Bearer ${token()}`);
  };
  const fetchPlain = window.fetch.bind(window);
  window.fetch = (input, init) => {
    if (!token() || !isHere(input instanceof Request ? input.url : input)) return fetchPlain(input, init);
    const request = new Request(input, init);
    request.headers.set("Authorization", `Bearer ${token()}`);
    return fetchPlain(request);
  };
}

/**
 * Resolves once the server answers, asking for a token where it wants one.
 * @param {HTMLElement} place
 */
export async function signedIn(place) {
  let note = "";
  for (;;) {
    const answer = await fetch("/info/", { cache: "no-store" });
    if (answer.status !== 401) break;
    if (token()) note = "This token opens nothing here. ";
    sessionStorage.removeItem(TOKEN_KEY);
    sessionStorage.setItem(TOKEN_KEY, await askedForToken(place, note));
  }
  place.replaceChildren();
}

/**
 * @param {HTMLElement} place
 * @param {string} note
 * @returns {Promise<string>}
 */
function askedForToken(place, note) {
  const form = document.createElement("form"), input = document.createElement("input");
  const label = document.createElement("label"), button = document.createElement("button");
  const text = document.createElement("p");
  text.textContent = `${note}This server knows you by a token. It is kept until you close this tab.`;
  Object.assign(input, { id: "token", type: "password", autocomplete: "off", required: true, pattern: "[!-~]{1,500}" });
  Object.assign(label, { htmlFor: "token", textContent: "Token" });
  Object.assign(button, { type: "submit", textContent: "Sign in" });
  form.style.cssText = "font: 16px sans-serif; color: #eee; max-width: 30em; margin: 15vh auto; padding: 1em";
  for (const part of [input, button]) part.style.cssText = "margin: 0 .6em; padding: .3em .6em; color: #111; background: #eee";
  document.body.style.background = "#111";
  form.append(text, label, input, button);
  place.replaceChildren(form);
  input.focus();
  return new Promise((resolve) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      resolve(input.value.trim());
    });
  });
}
