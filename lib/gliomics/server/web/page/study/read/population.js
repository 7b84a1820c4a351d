/** Where a value lies among the training patients, as a small picture. */

import { t } from "../../words.js";

const WIDTH = 96, HEIGHT = 18;
const SVG = "http://www.w3.org/2000/svg";

/**
 * The range of 5 to 95 % and of the quarters, by the quantiles that the server names, and the patient's value as a dot.
 * @param {any} feature
 */
export function plotOf({ population, value, percentile_text: words }) {
  const { levels, overall } = population;
  const low = Math.min(overall[0], value), high = Math.max(overall[overall.length - 1], value);
  const place = (/** @type {number} */ at) => 4 + ((WIDTH - 8) * (at - low)) / (high - low || 1);
  const quantile = (/** @type {number} */ level) => overall[levels.reduce((/** @type {number} */ best, /** @type {number} */ each, /** @type {number} */ index) => (Math.abs(each - level) < Math.abs(levels[best] - level) ? index : best), 0)];
  const picture = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, class: "population", role: "img", "aria-label": t("{words} of {count} patients", { words, count: population.n }) });
  picture.append(
    shape("line", { x1: place(quantile(0.05)), x2: place(quantile(0.95)), y1: HEIGHT / 2, y2: HEIGHT / 2, class: "range" }),
    shape("line", { x1: place(quantile(0.25)), x2: place(quantile(0.75)), y1: HEIGHT / 2, y2: HEIGHT / 2, class: "quarters" }),
    shape("circle", { cx: place(value), cy: HEIGHT / 2, r: 3.5, class: "patient" }),
  );
  return picture;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} properties
 */
function shape(tag, properties) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, String(value));
  return element;
}
