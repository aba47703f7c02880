/** The instants that a slider over years stops at. Pure. */

const HOUR = 3_600_000;
/** Steps between two stops, in hours; the finest that leaves no more than `MOST` of them is taken. */
const STEPS = [1, 3, 6, 12, 24, 48, 168, 720] as const;
const MOST = 1_500;
/** Pictures of a whole play. */
const FRAMES = 90;

export interface TimeLine {
  first: number;
  step: number;
  /** How many stops there are; the last one is at or behind the last reading. */
  stops: number;
}

/** Stops from `first` to `last`, at full hours of UTC. */
export function timeLine(first: number, last: number): TimeLine {
  const begin = Math.floor(first / HOUR) * HOUR;
  const hours = STEPS.find((one) => (last - begin) / (one * HOUR) <= MOST) ?? Math.ceil((last - begin) / HOUR / MOST);
  const step = hours * HOUR;
  return { first: begin, step, stops: Math.ceil(Math.max(0, last - begin) / step) + 1 };
}

/** The instant of a stop. */
export const stopAt = ({ first, step }: TimeLine, stop: number): number => first + stop * step;

/** The next picture of a play from `stop` (null: from the beginning); null at its end. */
export function nextFrame({ stops }: TimeLine, stop: number | null): number | null {
  const next = stop === null ? 0 : stop + Math.max(1, Math.round(stops / FRAMES));
  return next < stops ? next : null;
}
