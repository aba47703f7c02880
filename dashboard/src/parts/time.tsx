/** Instants: the reader's zone, named, and UTC in the tooltip. */
import type { JSX } from "preact";
import { ago, dateTime, dressed, NBSP, parse, utc, zoneName } from "../lib/format";

/** `1 Jul 2025, 14:00 CEST`. */
export function Time({ at, none = "–" }: { at: string | null | undefined; none?: string }): JSX.Element {
  const time = parse(at);
  if (time === null) return <span>{none}</span>;
  return (
    <time dateTime={new Date(time).toISOString()} title={utc(time)}>
      {dateTime(time)}
      {NBSP}
      <span class="zone">{zoneName(time)}</span>
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

/** An instant as the cloud writes it into its texts. */
const INSTANT = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/;

/** A text of the cloud's, with the instants in it in the reader's zone and its numbers as they are written here. */
export function Worded({ text }: { text: string }): JSX.Element {
  return <>{text.split(INSTANT).map((part, index) => (index % 2 === 1 ? <Time key={index} at={part} /> : dressed(part)))}</>;
}
