import { describe, expect, test } from "vitest";
import type { FleetDevice } from "../../src/api/types";
import { at, colourOf, ENDS, inkOn, luminance, type Quantity } from "../../src/lib/colour";
import { around, graticule, project, scaleBar, size, unproject } from "../../src/lib/map";
import { patched } from "../../src/pages/fleet/rows";
import { backlogText } from "../../src/parts/state";

const QUANTITIES: readonly Quantity[] = ["moisture", "temperature"];

describe("colours", () => {
  test("of temperature are ordered by lightness alone", () => {
    const steps = Array.from({ length: 50 }, (_, index) => luminance(at("temperature", index / 49)));
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
  });
  test("bear their number with a contrast of 4.5 or more, whatever the value", () => {
    for (const quantity of QUANTITIES) {
      const [low, high] = ENDS[quantity];
      for (let value = low - 5; value <= high + 5; value += 0.25) {
        const ground = luminance(at(quantity, (value - low) / (high - low)));
        const ink = inkOn(quantity, value) === "#ffffff" ? 1 : 0;
        const contrast = (Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05);
        expect(contrast, `${quantity} ${value}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });
  test("beyond the scale are those of its ends", () => {
    expect(colourOf("moisture", 99)).toBe(colourOf("moisture", 50));
    expect(colourOf("temperature", -60)).toBe(colourOf("temperature", -10));
  });
});

describe("the map", () => {
  const places = [{ latitude: 42.44, longitude: -76.25 }, { latitude: 42.442, longitude: -76.246 }];
  test("has room around every device, and a lone one stands in the middle", () => {
    const box = around(places);
    expect(box && box.south < 42.44 && box.north > 42.442 && box.west < -76.25 && box.east > -76.246).toBe(true);
    const alone = around([{ latitude: 10, longitude: 20 }]);
    expect(alone).not.toBeNull();
    if (alone) {
      const drawing = size(alone);
      expect(project({ latitude: 10, longitude: 20 }, alone, drawing).x).toBeCloseTo(drawing.width / 2, 3);
    }
    expect(around([])).toBeNull();
  });
  test("brings a point back to the place it came from, to a metre", () => {
    const box = around(places);
    if (box === null) throw new Error("no box");
    const drawing = size(box);
    for (const place of places) {
      const { x, y } = project(place, box, drawing);
      expect(unproject(x, y, box, drawing)).toEqual(place);
    }
  });
  test("of a row of devices is no strip, and the outermost have room for their marks and names", () => {
    const stations = [[42.44, -76.25], [40.24, -108.97], [36.62, -116.02], [34.36, -106.89]].map(([latitude = 0, longitude = 0]) => ({ latitude, longitude }));
    const box = around(stations);
    if (box === null) throw new Error("no box");
    const { width, height } = size(box);
    expect(width).toBeCloseTo(1000, 6);
    expect(height).toBeGreaterThanOrEqual(499);
    for (const station of stations) {
      const { x, y } = project(station, box, { width, height });
      expect(Math.min(x, y, width - x, height - y)).toBeGreaterThan(90);
    }
    expect(graticule(box)).toMatchObject({ latitudes: [30, 40], longitudes: [-120, -110, -100, -90, -80], digits: 0 });
  });
  test("of a column of devices is no taller than the screen, and the column stays in its middle", () => {
    const column = [42.44, 42.45, 42.46].map((latitude) => ({ latitude, longitude: -76.25 }));
    const box = around(column, 0.5, 0.74);
    if (box === null) throw new Error("no box");
    const { width, height } = size(box);
    expect(height / width).toBeCloseTo(0.74, 6);
    expect(project({ latitude: 42.45, longitude: -76.25 }, box, { width, height }).x).toBeCloseTo(width / 2, 6);
  });
  test("has lines of round degrees at any size", () => {
    for (const length of [0.0004, 0.003, 0.07, 2, 31]) {
      const { latitudes, longitudes, digits } = graticule({ south: 42.4381, north: 42.4381 + length, west: -76.2503, east: -76.2503 + length });
      expect(latitudes.length).toBeGreaterThanOrEqual(2);
      expect(latitudes.length).toBeLessThanOrEqual(8);
      expect(new Set(longitudes.map((one) => one.toFixed(digits))).size).toBe(longitudes.length);
    }
  });
  test("has a bar of a round length that fits", () => {
    const box = around(places);
    if (box === null) throw new Error("no box");
    const { metres, part } = scaleBar(box);
    expect([100, 200, 50].includes(metres) && part <= 0.25).toBe(true);
  });
});

describe("a reading that comes while the fleet is shown", () => {
  const row = { id: "m1", state: "silent", cause: { kind: "device", text: "", gateway: null, since: "" }, last_time: "2025-07-01T12:00:00Z", last: { temperature_c: 20, moisture_pct: 30 } } as FleetDevice;
  const event = { device: "m1", new: 1, temperature_c: 21, moisture_pct: null, state: "fresh" as const, last_contact: "2025-07-01T13:05:00Z" };
  test("changes its device's row", () => {
    expect(patched(row, { ...event, time: "2025-07-01T13:00:00Z" })).toMatchObject({ state: "fresh", cause: null, last_time: "2025-07-01T13:00:00Z", last: { temperature_c: 21, moisture_pct: null } });
  });
  test("and is of a backlog does not make it fresh", () => {
    const late = { ...event, time: "2025-07-01T13:00:00Z", state: "late" as const };
    expect(patched(row, late)).toMatchObject({ state: "late", cause: row.cause, last_contact: "2025-07-01T13:05:00Z" });
  });
  test("and is older than what is shown does not become the last", () => {
    expect(patched(row, { ...event, time: "2025-07-01T11:00:00Z" })).toMatchObject({ state: "fresh", last_time: "2025-07-01T12:00:00Z", last: { temperature_c: 20 } });
  });
});

test("a device that was heard in time says so if all that it has sent is old", () => {
  const now = Date.parse("2026-07-09T05:00:00Z");
  const told = (last_time: string | null, state: FleetDevice["state"] = "fresh"): string | null =>
    backlogText({ state, last_time, last_contact: "2026-07-09T04:58:00Z" }, now);
  expect(told("2020-01-01T00:00:00Z")).toBe("heard 2\u00a0min ago, with old readings");
  expect([told("2026-07-09T04:00:00Z"), told("2026-07-03T00:00:00Z"), told(null), told("2020-01-01T00:00:00Z", "late")]).toEqual([null, null, null, null]);
});
