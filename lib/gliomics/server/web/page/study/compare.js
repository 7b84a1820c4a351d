/** Several annotators' labels of one study: how far they agree, and where they do not. */

import { button, h, show } from "../dom.js";
import { t } from "../words.js";
import { between, sameGrid } from "./grid.js";
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
      show(legend, labels.map((label, place) => named(label, place, study.viewer.compared[place]?.isResampled)), button(t("Back to the mask"), stop));
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
  if (!reference) return [];
  return images.map((image, place) => {
    const isResampled = !sameGrid(image, reference), values = isResampled ? nearest(image, reference) : valuesOf(image);
    const lesion = values.map((value) => (value ? 1 : 0));
    return { map: new LabelMap(reference.dims, lesion), colour: COLOURS[1 + place], isResampled };
  });
}

/**
 * The label that lies nearest to the middle of each voxel of another image, to be looked at and nothing else.
 * @param {import("./nifti.js").Volume} label
 * @param {import("./nifti.js").Volume} reference
 */
function nearest(label, reference) {
  const m = between(reference, label), [width, height, depth] = label.dims, source = valuesOf(label);
  const [columns, rows, slices] = reference.dims, values = new Uint8Array(columns * rows * slices);
  for (let k = 0, index = 0; k < slices; k += 1) {
    for (let j = 0; j < rows; j += 1) {
      for (let i = 0; i < columns; i += 1, index += 1) {
        const x = Math.round(m[0] * i + m[1] * j + m[2] * k + m[3]), y = Math.round(m[4] * i + m[5] * j + m[6] * k + m[7]), z = Math.round(m[8] * i + m[9] * j + m[10] * k + m[11]);
        if (x >= 0 && y >= 0 && z >= 0 && x < width && y < height && z < depth) values[index] = source[x + y * width + z * width * height];
      }
    }
  }
  return values;
}

/**
 * @param {any} label
 * @param {number} place
 * @param {boolean} [isResampled]
 */
function named(label, place, isResampled) {
  const swatch = h("span", { class: "swatch", "aria-hidden": "true" });
  swatch.style.backgroundColor = COLOURS[1 + place];
  return h("p", {}, swatch, label.user ? t("{tag}, by {user}", { tag: label.tag, user: label.user }) : label.tag, isResampled ? ` ${t("(on other voxels; brought to these to be shown)")}` : null);
}

/** @param {any} pair */
function inWords(pair) {
  const numbers = Object.entries(pair).filter(([, value]) => typeof value === "number").map(([name, value]) => `${name.replaceAll("_", " ")} ${Number(value).toFixed(2)}`);
  const names = Object.values(pair).filter((value) => typeof value === "string");
  return `${names.join(", ")}: ${numbers.join(", ")}`;
}
