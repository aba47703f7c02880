/** Asking the cloud. Everything that goes wrong becomes one `Problem` whose text can be shown. */
import type { Me } from "./types";

/** Where the API is. */
export const API = "/api/v1";

/** Longer than any answer that is waited for. */
const PATIENCE_MS = 30_000;

/** Why a request failed, as people are told. */
export class Problem extends Error {
  constructor(
    /** 0 if no answer came. */
    readonly status: number,
    /** Stable, for programs. */
    readonly reason: string,
    detail: string,
  ) {
    super(detail);
  }
}

let csrf: string | null = null;
let signedOut: () => void = () => {};

/** Called when the cloud no longer knows who we are. */
export function onSignedOut(handler: () => void): void {
  signedOut = handler;
}

/** Keeps what changing requests must carry. */
export function remember(me: Me): Me {
  csrf = me.csrf;
  return me;
}

export type Query = Record<string, string | number | null | undefined>;

/** What a request may carry beside its path. */
export interface Asked {
  query?: Query;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is. */
  file?: Blob;
  signal?: AbortSignal;
}

/** The address of `path` with those keys of `query` that have a value. */
export function address(path: string, query: Query = {}): string {
  const keys = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") keys.set(key, String(value));
  }
  const text = keys.toString();
  return `${API}/${path}${text === "" ? "" : `?${text}`}`;
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    const body: unknown = await response.json();
    if (typeof body === "object" && body !== null && "detail" in body) {
      const reason = "reason" in body ? String(body.reason) : "unknown";
      return new Problem(response.status, reason, String(body.detail));
    }
  } catch {
    // Not JSON: a proxy in between speaks for itself.
  }
  return new Problem(response.status, "unknown", `the cloud answered ${response.status} ${response.statusText}`.trim());
}

function headers(method: string, asked: Asked): Headers {
  const found = new Headers({ Accept: "application/json" });
  if (asked.json !== undefined) found.set("Content-Type", "application/json");
  if (asked.file !== undefined) found.set("Content-Type", asked.file.type || "application/octet-stream");
  if (method !== "GET" && csrf !== null) found.set("X-CSRF-Token", csrf);
  return found;
}

/** Asks, and returns the answer's JSON (undefined for an empty answer). */
export async function ask<T>(method: string, path: string, asked: Asked = {}): Promise<T> {
  const timeout = AbortSignal.timeout(PATIENCE_MS);
  const body = asked.file ?? (asked.json === undefined ? undefined : JSON.stringify(asked.json));
  let response: Response;
  try {
    response = await fetch(address(path, asked.query), {
      method,
      headers: headers(method, asked),
      body: body ?? null,
      credentials: "same-origin",
      signal: asked.signal === undefined ? timeout : anyOf(asked.signal, timeout),
    });
  } catch (error) {
    if (asked.signal?.aborted) throw error;
    throw new Problem(0, "unreachable", "the cloud does not answer; is it running, and is this machine connected?");
  }
  if (response.status === 401 && path !== "session" && path !== "setup") signedOut();
  if (!response.ok) throw await problemOf(response);
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

/** Aborts with the first of the two. */
function anyOf(one: AbortSignal, other: AbortSignal): AbortSignal {
  if (one.aborted) return one;
  const both = new AbortController();
  for (const signal of [one, other]) signal.addEventListener("abort", () => both.abort(), { once: true });
  return both.signal;
}

/** Reads. */
export const get = <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> =>
  ask<T>("GET", path, { ...(query === undefined ? {} : { query }), ...(signal === undefined ? {} : { signal }) });

/** Fetches what is no JSON, such as a picture. */
export async function file(path: string): Promise<Blob> {
  const said = await fetch(address(path), { credentials: "same-origin" });
  if (!said.ok) throw await problemOf(said);
  return said.blob();
}

/** An answer that may go on elsewhere. */
export interface Page {
  next?: string | null;
  total?: number;
}

/** The first `most` pages of a list, each where the one before says. */
export async function pages<A extends Page>(path: string, query: Query, most: number, signal?: AbortSignal): Promise<A[]> {
  const found = [await get<A>(path, query, signal)];
  while (found.length < most) {
    const next = found.at(-1)?.next;
    if (!next) break;
    found.push(await get<A>(next.slice(API.length + 1), undefined, signal));
  }
  return found;
}

/** A device's path. */
export const device = (id: string, rest = ""): string => `devices/${encodeURIComponent(id)}${rest}`;
