/** What part of time a curve shows. All in seconds; pure. */

/** From, to. */
export type Range = readonly [number, number];

/** Nobody needs less than an hour across the screen. */
export const LEAST = 3600;

/** `range` moved, and cut if need be, into `bounds`. */
export function within(range: Range, bounds: Range): Range {
  const length = Math.min(range[1] - range[0], bounds[1] - bounds[0]);
  const from = Math.min(Math.max(range[0], bounds[0]), bounds[1] - length);
  return [from, from + length];
}

/** `range` made `factor` times as long, with the instant `at` staying where it is on the screen. */
export function zoomed(range: Range, factor: number, at: number, bounds: Range): Range {
  const length = range[1] - range[0];
  const most = Math.max(LEAST, bounds[1] - bounds[0]);
  const wanted = Math.min(most, Math.max(LEAST, length * factor));
  const part = length > 0 ? (at - range[0]) / length : 0.5;
  const from = at - part * wanted;
  return within([from, from + wanted], bounds);
}

/** `range` moved by `part` of its length. */
export function panned(range: Range, part: number, bounds: Range): Range {
  const by = (range[1] - range[0]) * part;
  return within([range[0] + by, range[1] + by], bounds);
}

/** What a key does to a curve; null for keys that do nothing. `whole` is what a reset shows. */
export function byKey(key: string, range: Range, bounds: Range, whole: Range): Range | null {
  const middle = (range[0] + range[1]) / 2;
  switch (key) {
    case "+":
    case "=":
      return zoomed(range, 0.5, middle, bounds);
    case "-":
    case "_":
      return zoomed(range, 2, middle, bounds);
    case "ArrowLeft":
      return panned(range, -0.25, bounds);
    case "ArrowRight":
      return panned(range, 0.25, bounds);
    case "Home":
      return panned(range, -1e9, bounds);
    case "End":
      return panned(range, 1e9, bounds);
    case "0":
    case "Escape":
      return whole;
    default:
      return null;
  }
}

/** A silence takes at most this part of what is shown without being asked: people come for the curve. */
const SILENT_PART = 1 / 3;

/** The last `days` up to the end of `bounds`, or everything; of a silence since `last` only so much. Bounds are a little wider than the readings, so that none lies on the edge. */
export function preset(days: number | null, bounds: Range, last = bounds[1]): Range {
  const length = days === null ? last - bounds[0] : days * 86_400;
  const end = Math.min(bounds[1], Math.max(last, last + length * SILENT_PART));
  return days === null ? [bounds[0], end] : within([end - length, end], bounds);
}

/** How far a silence since `last` can be looked at: to `now`, but at most as long as the readings before it, and a month at least. */
export const silentUntil = (last: number, now: number, length: number): number => Math.max(last, Math.min(now, last + Math.max(length, 30 * 86_400)));
