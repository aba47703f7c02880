/** The devices where they stand, coloured by what their soil is doing. */
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { ask, device as devicePath, get } from "../api/client";
import type { Device, FleetDevice, Plan, ReadingsEvent } from "../api/types";
import { useAsked, useDeed, useMay, useNews, useSettled, useThrottled } from "../hooks";
import { colourOf, ENDS, type Quantity } from "../lib/colour";
import { celsius, count, percent, plural } from "../lib/format";
import type { Place } from "../lib/map";
import { deviceAt } from "../lib/route";
import { stopAt, timeLine } from "../lib/time-line";
import { Choice, TextInput } from "../parts/form";
import { Icon } from "../parts/icon";
import { Empty, Failed, Loading, WhyNot } from "../parts/notice";
import { StateMark } from "../parts/state";
import { Time } from "../parts/time";
import { Link } from "../router";
import { isOld, MOST, type Placed, type PlacedDevice, placedDevices, shownOf, unplacedDevices } from "./field/fleet";
import { PlanDialog } from "./field/plan";
import { Sketch } from "./field/sketch";
import { TimeSlider } from "./field/time";
import { FirstSteps } from "./fleet/first";
import { patched } from "./fleet/rows";

const QUANTITIES = [
  ["moisture", "Moisture"],
  ["temperature", "Temperature"],
] as const;

/** What comes is put into the map at once; all of it is asked for again at this distance. */
const SETTLE_MS = 60_000;
/** Devices without coordinates that are named. */
const NAMED = 50;

/** Devices with what has come of them since they were asked for. */
function useFresh(asked: Placed | null): PlacedDevice[] {
  const [events, set] = useState<ReadonlyMap<string, ReadingsEvent>>(new Map());
  useNews("readings", (event) => set((old) => new Map(old).set(event.device, event)));
  useEffect(() => set(new Map()), [asked]);
  return useMemo(
    () =>
      (asked?.devices ?? []).map((device) => {
        const event = events.get(device.id);
        return event === undefined ? device : { ...device, ...patched(device, event), latitude: device.latitude, longitude: device.longitude };
      }),
    [asked, events],
  );
}

export function Field(): JSX.Element {
  const asked = useAsked("field", (signal) => placedDevices(null, signal));
  const others = useUnplaced();
  const plan = useAsked("plan", (signal) => get<{ plan: Plan | null }>("plan", undefined, signal));
  const reload = (): void => {
    asked.reload();
    others.reload();
  };
  useNews("readings", useThrottled(reload, SETTLE_MS));
  useNews("reload", reload);
  const [editing, edit] = useState(false);
  const placed = useFresh(asked.data);
  const without = others.total === null || asked.data === null ? 0 : Math.max(0, others.total - asked.data.total);
  const known = asked.data !== null && others.total !== null;
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Field</h1>
          <p class="lead">{known ? `${plural(asked.data?.total ?? 0, "device")} at ${asked.data?.total === 1 ? "its place" : "their places"}${without > 0 ? `; ${count(without)} without coordinates` : ""}` : "\u00a0"}</p>
        </div>
        <button type="button" class="button" onClick={() => edit(true)}>
          <Icon name="edit" />
          Plan of the field
        </button>
      </div>
      {asked.error ? <Failed what="The fleet could not be asked:" problem={asked.error} again={reload} /> : null}
      {plan.error && plan.error.status !== 404 ? <Failed what="The plan could not be asked:" problem={plan.error} again={plan.reload} /> : null}
      {!known && asked.error === null ? <Loading what="the field" /> : null}
      {known && others.total === 0 ? <FirstSteps /> : null}
      {asked.data && asked.data.total > MOST ? <p class="notice">Only {count(MOST)} of {plural(asked.data.total, "device")} are drawn.</p> : null}
      {known && others.total !== 0 ? <Ground asked={asked.data as Placed} placed={placed} others={others} plan={plan.data?.plan ?? null} done={reload} /> : null}
      {editing ? <PlanDialog plan={plan.data?.plan ?? null} close={() => edit(false)} done={plan.reload} /> : null}
    </>
  );
}

interface Others {
  search: string;
  setSearch: (search: string) => void;
  devices: FleetDevice[];
  /** How many devices there are, with coordinates or without; null: not known yet. */
  total: number | null;
  reload: () => void;
}

/** Devices that stand nowhere yet, of those that are searched for. */
function useUnplaced(): Others {
  const [search, setSearch] = useState("");
  const settled = useSettled(search.trim());
  const asked = useAsked(`unplaced ${settled}`, (signal) => unplacedDevices(settled, signal));
  const [total, setTotal] = useState<number | null>(null);
  useEffect(() => {
    if (asked.data && settled === "") setTotal(asked.data.total);
  }, [asked.data]);
  return { search, setSearch, devices: asked.data?.devices ?? [], total: total ?? (asked.error ? 0 : null), reload: asked.reload };
}

interface GroundProps {
  asked: Placed;
  placed: PlacedDevice[];
  others: Others;
  plan: Plan | null;
  done: () => void;
}

