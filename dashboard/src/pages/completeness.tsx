/** Days by devices: what was due, what is held. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../api/client";
import type { Completeness as Answer } from "../api/types";
import { useAsked, useNews, useNow, useSettled, useThrottled } from "../hooks";
import { count, date, day, dayAfter, dayStart } from "../lib/format";
import { deviceAt } from "../lib/route";
import { cellKind, cellText, isOver } from "../lib/slots";
import { DayDialog } from "../parts/day";
import { Choice, TextInput } from "../parts/form";
import { Icon } from "../parts/icon";
import { Empty, Failed, Loading } from "../parts/notice";
import { Link } from "../router";
import { Elsewhere, opening, summary } from "./completeness/elsewhere";
import { FirstSteps } from "./fleet/first";

const SPANS = [
  ["14", "2 weeks"],
  ["30", "30 days"],
  ["91", "3 months"],
] as const;

type Span = (typeof SPANS)[number][0];

/** Devices a page. */
const PAGE = 50;

export function Completeness(): JSX.Element {
  const today = day(useNow());
  const [span, setSpan] = useState<Span>("30");
  const [chosen, setEnd] = useState<string | null>(null);
  const [typed, setSearch] = useState("");
  const search = useSettled(typed.trim());
  const [offset, setOffset] = useState(0);
  const days = Number(span);
  const newest = useAsked("newest", (signal) => get<Answer>("completeness", { from: today, to: today, limit: 1 }, signal));
  const begun = newest.data !== null || newest.error !== null;
  const end = chosen ?? opening(newest.data?.newest ?? null, today, days);
  const from = dayAfter(end, 1 - days);
  useEffect(() => setOffset(0), [search, span]);
  const asked = useAsked(begun ? `${from} ${end} ${search} ${offset}` : null, (signal) => get<Answer>("completeness", { from, to: end, search, offset, limit: PAGE }, signal));
  const soon = useThrottled(asked.reload, 10_000);
  useNews("readings", soon);
  useNews("reload", soon);
  const { data } = asked;
  const nobody = data?.total === 0 && search === "";
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Completeness</h1>
          <p class="lead">{data ? summary(data) : "\u00a0"}</p>
        </div>
      </div>
      {nobody ? (
        <FirstSteps />
      ) : (
        <>
          <div class="tools">
            <div class="search">
              <Icon name="search" />
              <input type="search" aria-label="Search devices by id, name or place" placeholder="Search id, name, place" value={typed} maxLength={200} onInput={(event) => setSearch(event.currentTarget.value)} />
            </div>
            <Choice label="Days shown" value={span} set={setSpan} options={SPANS} />
            <div class="pager" role="group" aria-label="Which days">
              <button type="button" class="button button-plain" aria-label="Earlier days" onClick={() => setEnd(dayAfter(end, -days))}>
                <Icon name="left" />
              </button>
              <TextInput label="Last day shown" quiet type="date" value={end} set={(value) => /^\d{4}-\d\d-\d\d$/.test(value) && setEnd(value > today ? today : value)} />
              <button type="button" class="button button-plain" aria-label="Later days" disabled={end >= today} onClick={() => setEnd([dayAfter(end, days), today].sort()[0] ?? today)}>
                <Icon name="right" />
              </button>
              {end < today ? (
                <button type="button" class="button" onClick={() => setEnd(today)}>
                  Today
                </button>
              ) : null}
            </div>
          </div>
          {asked.error ? <Failed what="Completeness could not be asked:" problem={asked.error} again={asked.reload} /> : null}
          {data === null && asked.error === null ? <Loading what="days" /> : null}
          {data?.total === 0 ? (
            <Empty title="No device matches">
              <p>Nothing has “{search}” in its id, name or place.</p>
            </Empty>
          ) : null}
          {data ? <Elsewhere data={data} opened={chosen === null && end < today} go={setEnd} /> : null}
          {data && data.total > 0 ? <Calendar data={data} /> : null}
          {data && data.total > PAGE ? <Pager data={data} offset={offset} set={setOffset} /> : null}
          <Legend />
        </>
      )}
    </>
  );
}

