/** A label of the history as a picture: the axial slice that shows most of it, with the outline of each segment. */

import { h, reason, show } from "../dom.js";
import { t } from "../words.js";
import { planes } from "./grid.js";
import { LabelMap, middleOf } from "./labelmap.js";
import { valuesOf } from "./nifti.js";
import { segmentsOf } from "./segments.js";
import { ShownImage, colourOf, greyInto, maskSlice, outlines } from "./slices.js";

/** @typedef {import("./nifti.js").Volume} Volume */

const WIDTH = 300;

/**
 * What shows the picture of a label when it is opened, and asks for the label only then.
 * @param {import("./study.js").StudyView} study
 * @param {any} label a row of the study's labels
 * @param {string} name
 */
export function pictureOf(study, label, name) {
  const place = h("div", {}, h("span", { class: "busy" }, t("The label comes.")));
  let isAsked = false;
  const open = async () => {
    if (isAsked) return;
    isAsked = true;
    try {
      const image = await study.labelImage(label), volume = study.volumes.get(await study.sequenceOf(image));
      if (volume) show(place, drawn(volume, new LabelMap(volume.dims, valuesOf(image), segmentsOf(label, image)), name));
    } catch (error) {
      show(place, h("p", { class: "quiet" }, reason(error)));
    }
  };
  return h("details", { toggle: open }, h("summary", {}, t("Picture of {label}", { label: name })), place);
}

/**
 * @param {Volume} volume on whose voxels the label lies
 * @param {LabelMap} map
 * @param {string} name
 */
function drawn(volume, map, name) {
  const plane = planes(volume).axial, middle = middleOf(map, plane.across);
  if (!middle) return h("p", { class: "quiet" }, t("Nothing is marked in it."));
  const slice = middle[plane.across], [width, height] = plane.size, image = new ShownImage(volume, volume);
  const source = new OffscreenCanvas(width, height), inVoxels = /** @type {OffscreenCanvasRenderingContext2D} */ (source.getContext("2d"));
  const pixels = inVoxels.createImageData(width, height);
  greyInto(image.slice(plane, slice), image.window, pixels);
  inVoxels.putImageData(pixels, 0, 0);
  const tall = Math.round((WIDTH * height * plane.spacing[1]) / (width * plane.spacing[0]));
  const text = t("{label}: axial slice {slice}, the one that shows most of it", { label: name, slice });
  const canvas = /** @type {HTMLCanvasElement} */ (h("canvas", { width: WIDTH, height: tall, role: "img", "aria-label": text }));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.drawImage(source, 0, 0, WIDTH, tall);
  context.lineWidth = 1.5;
  for (const [value, path] of outlines(maskSlice(map, plane, slice), width, height)) {
    const onScreen = new Path2D();
    onScreen.addPath(path, new DOMMatrix([WIDTH / width, 0, 0, tall / height, 0, 0]));
    context.strokeStyle = colourOf(value);
    context.stroke(onScreen);
  }
  return h("figure", { class: "picture" }, canvas, h("figcaption", {}, text));
}
