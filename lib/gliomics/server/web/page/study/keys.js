/** Keys of the study view; they do nothing while somebody types. */

import { t } from "../words.js";

/** @type {[string, string][]} */
export const KEYS = [
  ["\u2191 \u2193", t("next and previous slice (also the mouse wheel)")],
  ["Page Up, Page Down", t("five slices on")],
  ["1 2 3 4", t("choose a sequence")],
  ["L", t("all sequences, two, three planes, these with 3-D, or one large")],
  ["+ \u2212", t("zoom (also Ctrl and the wheel)")],
  ["O, H, X", t("outline or filled, hide the mask, hide the crosshair")],
  [", .", t("mask clearer or stronger")],
  ["V", t("look: set the crosshair")],
  ["A, R", t("have the model add, have it remove")],
  ["C, S, D", t("tell it by clicks, by strokes, by boxes; Escape drops a box")],
  ["B, E, F", t("brush, eraser, fill")],
  ["[ ]", t("smaller and larger brush")],
  ["Ctrl Z, Ctrl Y", t("undo, redo")],
  [t("right mouse button"), t("drag for window and level")],
];

/** @type {Record<string, import("./viewer.js").Tool>} */
const TOOLS = { v: "look", a: "add", r: "remove", b: "brush", e: "erase", f: "fill" };
/** @type {Record<string, import("./viewer.js").By>} */
const WAYS = { c: "click", s: "stroke", d: "box" };
const LAYOUTS = ["sequences", "pair", "planes", "surface", "one"];

/**
 * What listens to the keys of a study.
 * @param {import("./study.js").StudyView} study
 */
export function shortcuts(study) {
  return (/** @type {Event} */ happened) => {
    const event = /** @type {KeyboardEvent} */ (happened);
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest("input:not([type=range]):not([type=checkbox]), textarea, select")) return;
    if (acted(study, event, target)) event.preventDefault();
  };
}

/**
 * @param {import("./study.js").StudyView} study
 * @param {KeyboardEvent} event
 * @param {HTMLElement} target
 */
function acted(study, event, target) {
  const { viewer, map } = study, key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.altKey) return false;
  if (event.ctrlKey || event.metaKey) {
    if (!map) return false;
    if (key === "z" && !event.shiftKey) map.undo();
    else if (key === "y" || key === "z") map.redo();
    else return false;
    return true;
  }
  const inViewer = target === document.body || target.id === "main" || viewer.element.contains(target);
  const pane = viewer.panes.find((each) => each.canvas === target) ?? viewer.panes[0];
  const turns = { ArrowUp: 1, ArrowDown: -1, PageUp: 5, PageDown: -5 }[key];
  if (turns && pane && inViewer) viewer.turn(pane.plane, turns);
  else if (key in TOOLS) study.annotate?.choose(TOOLS[key]);
  else if (key in WAYS) study.annotate?.tellBy(WAYS[key]);
  else if (key === "Escape" && viewer.prompt) viewer.dropPrompt();
  else if (/^[1-9]$/.test(key) && viewer.sequences[Number(key) - 1]) viewer.activate(viewer.sequences[Number(key) - 1]);
  else return displayed(study, key);
  return true;
}

/**
 * @param {import("./study.js").StudyView} study
 * @param {string} key
 */
function displayed({ viewer, annotate }, key) {
  if (key === "o") viewer.outlineOnly = !viewer.outlineOnly;
  else if (key === "h") viewer.maskShown = !viewer.maskShown;
  else if (key === "x") viewer.crossShown = !viewer.crossShown;
  else if (key === ",") viewer.opacity = Math.max(0.05, viewer.opacity - 0.1);
  else if (key === ".") viewer.opacity = Math.min(1, viewer.opacity + 0.1);
  else if (key === "[") annotate?.setRadius(viewer.radius - 1);
  else if (key === "]") annotate?.setRadius(viewer.radius + 1);
  else if (key === "+" || key === "=") viewer.zoomBy(1.25);
  else if (key === "-") viewer.zoomBy(0.8);
  else if (key === "l") {
    viewer.layout = LAYOUTS[(LAYOUTS.indexOf(viewer.layout) + 1) % LAYOUTS.length];
    viewer.arrange();
  } else return false;
  viewer.onWindow();
  viewer.refresh();
  return true;
}
