/** Other examinations of the same patient, to be read beside the one that is open. */

import { t } from "../../words.js";
import { readNifti } from "../nifti.js";
import { segmentsOf } from "../segments.js";

const YEAR = 365.25 * 24 * 3600 * 1000;

/**
 * @typedef {object} TimePoint
 * @property {string} id the study
 * @property {string} title when it was, as it is known
 * @property {string} date ISO 8601, or empty
 */

/**
 * The patient's other studies that have a final label, the earliest first.
 * @param {import("../study.js").StudyView} study
 * @returns {Promise<TimePoint[]>}
 */
export async function timePoints(study) {
  const { server, signal, info } = study;
  const { studies } = await server.json("GET", "datastore/worklist", { query: { search: info.patient_id, limit: 100 }, signal });
  const others = studies.filter((/** @type {any} */ row) => row.patient_id === info.patient_id && row.id !== study.id && row.tag === "final");
  const infos = await Promise.all(others.map((/** @type {any} */ row) => server.json("GET", "datastore/image/info", { query: { image: row.id }, signal })));
  return others
    .map((/** @type {any} */ row, /** @type {number} */ place) => ({ id: row.id, date: infos[place].date ?? "", title: titleOf(infos[place]) || row.id }))
    .sort((/** @type {TimePoint} */ first, /** @type {TimePoint} */ second) => first.date.localeCompare(second.date));
}

/** @param {any} info of a study */
export const titleOf = (info) => [info.timepoint, info.date].filter(Boolean).join(", ");

/**
 * What is read of another examination's final label, in the region of a reading of this one.
 * @param {import("../study.js").StudyView} study
 * @param {TimePoint} other
 * @param {string} region
 * @param {(segments: Record<string, number>) => any} options what a request says, by the segments of the label
 * @param {AbortSignal} signal
 */
export async function readingOf(study, other, region, options, signal) {
  const { server, session } = study;
  const labels = await server.json("GET", "datastore/image/labels", { query: { image: other.id }, signal });
  const label = labels.find((/** @type {any} */ each) => each.tag === "final" && each.is_current);
  if (!label) throw new Error(t("Study {study} has no final label any more.", { study: other.id }));
  const file = await server.file("datastore/label", { query: { label: other.id, tag: "final" }, signal });
  const asked = options(segmentsOf(label, await readNifti(file)));
  const years = other.date && study.info.date ? (Date.parse(other.date) - Date.parse(study.info.date)) / YEAR : 0;
  if (asked.age !== undefined && Number.isFinite(years)) asked.age = Math.max(0, Math.round(10 * (asked.age + years)) / 10);
  const model = session.info.models?.subtype ? "subtype" : "radiomics";
  const answer = (await server.infer(model, other.id, asked, file, signal)).params;
  const parts = (answer.regions ?? [{ region: answer.reading.region, reading: answer.reading }]).filter((/** @type {any} */ part) => part.reading);
  return (parts.find((/** @type {any} */ part) => part.region === region) ?? parts[0])?.reading;
}
