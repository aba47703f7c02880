/** Readings that are not of the days in sight: the calendar opens where there are some, and says where the others are. */
import type { JSX } from "preact";
import type { CalendarRow, Completeness } from "../../api/types";
import { count, date, day, dayAfter, dayStart, parse, plural } from "../../lib/format";

/** Last days that are offered to go to, and devices that are named for each. */
const OFFERED = 4;
const NAMED = 3;

/** The last day to open with: today, unless the newest reading is older than the `days` up to then. */
export function opening(newest: string | null, today: string, days: number): string {
  const last = parse(newest);
  return last === null || day(last) > dayAfter(today, -days) ? today : day(last);
}

const sum = (slots: readonly number[]): number => slots.reduce((all, one) => all + one, 0);

/** Devices whose readings all ended before the days in sight, although slots were due. */
export const over = ({ devices, from }: Completeness): CalendarRow[] =>
  devices.filter(({ last_time, due }) => last_time !== null && sum(due) > 0 && day(Date.parse(last_time)) < from);

/** The first sentence. Devices that ended before these days would drown the holes of the others, and are told apart. */
export function summary(data: Completeness): string {
  const ended = over(data);
  const rest = data.devices.filter((device) => !ended.includes(device));
  const total = (of: "held" | "due"): number => rest.reduce((all, device) => all + sum(device[of]), 0);
  const [held, due] = [total("held"), total("due")];
  const which = data.total > data.devices.length ? `${data.devices.length} of ${count(data.total)} devices` : plural(data.total, "device");
  const gone = ended.length === 0 ? "" : `; ${count(ended.length)} had their last reading before these days`;
  if (due === 0) return `${which}${gone || "; nothing was due in these days"}`;
  const missing = Math.max(0, due - held);
  const others = ended.length === 0 ? "" : " of the others";
  return `${which}${gone}; ${missing === 0 ? `all ${count(due)} slots${others} are held` : `${count(missing)} of ${count(due)} slots${others} are missing`}`;
}

/** The last days of those devices, newest first, each with its devices. */
export function lastDays(devices: readonly CalendarRow[]): [string, string[]][] {
  const days = new Map<string, string[]>();
  for (const { id, name, last_time } of devices) {
    const last = day(Date.parse(last_time ?? ""));
    days.set(last, [...(days.get(last) ?? []), name ?? id]);
  }
  return [...days].sort(([a], [b]) => (a < b ? 1 : -1));
}

/** `opened`: whether these days were opened with because there is nothing newer. */
export function Elsewhere({ data, opened, go }: { data: Completeness; opened: boolean; go: (day: string) => void }): JSX.Element | null {
  const days = lastDays(over(data)).slice(0, OFFERED);
  if (!opened && days.length === 0) return null;
  return (
    <div class="notice elsewhere">
      {opened ? <p>No device has a reading of the last days, so these are the days up to the newest one.</p> : null}
      {days.length > 0 ? (
        <p>
          No reading in these days, show the last ones:{" "}
          {days.map(([last, names]) => (
            <button key={last} type="button" class="button" onClick={() => go(last)}>
              {date(dayStart(last), "UTC").slice(4)}: {names.slice(0, NAMED).join(", ")}
              {names.length > NAMED ? ` and ${names.length - NAMED} more` : ""}
            </button>
          ))}
        </p>
      ) : null}
    </div>
  );
}
