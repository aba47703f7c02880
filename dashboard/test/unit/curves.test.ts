import { describe, expect, test } from "vitest";
import type { Day } from "../../src/api/types";
import { flagNames } from "../../src/lib/flags";
import { extent, gapsWithin, nearest, path, stretches } from "../../src/lib/gaps";
import { cellKind, cellText, isOver, isPast, verdict } from "../../src/lib/slots";
import { byKey, LEAST, panned, preset, type Range, silentUntil, within, zoomed } from "../../src/lib/zoom";

describe("a line", () => {
  test("is never drawn over a missing value", () => {
    expect(stretches([1, 2, null, null, 3, null])).toEqual([[[0, 1], [1, 2]], [[4, 3]]]);
    const drawn = path([1, 2, null, 3, 4], 0, 4, 50, 40);
    expect(drawn.match(/M/g)).toHaveLength(2);
    expect(drawn).toBe("M5.0 30.0L15.0 20.0M35.0 10.0L45.0 0.0");
  });
  test("of one reading between two gaps is a dot", () => {
    expect(path([null, 2, null], 0, 4, 30, 40)).toBe("M15.0 20.0h.01");
  });
  test("of nothing is nothing", () => {
    expect([path([null, null], 0, 1, 10, 10), extent([null], 4)]).toEqual(["", null]);
  });
  test("does not make weather of noise", () => {
    expect(extent([20, 20.2, null], 6)).toEqual([17.1, 23.1]);
    expect(extent([0, 30], 6)).toEqual([0, 30]);
  });
});

describe("gaps", () => {
  test("are cut to what is in sight", () => {
    expect(gapsWithin([[0, 10], [20, 40], [90, 95]], 5, 30)).toEqual([[5, 10], [20, 30]]);
  });
  test("are looked across for the nearest reading", () => {
    expect(nearest([0, 10, 20, 30], [1, null, null, 4], 12)).toBe(0);
    expect(nearest([0, 10, 20, 30], [1, null, null, 4], 22)).toBe(3);
    expect(nearest([], [], 5)).toBeNull();
  });
});

describe("zooming", () => {
  const year: Range = [0, 365 * 86_400];
  test("keeps the instant under the pointer where it is", () => {
    const [from, to] = zoomed([100_000, 200_000], 0.5, 125_000, year);
    expect([from, to]).toEqual([112_500, 162_500]);
    expect((125_000 - from) / (to - from)).toBe(0.25);
  });
  test("ends at an hour and at the whole", () => {
    expect(zoomed([0, LEAST], 0.1, 1800, year)).toEqual([0, LEAST]);
    expect(zoomed(year, 2, 5, year)).toEqual(year);
  });
  test("and moving never leave the readings", () => {
    expect(panned([0, 86_400], -5, year)).toEqual([0, 86_400]);
    expect(within([year[1] - 10, year[1] + 90], year)).toEqual([year[1] - 100, year[1]]);
  });
  test("shows the last days up to the last reading", () => {
    expect(preset(7, year)).toEqual([358 * 86_400, year[1]]);
    expect(preset(null, year)).toEqual(year);
    expect(preset(365 * 3, year)).toEqual(year);
  });
  test("shows a silence behind the readings, but never much more than the readings", () => {
    const day = 86_400;
    expect([silentUntil(100 * day, 103 * day, 100 * day), silentUntil(100 * day, 999 * day, 100 * day), silentUntil(day, 999 * day, 3600)]).toEqual([103 * day, 200 * day, 31 * day]);
    const bounds: Range = [0, 200 * day];
    expect(preset(30, bounds, 100 * day)).toEqual([80 * day, 110 * day]);
    expect(preset(null, [0, 103 * day], 100 * day)).toEqual([0, 103 * day]);
    expect(preset(null, bounds, 90 * day)).toEqual([0, 120 * day]);
  });
  test("works by keys, and other keys are left alone", () => {
    const range: Range = [86_400, 3 * 86_400];
    expect(byKey("+", range, year, year)).toEqual([1.5 * 86_400, 2.5 * 86_400]);
    expect(byKey("ArrowRight", range, year, year)).toEqual([1.5 * 86_400, 3.5 * 86_400]);
    expect(byKey("Home", range, year, year)).toEqual([0, 2 * 86_400]);
    expect(byKey("0", range, year, year)).toEqual(year);
    expect(byKey("Tab", range, year, year)).toBeNull();
  });
});

