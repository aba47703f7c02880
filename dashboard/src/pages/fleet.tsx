/** Every device: what its soil is doing, and whether it is there. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Counts, State } from "../api/types";
import { useNews, useThrottled } from "../hooks";
import { count, plural } from "../lib/format";
import { ExportButton } from "../parts/export";
import { LiveMark } from "../parts/frame";
import { Icon } from "../parts/icon";
import { Empty, Failed, Loading } from "../parts/notice";
import { StateMark, STATES } from "../parts/state";
import { FirstSteps } from "./fleet/first";
import { useRows } from "./fleet/rows";
import { type Sort, Table } from "./fleet/table";

/** How long typing may pause before the search is asked. */
const TYPING_MS = 200;
/** Events come by the second; counts and order follow at this distance. */
const SETTLE_MS = 10_000;

function useSettled(value: string, ms: number): string {
  const [settled, set] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => set(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

export function Fleet(): JSX.Element {
  const [typed, type] = useState("");
  const [states, setStates] = useState<State[]>([]);
  const [sort, setSort] = useState<Sort>({ by: "state", order: "desc" });
  const search = useSettled(typed.trim(), TYPING_MS);
  const rows = useRows({ search, state: states.join(","), sort: sort.by, order: sort.order });
  const settle = useThrottled(rows.reload, SETTLE_MS);
  useNews("readings", (event) => {
    rows.patch(event);
    settle();
  });
  useNews("reload", rows.reload);
  const [fresh, setFresh] = useState("");
  useNews("readings", (event) => setFresh(event.device));

  const all = rows.counts === null ? null : STATES.reduce((sum, state) => sum + (rows.counts?.[state] ?? 0), 0);
  const nobody = all === 0 && search === "" && states.length === 0;
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Fleet</h1>
          <p class="lead">{summary(rows.counts, all)}</p>
        </div>
        <LiveMark />
      </div>
      {nobody ? (
        <FirstSteps />
      ) : (
        <>
          <div class="tools">
            <div class="search">
              <Icon name="search" />
              <input
                type="search"
                aria-label="Search devices by id, name or place"
                placeholder="Search id, name, place"
                value={typed}
                maxLength={200}
                onInput={(event) => type(event.currentTarget.value)}
              />
            </div>
            <StateFilter counts={rows.counts} states={states} set={setStates} />
            <ExportButton />
          </div>
          {rows.error ? <Failed what="The fleet could not be asked:" problem={rows.error} again={rows.reload} /> : null}
          {rows.total === null && rows.error === null ? <Loading what="the fleet" /> : null}
          {rows.total === 0 ? (
            <Empty title="No device matches">
              <p>Nothing has {search === "" ? "this state" : `“${search}” in its id, name or place`}{search !== "" && states.length > 0 ? " and this state" : ""}.</p>
              <button
                type="button"
                class="button"
                onClick={() => {
                  type("");
                  setStates([]);
                }}
              >
                Show every device
              </button>
            </Empty>
          ) : null}
          {rows.total !== null && rows.total > 0 ? <Table rows={rows} total={rows.total} sort={sort} setSort={setSort} fresh={fresh} /> : null}
        </>
      )}
    </>
  );
}

/** The first sentence: is all well, and if not, how many want looking at. */
function summary(counts: Counts | null, all: number | null): string {
  if (counts === null || all === null) return "\u00a0";
  if (all === 0) return "No device yet";
  const bad = STATES.filter((state) => state !== "fresh" && counts[state] > 0);
  if (bad.length === 0) return `${plural(all, "device")}, all heard from in time`;
  return `${plural(all, "device")}; ${bad.map((state) => `${count(counts[state])} ${state === "never" ? "never heard" : state}`).join(", ")}`;
}

function StateFilter({ counts, states, set }: { counts: Counts | null; states: State[]; set: (states: State[]) => void }): JSX.Element {
  return (
    <div class="filter" role="group" aria-label="Show only devices that are">
      {STATES.map((state) => (
        <button
          key={state}
          type="button"
          aria-pressed={states.includes(state)}
          onClick={() => set(states.includes(state) ? states.filter((old) => old !== state) : [...states, state])}
        >
          <StateMark state={state} />
          <span class="amount">{counts === null ? "–" : count(counts[state])}</span>
        </button>
      ))}
    </div>
  );
}