function Ground({ asked, placed, others, plan, done }: GroundProps): JSX.Element {
  const [quantity, setQuantity] = useState<Quantity>("moisture");
  const line = useMemo(() => (asked.first === null || asked.last === null ? null : timeLine(asked.first, asked.last)), [asked.first, asked.last]);
  const [stop, setStop] = useState<number | null>(null);
  const [playing, play] = useState(false);
  const [chosen, choose] = useState<string | null>(null);
  const [placing, place] = useState<string | null>(null);
  const time = stop === null || line === null ? null : stopAt(line, stop);
  const settled = useSettled(String(time));
  const wanted = playing ? String(time) : settled;
  const then = useAsked(time === null || wanted === "null" ? null : wanted, async (signal) => ({ time: Number(wanted), ...(await placedDevices(Number(wanted), signal)) }));
  const put = useDeed(async (id: string, at: Place) => {
    const { details } = await get<Device>(devicePath(id));
    await ask("PUT", devicePath(id, "/details"), { json: { ...details, ...at } });
    place(null);
    done();
  });
  const shown = time === null || then.data === null ? placed : then.data.devices;
  const at = time === null ? null : (then.data?.time ?? null);
  const device = shown.find(({ id }) => id === chosen);
  const map = placed.length > 0 || plan !== null;
  return (
    <div class="field-page">
      <div class="field-map">
        <div class="tools">
          <Choice label="Colour by" value={quantity} set={setQuantity} options={QUANTITIES} />
          <Scale quantity={quantity} />
        </div>
        {put.error ? <Failed what="Not placed:" problem={put.error} /> : null}
        {then.error ? <Failed what="This time could not be asked:" problem={then.error} again={then.reload} /> : null}
        {placing ? <p class="notice">Press where {placing} stands. Its coordinates can also be typed among its details.</p> : null}
        {map ? (
          <Sketch placed={shown} plan={plan} quantity={quantity} time={at} chosen={chosen} choose={choose} put={placing === null ? null : (where) => void put.run(placing, where)} />
        ) : (
          <Empty title="No device has coordinates yet">
            <p>Give a device its latitude and longitude among its details, or upload a plan of the field with its edges and press where each stands.</p>
          </Empty>
        )}
        {line !== null && map ? <TimeSlider line={line} stop={stop} set={setStop} behind={time !== null && then.data?.time !== time && then.error === null} playing={playing} play={play} /> : null}
      </div>
      <div class="field-side">
        {device ? <Chosen device={device} quantity={quantity} time={at} /> : map ? <p class="hint">Choose a device in the field to see it here.</p> : null}
        <Unplaced others={others} without={Math.max(0, (others.total ?? 0) - asked.total)} map={map} placing={placing} place={place} />
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

function Chosen({ device, quantity, time }: { device: FleetDevice; quantity: Quantity; time: number | null }): JSX.Element {
  const value = shownOf(device, quantity);
  return (
    <section class="card" aria-live="polite">
      <h2>
        <Link href={deviceAt(device.id)}>{device.name ?? device.id}</Link>
      </h2>
      <p class="sub">{[device.name === null ? null : device.id, device.place].filter((part) => part).join(" · ")}</p>
      <p class={`big big-${quantity}`}>{quantity === "moisture" ? percent(value, 1) : celsius(value, 1)}</p>
      <p class="sub">
        {device.last_time === null ? "no reading in the week before" : <>{time === null ? "last reading " : "measured "}<Time at={device.last_time} /></>}
        {isOld(device, time) ? ", more than a day before" : ""}
      </p>
      {time === null ? <StateMark state={device.state} /> : null}
    </section>
  );
}

interface UnplacedProps {
  others: Others;
  /** How many there are. */
  without: number;
  /** Whether there is anything to place them on. */
  map: boolean;
  placing: string | null;
  place: (id: string | null) => void;
}

/** Devices that stand nowhere yet. */
function Unplaced({ others, without, map, placing, place }: UnplacedProps): JSX.Element | null {
  const allowed = useMay("operator");
  if (without === 0) return null;
  const named = others.devices.slice(0, NAMED);
  return (
    <section class="card" aria-labelledby="unplaced-title">
      <h2 id="unplaced-title">Without coordinates</h2>
      <WhyNot id="unplaced-why" why={allowed.why} />
      {map ? null : <p class="hint">Their coordinates can be typed among their details.</p>}
      {without > NAMED ? <TextInput label="Search them by id, name or place" type="search" value={others.search} set={others.setSearch} /> : null}
      <ul class="list list-low">
        {named.map(({ id, name }) => (
          <li key={id}>
            <Link href={deviceAt(id)}>{name ?? id}</Link>
            {map ? (
              <button type="button" class="button" disabled={!allowed.ok} aria-pressed={placing === id} aria-label={`Place ${name ?? id}`} onClick={() => place(placing === id ? null : id)}>
                Place
              </button>
            ) : null}
          </li>
        ))}
      </ul>
      {without > named.length ? <p class="hint">{named.length === 0 ? "None of those found." : `${count(named.length)} of ${count(without)}; search for others.`}</p> : null}
    </section>
  );
}