describe("a day of slots", () => {
  test("is whole only if nothing is missing", () => {
    expect([[24, 24], [23, 24], [20, 24], [12, 24], [1, 24], [0, 24], [0, 0], [25, 24]].map(([held, due]) => cellKind(held as number, due as number))).toEqual(["all", "nearly", "most", "half", "few", "none", "undue", "all"]);
  });
  test("says what is missing", () => {
    expect(cellText("2025-07-01", 20, 24)).toBe("Tue 1 Jul 2025: 20 of 24 slots held, 4 missing");
    expect([cellKind(0, 24, true), cellKind(0, 0, true), cellKind(3, 24, true)]).toEqual(["since", "undue", "few"]);
    expect(cellText("2025-07-02", 0, 24, true)).toBe("Wed 2 Jul 2025: nothing any more; 24 slots due");
    expect([isOver("2025-07-02", "2025-07-01T23:00:00Z"), isOver("2025-07-01", "2025-07-01T00:00:00Z"), isOver("2025-07-01", null)]).toEqual([true, false, false]);
    expect(cellText("2025-07-01", 0, 0)).toBe("Tue 1 Jul 2025: no slot due");
  });
});

test("what is older than the days of lists is past: seven UTC days, today among them", () => {
  const now = Date.parse("2026-07-09T05:00:00Z");
  const past = (text: string): boolean => isPast(Date.parse(text), now);
  expect(["2019-07-01T00:00:00Z", "2026-07-02T23:59:59Z", "2026-07-03T00:00:00Z", "2026-07-09T04:00:00Z"].map(past)).toEqual([true, true, false, false]);
});

describe("the verdict on a day", () => {
  const day = (due: number, readings: number, missing: number): Day => ({
    device: "m1", date: "2025-07-01", due, held: readings, where: "", surveys: [], conflicts: [],
    readings: Array.from({ length: readings }, () => ({ time: "2025-07-01T00:00:00Z", flags: 0, temperature_c: 1, moisture_pct: 2 })),
    missing: Array.from({ length: missing }, () => "2025-07-01T00:00:00Z"),
    extra: Math.max(0, readings - (due - missing)), missing_total: missing, readings_total: readings, surveys_total: 0, conflicts_total: 0,
  });
  test("goes by what is missing, and never counts more slots than are due", () => {
    expect(verdict(day(24, 24, 0))).toEqual({ missing: 0, words: "24 of 24 slots held." });
    expect(verdict(day(24, 26, 0))).toEqual({ missing: 0, words: "24 of 24 slots held, and 2 readings besides." });
    expect(verdict(day(24, 26, 3))).toEqual({ missing: 3, words: "21 of 24 slots held, and 5 readings besides." });
  });
  test("of nothing due is no hole", () => {
    expect([verdict(day(0, 0, 0)).words, verdict(day(0, 2, 0)).words]).toEqual(["No slot was due.", "2 readings held; no slot was due."]);
  });
  test("believes the cloud's own count where the lists are cut", () => {
    expect(verdict({ ...day(86_400, 10, 10), missing_total: 80_000, readings_total: 6_400, extra: 0 })).toEqual({ missing: 80_000, words: "6400 of 86\u202f400 slots held." });
  });
});

test("flags are named as the network names them, and an unknown one is not hidden", () => {
  expect(flagNames(0)).toEqual([]);
  expect(flagNames((1 << 8) | (1 << 3))).toEqual(["D01 frozen soil", "D06 spike"]);
  expect(flagNames(1 << 15)).toEqual(["unknown flag 32768"]);
});
