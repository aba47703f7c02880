/** One device: its curves, its days, what contradicts or was refused, and what people know of it. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { device as devicePath, get } from "../api/client";
import type { Conflict, Device, Rule } from "../api/types";
import { type Asked, useAsked, useNews, useNow, usePages, useThrottled } from "../hooks";
import { celsius, count, degrees, every, LATITUDE, LONGITUDE, number, percent, plural } from "../lib/format";
import { isOf } from "../lib/rules";
import { ConflictTable } from "../parts/day";
import { ExportButton } from "../parts/export";
import { LiveMark } from "../parts/frame";
import { Icon } from "../parts/icon";
import { Empty, Failed, Loading } from "../parts/notice";
import { causeText, StateMark } from "../parts/state";
import { Ago, Time } from "../parts/time";
import { Link } from "../router";
import { Curves } from "./device/curves";
import { Days } from "./device/days";
import { DetailsDialog } from "./device/details";
import { Quarantine } from "./device/quarantine";

export function DevicePage({ id }: { id: string }): JSX.Element {
  const asked = useAsked(id, (signal) => get<Device>(devicePath(id), undefined, signal));
  const conflicts = usePages<ConflictPage>(devicePath(id, "/conflicts"), CONFLICTS);
  const rules = useAsked("rules", (signal) => get<{ rules: Rule[] }>("rules", undefined, signal));
  const soon = useThrottled(() => {
    asked.reload();
    conflicts.reload();
  }, 1_000);
  useNews("readings", (event) => event.device === id && soon());
  useNews("reload", soon);
  if (asked.data === null) {
    return (
      <>
        <Crumbs />
        <h1>{id}</h1>
        {asked.error ? <Missing asked={asked} id={id} /> : <Loading what={id} />}
      </>
    );
  }
  const reload = (): void => {
    asked.reload();
    rules.reload();
  };
  return <Shown device={asked.data} error={asked.error} reload={reload} conflicts={conflicts} rules={rules.data?.rules ?? null} />;
}

/** The way back. */
function Crumbs(): JSX.Element {
  return (
    <p class="crumbs">
      <Link href="/">Fleet</Link>
    </p>
  );
}

const CONFLICTS = { limit: 200 };

interface ConflictPage {
  conflicts: Conflict[];
  next?: string | null;
  total?: number;
}

type Conflicts = ReturnType<typeof usePages<ConflictPage>>;

function Missing({ asked, id }: { asked: Asked<Device>; id: string }): JSX.Element | null {
  if (asked.error === null) return null;
  if (asked.error.status !== 404) return <Failed what="The device could not be asked:" problem={asked.error} again={asked.reload} />;
  return (
    <Empty title="This device has never reported">
      <p>
        The cloud knows no “{id}”. A device appears by itself with its first survey.
      </p>
    </Empty>
  );
}

interface ShownProps {
  device: Device;
  error: Asked<Device>["error"];
  reload: () => void;
  conflicts: Conflicts;
  /** null: not known yet, or not to be had. */
  rules: Rule[] | null;
}

function Shown({ device, error, reload, conflicts, rules }: ShownProps): JSX.Element {
  const [editing, edit] = useState(false);
  const found = useMemo(() => conflicts.data?.flatMap((page) => page.conflicts) ?? [], [conflicts.data]);
  const its = useMemo(() => (rules ?? []).filter((rule) => rule.enabled && isOf(rule, device.id)), [rules, device.id]);
  const now = useNow();
  const { details } = device;
  return (
    <>
      <Crumbs />
      <div class="page-head">
        <div>
          <h1>{device.name ?? device.id}</h1>
          <p class="lead">{[device.name === null ? null : device.id, device.place, depth(device.depth_cm), details.soil].filter((part) => part).join(" · ") || "no details yet"}</p>
        </div>
        <LiveMark />
      </div>
      {error ? <Failed what="The device could not be asked:" problem={error} again={reload} /> : null}
      <div class="now">
        <Now device={device} now={now} />
        <div class="now-actions">
          <ExportButton devices={[device.id]} />
          <button type="button" class="button" onClick={() => edit(true)}>
            <Icon name="edit" />
            Details and thresholds
          </button>
        </div>
      </div>
      {device.last_time === null ? (
        <Empty title="No reading yet">
          <p>{device.id} is known, but nothing of it has arrived. Its curve begins with its first survey.</p>
        </Empty>
      ) : (
        <>
          <Curves device={device} conflicts={found} rules={its} />
          <Days device={device} />
        </>
      )}
      <section class="card" aria-labelledby="conflicts-title">
        <h2 id="conflicts-title">Conflicts</h2>
        {conflicts.error ? <Failed what="The conflicts could not be asked:" problem={conflicts.error} again={conflicts.reload} /> : null}
        {conflicts.data && found.length === 0 ? <p class="hint">No copy of a reading ever contradicted another.</p> : null}
        {found.length > 0 ? (
          <>
            <p>The first value that came is held; these came later and said otherwise. Nothing was overwritten.</p>
            <ConflictTable conflicts={found} />
            <Rest shown={found.length} total={conflicts.data?.[0]?.total ?? device.conflicts} conflicts={conflicts} />
          </>
        ) : null}
      </section>
      <Quarantine id={device.id} />
      <About device={device} now={now} />
      {editing ? <DetailsDialog device={device} rules={rules} close={() => edit(false)} done={reload} /> : null}
    </>
  );
}

