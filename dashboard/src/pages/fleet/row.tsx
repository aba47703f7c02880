/** One device in the fleet. */
import type { JSX } from "preact";
import { memo } from "preact/compat";
import type { FleetDevice } from "../../api/types";
import { colourOf, type Quantity } from "../../lib/colour";
import { celsius, date, fixed, parse, percent, plural } from "../../lib/format";
import { deviceAt } from "../../lib/route";
import { isPast } from "../../lib/slots";
import { Spark } from "../../parts/spark";
import { backlogText, causeText, StateMark } from "../../parts/state";
import { Ago } from "../../parts/time";
import { Link } from "../../router";

export const Row = memo(({ device, index, now, fresh }: { device: FleetDevice; index: number; now: number; fresh: boolean }): JSX.Element => (
  <tr role="row" aria-rowindex={index + 2} class={fresh ? "row row-new" : "row"}>
    <th role="rowheader" scope="row" class="c-device">
      <Link href={deviceAt(device.id)} data-row={index}>
        {device.name ?? device.id}
      </Link>
      <Sub parts={[device.name === null ? null : device.id, device.place]} />
    </th>
    <td role="cell" class="c-state">
      <StateMark state={device.state} />
      <Why words={device.cause ? causeText(device.cause, now, device.state) : backlogText(device, now)} />
    </td>
    <td role="cell" class="c-number">
      <Value quantity="moisture" value={device.last?.moisture_pct ?? null} />
    </td>
    <td role="cell" class="c-number">
      <Value quantity="temperature" value={device.last?.temperature_c ?? null} />
    </td>
    <td role="cell" class="c-spark">
      <Spark data={device.spark} />
      <span class="unseen">{sparkWords(device)}</span>
    </td>
    <td role="cell" class="c-complete">
      <Complete held={device.held} due={device.due} last={device.last_time} now={now} />
    </td>
    <td role="cell" class="c-last">
      <Ago at={device.last_time} now={now} />
      <Sub parts={[device.gateway === null ? null : `by ${device.gateway}`]} />
    </td>
  </tr>
));

function Why({ words }: { words: string | null }): JSX.Element | null {
  return words === null ? null : <span class="sub" title={words}>{words}</span>;
}

function Sub({ parts }: { parts: (string | null)[] }): JSX.Element | null {
  const known = parts.filter((part) => part !== null);
  return known.length === 0 ? null : <span class="sub">{known.join(" · ")}</span>;
}

/** A row whose device is on its way. */
export function BlankRow({ index }: { index: number }): JSX.Element {
  return (
    <tr role="row" aria-rowindex={index + 2} class="row row-blank">
      <td role="cell" colSpan={7}>
        <span class="unseen">Loading</span>
        <span class="strata" aria-hidden="true" />
      </td>
    </tr>
  );
}

/** A value with its place on the colour scale. */
function Value({ quantity, value }: { quantity: Quantity; value: number | null }): JSX.Element {
  const name = quantity === "moisture" ? "moisture" : "temperature";
  if (value === null) return <span class="value value-none" title={`no ${name} in its last reading`}>–</span>;
  return (
    <span class="value">
      <i class="swatch" style={{ background: colourOf(quantity, value) }} />
      {fixed(value)} <span class="unit">{quantity === "moisture" ? "%" : "°C"}</span>
    </span>
  );
}

/** The curve in words. */
function sparkWords({ spark }: FleetDevice): string {
  if (spark === null) return "no curve yet";
  const words = (values: (number | null)[], say: (value: number, digits: number) => string): string => {
    const real = values.filter((value): value is number => value !== null);
    return real.length === 0 ? "nothing" : `${say(Math.min(...real), 1)} to ${say(Math.max(...real), 1)}`;
  };
  return `moisture ${words(spark.moisture_pct, percent)}, temperature ${words(spark.temperature_c, celsius)}`;
}

/** Slots held of those due, as a bar and in numbers. */
export function Complete({ held, due, last, now }: { held: number; due: number; last: string | null; now: number }): JSX.Element {
  if (due === 0) return <span class="value-none">none due</span>;
  const newest = parse(last);
  if (held === 0 && newest !== null && isPast(newest, now)) {
    // Of readings that ended earlier a share of these days says nothing; when they ended does.
    return (
      <span class="complete complete-over" title={`none of ${plural(due, "slot")} of the last 7 days held`}>
        none since <span class="whole">{date(newest, "UTC").slice(4)}</span>
      </span>
    );
  }
  const part = Math.min(1, held / due);
  // 99.9 % is not all: only what is whole says 100.
  const text = part === 1 ? "100 %" : part === 0 ? "0 %" : `${fixed(Math.min(99.9, Math.max(0.1, part * 100)))} %`;
  return (
    <span class={part === 1 ? "complete complete-all" : "complete"} title={`${held} of ${plural(due, "slot")} of the last 7 days held`}>
      <span class="bar" aria-hidden="true">
        <i style={{ width: `${part * 100}%` }} />
      </span>
      {text}
      <span class="unseen">
        , {held} of {due} slots
      </span>
    </span>
  );
}
