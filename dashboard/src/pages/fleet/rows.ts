/** The rows of a long list that were asked for so far: pages of them, fetched when they come into sight. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { get, type Problem } from "../../api/client";
import type { Counts, Fleet, FleetDevice, ReadingsEvent } from "../../api/types";
import { problemOf } from "../../hooks";
import { pagesOf } from "../../lib/virtual";

/** Rows a request. */
export const PAGE = 100;
/** Pages that are kept; the longest unseen goes first. */
const MOST_PAGES = 30;

/** What is asked of the fleet. */
export interface Question {
  search: string;
  state: string;
  sort: string;
  order: "asc" | "desc";
}

export interface Rows {
  total: number | null;
  counts: Counts | null;
  now: number;
  row: (index: number) => FleetDevice | undefined;
  error: Problem | null;
  /** Asks for rows `first` to `last` (exclusive) if they are not there. */
  need: (first: number, last: number) => void;
  /** Asks again for what is in sight. */
  reload: () => void;
  /** Puts a reading that just came into its row. */
  patch: (event: ReadingsEvent) => void;
}

interface Kept {
  pages: Map<number, FleetDevice[]>;
  asked: Set<number>;
  sight: number[];
}

const nothing = (): Kept => ({ pages: new Map(), asked: new Set(), sight: [0] });

/** What the reading of `event` makes of its device's row. */
export function patched(row: FleetDevice, event: ReadingsEvent): FleetDevice {
  const newer = row.last_time === null || event.time >= row.last_time;
  const { last_contact, state } = event;
  const heard = { ...row, last_contact, state, cause: state === "fresh" ? null : row.cause };
  if (!newer) return heard;
  return { ...heard, last_time: event.time, last: { temperature_c: event.temperature_c, moisture_pct: event.moisture_pct } };
}

/** Rows that answer `question`. */
export function useRows(question: Question): Rows {
  const kept = useRef<Kept>(nothing());
  const [head, setHead] = useState<{ total: number | null; counts: Counts | null; now: number }>({ total: null, counts: null, now: Date.now() });
  const [error, setError] = useState<Problem | null>(null);
  const [, redraw] = useState(0);
  const key = JSON.stringify(question);
  const current = useRef(key);

  const fetchPage = useCallback(async (page: number, asked: string) => {
    const store = kept.current;
    store.asked.add(page);
    try {
      const { search, state, sort, order } = JSON.parse(asked) as Question;
      const fleet = await get<Fleet>("fleet", { search, state, sort, order, offset: page * PAGE, limit: PAGE });
      if (current.current !== asked || kept.current !== store) return;
      store.pages.delete(page);
      store.pages.set(page, fleet.devices);
      for (const old of [...store.pages.keys()].slice(0, Math.max(0, store.pages.size - MOST_PAGES))) {
        if (!store.sight.includes(old)) store.pages.delete(old);
      }
      setHead({ total: fleet.total, counts: fleet.counts, now: Date.parse(fleet.now) });
      setError(null);
    } catch (failed) {
      if (current.current === asked) setError(problemOf(failed));
    } finally {
      store.asked.delete(page);
      redraw((old) => old + 1);
    }
  }, []);

  // Before anything below asks for rows, which effects above it would do too late.
  if (current.current !== key) {
    current.current = key;
    kept.current = nothing();
  }
  // Its first page says how many there are; the table asks for what is in sight.
  useEffect(() => {
    if (!kept.current.asked.has(0)) void fetchPage(0, key);
  }, [key, fetchPage]);

  const need = useCallback(
    (first: number, last: number) => {
      const store = kept.current;
      store.sight = pagesOf(first, last, PAGE);
      for (const page of store.sight) {
        if (!store.pages.has(page) && !store.asked.has(page)) void fetchPage(page, current.current);
      }
    },
    [fetchPage],
  );
  const reload = useCallback(() => {
    const { sight } = kept.current;
    for (const page of [...kept.current.pages.keys()]) if (!sight.includes(page)) kept.current.pages.delete(page);
    for (const page of sight) void fetchPage(page, current.current);
  }, [fetchPage]);
  const patch = useCallback((event: ReadingsEvent) => {
    for (const [page, rows] of kept.current.pages) {
      const index = rows.findIndex((row) => row.id === event.device);
      const row = rows[index];
      if (row === undefined) continue;
      kept.current.pages.set(page, rows.map((old, at) => (at === index ? patched(old, event) : old)));
      redraw((old) => old + 1);
    }
  }, []);
  const row = (index: number): FleetDevice | undefined => kept.current.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  return { ...head, row, error, need, reload, patch };
}
