/** What is shown how: layout, window and level, the mask's look, zoom, and the keys. */

import { button, choice, h, show } from "../dom.js";
import { sequenceTitle, t } from "../words.js";
import { KEYS } from "./keys.js";

/**
 * @param {import("./viewer.js").Viewer} viewer
 * @param {HTMLElement} maps what chooses a map over the images
 */
export function displayBar(viewer, maps) {
  const layouts = /** @type {[string, string][]} */ ([["sequences", t("All sequences")], ["pair", t("Two sequences")], ["planes", t("Three planes")], ["surface", t("Three planes and 3-D")], ["one", t("One, large")]]);
  const layout = choice(t("Layout"), layouts, viewer.layout, (value) => {
    viewer.layout = value;
    viewer.arrange();
  });
  const windowFields = h("div", { class: "field window" });
  const opacity = slider(t("Mask opacity"), 5, 100, 35, (value) => {
    viewer.opacity = value / 100;
    viewer.refresh();
  });
  const outline = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", change: () => {
    viewer.outlineOnly = outline.checked;
    viewer.refresh();
  } }));
  const update = () => {
    /** @type {HTMLSelectElement} */ (layout.querySelector("select")).value = viewer.layout;
    outline.checked = viewer.outlineOnly;
    /** @type {HTMLInputElement} */ (opacity.querySelector("input")).value = String(Math.round(100 * viewer.opacity));
    if (!windowFields.contains(document.activeElement)) show(windowFields, windowControls(viewer));
  };
  viewer.onWindow = update;
  update();
  return h(
    "div",
    { class: "bar display", role: "group", "aria-label": t("Display") },
    layout,
    windowFields,
    opacity,
    h("label", { class: "check" }, outline, t("Outline")),
    maps,
    button(t("Whole image"), () => viewer.zoomBy(0)),
    h("details", { class: "keys" }, h("summary", {}, t("Keys")), h("dl", {}, KEYS.map(([keys, what]) => [h("dt", {}, keys), h("dd", {}, what)]).flat())),
  );
}

/**
 * Window and level of the sequence that is chosen.
 * @param {import("./viewer.js").Viewer} viewer
 */
function windowControls(viewer) {
  const sequence = viewer.active, image = viewer.images.get(sequence);
  if (!image) return h("span", { class: "quiet" }, t("Window and level come with the image."));
  const width = image.window[1] - image.window[0], level = (image.window[0] + image.window[1]) / 2;
  const step = (image.usual[1] - image.usual[0]) / 100;
  const number = (/** @type {string} */ label, /** @type {number} */ value, /** @type {(value: number) => void} */ set) => {
    const digits = step >= 1 ? 0 : 3;
    const input = /** @type {HTMLInputElement} */ (h("input", { type: "number", step: step.toPrecision(1), value: value.toFixed(digits), class: "short", change: () => {
      const wanted = Number(input.value);
      if (Number.isFinite(wanted)) set(wanted);
    } }));
    return h("label", { class: "field" }, h("span", {}, label), input);
  };
  return [
    number(t("Window of {sequence}", { sequence: sequenceTitle(sequence) }), width, (value) => viewer.setWindow(sequence, value, level)),
    number(t("Level"), level, (value) => viewer.setWindow(sequence, width, value)),
    button(t("As it came"), () => viewer.setWindow(sequence, image.usual[1] - image.usual[0], (image.usual[0] + image.usual[1]) / 2)),
  ];
}

/**
 * @param {string} label
 * @param {number} least
 * @param {number} most
 * @param {number} value
 * @param {(value: number) => void} set
 */
export function slider(label, least, most, value, set) {
  const input = /** @type {HTMLInputElement} */ (h("input", { type: "range", min: least, max: most, value, input: () => set(Number(input.value)) }));
  return h("label", { class: "field" }, h("span", {}, label), input);
}
