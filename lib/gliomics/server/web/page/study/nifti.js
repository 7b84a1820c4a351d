/** Images and masks as NIfTI-1 files, read and written here; a mask has the header of the image that it lies on. */

import { t } from "../words.js";

const HEADER = 348;

/** @type {Record<number, [string, number]>} Voxel types by their code: how they are read, and their bytes. */
const TYPES = {
  2: ["Uint8", 1],
  4: ["Int16", 2],
  8: ["Int32", 4],
  16: ["Float32", 4],
  64: ["Float64", 8],
  256: ["Int8", 1],
  512: ["Uint16", 2],
  768: ["Uint32", 4],
};

/** @type {Record<string, any>} */
const ARRAYS = { Uint8: Uint8Array, Int16: Int16Array, Int32: Int32Array, Float32: Float32Array, Float64: Float64Array, Int8: Int8Array, Uint16: Uint16Array, Uint32: Uint32Array };

/**
 * @typedef {object} Volume
 * @property {number[]} dims voxels along i, j, k
 * @property {number[]} affine from voxels to RAS millimetres, 16 numbers row by row
 * @property {Uint8Array | Int8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | Float32Array | Float64Array} data i runs fastest
 * @property {number} slope what values are multiplied with
 * @property {number} intercept and what is added then
 * @property {Uint8Array} header
 * @property {boolean} little whether the header's numbers are little-endian
 */

/**
 * @param {Blob} file
 * @returns {Promise<Volume>}
 */
export const readNifti = (file) => readStream(file.stream());

/**
 * Read an image while it comes, zipped or not.
 * @param {ReadableStream<Uint8Array>} content
 * @param {(image: Volume) => void} [onHalf] given the image once more than half of its voxels are there: those that follow
 *   come into the same array, which is 0 where they are missing
 * @returns {Promise<Volume>}
 */
export async function readStream(content, onHalf) {
  const reader = (await unzippedIfZipped(content)).getReader();
  /** @type {Uint8Array[]} */
  const chunks = [];
  let length = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    chunks.push(next.value);
    length += next.value.length;
    if (length >= HEADER) break;
  }
  const start = joined(chunks, length), { offset, size } = layoutOf(start.buffer);
  const bytes = new Uint8Array(Math.max(offset + size, HEADER));
  bytes.set(start.subarray(0, bytes.length));
  const image = parse(bytes.buffer), isShared = image.data.buffer === bytes.buffer;
  let isHalf = length > offset + 0.55 * size;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    bytes.set(next.value.subarray(0, Math.max(0, bytes.length - length)), Math.min(length, bytes.length));
    length += next.value.length;
    if (!isHalf && isShared && length > offset + 0.55 * size) {
      isHalf = true;
      onHalf?.(image);
    }
  }
  if (length < offset + size) throw new Error(t("The image's file is not complete."));
  return isShared ? image : parse(bytes.buffer);
}

/**
 * @param {ReadableStream<Uint8Array>} content
 * @returns {Promise<ReadableStream<Uint8Array>>}
 */
