/** The one file of a ZIP archive that the server made. */

import { t } from "./words.js";

const LOCAL = 0x04034b50, CENTRAL = 0x02014b50, END = 0x06054b50;
const STORED = 0;

/**
 * The first file of an archive.
 * @param {Blob} archive
 * @returns {Promise<Blob>}
 */
export async function fileOfZip(archive) {
  const view = new DataView(await archive.arrayBuffer());
  let end = view.byteLength - 22;
  while (end >= 0 && view.getUint32(end, true) !== END) end -= 1;
  const entry = end >= 0 ? view.getUint32(end + 16, true) : -1;
  if (entry < 0 || view.getUint32(entry, true) !== CENTRAL) throw new Error(t("The server's archive cannot be read; try again."));
  const method = view.getUint16(entry + 10, true), size = view.getUint32(entry + 20, true), local = view.getUint32(entry + 42, true);
  if (view.getUint32(local, true) !== LOCAL) throw new Error(t("The server's archive cannot be read; try again."));
  const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  const content = archive.slice(start, start + size);
  if (method === STORED) return content;
  return new Response(content.stream().pipeThrough(new DecompressionStream("deflate-raw"))).blob();
}
