/** Elements made from values: text is only ever text, so that no name or comment can become a part of the page. */

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 */

/**
 * An element. Properties that are functions are listeners, `true` is an attribute without a value, and what is null or
 * false is left out.
 * @param {string} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, /** @type {EventListener} */ (value));
    else if (name === "value") /** @type {HTMLInputElement} */ (element).value = String(value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, ...children);
  return element;
}

/**
 * Put children behind those that are there.
 * @param {Element} parent
 * @param {...(Child | Child[])} children
 */
export function add(parent, ...children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child instanceof Node ? child : String(child));
  }
}

/**
 * Put children in the place of those that are there.
 * @param {Element} parent
 * @param {...(Child | Child[])} children
 */
export function show(parent, ...children) {
  parent.replaceChildren();
  add(parent, ...children);
}

/**
 * A button that does something once at a time.
 * @param {string} text
 * @param {(event: Event) => unknown} action
 * @param {Record<string, unknown>} [properties]
 */
export function button(text, action, properties = {}) {
  const element = /** @type {HTMLButtonElement} */ (h("button", { type: "button", ...properties }, text));
  element.addEventListener("click", async (event) => {
    const result = action(event);
    if (!(result instanceof Promise)) return;
    element.setAttribute("aria-busy", "true");
    try {
      await result;
    } finally {
      element.removeAttribute("aria-busy");
    }
  });
  return element;
}

/**
 * A choice of one of several.
 * @param {string} label
 * @param {[string, string][]} options values and their titles
 * @param {string} value
 * @param {(value: string) => void} chosen
 */
export function choice(label, options, value, chosen) {
  const select = /** @type {HTMLSelectElement} */ (
    h("select", { change: () => chosen(select.value) }, options.map(([key, title]) => h("option", { value: key }, title)))
  );
  select.value = value;
  return h("label", { class: "field" }, h("span", {}, label), select);
}

/**
 * Say something to who does not see the page.
 * @param {string} text
 */
export function say(text) {
  const place = document.getElementById("said");
  if (place) place.textContent = text;
}

/**
 * A message on the page: good news, something to know, or an error with its remedy.
 * @param {"good" | "note" | "bad"} kind
 * @param {...Child} content
 */
export function message(kind, ...content) {
  return h("div", { class: `message ${kind}`, role: kind === "bad" ? "alert" : null }, h("div", {}, content));
}

/**
 * What went wrong, in words.
 * @param {unknown} error
 */
export function reason(error) {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Keep something as a file of the user.
 * @param {Blob} content
 * @param {string} name
 */
export function saveAs(content, name) {
  const url = URL.createObjectURL(content);
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
