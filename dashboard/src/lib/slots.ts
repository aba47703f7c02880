/** How a day of slots is shown. */
import type { Day } from "../api/types";
import { date, day, dayAfter, dayStart, parse, plural } from "./format";

/** From nothing due to everything held; each has a colour and a shape of its own. */
export type CellKind = "undue" | "since" | "none" | "few" | "half" | "most" | "nearly" | "all";

/** `over`: whether the device has no reading of this day or any later one. That is no hole: what is missing may all be on its way. */
export function cellKind(held: number, due: number, over = false): CellKind {
  if (due === 0) return held > 0 ? "all" : "undue";
  const part = held / due;
  if (part >= 1) return "all";
  if (held === 0) return over ? "since" : "none";
  if (part < 0.25) return "few";
  if (part < 0.75) return "half";
  return part < 0.95 ? "most" : "nearly";
}

/** How many slots of a day are missing, and what is held, in words. Readings between the slots fill none. */
export function verdict(data: Day): { missing: number; words: string } {
  const missing = data.missing_total;
  const filled = Math.max(0, data.due - missing);
  const readings = data.readings_total;
  const extra = data.extra;
  if (data.due === 0) return { missing, words: readings === 0 ? "No slot was due." : `${plural(readings, "reading")} held; no slot was due.` };
  return { missing, words: `${filled} of ${plural(data.due, "slot")} held${extra === 0 ? "" : `, and ${plural(extra, "reading")} besides`}.` };
}

/** The days by which lists tell completeness, today among them. */
const LIST_DAYS = 7;

/** Whether a device whose newest reading was at `newest` has none in the days by which lists tell completeness. */
export const isPast = (newest: number, now: number): boolean => newest < dayStart(dayAfter(day(now), 1 - LIST_DAYS));

/** Whether `which` lies behind the UTC day of the newest reading. */
export function isOver(which: string, last: string | null): boolean {
  const newest = parse(last);
  return newest !== null && which > day(newest);
}

/** A cell in words. */
export function cellText(which: string, held: number, due: number, over = false): string {
  const when = date(dayStart(which), "UTC");
  if (due > 0 && held === 0 && over) return `${when}: nothing any more; ${due} slots due`;
  if (due === 0) return `${when}: no slot due`;
  return held >= due ? `${when}: all ${due} slots held` : `${when}: ${held} of ${due} slots held, ${due - held} missing`;
}
