/** Tables whose rows can be found and put in order. */

import { button, h, show } from "../../dom.js";
import { t } from "../../words.js";

/**
 * @param {string[]} titles
 * @param {(string | number)[][]} rows
 */
export function sortable(titles, rows) {
  let column = -1, isDescending = false, words = "";
  const head = h("tr", {}), body = h("tbody", {});
  const search = /** @type {HTMLInputElement} */ (h("input", { type: "search", input: () => {
    words = search.value.toLowerCase();
    update();
  } }));
  const order = (/** @type {number} */ place) => () => {
    isDescending = column === place && !isDescending;
    column = place;
    update();
  };
  const update = () => {
    const found = rows.filter((row) => words.split(/\s+/).every((word) => row.some((cell) => String(cell).toLowerCase().includes(word))));
    if (column >= 0) found.sort((first, second) => (isDescending ? -1 : 1) * compared(first[column], second[column]));
    show(head, titles.map((title, place) => {
      const direction = place === column ? (isDescending ? "descending" : "ascending") : null;
      return h("th", { scope: "col", "aria-sort": direction }, button(title, order(place), { class: "plain" }));
    }));
    show(body, found.map((row) => h("tr", {}, row.map((cell) => h("td", {}, typeof cell === "number" ? cell.toPrecision(6) : cell)))));
  };
  update();
  return h("div", {}, h("label", { class: "field" }, h("span", {}, t("Search")), search), h("div", { class: "rows" }, h("table", {}, h("thead", {}, head), body)));
}

/**
 * @param {string | number} first
 * @param {string | number} second
 */
function compared(first, second) {
  return typeof first === "number" && typeof second === "number" ? first - second : String(first).localeCompare(String(second));
}
