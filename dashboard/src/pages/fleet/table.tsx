/** The fleet as a table of which only the rows in sight are drawn. */
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useMedia, useNow } from "../../hooks";
import type { Sort, SortKey } from "../../lib/question";
import { moved, rowsInSight, type Window } from "../../lib/virtual";
import { Icon } from "../../parts/icon";
import { Select } from "../../parts/form";
import { BlankRow, Row } from "./row";
import type { Rows } from "./rows";

/** Heights of a row in pixels; the style sheet keeps to them. */
const ROW = 60;
const ROW_PHONE = 142;

const COLUMNS: readonly { key: SortKey | null; name: string; className: string }[] = [
  { key: "name", name: "Device", className: "c-device" },
  { key: "state", name: "State", className: "c-state" },
  { key: "moisture", name: "Moisture", className: "c-number" },
  { key: "temperature", name: "Temperature", className: "c-number" },
  { key: null, name: "Its last 7 days", className: "c-spark" },
  { key: "completeness", name: "Complete", className: "c-complete" },
  { key: "last", name: "Last reading", className: "c-last" },
];

/** Which rows are in sight while the page scrolls. */
function useSight(box: { current: HTMLElement | null }, row: number, total: number): Window {
  const measure = (): Window => {
    const top = box.current?.getBoundingClientRect().top ?? 0;
    return rowsInSight(Math.max(0, -top), innerHeight, row, total);
  };
  const [sight, set] = useState<Window>(() => rowsInSight(0, innerHeight, row, total));
  useLayoutEffect(() => {
    let frame = 0;
    const update = (): void => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        set((old) => {
          const next = measure();
          return old.first === next.first && old.last === next.last && old.after === next.after ? old : next;
        });
      });
    };
    set(measure());
    addEventListener("scroll", update, { passive: true });
    addEventListener("resize", update);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", update);
      removeEventListener("resize", update);
    };
  }, [row, total]);
  return sight;
}

export function Table({
  rows,
  total,
  question,
  sort,
  setSort,
  fresh,
}: {
  rows: Rows;
  total: number;
  /** What is asked: another one begins at the top. */
  question: string;
  sort: Sort;
  setSort: (sort: Sort) => void;
  fresh: string;
}): JSX.Element {
  const phone = useMedia("(max-width: 760px)");
  const height = phone ? ROW_PHONE : ROW;
  const body = useRef<HTMLTableSectionElement>(null);
  const sight = useSight(body, height, total);
  const now = useNow();
  useTop(body, question);
  useEffect(() => rows.need(sight.first, sight.last), [sight.first, sight.last, rows.total, rows.need, question]);
  const focus = useFocusedRow(body, height);
  const keys = (event: KeyboardEvent): void => {
    const at = event.target instanceof HTMLElement ? event.target.closest<HTMLElement>("[data-row]") : null;
    if (at === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = moved(event.key, Number(at.dataset["row"]), total, Math.max(1, Math.floor(innerHeight / height) - 2));
    if (next === null) return;
    event.preventDefault();
    focus(next);
  };
  const drawn = Array.from({ length: sight.last - sight.first }, (_, index) => sight.first + index);
  return (
    <>
      {phone ? <PhoneSort sort={sort} setSort={setSort} /> : null}
      <table class="fleet" role="table" aria-rowcount={total + 1} aria-label="Devices; arrow keys move from device to device" onKeyDown={keys}>
        <Head sort={sort} setSort={setSort} />
        <tbody role="rowgroup" ref={body}>
          {sight.before > 0 ? <Spacer height={sight.before} /> : null}
          {drawn.map((index) => {
            const device = rows.row(index);
            return device === undefined ? (
              <BlankRow key={`blank-${index}`} index={index} />
            ) : (
              <Row key={device.id} device={device} index={index} now={now} fresh={device.id === fresh} />
            );
          })}
          {sight.after > 0 ? <Spacer height={sight.after} /> : null}
        </tbody>
      </table>
    </>
  );
}

/** The answer to another question begins at its first row, wherever that to the last one was scrolled to. */
function useTop(body: { current: HTMLElement | null }, question: string): void {
  const before = useRef(question);
  useLayoutEffect(() => {
    if (before.current === question) return;
    before.current = question;
    const table = body.current?.closest("table");
    if (table && table.getBoundingClientRect().top < 0) table.scrollIntoView();
  }, [question]);
}

/** Room of rows that are not drawn. */
function Spacer({ height }: { height: number }): JSX.Element {
  return (
    <tr class="spacer" aria-hidden="true">
      <td colSpan={COLUMNS.length} style={{ height }} />
    </tr>
  );
}

/** Moves the focus to a row's link, drawing the row first if it is out of sight. */
function useFocusedRow(body: { current: HTMLElement | null }, height: number): (index: number) => void {
  const wanted = useRef<number | null>(null);
  const link = (index: number): HTMLElement | null => body.current?.querySelector<HTMLElement>(`a[data-row="${index}"]`) ?? null;
  const tryNow = (): void => {
    const index = wanted.current;
    const found = index === null ? null : link(index);
    if (found === null) return;
    wanted.current = null;
    found.focus({ preventScroll: true });
  };
  useEffect(tryNow);
  return (index) => {
    wanted.current = index;
    const top = (body.current?.getBoundingClientRect().top ?? 0) + index * height;
    const margin = 80;
    if (top < margin) scrollBy(0, top - margin);
    else if (top + height > innerHeight - margin) scrollBy(0, top + height - innerHeight + margin);
    tryNow();
  };
}

function Head({ sort, setSort }: { sort: Sort; setSort: (sort: Sort) => void }): JSX.Element {
  // States ascend from fresh to never: what wants to be looked at is at their end.
  const first = (key: SortKey): Sort["order"] => (key === "state" ? "desc" : "asc");
  const turn = (key: SortKey): void => setSort({ by: key, order: sort.by !== key ? first(key) : sort.order === "asc" ? "desc" : "asc" });
  return (
    <thead role="rowgroup">
      <tr role="row" aria-rowindex={1}>
        {COLUMNS.map(({ key, name, className }) => (
          <th
            key={name}
            scope="col"
            role="columnheader"
            class={className}
            {...(key === sort.by ? { "aria-sort": sort.order === "asc" ? ("ascending" as const) : ("descending" as const) } : {})}
          >
            {key === null ? (
              <span>
                {name} <span class="key"><i class="dash dash-moisture" />moisture <i class="dash dash-temperature" />temperature</span>
              </span>
            ) : (
              <button type="button" onClick={() => turn(key)}>
                {name}
                {key === sort.by ? <Icon name={sort.order === "asc" ? "up" : "down"} /> : null}
              </button>
            )}
          </th>
        ))}
      </tr>
    </thead>
  );
}

/** On a phone the table has no head to press. */
function PhoneSort({ sort, setSort }: { sort: Sort; setSort: (sort: Sort) => void }): JSX.Element {
  const options = COLUMNS.flatMap(({ key, name }) => (key === null ? [] : [[key, name] as const]));
  return (
    <div class="phone-sort">
      <Select label="Sort by" value={sort.by} set={(by) => setSort({ ...sort, by })} options={options} />
      <button
        type="button"
        class="button"
        aria-label={sort.order === "asc" ? "Ascending; turn round" : "Descending; turn round"}
        onClick={() => setSort({ ...sort, order: sort.order === "asc" ? "desc" : "asc" })}
      >
        <Icon name={sort.order === "asc" ? "up" : "down"} />
      </button>
    </div>
  );
}
