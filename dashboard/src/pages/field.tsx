/** The devices where they stand, coloured by what their soil is doing. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { ask, device as devicePath, get } from "../api/client";
import type { Device, FleetDevice, Plan } from "../api/types";
import { useAsked, useDeed, useMay, useNews, useThrottled } from "../hooks";
import { colourOf, ENDS, type Quantity } from "../lib/colour";
import { celsius, dateTime, percent, plural, utc, zoneName } from "../lib/format";
import type { Place } from "../lib/map";
import { deviceAt } from "../lib/route";
import { Choice } from "../parts/form";
import { Icon } from "../parts/icon";
import { Empty, Failed, Loading, WhyNot } from "../parts/notice";
import { StateMark } from "../parts/state";
import { Link } from "../router";
import { everyDevice, MOST, shownOf, stops } from "./field/fleet";
import { type Placed, Sketch } from "./field/sketch";
import { PlanDialog } from "./field/plan";
import { FirstSteps } from "./fleet/first";

const QUANTITIES = [
  ["moisture", "Moisture"],
  ["temperature", "Temperature"],
] as const;

export function Field(): JSX.Element {
  const asked = useAsked("field", everyDevice);
  const plan = useAsked("plan", (signal) => get<{ plan: Plan | null }>("plan", undefined, signal));
  const soon = useThrottled(asked.reload, 10_000);
  useNews("readings", soon);
  useNews("reload", soon);
  const [editing, edit] = useState(false);
  const all = asked.data?.devices ?? [];
  const placed = useMemo(() => all.filter((one): one is FleetDevice & Placed => one.latitude !== null && one.longitude !== null), [asked.data]);
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Field</h1>
          <p class="lead">{asked.data ? `${plural(placed.length, "device")} at ${placed.length === 1 ? "its place" : "their places"}${all.length > placed.length ? `; ${all.length - placed.length} without coordinates` : ""}` : "\u00a0"}</p>
        </div>
        <button type="button" class="button" onClick={() => edit(true)}>
          <Icon name="edit" />
          Plan of the field
        </button>
      </div>
      {asked.error ? <Failed what="The fleet could not be asked:" problem={asked.error} again={asked.reload} /> : null}
      {plan.error && plan.error.status !== 404 ? <Failed what="The plan could not be asked:" problem={plan.error} again={plan.reload} /> : null}
      {asked.data === null && asked.error === null ? <Loading what="the field" /> : null}
      {asked.data && all.length === 0 ? <FirstSteps /> : null}
      {asked.data && asked.data.total > MOST ? <p class="notice">Only {MOST} of {plural(asked.data.total, "device")} are drawn.</p> : null}
      {all.length > 0 ? <Ground all={all} placed={placed} plan={plan.data?.plan ?? null} done={asked.reload} /> : null}
      {editing ? <PlanDialog plan={plan.data?.plan ?? null} close={() => edit(false)} done={plan.reload} /> : null}
    </>
  );
}

function Ground({ all, placed, plan, done }: { all: FleetDevice[]; placed: (FleetDevice & Placed)[]; plan: Plan | null; done: () => void }): JSX.Element {
  const [quantity, setQuantity] = useState<Quantity>("moisture");
  const times = useMemo(() => stops(placed), [placed]);
  const [stop, setStop] = useState<number | null>(null);
  const [chosen, choose] = useState<string | null>(null);
  const [placing, place] = useState<string | null>(null);
  const time = stop === null ? null : (times[stop] ?? null);
  const put = useDeed(async (id: string, at: Place) => {
    const { details } = await get<Device>(devicePath(id));
    await ask("PUT", devicePath(id, "/details"), { json: { ...details, ...at } });
    place(null);
    done();
  });
  const device = all.find(({ id }) => id === chosen);
  return (
    <div class="field-page">
      <div class="field-map">
        <div class="tools">
          <Choice label="Colour by" value={quantity} set={setQuantity} options={QUANTITIES} />
          <Scale quantity={quantity} />
        </div>
        {put.error ? <Failed what="Not placed:" problem={put.error} /> : null}
        {placing ? <p class="notice">Press where {placing} stands. Its coordinates can also be typed among its details.</p> : null}
        {placed.length === 0 && plan === null ? (
          <Empty title="No device has coordinates yet">
            <p>Give a device its latitude and longitude among its details, or upload a plan of the field with its corners and press where each stands.</p>
          </Empty>
        ) : (
          <Sketch placed={placed} plan={plan} quantity={quantity} time={time} chosen={chosen} choose={choose} put={placing === null ? null : (at) => void put.run(placing, at)} />
        )}
        {times.length > 0 ? <TimeSlider times={times} stop={stop} set={setStop} /> : null}
      </div>
      <div class="field-side">
        {device ? <Chosen device={device} quantity={quantity} time={time} /> : <p class="hint">Choose a device in the field to see it here.</p>}
        <Unplaced all={all} placing={placing} place={place} />
      </div>
    </div>
  );
}

/** The colours, and what their ends stand for. */
function Scale({ quantity }: { quantity: Quantity }): JSX.Element {
  const [low, high] = ENDS[quantity];
  const say = quantity === "moisture" ? percent : celsius;
  const steps = Array.from({ length: 24 }, (_, index) => low + ((high - low) * index) / 23);
  return (
    <div class="scale" role="img" aria-label={`Colours from ${say(low)} to ${say(high)}`}>
      <span>{say(low)}</span>
      <span class="scale-bar">
        {steps.map((value) => (
          <i key={value} style={{ background: colourOf(quantity, value) }} />
        ))}
      </span>
      <span>{say(high)}</span>
    </div>
  );
}