function Pager({ data, offset, set }: { data: Answer; offset: number; set: (offset: number) => void }): JSX.Element {
  return (
    <div class="actions">
      <span class="hint">
        Devices {count(offset + 1)} to {count(offset + data.devices.length)} of {count(data.total)}
      </span>
      <button type="button" class="button" disabled={offset === 0} onClick={() => set(Math.max(0, offset - PAGE))}>
        Previous devices
      </button>
      <button type="button" class="button" disabled={offset + data.devices.length >= data.total} onClick={() => set(offset + PAGE)}>
        Next devices
      </button>
    </div>
  );
}

const LEGEND = [
  ["all", "all held"],
  ["nearly", "a few missing"],
  ["most", "up to a quarter missing"],
  ["half", "about half"],
  ["few", "little held"],
  ["none", "nothing held"],
  ["since", "nothing any more"],
  ["undue", "nothing due"],
] as const;

function Legend(): JSX.Element {
  return (
    <ul class="legend-cells" aria-label="What the colours mean">
      {LEGEND.map(([kind, text]) => (
        <li key={kind}>
          <i class={`cell cell-${kind}`} aria-hidden="true" />
          {text}
        </li>
      ))}
    </ul>
  );
}

/** The calendar: a grid with one tab stop, in which arrow keys move. */
function Calendar({ data }: { data: Answer }): JSX.Element {
  const [open, setOpen] = useState<{ id: string; name: string | null; day: string } | null>(null);
  const [stop, setStop] = useState<[number, number]>([0, 0]);
  const box = useRef<HTMLDivElement>(null);
  const days = data.devices[0]?.due.length ?? 0;
  const dates = Array.from({ length: days }, (_, index) => dayAfter(data.from, index));
  useEffect(() => {
    // What people come for is the latest.
    const element = box.current;
    if (element !== null) element.scrollLeft = element.scrollWidth;
  }, [data.from, data.to]);
  const keys = (event: KeyboardEvent): void => {
    const [row, column] = stop;
    const target: Record<string, [number, number]> = {
      ArrowRight: [row, column + 1],
      ArrowLeft: [row, column - 1],
      ArrowDown: [row + 1, column],
      ArrowUp: [row - 1, column],
      Home: [row, 0],
      End: [row, days - 1],
    };
    const next = target[event.key];
    if (next === undefined || !(event.target instanceof HTMLElement) || !event.target.matches("button.cell")) return;
    event.preventDefault();
    const kept: [number, number] = [Math.min(data.devices.length - 1, Math.max(0, next[0])), Math.min(days - 1, Math.max(0, next[1]))];
    setStop(kept);
    box.current?.querySelector<HTMLElement>(`[data-cell="${kept[0]}-${kept[1]}"]`)?.focus();
  };
  return (
    <>
      <div class="calendar scroll" ref={box}>
        <table role="grid" aria-label="Slots held by device and day; arrow keys move, Enter opens the day" onKeyDown={keys}>
          <thead>
            <tr role="row">
              <th scope="col" role="columnheader" class="corner">
                Device
              </th>
              {dates.map((one, index) => (
                <th key={one} scope="col" role="columnheader" class={dayName(one) === "Mon" ? "week" : ""}>
                  <abbr title={`${date(dayStart(one), "UTC")}, UTC`}>{index === 0 || /-(01|11|21)$/.test(one) ? <b>{month(one)}</b> : null}{Number(one.slice(8))}</abbr>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.devices.map((device, row) => (
              <tr key={device.id} role="row">
                <th scope="row" role="rowheader">
                  <Link href={deviceAt(device.id)}>{device.name ?? device.id}</Link>
                </th>
                {device.held.map((held, column) => {
                  const which = dates[column] ?? data.from;
                  const due = device.due[column] ?? 0;
                  const over = isOver(which, device.last_time);
                  const text = cellText(which, held, due, over);
                  return (
                    <td key={which} role="gridcell">
                      <button
                        type="button"
                        class={`cell cell-${cellKind(held, due, over)}`}
                        data-cell={`${row}-${column}`}
                        tabIndex={stop[0] === row && stop[1] === column ? 0 : -1}
                        aria-label={`${device.name ?? device.id}, ${text}`}
                        title={text}
                        onFocus={() => setStop([row, column])}
                        onClick={() => setOpen({ id: device.id, name: device.name, day: which })}
                      />
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {open ? <DayDialog id={open.id} name={open.name} day={open.day} close={() => setOpen(null)} /> : null}
    </>
  );
}

const dayName = (text: string): string => date(dayStart(text), "UTC").slice(0, 3);
const month = (text: string): string => date(dayStart(text), "UTC").split(" ")[2] ?? "";
