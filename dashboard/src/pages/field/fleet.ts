/** Every device, for the map. */
import { get } from "../../api/client";
import type { Fleet, FleetDevice, Spark } from "../../api/types";
import type { Quantity } from "../../lib/colour";

/** The API's largest page. */
const PAGE = 500;
/** Points that a map may carry; more would be a smear. */
export const MOST = 5_000;

/** All devices, at most `MOST`. */
export async function everyDevice(signal: AbortSignal): Promise<{ devices: FleetDevice[]; total: number }> {
  const devices: FleetDevice[] = [];
  for (;;) {
    const page = await get<Fleet>("fleet", { sort: "name", order: "asc", offset: devices.length, limit: PAGE }, signal);
    devices.push(...page.devices);
    if (page.devices.length === 0 || devices.length >= Math.min(page.total, MOST)) return { devices, total: page.total };
  }
}

/** The mean of `spark` at `time` (ms); null where nothing was measured. */
export function meanAt(spark: Spark | null, quantity: Quantity, time: number): number | null {
  if (spark === null) return null;
  const index = Math.floor((time - Date.parse(spark.from)) / (spark.step_s * 1000));
  return (quantity === "moisture" ? spark.moisture_pct : spark.temperature_c)[index] ?? null;
}

/** What `device` shows: its last value, or the mean at `time`. */
export function shownOf(device: FleetDevice, quantity: Quantity, time: number | null): number | null {
  if (time !== null) return meanAt(device.spark, quantity, time);
  return (quantity === "moisture" ? device.last?.moisture_pct : device.last?.temperature_c) ?? null;
}

/** The instants that the slider stops at: the last week of curves, oldest first. Empty without any curve. */
export function stops(devices: readonly FleetDevice[]): number[] {
  const sparks = devices.flatMap(({ spark }) => (spark === null ? [] : [spark]));
  const ends = sparks.map((spark) => Date.parse(spark.from) + spark.step_s * 1000 * spark.moisture_pct.length);
  const [first] = sparks;
  if (first === undefined) return [];
  const step = first.step_s * 1000;
  const end = Math.max(...ends);
  return Array.from({ length: first.moisture_pct.length }, (_, index) => end - (first.moisture_pct.length - index) * step + step / 2);
}
