/** One device: its curves, its days, what contradicts or was refused, and what people know of it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { device as devicePath, get } from "../api/client";
import type { Conflict, Device } from "../api/types";
import { type Asked, useAsked, useNews, useNow, useThrottled } from "../hooks";
import { celsius, count, every, number, percent, plural } from "../lib/format";
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
  const conflicts = useAsked(`conflicts ${id}`, (signal) => get<{ conflicts: Conflict[] }>(devicePath(id, "/conflicts"), { limit: 200 }, signal));
  const soon = useThrottled(() => {
    asked.reload();
    conflicts.reload();
  }, 1_000);
  useNews("readings", (event) => event.device === id && soon());
  useNews("reload", soon);
  if (asked.data === null) {
    return (
      <>
        <h1>{id}</h1>
        {asked.error ? <Missing asked={asked} id={id} /> : <Loading what={id} />}
      </>
    );
  }
  return <Shown device={asked.data} asked={asked} conflicts={conflicts.data?.conflicts ?? NONE} />;
}

const NONE: Conflict[] = [];

function Missing({ asked, id }: { asked: Asked<Device>; id: string }): JSX.Element | null {
  if (asked.error === null) return null;
  if (asked.error.status !== 404) return <Failed what="The device could not be asked:" problem={asked.error} again={asked.reload} />;
  return (
    <Empty title="This device has never reported">
      <p>
        The cloud knows no “{id}”. It appears by itself with its first survey. <Link href="/">Back to the fleet</Link>
      </p>
    </Empty>
  );
}

function Shown({ device, asked, conflicts }: { device: Device; asked: Asked<Device>; conflicts: Conflict[] }): JSX.Element {
  const [editing, edit] = useState(false);
  const now = useNow();
  const { details } = device;
  return (
    <>
      <p class="crumbs">
        <Link href="/">Fleet</Link>
      </p>
      <div class="page-head">
        <div>
          <h1>{device.name ?? device.id}</h1>
          <p class="lead">{[device.name === null ? null : device.id, device.place, depth(device.depth_cm), details.soil].filter((part) => part).join(" · ") || "no details yet"}</p>
        </div>
        <LiveMark />
      </div>
      {asked.error ? <Failed problem={asked.error} again={asked.reload} /> : null}
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
          <Curves device={device} conflicts={conflicts} />
          <Days device={device} />
        </>
      )}
      <section class="card" aria-labelledby="conflicts-title">
        <h2 id="conflicts-title">Conflicts</h2>
        {conflicts.length === 0 ? (
          <p class="hint">No copy of a reading ever contradicted another.</p>
        ) : (
          <>
            <p>The first value that came is held; these came later and said otherwise. Nothing was overwritten.</p>
            <ConflictTable conflicts={conflicts} />
          </>
        )}
      </section>
      <Quarantine id={device.id} />
      <About device={device} now={now} />
      {editing ? <DetailsDialog device={device} close={() => edit(false)} done={asked.reload} /> : null}
    </>
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
          {count(device.readings)}, from <Time at={device.first_time} /> to <Time at={device.last_time} />
        </dd>
        <dt>Last survey</dt>
        <dd>
          <Time at={device.last_contact} none="none yet" /> {device.gateway === null ? "" : `by gateway ${device.gateway}`}
        </dd>
        <dt>Measures</dt>
        <dd>
          {every(device.interval_s)} {details.interval_s === null ? "(as its readings show)" : ""}
        </dd>
        <dt>Owes a survey</dt>
        <dd>{every(details.survey_s ?? 86_400)}</dd>
        <dt>Coordinates</dt>
        <dd>{device.latitude === null || device.longitude === null ? "not set" : `${number(device.latitude, 6)}°, ${number(device.longitude, 6)}°`}</dd>
        <dt>Gateways</dt>
        <dd>
          {device.gateways.length === 0
            ? "none yet"
            : device.gateways.map((gateway, index) => (
                <span key={gateway.name}>
                  {index > 0 ? "; " : ""}
                  {gateway.name}: {plural(gateway.surveys, "survey")}, last <Ago at={gateway.last_contact} now={now} />
                </span>
              ))}
        </dd>
        <dt>Notes</dt>
        <dd class="notes">{details.notes ?? "none"}</dd>
      </dl>
    </section>
  );
}
