/** Several annotators' labels of one study: how far they agree, and where they do not. */

import { button, h, show } from "../dom.js";
import { t } from "../words.js";
import { sameGrid } from "./grid.js";
import { LabelMap } from "./labelmap.js";
import { valuesOf } from "./nifti.js";
import { COLOURS } from "./slices.js";

/** Tags of labels that nobody drew, or not wholly. */
const NOT_COMPARED = ["partial", "original"];

/**
 * What compares the current labels of a study; nothing where there are fewer than two.
 * @param {import("./study.js").StudyView} study
 * @returns {HTMLElement | null}
 */
export function comparison(study) {
  const labels = study.labels.filter((label) => label.is_current && !NOT_COMPARED.includes(label.tag));
  if (labels.length < 2) return null;
  const figures = h("div", {}), legend = h("div", {});
  const stop = () => {
    study.viewer.compared = [];
    study.viewer.refresh();
    show(legend);
  };
  const outline = async () => {
    try {
      study.viewer.compared = await outlined(study, labels);
      study.viewer.refresh();
      show(legend, labels.map((label, place) => named(label, place)), button(t("Back to the mask"), stop));
    } catch (error) {
      study.tell("bad", error);
    }
  };
  const compare = async () => {
    try {
      const query = new URLSearchParams([["label", study.id], ...labels.map((label) => ["tag", label.tag])]);
      const pairs = await study.server.json("GET", `datastore/label/agreement?${query}`);
      show(figures, h("ul", {}, pairs.map((/** @type {any} */ pair) => h("li", {}, inWords(pair)))));
    } catch (error) {
      study.tell("bad", error);
    }
  };
  const buttons = h("div", { class: "bar" }, button(t("Show their outlines"), outline), button(t("How far they agree"), compare));
  return h("section", { "aria-label": t("Several annotators") }, h("h2", {}, t("Several annotators")), buttons, legend, figures);
}

/**
 * @param {import("./study.js").StudyView} study
 * @param {any[]} labels
 */
async function outlined(study, labels) {
  const reference = study.viewer.reference;
  const images = await Promise.all(labels.map((label) => study.labelImage(label)));
  return images.map((image, place) => {
    if (!reference || !sameGrid(image, reference)) throw new Error(t("The labels lie on different voxels; compare them in 3D Slicer."));
    const lesion = valuesOf(image).map((value) => (value ? 1 : 0));
    return { map: new LabelMap(image.dims, lesion), colour: COLOURS[1 + place] };
  });
}

/**
 * @param {any} label
 * @param {number} place
 */
function named(label, place) {
  const swatch = h("span", { class: "swatch", "aria-hidden": "true" });
  swatch.style.backgroundColor = COLOURS[1 + place];
  return h("p", {}, swatch, label.user ? t("{tag}, by {user}", { tag: label.tag, user: label.user }) : label.tag);
}

/** @param {any} pair */
function inWords(pair) {
  const numbers = Object.entries(pair).filter(([, value]) => typeof value === "number").map(([name, value]) => `${name.replaceAll("_", " ")} ${Number(value).toFixed(2)}`);
  const names = Object.values(pair).filter((value) => typeof value === "string");
  return `${names.join(", ")}: ${numbers.join(", ")}`;
}
