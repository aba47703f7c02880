/** How a day of slots is shown. */
import { date, dayStart } from "./format";

/** From nothing due to everything held; each has a colour and a shape of its own. */
export type CellKind = "undue" | "none" | "few" | "half" | "most" | "nearly" | "all";

export function cellKind(held: number, due: number): CellKind {
  if (due === 0) return held > 0 ? "all" : "undue";
  const part = held / due;
  if (part >= 1) return "all";
  if (held === 0) return "none";
  if (part < 0.25) return "few";
  if (part < 0.75) return "half";
  return part < 0.95 ? "most" : "nearly";
}

/** A cell in words. */
export function cellText(day: string, held: number, due: number): string {
  const when = date(dayStart(day), "UTC");
  if (due === 0) return `${when}: no slot due`;
  return held >= due ? `${when}: all ${due} slots held` : `${when}: ${held} of ${due} slots held, ${due - held} missing`;
}