async function unzippedIfZipped(content) {
  const reader = content.getReader();
  /** @type {Uint8Array[]} */
  const chunks = [];
  let length = 0, isDone = false;
  while (length < 2 && !isDone) {
    const next = await reader.read();
    if (next.value) chunks.push(next.value);
    length += next.value?.length ?? 0;
    isDone = next.done;
  }
  const start = joined(chunks, length);
  const whole = new ReadableStream({
    start: (controller) => controller.enqueue(start),
    async pull(controller) {
      const next = await reader.read();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    cancel: (why) => reader.cancel(why),
  });
  return start[0] === 0x1f && start[1] === 0x8b ? whole.pipeThrough(new DecompressionStream("gzip")) : whole;
}

/**
 * @param {Uint8Array[]} chunks
 * @param {number} length
 */
function joined(chunks, length) {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/**
 * What a header says of its file: voxels, their type, where they begin, and how many bytes they are.
 * @param {ArrayBuffer} buffer
 */
function layoutOf(buffer) {
  const view = new DataView(buffer);
  const little = buffer.byteLength >= HEADER && view.getInt32(0, true) === HEADER;
  if (!little && (buffer.byteLength < HEADER || view.getInt32(0, false) !== HEADER)) {
    throw new Error(t("The image is no NIfTI-1 file; this page shows no others."));
  }
  const dims = [1, 2, 3].map((axis) => Math.max(1, axis <= view.getInt16(40, little) ? view.getInt16(40 + 2 * axis, little) : 1));
  const code = view.getInt16(70, little), type = TYPES[code];
  if (!type) throw new Error(t("The image has voxels of the type {code}, which this page cannot show.", { code }));
  const count = dims[0] * dims[1] * dims[2], offset = Math.max(HEADER, view.getFloat32(108, little));
  return { view, little, dims, type, count, offset, size: count * type[1] };
}

/**
 * @param {ArrayBuffer} buffer the whole file
 * @returns {Volume}
 */
function parse(buffer) {
  const { view, little, dims, type, count, offset } = layoutOf(buffer);
  const slope = view.getFloat32(112, little);
  return {
    dims,
    affine: affineOf(view, little),
    data: voxels(buffer, offset, count, type, little),
    slope: slope && Number.isFinite(slope) ? slope : 1,
    intercept: slope && Number.isFinite(slope) ? view.getFloat32(116, little) : 0,
    header: new Uint8Array(buffer.slice(0, HEADER)),
    little,
  };
}

/**
 * @param {ArrayBuffer} buffer
 * @param {number} offset
 * @param {number} count
 * @param {[string, number]} type
 * @param {boolean} little
 */
function voxels(buffer, offset, count, [name, bytes], little) {
  if (little || bytes === 1) {
    return offset % bytes === 0 ? new ARRAYS[name](buffer, offset, count) : new ARRAYS[name](buffer.slice(offset, offset + count * bytes));
  }
  const view = /** @type {any} */ (new DataView(buffer)), values = new ARRAYS[name](count);
  for (let index = 0; index < count; index += 1) values[index] = view[`get${name}`](offset + index * bytes, false);
  return values;
}

/**
 * From voxels to RAS millimetres: the affine of the file, else its quaternion, else its voxel sizes.
 * @param {DataView} view
 * @param {boolean} little
 */
function affineOf(view, little) {
  const float = (/** @type {number} */ at) => view.getFloat32(at, little);
  const pixdim = [0, 1, 2, 3].map((axis) => float(76 + 4 * axis));
  if (view.getInt16(254, little) > 0) {
    return [...Array.from({ length: 12 }, (_, index) => float(280 + 4 * index)), 0, 0, 0, 1];
  }
  const [x, y, z] = [1, 2, 3].map((axis) => Math.abs(pixdim[axis]) || 1);
  if (view.getInt16(252, little) <= 0) return [x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0, 0, 0, 0, 1];
  const [b, c, d] = [256, 260, 264].map(float);
  const a = Math.sqrt(Math.max(0, 1 - b * b - c * c - d * d)), q = pixdim[0] < 0 ? -z : z;
  return [
    (a * a + b * b - c * c - d * d) * x, 2 * (b * c - a * d) * y, 2 * (b * d + a * c) * q, float(268),
    2 * (b * c + a * d) * x, (a * a + c * c - b * b - d * d) * y, 2 * (c * d - a * b) * q, float(272),
    2 * (b * d - a * c) * x, 2 * (c * d + a * b) * y, (a * a + d * d - b * b - c * c) * q, float(276),
    0, 0, 0, 1,
  ];
}

/**
 * The label map's values as whole numbers.
 * @param {Volume} image
 */
export function valuesOf(image) {
  const { data, slope, intercept } = image;
  if (data instanceof Uint8Array && slope === 1 && intercept === 0) return data.slice();
  return Uint8Array.from(/** @type {Float32Array} */ (data), (value) => Math.round(value * slope + intercept));
}

/**
 * A label map as a file, in the voxels of an image and with its header.
 * @param {Volume} image
 * @param {Uint8Array} values
 * @returns {Promise<Blob>}
 */
export function writeMask(image, values) {
  const header = image.header.slice(), view = new DataView(header.buffer), { little } = image;
  view.setInt16(40, 3, little);
  image.dims.forEach((size, axis) => view.setInt16(42 + 2 * axis, size, little));
  for (let axis = 4; axis <= 7; axis += 1) view.setInt16(40 + 2 * axis, 1, little);
  view.setInt16(70, 2, little);
  view.setInt16(72, 8, little);
  view.setFloat32(108, 352, little);
  view.setFloat32(112, 1, little);
  view.setFloat32(116, 0, little);
  view.setFloat32(124, 0, little);
  view.setFloat32(128, 0, little);
  header.fill(0, 4, 39); // what older formats had, and what may name somebody
  header.fill(0, 148, 252);
  header.fill(0, 328, 344);
  header.set([0x6e, 0x2b, 0x31, 0], 344);
  return gzipped(new Blob([header, new Uint8Array(4), /** @type {BlobPart} */ (values)]));
}

/**
 * @param {Blob} content
 * @returns {Promise<Blob>}
 */
export function gzipped(content) {
  return new Response(content.stream().pipeThrough(new CompressionStream("gzip"))).blob();
}

/**
 * @param {Blob} content
 * @returns {Promise<Uint8Array>}
 */
export async function unzipped(content) {
  return new Uint8Array(await new Response(content.stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
}
