/**
 * What happens at the cloud while the page is open.
 *
 * One event stream for all pages, only while the tab is seen: a browser has six connections to a host, and tabs in the
 * background must not hold them all. Where no stream can be had the pages are told to ask again every half minute.
 */
import { address, get } from "./client";
import type { Alert, Me, ReadingsEvent } from "./types";

/** How the page learns of news. */
export type Link = "starting" | "live" | "asking" | "lost";

export interface News {
  readings: ReadingsEvent;
  contact: { gateway: string; time: string };
  alert: Alert;
  /** Something was missed, or nothing is pushed: ask again. */
  reload: null;
  /** How news come has changed. */
  link: Link;
}

type Handler<K extends keyof News> = (news: News[K]) => void;

const ASK_EVERY_MS = 30_000;
const RETRY_MS = 5_000;
/** The browser reconnects by itself; a shorter break is not worth a word. */
const GRACE_MS = 3_000;

const handlers: { [K in keyof News]: Set<Handler<K>> } = {
  readings: new Set(),
  contact: new Set(),
  alert: new Set(),
  reload: new Set(),
  link: new Set(),
};

let source: EventSource | null = null;
let link: Link = "starting";
let timer: ReturnType<typeof setTimeout> | undefined;
let opened = false;

function tell<K extends keyof News>(kind: K, news: News[K]): void {
  for (const handler of [...handlers[kind]]) handler(news);
}

function become(next: Link): void {
  if (link === next) return;
  link = next;
  tell("link", next);
}

/** Listens to news of one kind; the returned function ends it. */
export function listen<K extends keyof News>(kind: K, handler: Handler<K>): () => void {
  handlers[kind].add(handler);
  return () => handlers[kind].delete(handler);
}

/** How news come at the moment. */
export const linkNow = (): Link => link;

function take<K extends "readings" | "contact" | "alert">(from: EventSource, kind: K): void {
  from.addEventListener(kind, (event) => {
    try {
      tell(kind, JSON.parse((event as MessageEvent<string>).data) as News[K]);
    } catch {
      tell("reload", null);
    }
  });
}

function connect(): void {
  clearTimeout(timer);
  source?.close();
  const next = new EventSource(address("events"));
  source = next;
  next.onopen = () => {
    clearTimeout(timer);
    if (opened) tell("reload", null);
    opened = true;
    become("live");
  };
  // The browser tries again every few seconds; only its first failure sets the clock.
  let failing = false;
  next.onerror = () => {
    if (failing || next !== source) return;
    failing = true;
    clearTimeout(timer);
    timer = setTimeout(() => void probe(next), next.readyState === EventSource.CLOSED ? 0 : GRACE_MS);
  };
  for (const kind of ["readings", "contact", "alert"] as const) take(next, kind);
  next.addEventListener("missed", () => tell("reload", null));
}

/** The stream is broken: is it the stream alone, or the cloud? */
async function probe(broken: EventSource): Promise<void> {
  if (broken !== source || broken.readyState === EventSource.OPEN) return;
  let wait = RETRY_MS;
  try {
    await get<Me>("me");
    // After a lost connection the stream is worth a try at once; one that is not offered is not.
    wait = link === "lost" ? 0 : ASK_EVERY_MS;
    become("asking");
    tell("reload", null);
  } catch {
    become("lost");
  }
  if (broken === source) timer = setTimeout(connect, wait);
}

function seen(): void {
  if (document.visibilityState === "visible") {
    if (source === null) connect();
  } else {
    clearTimeout(timer);
    source?.close();
    source = null;
  }
}

/** Begins; the returned function ends it. */
export function start(): () => void {
  seen();
  document.addEventListener("visibilitychange", seen);
  return () => {
    document.removeEventListener("visibilitychange", seen);
    clearTimeout(timer);
    source?.close();
    source = null;
    opened = false;
    link = "starting";
  };
}
