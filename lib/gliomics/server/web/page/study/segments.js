/** What the values of a label map mean. */

import { t } from "../words.js";
import { valuesOf } from "./nifti.js";

/** @typedef {import("./nifti.js").Volume} Volume */
/** @typedef {import("./labelmap.js").Segments} Segments */

/**
 * The names of a label's values: as they were sent with it, else by their numbers.
 * @param {any} label
 * @param {Volume} image
 * @returns {Record<string, number>}
 */
export function segmentsOf(label, image) {
  const sent = label.info?.segments;
  const values = [...new Set(valuesOf(image))].filter(Boolean).sort((first, second) => first - second);
  if (sent && values.every((value) => Object.values(sent).includes(value))) return { ...sent };
  if (values.every((value) => value === 1)) return { tumour: 1 };
  return Object.fromEntries(values.map((value) => [t("Segment {value}", { value }), value]));
}

/**
 * Which value of a label map is which part, as the server reads it.
 * @param {Segments} segments
 */
export const numberingOf = (segments) => Object.entries(segments).map(([name, value]) => `${value}=${name}`).join(",");
