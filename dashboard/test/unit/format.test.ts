import { describe, expect, test } from "vitest";
import { ago, bytes, celsius, clock, count, dateTime, day, dayAfter, degrees, dressed, every, fixed, instant, LATITUDE, LONGITUDE, number, parse, percent, plural, span, utc, zoneName } from "../../src/lib/format";

const NOON = Date.parse("2025-07-01T12:00:00Z");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("numbers", () => {
  test("have no needless zeros, a real minus, and a dash for what is missing", () => {
    expect([20, 20.5, -2.55, -0.001, null, Number.NaN].map((value) => number(value))).toEqual(["20", "20.5", "−2.55", "0", "–", "–"]);
  });
  test("wear their unit, but a missing one does not", () => {
    expect([celsius(20.5), percent(30), celsius(null), percent(undefined)]).toEqual(["20.5\u00a0°C", "30\u00a0%", "–", "–"]);
  });
  test("in the cloud's texts are written as everywhere, and ids are left alone", () => {
    expect(dressed("temperature of m-1 went below -0.5 °C; -12 % or -3")).toBe("temperature of m-1 went below −0.5\u00a0°C; −12\u00a0% or −3");
  });
  test("of coordinates say their side", () => {
    expect([degrees(42.4402, LATITUDE), degrees(-76.25, LONGITUDE, 3), degrees(-33, LATITUDE)]).toEqual(["42.4402°\u00a0N", "76.250°\u00a0W", "33°\u00a0S"]);
  });
  test("in columns have the same number of decimals, and no minus zero", () => {
    expect([fixed(20), fixed(-0.04), fixed(-2)]).toEqual(["20.0", "0.0", "−2.0"]);
  });
  test("that are large are grouped", () => {
    expect([count(999), count(8_800_000), plural(1, "slot"), plural(1_000, "slot")]).toEqual(["999", "8\u202f800\u202f000", "1 slot", "1\u202f000 slots"]);
  });
  test("of bytes take the largest unit that leaves at least one", () => {
    expect([bytes(0), bytes(1023), bytes(1536), bytes(64 * 1024 * 1024)]).toEqual(["0\u00a0B", "1023\u00a0B", "1.5\u00a0KiB", "64\u00a0MiB"]);
  });
});

describe("spans", () => {
  test("are told in the units that matter at their length", () => {
    const said = [30_000, 12 * MINUTE, 112 * MINUTE, 5 * HOUR, 31 * HOUR, 9 * DAY, 800 * DAY].map(span);
    expect(said).toEqual(["less than a minute", "12\u00a0min", "1\u00a0h 52\u00a0min", "5\u00a0h", "1\u00a0d 7\u00a0h", "9 days", "2.2 years"]);
  });
  test("into the past and the future differ", () => {
    expect([ago(NOON - 3 * HOUR, NOON), ago(NOON, NOON), ago(NOON + 2 * DAY, NOON)]).toEqual(["3\u00a0h ago", "just now", "in 2 days"]);
  });
  test("that repeat read as people say them", () => {
    expect([every(3600), every(86_400), every(900), every(30)]).toEqual(["every hour", "every day", "every 15\u00a0min", "every 30 seconds"]);
  });
});

describe("instants", () => {
  test("are shown in the reader's zone, which is named", () => {
    expect([dateTime(NOON, "Europe/Rome"), clock(NOON, "Europe/Rome"), zoneName(NOON, "Europe/Rome")]).toEqual(["1 Jul 2025, 14:00", "14:00", "CEST"]);
    expect(zoneName(Date.parse("2025-12-01T12:00:00Z"), "Europe/Rome")).toBe("CET");
  });
  test("go to the API in whole seconds of UTC", () => {
    expect([instant(NOON + 999), utc(NOON)]).toEqual(["2025-07-01T12:00:00Z", "2025-07-01 12:00:00 UTC"]);
  });
  test("that are missing or no instants are null", () => {
    expect([parse(null), parse("soon"), parse("2025-07-01T12:00:00Z")]).toEqual([null, null, NOON]);
  });
  test("belong to the UTC day, whatever the reader's zone", () => {
    expect([day(Date.parse("2025-07-01T23:59:59Z")), dayAfter("2024-02-28", 1), dayAfter("2025-03-01", -1)]).toEqual(["2025-07-01", "2024-02-29", "2025-02-28"]);
  });
});
