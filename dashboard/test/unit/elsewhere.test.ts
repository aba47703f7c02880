import { describe, expect, it } from "vitest";
import type { CalendarRow, Completeness } from "../../src/api/types";
import { lastDays, opening, over, summary } from "../../src/pages/completeness/elsewhere";

const row = (id: string, last: string | null, held: number[], due: number[]): CalendarRow => ({ id, name: null, last_time: last, held, due, extra: held.map(() => 0) });
const page = (...devices: CalendarRow[]): Completeness => ({ from: "2026-07-01", to: "2026-07-02", total: devices.length, newest: null, devices });

describe("the calendar of readings that are not of these days", () => {
  it("opens with today, unless all readings are older than what it shows", () => {
    expect(opening("2026-07-02T03:00:00Z", "2026-07-30", 30)).toBe("2026-07-30");
    expect(opening("2026-06-30T23:00:00Z", "2026-07-30", 30)).toBe("2026-06-30");
    expect(opening("2020-01-01T00:00:00Z", "2026-07-30", 30)).toBe("2020-01-01");
    expect(opening(null, "2026-07-30", 30)).toBe("2026-07-30");
  });

  it("tells devices that ended before from holes, and counts the holes of the others", () => {
    const ended = row("old", "2020-01-01T00:00:00Z", [0, 0], [24, 24]);
    const silent = row("silent", "2026-07-01T05:00:00Z", [6, 0], [24, 24]);
    const never = row("never", null, [0, 0], [0, 0]);
    expect(over(page(ended, silent, never)).map(({ id }) => id)).toEqual(["old"]);
    expect(summary(page(ended, silent, never))).toBe("3 devices; 1 had their last reading before these days; 42 of 48 slots of the others are missing");
    expect(summary(page(silent))).toBe("1 device; 42 of 48 slots are missing");
    expect(summary(page(ended))).toBe("1 device; 1 had their last reading before these days");
    expect(summary(page(never))).toBe("1 device; nothing was due in these days");
  });

  it("names the last days, newest first, each with its devices", () => {
    const at = (id: string, last: string): CalendarRow => row(id, last, [0], [24]);
    expect(lastDays([at("a", "2020-01-01T00:00:00Z"), at("b", "2021-01-01T00:00:00Z"), at("c", "2020-01-01T05:00:00Z")])).toEqual([
      ["2021-01-01", ["b"]],
      ["2020-01-01", ["a", "c"]],
    ]);
  });
});
