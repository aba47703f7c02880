/** A device's day: what came when, by which gateway, what is missing, and where it still is. */
import type { JSX } from "preact";
import { device as devicePath, get } from "../api/client";
import type { Conflict, Day, Survey } from "../api/types";
import { useAsked, useNews, useThrottled } from "../hooks";
import { celsius, clock, count, date, dateTime, dayStart, parse, percent, plural, utc, zoneName } from "../lib/format";
import { deviceAt } from "../lib/route";
import { verdict } from "../lib/slots";
import { Link } from "../router";
import { Dialog } from "./dialog";
import { Failed, Loading } from "./notice";
import { Numbers } from "./numbers";
import { type Column, Stack } from "./stack";
import { Time, Worded } from "./time";

export function DayDialog({ id, name, day, close }: { id: string; name: string | null; day: string; close: () => void }): JSX.Element {
  const asked = useAsked(`${id} ${day}`, (signal) => get<Day>(devicePath(id, `/days/${day}`), undefined, signal));
  const soon = useThrottled(asked.reload, 2_000);
  useNews("readings", (event) => event.device === id && soon());
  useNews("reload", soon);
  return (
    <Dialog title={`${name ?? id}, ${date(dayStart(day), "UTC")} (UTC day)`} close={close} wide>
      {asked.error ? <Failed what="The day could not be asked:" problem={asked.error} again={asked.reload} /> : null}
      {asked.data ? <Content data={asked.data} /> : asked.error ? null : <Loading what="the day" />}
      <p>
        <Link href={deviceAt(id)}>All of {name ?? id}</Link>
      </p>
    </Dialog>
  );
}

function Content({ data }: { data: Day }): JSX.Element {
  const { missing, words } = verdict(data);
  return (
    <>
      <p class={missing === 0 ? "verdict verdict-good" : "verdict verdict-bad"}>
        <strong>{words}</strong> <Worded text={data.where} />
      </p>
      {data.missing.length > 0 ? <Missing times={data.missing} total={missing} /> : null}
      <Surveys data={data} />
      {data.conflicts.length > 0 ? (
        <>
          <h3>Conflicts</h3>
          <ConflictTable conflicts={data.conflicts} />
          <More shown={data.conflicts.length} total={data.conflicts_total} />
        </>
      ) : null}
      {data.readings.length > 0 ? <Readings data={data} /> : null}
    </>
  );
}

/** What is not in a list that was cut. */
function More({ shown, total }: { shown: number; total: number }): JSX.Element | null {
  return total <= shown ? null : <p class="hint">and {count(total - shown)} more</p>;
}

/** An instant of the day. */
function Clock({ at }: { at: string }): JSX.Element {
  const time = parse(at) ?? 0;
  return (
    <time dateTime={at} title={utc(time)}>
      {clock(time)}
    </time>
  );
}

/** Missing slots. */
function Missing({ times, total }: { times: string[]; total: number }): JSX.Element {
  return (
    <>
      <h3>Missing</h3>
      <ul class="chips">
        {times.map((time) => (
          <li key={time}>
            <Clock at={time} />
          </li>
        ))}
      </ul>
      <p class="hint">
        Times in {zoneName(parse(times[0]) ?? 0)}
        {total > times.length ? `; ${count(total - times.length)} more are not named` : ""}.
      </p>
    </>
  );
}

function Surveys({ data }: { data: Day }): JSX.Element {
  const none = data.readings.length > 0 ? "What brought these readings is no longer noted." : "No survey of this day has arrived.";
  return (
    <>
      <h3>Surveys that brought it</h3>
      {data.surveys.length === 0 ? (
        <p class="hint">{none}</p>
      ) : (
        <Stack label="Surveys" rows={data.surveys} keyOf={(survey) => `${survey.received} ${survey.gateway}`} columns={SURVEYS} />
      )}
      <More shown={data.surveys.length} total={data.surveys_total} />
    </>
  );
}

const SURVEYS: readonly Column<Survey>[] = [
  {
    name: "Received",
    show: (survey) => (
      <>
        by the cloud <Time at={survey.received} />
        <span class="sub">
          by gateway {survey.gateway} <Time at={survey.received_at_gateway} />
        </span>
      </>
    ),
  },
  { name: "Its readings", show: covers },
  { name: "New", kind: "n", show: (survey) => survey.new },
  { name: "Duplicate", kind: "n", show: (survey) => survey.duplicate },
  { name: "Conflict", kind: "n", show: (survey) => survey.conflict },
  { name: "Copies", kind: "n", show: (survey) => survey.copies },
];

/** From when to when a survey's readings are: of the day by the clock, of more by the date. */
function covers({ starts, ends }: Survey): string {
  const [from, to] = [parse(starts), parse(ends)];
  if (from === null) return "–";
  if (to === null || to === from) return dateTime(from);
  return to - from < 36 * 3_600_000 ? `${dateTime(from)} to ${clock(to)}` : `${date(from).slice(4)} to ${date(to).slice(4)}`;
}

function Readings({ data }: { data: Day }): JSX.Element {
  const rows = data.readings.map(({ time, moisture_pct, temperature_c, flags }) => ({ at: parse(time) ?? 0, moisture: moisture_pct, temperature: temperature_c, flags }));
  return (
    <details>
      <summary>{plural(data.readings_total, "reading")}</summary>
      <Numbers rows={rows} write={(at) => clock(at)} />
      <More shown={data.readings.length} total={data.readings_total} />
    </details>
  );
}

/** What contradicts the readings that are held. */
export function ConflictTable({ conflicts }: { conflicts: Conflict[] }): JSX.Element {
  return <Stack label="Conflicts" rows={conflicts} keyOf={(conflict, index) => `${conflict.time} ${index}`} columns={CONFLICTS} />;
}

const CONFLICTS: readonly Column<Conflict>[] = [
  { name: "Reading of", show: (conflict) => <Time at={conflict.time} /> },
  { name: "Held", show: (conflict) => values(conflict.held) },
  { name: "Offered instead", show: (conflict) => values(conflict.offered) },
  { name: "By gateway", show: (conflict) => conflict.gateway },
  { name: "Last offered", show: (conflict) => <Time at={conflict.last_offered} /> },
  { name: "Times", kind: "n", show: (conflict) => conflict.count },
];

function values(of: Conflict["held"]): string {
  if (of === null) return "–";
  return [of.temperature_c === null ? null : celsius(of.temperature_c), of.moisture_pct === null ? null : percent(of.moisture_pct)].filter((part) => part !== null).join(", ");
}
