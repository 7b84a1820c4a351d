/** Panels side by side, of which one is shown. */

import { h } from "../dom.js";
import { t } from "../words.js";

/**
 * Panels of which one is shown; arrow keys change between them.
 * @param {[string, {element: HTMLElement, shown(): void}][]} panels
 */
export function tabs(panels) {
  const heads = panels.map(([title], place) =>
    h("button", { type: "button", role: "tab", id: `tab-${place}`, "aria-controls": `panel-${place}`, click: () => select(place) }, title),
  );
  const bodies = panels.map(([, panel], place) =>
    h("div", { role: "tabpanel", id: `panel-${place}`, "aria-labelledby": `tab-${place}` }, panel.element),
  );
  const select = (/** @type {number} */ chosenPlace) => {
    heads.forEach((head, place) => {
      head.setAttribute("aria-selected", String(place === chosenPlace));
      head.tabIndex = place === chosenPlace ? 0 : -1;
      bodies[place].hidden = place !== chosenPlace;
    });
    panels[chosenPlace][1].shown();
  };
  const list = h("div", { role: "tablist", "aria-label": t("What to do"), keydown: (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (heads.findIndex((head) => head === document.activeElement) + step + heads.length) % heads.length;
    select(next);
    heads[next].focus();
    event.stopPropagation();
  } }, heads);
  select(0);
  return [list, ...bodies];
}

