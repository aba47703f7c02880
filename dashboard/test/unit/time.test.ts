import { describe, expect, test } from "vitest";
import { nextFrame, stopAt, timeLine } from "../../src/lib/time-line";

const HOUR = 3_600_000;

describe("the slider over all readings", () => {
  test("stops at full hours, from the first reading to behind the last", () => {
    for (const hours of [0, 1, 100, 8_760, 61_400, 400_000]) {
      const [first, last] = [Date.parse("2019-01-01T00:20:00Z"), Date.parse("2019-01-01T00:40:00Z") + hours * HOUR];
      const line = timeLine(first, last);
      expect(line.stops).toBeLessThanOrEqual(1_502);
      expect(stopAt(line, 0)).toBe(Date.parse("2019-01-01T00:00:00Z"));
      expect(stopAt(line, line.stops - 1)).toBeGreaterThanOrEqual(last);
      expect(line.step % HOUR).toBe(0);
    }
  });
  test("plays from the beginning to the end, and ends", () => {
    const line = timeLine(0, 365 * 24 * HOUR);
    const seen: number[] = [];
    for (let stop = nextFrame(line, null); stop !== null; stop = nextFrame(line, stop)) seen.push(stop);
    expect(seen[0]).toBe(0);
    expect(seen.length).toBeLessThanOrEqual(95);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });
});
