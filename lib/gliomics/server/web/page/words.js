/**
 * What the page says, in whole sentences with named places, so that a language can be added as one table.
 * What is read of a segment is worded by the server, and shown as it comes.
 */

/** @type {Record<string, Record<string, string>>} Sentences of a language by the English ones. */
const LANGUAGES = {};

const table = LANGUAGES[(navigator.language || "en").slice(0, 2)] ?? {};

/**
 * A sentence in the language of the browser, as far as there is one.
 * @param {string} text the English sentence, with places such as {study}
 * @param {Record<string, string | number>} [values] what goes there
 */
export function t(text, values = {}) {
  return (table[text] ?? text).replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}

/** @type {Record<string, string>} */
export const STATES = {
  returned: t("Sent back"),
  unlabelled: t("No label"),
  partial: t("In part"),
  submitted: t("To review"),
  approved: t("Approved"),
};

/** @type {Record<string, [string, string]>} A strategy's title, and what it looks for. */
const STRATEGIES = {
  hybrid: [t("Most to learn from (recommended)"), t("uncertain, and unlike the studies that are labelled")],
  epistemic: [t("Model least sure"), t("the model draws the lesion differently each time it is asked")],
  disagreement: [t("Mask least steady"), t("the mask changes most when the image's contrast does")],
  diversity: [t("Least like the labelled ones"), t("new to the model, whether or not it is unsure")],
  clasp_pe: [t("Unsure of one class"), t("at first partly at random, later less and less")],
  subtype: [t("Subtype depends on the mask"), t("a corrected mask may change the estimated subtype most")],
  random: [t("At random"), t("any study without a final label")],
  first: [t("In order"), t("the first study without a final label")],
};

/** @param {string} name */
export const strategyTitle = (name) => STRATEGIES[name]?.[0] ?? name;

/** @param {string} name */
export const strategyMeaning = (name) => STRATEGIES[name]?.[1] ?? "";

/** @type {Record<string, string>} */
const SEQUENCES = { flair: "FLAIR", t1: "T1", t1c: t("T1 with contrast"), t2: "T2" };

/** @param {string} name */
export const sequenceTitle = (name) => SEQUENCES[name] ?? name.toUpperCase();

/** @type {Record<string, string>} */
const PARTS = {
  tumour: t("Tumour"),
  whole: t("Whole tumour"),
  "core-without-enhancement": t("Core without enhancement"),
  oedema: t("Oedema"),
  enhancing: t("Enhancing"),
  cavity: t("Cavity"),
};

/** @param {string} name */
export const partTitle = (name) => PARTS[name] ?? name;

/**
 * A time of the server as this browser's user reads it.
 * @param {string | null} text ISO 8601
 */
export function when(text) {
  const date = text ? new Date(text) : null;
  if (!date || Number.isNaN(date.getTime())) return "";
  return date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/**
 * How long ago something was.
 * @param {number} milliseconds since then
 */
export function ago(milliseconds) {
  const minutes = Math.round(milliseconds / 60000);
  if (minutes < 1) return t("just now");
  if (minutes < 90) return minutes === 1 ? t("1 minute ago") : t("{count} minutes ago", { count: minutes });
  const hours = Math.round(minutes / 60);
  return hours < 36 ? t("{count} hours ago", { count: hours }) : t("{count} days ago", { count: Math.round(hours / 24) });
}