/** Conflicts that are not in sight, and how to see them. */
function Rest({ shown, total, conflicts }: { shown: number; total: number; conflicts: Conflicts }): JSX.Element | null {
  if (total <= shown && conflicts.more === null) return null;
  return (
    <div class="actions">
      <span class="hint">
        The newest {count(shown)} of {count(total)}
      </span>
      {conflicts.more ? (
        <button type="button" class="button" disabled={conflicts.loading} onClick={conflicts.more}>
          Show older conflicts
        </button>
      ) : null}
    </div>
  );
}

const depth = (cm: number | null): string | null => (cm === null ? null : `${number(cm)} cm deep`);

function Now({ device, now }: { device: Device; now: number }): JSX.Element {
  return (
    <dl class="figures">
      <div>
        <dt>Moisture</dt>
        <dd class="big big-moisture">{percent(device.last?.moisture_pct)}</dd>
      </div>
      <div>
        <dt>Temperature</dt>
        <dd class="big big-temperature">{celsius(device.last?.temperature_c)}</dd>
      </div>
      <div>
        <dt>Last reading</dt>
        <dd>
          <Ago at={device.last_time} now={now} />
        </dd>
      </div>
      <div>
        <dt>State</dt>
        <dd>
          <StateMark state={device.state} />
          {device.cause ? <p class="cause">{causeText(device.cause, now, device.state)}</p> : null}
        </dd>
      </div>
    </dl>
  );
}

/** What is known of it besides its readings. */
function About({ device, now }: { device: Device; now: number }): JSX.Element {
  const { details } = device;
  return (
    <section class="card" aria-labelledby="about-title">
      <h2 id="about-title">About this device</h2>
      <dl class="facts">
        <dt>Id</dt>
        <dd>{device.id}</dd>
        <dt>Readings held</dt>
        <dd>
          {device.readings === 0 ? "none yet" : <>{count(device.readings)}, from <Time at={device.first_time} /> to <Time at={device.last_time} /></>}
        </dd>
        <dt>Last survey</dt>
        <dd>
          <Time at={device.last_contact} none="none yet" /> {device.gateway === null ? "" : `by gateway ${device.gateway}`}
        </dd>
        <dt>Measures</dt>
        <dd>
          {every(device.interval_s)} {details.interval_s !== null ? "" : device.readings === 0 ? "(until its readings show)" : "(as its readings show)"}
        </dd>
        <dt>Owes a survey</dt>
        <dd>{every(details.survey_s ?? 86_400)}</dd>
        <dt>Coordinates</dt>
        <dd>{device.latitude === null || device.longitude === null ? "not set" : `${degrees(device.latitude, LATITUDE)}, ${degrees(device.longitude, LONGITUDE)}`}</dd>
        <dt>Gateways</dt>
        <dd>
          {device.gateways.length === 0
            ? "none yet"
            : device.gateways.map((gateway, index) => (
                <span key={gateway.name}>
                  {index > 0 ? "; " : ""}
                  {gateway.name}: {plural(gateway.surveys, "survey")}, the last brought <Ago at={gateway.last_contact} now={now} />
                </span>
              ))}
        </dd>
        <dt>Notes</dt>
        <dd class="notes">{details.notes ?? "none"}</dd>
      </dl>
    </section>
  );
}
