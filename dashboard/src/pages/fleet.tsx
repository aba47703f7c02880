/** Every device: what its soil is doing, and whether it is there. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Counts, State } from "../api/types";
import { useNews, useSettled, useThrottled } from "../hooks";
import { count, plural } from "../lib/format";
import { fleetAt, LONGEST, type Question, questionOf, stateAt, STATES } from "../lib/question";
import { ExportButton } from "../parts/export";
import { LiveMark } from "../parts/frame";
import { Icon } from "../parts/icon";
import { Empty, Failed, Loading } from "../parts/notice";
import { StateMark } from "../parts/state";
import { go, Link, useQuery } from "../router";
import { FirstSteps } from "./fleet/first";
import { useRows } from "./fleet/rows";
import { Table } from "./fleet/table";

/** Events come by the second; counts and order follow at this distance. */
const SETTLE_MS = 10_000;

/** What is typed at once, and what the address asks when typing pauses: each follows the other. */
function useTyped(question: Question, ask: (question: Question) => void): [string, (text: string) => void] {
  const [typed, type] = useState(question.search);
  const settled = useSettled(typed.trim());
  const asked = useRef(question.search);
  useEffect(() => {
    if (settled === asked.current) return;
    asked.current = settled;
    ask({ ...question, search: settled });
  }, [settled]);
  useEffect(() => {
    if (question.search === asked.current) return;
    asked.current = question.search;
    type(question.search);
  }, [question.search]);
  return [typed, type];
}

export function Fleet(): JSX.Element {
  const question = questionOf(useQuery());
  const { search, states, sort } = question;
  const ask = (next: Question): void => go(fleetAt(next), true);
  const [typed, type] = useTyped(question, ask);
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
          <p class="lead">
            <Summary counts={rows.counts} all={all} searched={search !== ""} />
          </p>
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
                maxLength={LONGEST}
                onInput={(event) => type(event.currentTarget.value)}
              />
            </div>
            <StateFilter counts={rows.counts} states={states} set={(next) => ask({ ...question, states: next })} />
            <ExportButton />
          </div>
          {rows.error ? <Failed what="The fleet could not be asked:" problem={rows.error} again={rows.reload} /> : null}
          {rows.total === null && rows.error === null ? <Loading what="the fleet" /> : null}
          {rows.total === 0 ? (
            <Empty title="No device matches">
              <p>Nothing has {search === "" ? "this state" : `“${search}” in its id, name or place`}{search !== "" && states.length > 0 ? " and this state" : ""}.</p>
              <button type="button" class="button" onClick={() => ask({ ...question, search: "", states: [] })}>
                Show every device
              </button>
            </Empty>
          ) : null}
          {rows.total !== null && rows.total > 0 ? (
            <Table rows={rows} total={rows.total} question={fleetAt(question)} sort={sort} setSort={(next) => ask({ ...question, sort: next })} fresh={fresh} />
          ) : null}
        </>
      )}
    </>
  );
}

/** The first sentence: is all well, and if not, how many want looking at, each a link to them. */
function Summary({ counts, all, searched }: { counts: Counts | null; all: number | null; searched: boolean }): JSX.Element {
  if (counts === null || all === null) return <>{"\u00a0"}</>;
  // What is counted is what the search found.
  if (all === 0) return <>{searched ? "No device found" : "No device yet"}</>;
  const bad = STATES.filter((state) => state !== "fresh" && counts[state] > 0);
  if (bad.length === 0) return <>{plural(all, "device")}, all heard from in time</>;
  return (
    <>
      {plural(all, "device")};{" "}
      {bad.map((state, index) => (
        <span key={state}>
          {index > 0 ? ", " : ""}
          <Link href={stateAt(state)}>
            {count(counts[state])} {state === "never" ? "never heard" : state}
          </Link>
        </span>
      ))}
    </>
  );
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
