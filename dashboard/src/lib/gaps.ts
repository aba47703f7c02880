/** Where a line must break. A line is drawn between two readings only if the meter measured in between as it was due. */

/** A stretch of points that may be joined: `[x, y]` pairs. */
export type Stretch = [number, number][];

/** The stretches of a row of values of which some are missing; a missing one breaks the line. */
export function stretches(values: readonly (number | null)[]): Stretch[] {
  const found: Stretch[] = [];
  let open: Stretch | null = null;
  values.forEach((value, index) => {
    if (value === null) {
      open = null;
    } else if (open === null) {
      open = [[index, value]];
      found.push(open);
    } else {
      open.push([index, value]);
    }
  });
  return found;
}

/** The parts of `gaps` (in seconds) that lie within `from` and `to`. */
export function gapsWithin(gaps: readonly (readonly [number, number])[], from: number, to: number): [number, number][] {
  const cut = gaps.map(([begin, end]): [number, number] => [Math.max(begin, from), Math.min(end, to)]);
  return cut.filter(([begin, end]) => end > begin);
}

/** The index of the reading nearest to `time` that has a value in `values`; null if there is none. `times` ascend. */
export function nearest(times: readonly number[], values: readonly (number | null)[], time: number): number | null {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) < time) low = middle + 1;
    else high = middle;
  }
  let best: number | null = null;
  const better = (index: number): boolean =>
    best === null || Math.abs((times[index] as number) - time) < Math.abs((times[best] as number) - time);
  for (let index = low; index < times.length && index < low + 8; index += 1) {
    if (values[index] != null && better(index)) { best = index; break; }
  }
  for (let index = low - 1; index >= 0 && index > low - 9; index -= 1) {
    if (values[index] != null) { if (better(index)) best = index; break; }
  }
  return best;
}

/** The line's path in an SVG of `width` x `height`, each value at the middle of its column. */
export function path(values: readonly (number | null)[], low: number, high: number, width: number, height: number): string {
  const step = width / Math.max(1, values.length);
  const y = (value: number): string => (height - ((value - low) / (high - low)) * height).toFixed(1);
  const x = (index: number): string => ((index + 0.5) * step).toFixed(1);
  return stretches(values)
    .map((stretch) => {
      const points = stretch.map(([index, value]) => `${x(index)} ${y(value)}`);
      // A reading alone between two gaps is a dot: a line of no length with round ends.
      return points.length === 1 ? `M${points[0]}h.01` : `M${points.join("L")}`;
    })
    .join("");
}

/** Lowest and highest of the values with at least `least` between them, so that noise does not look like weather. */
export function extent(values: readonly (number | null)[], least: number): [number, number] | null {
  const real = values.filter((value): value is number => value !== null);
  if (real.length === 0) return null;
  const low = Math.min(...real);
  const high = Math.max(...real);
  const missing = Math.max(0, least - (high - low)) / 2;
  return [low - missing, high + missing];
}
