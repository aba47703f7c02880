/** Instants: the reader's zone, named, and UTC in the tooltip. */
import type { JSX } from "preact";
import { ago, dateTime, parse, utc, zoneName } from "../lib/format";

/** `1 Jul 2025, 14:00 CEST`. */
export function Time({ at, none = "–" }: { at: string | null | undefined; none?: string }): JSX.Element {
  const time = parse(at);
  if (time === null) return <span>{none}</span>;
  return (
    <time dateTime={new Date(time).toISOString()} title={utc(time)}>
      {dateTime(time)} <span class="zone">{zoneName(time)}</span>
    </time>
  );
}

/** `3 h ago`, the instant in the tooltip. */
export function Ago({ at, now, none = "never" }: { at: string | null | undefined; now: number; none?: string }): JSX.Element {
  const time = parse(at);
  if (time === null) return <span>{none}</span>;
  return (
    <time dateTime={new Date(time).toISOString()} title={`${dateTime(time)} ${zoneName(time)} = ${utc(time)}`}>
      {ago(time, now)}
    </time>
  );
}
