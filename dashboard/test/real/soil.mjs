/**
 * A year of real soil (samples/, NOAA), on its way to a real cloud.
 *
 * The stations measured in 2019, 2020 and 2025. Here their years are moved by whole days, so that they end now and pages that look at the last days have
 * something to show; no value is changed, and the hours of the day stay as they were.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const HOUR = 3600;
export const DAY = 24 * HOUR;

/** Readings of a station as `{ time, temperature, moisture }`, in seconds; those with neither value are left out. */
export function station(name, now = Date.now() / 1000) {
  const file = fileURLToPath(new URL(`../../../samples/${name}.csv`, import.meta.url));
  const lines = readFileSync(file, "utf8").trimEnd().split("\n").slice(1);
  const slots = lines.map((line) => {
    const [, time, temperature, moisture] = line.split(",");
    return { time: Date.parse(time) / 1000, temperature, moisture };
  });
  const days = Math.floor((now - slots.at(-1).time) / DAY);
  const moved = slots.map((slot) => ({ ...slot, time: slot.time + days * DAY }));
  return moved.filter(({ temperature, moisture }) => temperature !== "" || moisture !== "");
}

/** Readings as SenML, a survey for each day, received by the gateway five minutes after its last reading. */
export function pack(id, readings) {
  const records = [];
  for (const survey of byDay(readings).values()) {
    const received = survey.at(-1).time + 300;
    const values = survey.flatMap(({ time, temperature, moisture }) => [
      ...(temperature === "" ? [] : [{ n: `${id}/temperature`, u: "Cel", t: time, v: Number(temperature) }]),
      ...(moisture === "" ? [] : [{ n: `${id}/moisture`, u: "/", t: time, v: Number((Number(moisture) / 100).toFixed(4)) }]),
    ]);
    values[0].received = received;
    records.push(...values);
  }
  return JSON.stringify(records);
}

/** The end of an hour belongs to the day that ends with it. */
const dayOf = (time) => Math.ceil(time / DAY);

function byDay(readings) {
  const days = new Map();
  for (const reading of readings) {
    const day = dayOf(reading.time);
    if (!days.has(day)) days.set(day, []);
    days.get(day).push(reading);
  }
  return days;
}

/** Delivers what `pack` made, as a gateway does; what the cloud counted. */
export async function deliver(url, gateway, body, token) {
  const headers = { "Content-Type": "application/senml+json", "Fieldpost-Gateway": gateway, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const said = await fetch(`${url}/api/v1/surveys`, { method: "POST", headers, body });
  if (!said.ok) throw new Error(`the cloud answered ${said.status}: ${await said.text()}`);
  return said.json();
}

/**
 * Makes `gateway` last heard `days` ago. Only waiting would bring that about otherwise: of a gateway a cloud counts from when it was told, not from what
 * a pack says of the past, as it does of a device. Python is there wherever ./test runs; this Node may have no SQLite.
 */
export function unheard(store, days, gateway) {
  const script = `import sqlite3, sys
store, days, gateway = sys.argv[1:]
with sqlite3.connect(store, timeout=20) as db:
    db.execute("UPDATE gateways SET last_contact = last_contact - ? WHERE name = ?", (int(days) * 86400000, gateway))`;
  execFileSync("python3", ["-c", script, store, String(days), gateway]);
}

/** A name that would do harm if it became anything but text. */
export const EVIL = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';

/** The fleet of these tests: two that report, one that fell silent, one behind a silent gateway. Returns how many readings went out. */
export async function deliverYears({ url, store }, token) {
  const now = Math.floor(Date.now() / 1000);
  const devices = [
    ["ithaca", "north", 0],
    ["dinosaur", EVIL, 0],
    ["socorro", "north", 5],
    ["mercury", "south", 3],
  ];
  let sent = 0;
  for (const [id, gateway, days] of devices) {
    const readings = station(id, now).filter(({ time }) => time <= now - days * DAY);
    const { new: stored } = await deliver(url, gateway, pack(id, readings), token);
    if (stored !== readings.length) throw new Error(`${stored} of ${readings.length} readings of ${id} are new`);
    sent += stored;
  }
  unheard(store, 3, "south");
  return sent;
}
