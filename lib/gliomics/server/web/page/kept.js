/** Work that was not sent yet, in this browser's database: it outlives a reload, a lost connection and a closed tab. */

import { BASE } from "./api.js";

const STORE = "work";
/** Other tabs of this browser hear what is kept, and what was sent or discarded. */
const channel = new BroadcastChannel("gliomics kept work");

/**
 * @typedef {object} Kept
 * @property {string} server where the study lies
 * @property {string} user who drew it
 * @property {string} study
 * @property {number} time when it was changed last
 * @property {Blob} mask the label map, gzipped, in the voxel order of `sequence`
 * @property {number[]} dims
 * @property {string} sequence on whose voxels it lies
 * @property {Record<string, number>} segments the values of the label map by name
 * @property {any} notes what goes with the label when it is sent
 * @property {any[]} prompts what was said to a model
 * @property {number[]} asked slices that were asked for
 */

/** @returns {Promise<IDBDatabase>} */
function database() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("gliomics", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: ["server", "user", "study"] });
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} ask
 * @returns {Promise<T>}
 */
async function asked(mode, ask) {
  const open = await database();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = open.transaction(STORE, mode);
      const request = ask(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    open.close();
  }
}

/** @param {Omit<Kept, "server">} work replaces what was kept of this study before */
export async function keep(work) {
  await asked("readwrite", (store) => store.put({ ...work, server: BASE.href }));
  channel.postMessage({ server: BASE.href, user: work.user, study: work.study, what: "kept" });
}

/**
 * @param {string} user
 * @param {string} study
 * @returns {Promise<Kept | undefined>}
 */
export const keptOf = (user, study) => asked("readonly", (store) => store.get([BASE.href, user, study]));

/**
 * @param {string} user
 * @param {string} study
 */
export async function forget(user, study) {
  await asked("readwrite", (store) => store.delete([BASE.href, user, study]));
  channel.postMessage({ server: BASE.href, user, study, what: "gone" });
}

/**
 * Work of nobody becomes that of who gives a name, except of studies of which they kept work themselves.
 * @param {string} user
 */
export async function claimKept(user) {
  for (const work of await allKept("")) {
    if (await keptOf(user, work.study)) continue;
    await asked("readwrite", (store) => {
      store.put({ ...work, user });
      return store.delete([BASE.href, "", work.study]);
    });
  }
}

/**
 * Be told when another tab of this browser keeps work on a study, or sends or discards what was kept.
 * @param {(told: {user: string, study: string, what: "kept" | "gone"}) => void} take
 * @returns {() => void} what ends it
 */
export function onOtherTabs(take) {
  const listen = (/** @type {MessageEvent} */ event) => {
    if (event.data.server === BASE.href) take(event.data);
  };
  channel.addEventListener("message", listen);
  return () => channel.removeEventListener("message", listen);
}

/**
 * Everything of one user, the newest first.
 * @param {string} user
 * @returns {Promise<Kept[]>}
 */
export async function allKept(user) {
  const range = IDBKeyRange.bound([BASE.href, user, ""], [BASE.href, user, "\uffff"]);
  const kept = await asked("readonly", (store) => store.getAll(range));
  return kept.sort((first, second) => second.time - first.time);
}
