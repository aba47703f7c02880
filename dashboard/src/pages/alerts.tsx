/** What wants attention, what did, and the rules that decide it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ask, get } from "../api/client";
import type { Alert } from "../api/types";
import { useAsked, useDeed, useMay, useNews, useNow, usePages, useThrottled } from "../hooks";
import { parse, plural, span } from "../lib/format";
import { deviceAt } from "../lib/route";
import { LiveMark } from "../parts/frame";
import { Failed, Loading } from "../parts/notice";
import { type Column, Stack } from "../parts/stack";
import { Ago, Time, Worded } from "../parts/time";
import { Link } from "../router";
import { Channels } from "./alerts/channels";
import { Rules } from "./alerts/rules";

interface Answer {
  alerts: Alert[];
  next: string | null;
}

/** Alerts a page. */
const PAGE = 50;
const OPEN = { open: "true", limit: 100 };
/** Devices that are named before "and more". */
const NAMED = 12;

export function Alerts(): JSX.Element {
  const open = usePages<Answer>("alerts", OPEN);
  const soon = useThrottled(open.reload, 500);
  useNews("alert", soon);
  useNews("reload", soon);
  const alerts = open.data?.flatMap((page) => page.alerts) ?? [];
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Alerts</h1>
          <p class="lead">{open.data ? (alerts.length === 0 ? "Nothing wants attention" : `${plural(alerts.length, "alert")}${open.more ? " and more" : ""} open`) : "\u00a0"}</p>
        </div>
        <LiveMark />
      </div>
      {open.error ? <Failed what="The alerts could not be asked:" problem={open.error} again={open.reload} /> : null}
      {open.data === null && open.error === null ? <Loading what="the alerts" /> : null}
      {alerts.length > 0 ? (
        <ul class="alerts">
          {alerts.map((alert) => (
            <One key={alert.id} alert={alert} done={open.reload} />
          ))}
        </ul>
      ) : null}
      {open.more ? (
        <div class="actions">
          <button type="button" class="button" disabled={open.loading} onClick={open.more}>
            Show more open alerts
          </button>
        </div>
      ) : null}
      <Rules />
      <Channels />
      <History open={alerts.length} />
    </>
  );
}

function One({ alert, done }: { alert: Alert; done: () => void }): JSX.Element {
  const now = useNow();
  const allowed = useMay("operator");
  const acknowledge = useDeed(async () => {
    await ask("POST", `alerts/${alert.id}/acknowledge`);
    done();
  });
  return (
    <li class={alert.acknowledged ? "alert alert-seen" : "alert"}>
      <div>
        <h2>{alert.name}</h2>
        <p>
          <Worded text={alert.text} />
        </p>
        <p class="sub">
          Since <Time at={alert.began} /> (<Ago at={alert.began} now={now} />)
          {alert.acknowledged ? (
            <>
              ; acknowledged {alert.acknowledged.by === null ? "" : `by ${alert.acknowledged.by} `}<Ago at={alert.acknowledged.at} now={now} />
            </>
          ) : null}
        </p>
        <Devices ids={alert.devices} />
        {acknowledge.error ? <Failed what="Not acknowledged:" problem={acknowledge.error} /> : null}
      </div>
      {alert.acknowledged ? null : (
        <button type="button" class="button" disabled={!allowed.ok || acknowledge.busy} title={allowed.why} onClick={() => void acknowledge.run()}>
          Acknowledge
        </button>
      )}
    </li>
  );
}

function Devices({ ids }: { ids: string[] }): JSX.Element | null {
  if (ids.length === 0) return null;
  return (
    <p class="sub">
      {ids.length > 1 ? `${plural(ids.length, "device")}: ` : ""}
      {ids.slice(0, NAMED).map((id, index) => (
        <span key={id}>
          {index > 0 ? ", " : ""}
          <Link href={deviceAt(id)}>{id}</Link>
        </span>
      ))}
      {ids.length > NAMED ? ` and ${ids.length - NAMED} more` : ""}
    </p>
  );
}

/** What is over, newest first. */
function History({ open }: { open: number }): JSX.Element {
  const [before, go] = useState<(number | null)[]>([null]);
  const from = before.at(-1) ?? null;
  const asked = useAsked(`history ${from} ${open}`, (signal) => get<Answer>("alerts", { open: "false", before: from, limit: PAGE }, signal));
  const rows = asked.data?.alerts ?? [];
  const last = rows.at(-1);
  return (
    <section class="card" aria-labelledby="history-title">
      <h2 id="history-title">History</h2>
      {asked.error ? <Failed what="The history could not be asked:" problem={asked.error} again={asked.reload} /> : null}
      {asked.data && rows.length === 0 ? <p class="hint">No alert was solved yet.</p> : null}
      {rows.length > 0 ? <Stack label="Alerts that are over" rows={rows} keyOf={(alert) => alert.id} columns={PAST} /> : null}
      {before.length > 1 || asked.data?.next ? (
        <div class="actions">
          <button type="button" class="button" disabled={before.length === 1} onClick={() => go(before.slice(0, -1))}>
            Newer
          </button>
          <button type="button" class="button" disabled={!asked.data?.next || last === undefined} onClick={() => last && go([...before, last.id])}>
            Older
          </button>
        </div>
      ) : null}
    </section>
  );
}

const PAST: readonly Column<Alert>[] = [
  { name: "Alert", kind: "row", show: (alert) => <Name alert={alert} /> },
  { name: "Began", show: (alert) => <Time at={alert.began} /> },
  { name: "Lasted", show: lasted },
  { name: "What", kind: "text", show: (alert) => <Worded text={alert.text} /> },
];

function Name({ alert: { name, history } }: { alert: Alert }): JSX.Element {
  return (
    <>
      {name}{" "}
      {history ? (
        <span class="tag" title="The event was too old to ring when its readings came">
          came late
        </span>
      ) : null}
    </>
  );
}

function lasted({ began, resolved }: Alert): string {
  const [from, to] = [parse(began), parse(resolved)];
  return from === null || to === null ? "–" : span(to - from);
}
