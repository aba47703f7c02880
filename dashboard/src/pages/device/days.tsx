/** A device's last days, each a cell that opens it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { get } from "../../api/client";
import type { Completeness, Device } from "../../api/types";
import { useAsked, useNews, useThrottled } from "../../hooks";
import { date, day, dayAfter, dayStart, parse } from "../../lib/format";
import { cellKind, cellText, isOver } from "../../lib/slots";
import { DayDialog } from "../../parts/day";
import { Icon } from "../../parts/icon";
import { Failed } from "../../parts/notice";

/** Days in sight: six weeks. */
const DAYS = 42;

export function Days({ device }: { device: Device }): JSX.Element {
  const last = day(parse(device.last_time) ?? Date.now());
  const [chosen, setEnd] = useState<string | null>(null);
  const end = chosen ?? last;
  const [open, set] = useState<string | null>(null);
  const from = dayAfter(end, 1 - DAYS);
  const asked = useAsked(`${device.id} ${from} ${end}`, (signal) =>
    get<Completeness>("completeness", { from, to: end, device: device.id }, signal),
  );
  const soon = useThrottled(asked.reload, 5_000);
  useNews("readings", (event) => event.device === device.id && soon());
  useNews("reload", soon);
  const row = asked.data?.devices.find(({ id }) => id === device.id);
  const shown = asked.data?.from ?? from;
  const first = day(parse(device.first_time) ?? 0);
  return (
    <section class="card days" aria-labelledby="days-title">
      <div class="card-head">
        <h2 id="days-title">Day by day</h2>
        <span class="range">
          {date(dayStart(from), "UTC")} to {date(dayStart(end), "UTC")}
        </span>
        <div class="zoomers">
          <button type="button" class="button button-plain" aria-label="Earlier days" disabled={from <= first} onClick={() => setEnd(dayAfter(end, -DAYS))}>
            <Icon name="left" />
          </button>
          <button
            type="button"
            class="button button-plain"
            aria-label="Later days"
            disabled={end >= last}
            onClick={() => setEnd(dayAfter(end, DAYS) < last ? dayAfter(end, DAYS) : null)}
          >
            <Icon name="right" />
          </button>
        </div>
      </div>
      {asked.error ? <Failed what="The days could not be asked:" problem={asked.error} again={asked.reload} /> : null}
      <ol class="strip" aria-label="Days; each opens what came and what is missing">
        {(row?.held ?? []).map((held, index) => {
          const which = dayAfter(shown, index);
          const due = row?.due[index] ?? 0;
          const over = isOver(which, row?.last_time ?? null);
          const text = cellText(which, held, due, over);
          return (
            <li key={which}>
              <button type="button" class={`cell cell-${cellKind(held, due, over)}`} title={text} aria-label={text} onClick={() => set(which)}>
                {Number(which.slice(8))}
              </button>
            </li>
          );
        })}
      </ol>
      {open ? <DayDialog id={device.id} name={device.name} day={open} close={() => set(null)} /> : null}
    </section>
  );
}
