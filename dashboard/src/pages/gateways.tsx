/** Those who bring surveys: when last, what waits with them, and how long they could go on alone. */
import type { JSX } from "preact";
import type { Gateway } from "../api/types";
import { useNews, useNow, usePages, useThrottled } from "../hooks";
import { bytes, count, number, parse, plural, span } from "../lib/format";
import { deviceAt } from "../lib/route";
import { LiveMark } from "../parts/frame";
import { Failed, Loading } from "../parts/notice";
import { StateMark } from "../parts/state";
import { Ago, Time } from "../parts/time";
import { Link } from "../router";
import { Quarantine } from "./device/quarantine";
import { FirstSteps } from "./fleet/first";

/** Gateways a page; a site has one or two. */
const PAGE = { limit: 100 };
/** Ids that are named before "and more". */
const NAMED = 24;

export function Gateways(): JSX.Element {
  const asked = usePages<{ gateways: Gateway[]; next: string | null; total?: number }>("gateways", PAGE);
  const now = useNow();
  const soon = useThrottled(asked.reload, 2_000);
  useNews("contact", soon);
  useNews("reload", soon);
  const gateways = asked.data?.flatMap((page) => page.gateways) ?? [];
  const silent = gateways.filter(({ state }) => state === "silent").length;
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Gateways</h1>
          <p class="lead">{asked.data ? summary(gateways.length, asked.data[0]?.total, silent, asked.more !== null) : "\u00a0"}</p>
        </div>
        <LiveMark />
      </div>
      {asked.error ? <Failed what="The gateways could not be asked:" problem={asked.error} again={asked.reload} /> : null}
      {asked.data === null && asked.error === null ? <Loading what="the gateways" /> : null}
      {asked.data && gateways.length === 0 ? <FirstSteps /> : null}
      <div class="gateways">
        {gateways.map((gateway) => (
          <Card key={gateway.name} gateway={gateway} now={now} />
        ))}
      </div>
      {asked.more ? (
        <div class="actions">
          <button type="button" class="button" disabled={asked.loading} onClick={asked.more}>
            Show more gateways
          </button>
        </div>
      ) : null}
      {gateways.length > 0 ? <Quarantine /> : null}
    </>
  );
}

/** The first sentence; of gateways that are not here yet it says nothing. */
function summary(here: number, total: number | undefined, silent: number, more: boolean): string {
  const which = more ? `${count(here)} of ${total === undefined ? "more" : count(total)} gateways` : plural(here, "gateway");
  if (silent > 0) return `${which}; ${count(silent)} silent`;
  return here === 0 ? which : `${which}, all heard from`;
}

function Card({ gateway, now }: { gateway: Gateway; now: number }): JSX.Element {
  const { status } = gateway;
  return (
    <section class="card gateway" aria-label={`Gateway ${gateway.name}`}>
      <div class="card-head">
        <h2>{gateway.name}</h2>
        <StateMark state={gateway.state} />
      </div>
      <dl class="facts">
        <dt>Last contact</dt>
        <dd>
          <Ago at={gateway.last_contact} now={now} />
        </dd>
        <dt>Devices</dt>
        <dd>{count(gateway.devices)}</dd>
        <dt>Time zone</dt>
        <dd>{gateway.time_zone ?? "not told"}</dd>
        {status === null ? (
          <>
            <dt>Status</dt>
            <dd>This gateway does not report its journal; one that speaks http:// to the cloud does.</dd>
          </>
        ) : (
          <>
            <dt>Waiting there</dt>
            <dd>{status.waiting === 0 ? "nothing" : `${plural(status.waiting, "survey")}, the oldest ${oldest(status.oldest_waiting, now)}`}</dd>
            <dt>Version</dt>
            <dd>{status.version}</dd>
          </>
        )}
      </dl>
      {status === null ? null : (
        <>
          <Journal used={status.journal_bytes} limit={status.journal_limit} days={status.room_days} />
          <Round status={status} />
          <p class="hint">
            As it said <Ago at={status.at} now={now} />
          </p>
        </>
      )}
    </section>
  );
}

const oldest = (time: string | null, now: number): string => {
  const at = parse(time);
  return at === null ? "of unknown age" : `${span(now - at)} old`;
};

/** How much longer the gateway could go on without the cloud. */
function Journal({ used, limit, days }: { used: number; limit: number; days: number | null }): JSX.Element {
  const part = limit > 0 ? Math.min(1, used / limit) : 0;
  const tight = (days !== null && days < 7) || part > 0.9;
  return (
    <div class={tight ? "journal journal-tight" : "journal"}>
      <p>
        <strong>{days === null ? "Room unknown" : `Room for ${number(days, days < 10 ? 1 : 0)} days`}</strong>
        <span>
          journal {bytes(used)} of {bytes(limit)}
        </span>
      </p>
      <div class="meter" role="img" aria-label={`Journal ${Math.round(part * 100)} % full`}>
        <i style={{ width: `${Math.max(0.5, part * 100)}%` }} />
      </div>
    </div>
  );
}

function Round({ status }: { status: NonNullable<Gateway["status"]> }): JSX.Element | null {
  const { round, roster } = status;
  if (round === null) return null;
  const expected = Math.max(roster.length, round.reported + round.silent.length);
  return (
    <div class="round">
      <p>
        <strong>{round.closed === null ? "Round open" : "Last round"}</strong> since <Time at={round.opened} />: {round.reported}
        {expected > 0 ? ` of ${expected}` : ""} reported
      </p>
      {round.silent.length > 0 ? (
        <p>
          {round.closed === null ? "Not yet: " : "Silent: "}
          {round.silent.slice(0, NAMED).map((id, index) => (
            <span key={id}>
              {index > 0 ? ", " : ""}
              <Link href={deviceAt(id)}>{id}</Link>
            </span>
          ))}
          {round.silent.length > NAMED ? ` and ${round.silent.length - NAMED} more` : ""}
        </p>
      ) : null}
    </div>
  );
}
