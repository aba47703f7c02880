/** What pages share: asking, doing, listening, and who is asking. */
import { createContext } from "preact";
import { useCallback, useContext, useEffect, useRef, useState } from "preact/hooks";
import { type Page, pages, Problem, type Query } from "./api/client";
import { listen, type News } from "./api/live";
import type { Me, Role } from "./api/types";

/** An answer on its way, there, or failed. The last answer stays while a new one is asked for. */
export interface Asked<T> {
  data: T | null;
  error: Problem | null;
  loading: boolean;
  reload: () => void;
}

/** What was thrown, as a problem. */
export const problemOf = (error: unknown): Problem =>
  error instanceof Problem ? error : new Problem(0, "page", `the page failed: ${String(error)}`);

/** Asks when `key` changes, and when told to reload; `null` asks nothing. */
export function useAsked<T>(key: string | null, question: (signal: AbortSignal) => Promise<T>): Asked<T> {
  const [state, set] = useState<{ key: string | null; data: T | null; error: Problem | null; loading: boolean }>({
    key: null,
    data: null,
    error: null,
    loading: key !== null,
  });
  const [turn, again] = useState(0);
  const latest = useRef(question);
  latest.current = question;
  useEffect(() => {
    if (key === null) return undefined;
    const abort = new AbortController();
    set((old) => ({ ...old, loading: true }));
    latest.current(abort.signal).then(
      (data) => abort.signal.aborted || set({ key, data, error: null, loading: false }),
      (error: unknown) => abort.signal.aborted || set((old) => ({ ...old, key, error: problemOf(error), loading: false })),
    );
    return () => abort.abort();
  }, [key, turn]);
  const reload = useCallback(() => again((old) => old + 1), []);
  return { data: state.data, error: state.error, loading: state.loading, reload };
}

/** A long list, of which more can be had than its first page; `more` is null once all is there. */
export function usePages<A extends Page>(path: string, query: Query): Asked<A[]> & { more: (() => void) | null } {
  const [most, setMost] = useState(1);
  const asked = useAsked(`${path} ${JSON.stringify(query)} ${most}`, (signal) => pages<A>(path, query, most, signal));
  const more = useCallback(() => setMost((old) => old + 1), []);
  return { ...asked, more: asked.data?.at(-1)?.next ? more : null };
}

/** Something that a person does: busy while it runs, and its problem. */
export function useDeed<A extends unknown[]>(
  deed: (...args: A) => Promise<void>,
): { run: (...args: A) => Promise<boolean>; busy: boolean; error: Problem | null; clear: () => void } {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Problem | null>(null);
  const latest = useRef(deed);
  latest.current = deed;
  const run = useCallback(async (...args: A) => {
    setBusy(true);
    setError(null);
    try {
      await latest.current(...args);
      return true;
    } catch (failed) {
      setError(problemOf(failed));
      return false;
    } finally {
      setBusy(false);
    }
  }, []);
  return { run, busy, error, clear: useCallback(() => setError(null), []) };
}

/** Listens to news while the component is there. */
export function useNews<K extends keyof News>(kind: K, handler: (news: News[K]) => void): void {
  const latest = useRef(handler);
  latest.current = handler;
  useEffect(() => listen(kind, (news) => latest.current(news)), [kind]);
}

/** Calls at most once in `ms`, the last time after the last call. */
export function useThrottled(call: () => void, ms: number): () => void {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const latest = useRef(call);
  latest.current = call;
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      latest.current();
    }, ms);
  }, [ms]);
}

/** How long typing may pause before what was typed is asked. */
const TYPING_MS = 200;

/** `value`, once it has not changed for a moment. */
export function useSettled(value: string): string {
  const [settled, set] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => set(value), TYPING_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

/** The present instant, a minute exact. */
export function useNow(): number {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Whether a media query holds. */
export function useMedia(query: string): boolean {
  const [holds, set] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const changed = (): void => set(media.matches);
    changed();
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, [query]);
  return holds;
}

/** Who is asking, and how to ask again who that is. */
export const Who = createContext<{ me: Me; refresh: () => Promise<void> } | null>(null);

const RANK: Record<Role, number> = { viewer: 0, operator: 1, administrator: 2 };

/** Whether `me` may do what needs `role`; if not, why. */
export function may(me: Me, role: Role): { ok: true; why: "" } | { ok: false; why: string } {
  if (me.open || (me.user !== null && RANK[me.user.role] >= RANK[role])) return { ok: true, why: "" };
  const own = me.user === null ? "Nobody is signed in" : `Your role is ${me.user.role}`;
  return { ok: false, why: `${own}; this needs the role ${role}. An administrator can give it to you.` };
}

/** Who is asking. Only below the frame, which knows. */
export function useWho(): { me: Me; refresh: () => Promise<void> } {
  const who = useContext(Who);
  if (who === null) throw new Error("useWho outside of the frame");
  return who;
}

/** Whether whoever is asking may do what needs `role`. */
export const useMay = (role: Role): ReturnType<typeof may> => may(useWho().me, role);
