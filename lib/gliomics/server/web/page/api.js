/** Requests to the server that the page came from: the token in a header, errors in the server's words. */

import { t } from "./words.js";

const MOST_TRIES = 6;

/** Where the page lies, with the path that a proxy puts before it. */
export const BASE = new URL(".", document.baseURI);
const TOKEN_KEY = `gliomics.token ${BASE.pathname}`;
const NAME_KEY = "gliomics.name";

/** The server refused a request, or did not answer (status 0). */
export class ServerError extends Error {
  /**
   * @param {string} text
   * @param {number} status
   */
  constructor(text, status) {
    super(text);
    this.name = "ServerError";
    this.status = status;
  }
}

/**
 * @typedef {object} Options
 * @property {Record<string, string | number | boolean | undefined>} [query]
 * @property {unknown} [json] sent as JSON
 * @property {FormData} [form] sent as a form
 * @property {AbortSignal} [signal]
 */

/** One server, and who asks it. */
export class Server {
  constructor() {
    this.token = sessionStorage.getItem(TOKEN_KEY) ?? "";
    /** Who signs where the server asks for no tokens. */
    this.name = localStorage.getItem(NAME_KEY) ?? "";
    /** Called when the token opens nothing (any more). */
    this.onSignedOut = () => {};
    /** Called with whether the server answers. */
    this.onConnection = (/** @type {boolean} */ _answers) => {};
  }

  /** @param {string} token kept until this tab is closed, and never part of an address */
  setToken(token) {
    this.token = token.trim();
    if (this.token) sessionStorage.setItem(TOKEN_KEY, this.token);
    else sessionStorage.removeItem(TOKEN_KEY);
  }

  /** @param {string} name */
  setName(name) {
    this.name = name.trim();
    localStorage.setItem(NAME_KEY, this.name);
  }

  /** What says who asks, where no token does. */
  get signature() {
    return this.name ? { client_id: this.name } : {};
  }

  /**
   * An answer with a status below 400. A busy server is asked again when it says.
   * @param {string} method
   * @param {string} path
   * @param {Options} [options]
   * @returns {Promise<Response>}
   */
  async request(method, path, options = {}) {
    const url = new URL(path, BASE);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined && value !== "") url.searchParams.set(name, String(value));
    }
    /** @type {Record<string, string>} */
    const headers = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    if (options.json !== undefined) headers["Content-Type"] = "application/json";
    const body = options.json !== undefined ? JSON.stringify(options.json) : options.form;
    for (let tries = 1; ; tries += 1) {
      const response = await this._sent(url, { method, headers, body, signal: options.signal });
      const seconds = Number(response.headers.get("Retry-After"));
      if (response.status === 503 && seconds > 0 && tries < MOST_TRIES) {
        await pause(Math.min(seconds, 30) * 1000, options.signal);
        continue;
      }
      if (response.ok) return response;
      if (response.status === 401) this.onSignedOut();
      throw new ServerError(await messageOf(response), response.status);
    }
  }

  /**
   * @param {URL} url
   * @param {RequestInit} init
   */
  async _sent(url, init) {
    try {
      const response = await fetch(url, { ...init, credentials: "omit", cache: "no-store", redirect: "error" });
      this.onConnection(true);
      return response;
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      this.onConnection(false);
      throw new ServerError(t("The server does not answer; your work is kept here. Try again in a moment."), 0);
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Options} [options]
   * @returns {Promise<any>}
   */
  async json(method, path, options) {
    return (await this.request(method, path, options)).json();
  }

  /**
   * The content of a file; read whole before it is given out.
   * @param {string} path
   * @param {Options} [options]
   */
  async file(path, options) {
    const response = await this.request("GET", path, options);
    try {
      return await response.blob();
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new ServerError(t("The download broke off; try again."), 0);
    }
  }

  /**
   * What is made of a file while it comes.
   * @template T
   * @param {string} path
   * @param {Options} options
   * @param {(content: ReadableStream<Uint8Array>) => Promise<T>} take
   */
  async read(path, options, take) {
    const response = await this.request("GET", path, options);
    try {
      return await take(/** @type {ReadableStream<Uint8Array>} */ (response.body));
    } catch (error) {
      if (error instanceof TypeError) throw new ServerError(t("The download broke off; try again."), 0); // as streams say it
      throw error;
    }
  }

  /**
   * The form of a request that computes something of a study.
   * @param {Record<string, unknown>} params
   * @param {Blob | null} label
   */
  form(params, label) {
    const form = new FormData();
    form.set("params", JSON.stringify({ ...params, ...this.signature }));
    if (label) form.set("label", label, "label.nii.gz");
    return form;
  }

  /**
   * A model's answer: the file that it made, and what it says of it.
   * @param {string} model
   * @param {string} image
   * @param {Record<string, unknown>} params
   * @param {Blob | null} label
   * @param {AbortSignal} [signal]
   * @returns {Promise<{file: Blob | null, params: any}>}
   */
  async infer(model, image, params, label, signal) {
    const path = `infer/${encodeURIComponent(model)}`;
    const options = { query: { image, output: "all" }, form: this.form(params, label), signal };
    const response = await this.request("POST", path, options);
    if (!(response.headers.get("Content-Type") ?? "").startsWith("multipart/")) {
      return { file: null, params: await response.json() };
    }
    const parts = await response.formData();
    const file = parts.get("image"), said = parts.get("params");
    const text = said instanceof Blob ? await said.text() : (said ?? "{}");
    return { file: file instanceof Blob ? file : null, params: JSON.parse(text) };
  }
}

/**
 * @param {Response} response
 */
async function messageOf(response) {
  try {
    const detail = (await response.json()).detail;
    if (typeof detail === "string") return detail;
  } catch {
    // No JSON: what it is called must do.
  }
  return t("The server answered {status}.", { status: `${response.status} ${response.statusText}`.trim() });
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("given up", "AbortError"));
    });
  });
}

/** @param {unknown} error whether it only says that somebody gave up waiting */
export const isAbort = (error) => error instanceof DOMException && error.name === "AbortError";
