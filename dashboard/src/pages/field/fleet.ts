/** The devices of the map, as they are or as they were. */
import { get } from "../../api/client";
import type { Fleet, FleetDevice } from "../../api/types";
import type { Quantity } from "../../lib/colour";
import { instant, parse } from "../../lib/format";
import type { Place } from "../../lib/map";

/** Devices of one page. */
const PAGE = 500;
/** Points that a map may carry; more would be a smear. */
export const MOST = 5_000;
/** Readings of a moment are of the day before it; older ones are shown, but paler. */
const OLD_MS = 86_400_000;

/** A device that stands somewhere. */
export type PlacedDevice = FleetDevice & Place;

export interface Placed {
  devices: PlacedDevice[];
  /** How many there are. */
  total: number;
  /** The first and the last instant of their readings; null without any. */
  first: number | null;
  last: number | null;
}

const isPlaced = (device: FleetDevice): device is PlacedDevice => device.latitude !== null && device.longitude !== null;

/** Devices with coordinates, at most `MOST`: now, or with what they measured last before `time`. */
export async function placedDevices(time: number | null, signal: AbortSignal): Promise<Placed> {
  const devices: FleetDevice[] = [];
  for (;;) {
    const query = { placed: "true", at: time === null ? null : instant(time), sort: "name", order: "asc", offset: devices.length, limit: PAGE };
    const page = await get<Fleet>("fleet", query, signal);
    devices.push(...page.devices);
    if (page.devices.length === 0 || devices.length >= Math.min(page.total, MOST)) {
      return { devices: devices.filter(isPlaced), total: page.total, first: parse(page.first_time), last: parse(page.last_time) };
    }
  }
}

/** Devices without coordinates among the first that have `search` in a name, and how many devices there are. */
export async function unplacedDevices(search: string, signal: AbortSignal): Promise<{ devices: FleetDevice[]; total: number }> {
  const page = await get<Fleet>("fleet", { search, sort: "name", order: "asc", limit: PAGE }, signal);
  return { devices: page.devices.filter((device) => !isPlaced(device)), total: page.total };
}

/** What `device` shows of `quantity`. */
export const shownOf = (device: FleetDevice, quantity: Quantity): number | null =>
  (quantity === "moisture" ? device.last?.moisture_pct : device.last?.temperature_c) ?? null;

/** Whether what `device` shows at `time` is of the days before. */
export function isOld(device: FleetDevice, time: number | null): boolean {
  const last = parse(device.last_time);
  return time !== null && last !== null && time - last > OLD_MS;
}