function TimeSlider({ times, stop, set }: { times: number[]; stop: number | null; set: (stop: number | null) => void }): JSX.Element {
  const time = stop === null ? null : (times[stop] ?? null);
  const words = time === null ? "The last reading of each" : `About ${dateTime(time)} ${zoneName(time)}`;
  return (
    <div class="slider">
      <label for="field-time">Time</label>
      <input
        id="field-time"
        type="range"
        min={0}
        max={times.length}
        step={1}
        value={stop ?? times.length}
        aria-valuetext={words}
        onInput={(event) => {
          const value = event.currentTarget.valueAsNumber;
          set(value >= times.length ? null : value);
        }}
      />
      <output title={time === null ? undefined : utc(time)}>{words}</output>
    </div>
  );
}

function Chosen({ device, quantity, time }: { device: FleetDevice; quantity: Quantity; time: number | null }): JSX.Element {
  const value = shownOf(device, quantity, time);
  return (
    <section class="card" aria-live="polite">
      <h2>
        <Link href={deviceAt(device.id)}>{device.name ?? device.id}</Link>
      </h2>
      <p class="sub">{[device.name === null ? null : device.id, device.place].filter((part) => part).join(" · ")}</p>
      <p class={`big big-${quantity}`}>{quantity === "moisture" ? percent(value, 1) : celsius(value, 1)}</p>
      <p class="sub">{time === null ? "its last reading" : "mean of three hours"}</p>
      <StateMark state={device.state} />
    </section>
  );
}

/** Devices that stand nowhere yet. */
function Unplaced({ all, placing, place }: { all: FleetDevice[]; placing: string | null; place: (id: string | null) => void }): JSX.Element | null {
  const allowed = useMay("operator");
  const unplaced = all.filter(({ latitude, longitude }) => latitude === null || longitude === null);
  if (unplaced.length === 0) return null;
  return (
    <section class="card" aria-labelledby="unplaced-title">
      <h2 id="unplaced-title">Without coordinates</h2>
      <WhyNot id="unplaced-why" why={allowed.why} />
      <ul class="list list-low">
        {unplaced.slice(0, 50).map(({ id, name }) => (
          <li key={id}>
            <Link href={deviceAt(id)}>{name ?? id}</Link>
            <button type="button" class="button" disabled={!allowed.ok} aria-pressed={placing === id} aria-label={`Place ${name ?? id}`} onClick={() => place(placing === id ? null : id)}>
              Place
            </button>
          </li>
        ))}
      </ul>
      {unplaced.length > 50 ? <p class="hint">and {unplaced.length - 50} more</p> : null}
    </section>
  );
}
