/** How numbers, times and spans are written. Pure: the present instant and the zone come in as arguments. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Between a number and its unit: no line ends there. */
export const NBSP = "\u00a0";

/** A number with at most `digits` decimals, a real minus sign and no needless zeros; an en dash for what is missing. */
export function number(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const text = String(Number(value.toFixed(digits)));
  return text.replace("-", "−");
}

/** A number with exactly `digits` decimals, for columns that are compared. */
export function fixed(value: number | null | undefined, digits = 1): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

/** Degrees Celsius with their unit. */
export const celsius = (value: number | null | undefined, digits = 2): string =>
  value === null || value === undefined ? "–" : `${number(value, digits)}${NBSP}°C`;

/** Volumetric moisture with its unit. */
export const percent = (value: number | null | undefined, digits = 2): string =>
  value === null || value === undefined ? "–" : `${number(value, digits)}${NBSP}%`;

/** A count with thin spaces between thousands. */
export function count(value: number): string {
  return String(Math.trunc(value)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** `1 reading`, `2 readings`. */
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

/** Bytes in the largest unit that leaves a number of at least one. */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${number(value, value < 10 && unit > 0 ? 1 : 0)}${NBSP}${units[unit]}`;
}

/** A span of milliseconds as its one or two largest units. */
export function span(ms: number): string {
  const value = Math.abs(ms);
  if (value < MINUTE) return "less than a minute";
  if (value < HOUR) return `${Math.floor(value / MINUTE)}${NBSP}min`;
  if (value < DAY) {
    const minutes = Math.floor((value % HOUR) / MINUTE);
    return value < 3 * HOUR && minutes > 0 ? `${Math.floor(value / HOUR)}${NBSP}h ${minutes}${NBSP}min` : `${Math.floor(value / HOUR)}${NBSP}h`;
  }
  const hours = Math.floor((value % DAY) / HOUR);
  if (value < 3 * DAY && hours > 0) return `${Math.floor(value / DAY)}${NBSP}d ${hours}${NBSP}h`;
  if (value < 730 * DAY) return plural(Math.floor(value / DAY), "day");
  return `${number(value / (365.25 * DAY), 1)} years`;
}

/** `every hour`, `every 15 min`. */
export function every(seconds: number): string {
  if (seconds * 1000 === HOUR) return "every hour";
  if (seconds * 1000 === DAY) return "every day";
  return `every ${seconds < 60 ? plural(seconds, "second") : span(seconds * 1000)}`;
}

/** What the cloud writes into its texts, as numbers are written here: a real minus sign, and the unit on the number's line. */
export const dressed = (text: string): string => text.replace(/(^|\s)-(?=\d)/g, "$1−").replace(/(\d) (?=°C|%)/g, `$1${NBSP}`);

/** A coordinate, with the side that it lies on; with exactly `digits` decimals where several are compared. */
export const degrees = (value: number, [plus, minus]: readonly [string, string], digits?: number): string =>
  `${digits === undefined ? number(Math.abs(value), 6) : fixed(Math.abs(value), digits)}°${NBSP}${value < 0 ? minus : plus}`;

/** The sides of either coordinate. */
export const LATITUDE = ["N", "S"] as const;
export const LONGITUDE = ["E", "W"] as const;

/** How long ago `time` was at `now`; a time ahead says so. */
export function ago(time: number, now: number): string {
  const passed = now - time;
  if (passed < -MINUTE) return `in ${span(passed)}`;
  return passed < MINUTE ? "just now" : `${span(passed)} ago`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string | undefined, key: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = `${zone ?? ""}|${key}`;
  let known = formats.get(name);
  if (known === undefined) {
    known = new Intl.DateTimeFormat("en-GB", zone === undefined ? options : { ...options, timeZone: zone });
    formats.set(name, known);
  }
  return known;
}

/** `1 Jul 2025, 14:00` in `zone`, or in the browser's. */
export function dateTime(time: number, zone?: string): string {
  const options = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" } as const;
  return format(zone, "date-time", options).format(time);
}

/** `Tue 1 Jul 2025` in `zone`, or in the browser's. */
export function date(time: number, zone?: string): string {
  const options = { weekday: "short", day: "numeric", month: "short", year: "numeric" } as const;
  return format(zone, "date", options).format(time).replace(",", "");
}

/** `14:00` in `zone`, or in the browser's. */
export function clock(time: number, zone?: string): string {
  return format(zone, "clock", { hour: "2-digit", minute: "2-digit" }).format(time);
}

/** The zone's short name at `time`, such as `CEST`. */
export function zoneName(time: number, zone?: string): string {
  const parts = format(zone, "zone", { timeZoneName: "short" }).formatToParts(time);
  return parts.find((part) => part.type === "timeZoneName")?.value ?? "local time";
}

/** `2025-07-01 14:00:00 UTC`. */
export function utc(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** The UTC day of `time`, as `2025-07-01`. */
export const day = (time: number): string => new Date(time).toISOString().slice(0, 10);

/** The start of the UTC day `text`, in milliseconds. */
export const dayStart = (text: string): number => Date.parse(`${text}T00:00:00Z`);

/** The UTC day `days` after `text`. */
export const dayAfter = (text: string, days: number): string => day(dayStart(text) + days * DAY);

/** An instant as the API takes it: RFC 3339, whole seconds, UTC. */
export const instant = (time: number): string => `${new Date(Math.floor(time / 1000) * 1000).toISOString().slice(0, 19)}Z`;

/** The milliseconds of an instant that the API gave; null stays null. */
export function parse(text: string | null | undefined): number | null {
  if (!text) return null;
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : time;
}
