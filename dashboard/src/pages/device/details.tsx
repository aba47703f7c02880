/** What people say of a device; the curve's thresholds are among it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ask, device as devicePath, get } from "../../api/client";
import type { Channel, Details, Device, Rule } from "../../api/types";
import { useDeed, useMay } from "../../hooks";
import { ringing, ringsOf, type ThresholdKey, THRESHOLDS } from "../../lib/rules";
import { Dialog } from "../../parts/dialog";
import { Check, Form, NumberInput, TextArea, TextInput } from "../../parts/form";
import { Failed, WhyNot } from "../../parts/notice";

type Text = "name" | "place" | "soil" | "notes";
type Num = Exclude<keyof Details, Text | "interval_s" | "survey_s">;

const MINUTE = 60;
const HOUR = 3600;

/** The API counts seconds, people do not. */
const unitsOf = (seconds: number | null, unit: number): number | null => (seconds === null ? null : seconds / unit);
const secondsOf = (value: number | null, unit: number): number | null => (value === null ? null : Math.max(1, Math.round(value * unit)));

/** Thresholds as they are called, and what they are counted in. */
const LABELS: Record<ThresholdKey, [string, "%" | "°C"]> = {
  moisture_low: ["Moisture low", "%"],
  moisture_high: ["Moisture high", "%"],
  temperature_low: ["Temperature low", "°C"],
  temperature_high: ["Temperature high", "°C"],
};

interface Props {
  device: Device;
  /** null: they could not be asked. */
  rules: Rule[] | null;
  close: () => void;
  done: () => void;
}

export function DetailsDialog({ device, rules, close, done }: Props): JSX.Element {
  const [details, set] = useState<Details>(device.details);
  const [minutes, setMinutes] = useState(unitsOf(device.details.interval_s, MINUTE));
  const [hours, setHours] = useState(unitsOf(device.details.survey_s, HOUR));
  const [rings, setRings] = useState<ThresholdKey[] | null>(null);
  const ringsNow = rings ?? ringsOf(rules ?? [], device.id, device.details);
  const allowed = useMay("operator");
  const all = useMay("administrator");
  const save = useDeed(async () => {
    const json: Details = { ...details, interval_s: secondsOf(minutes, MINUTE), survey_s: secondsOf(hours, HOUR) };
    await ask<Device>("PUT", devicePath(device.id, "/details"), { json });
    try {
      if (rules !== null) await ring(rules);
    } finally {
      done();
    }
    close();
  });
  const ring = async (known: Rule[]): Promise<void> => {
    // Only administrators see whom a rule could tell.
    const channels = all.ok ? (await get<{ channels: Channel[] }>("channels")).channels.map(({ id }) => id) : [];
    for (const { method, path, json } of ringing(known, device.id, device.details, details, ringsNow, channels)) await ask(method, path, { json });
  };
  const off = !allowed.ok;
  const text = (key: Text) => ({ value: details[key] ?? "", set: (value: string) => set({ ...details, [key]: value.trim() === "" ? null : value }), disabled: off });
  const num = (key: Num) => ({ value: details[key], set: (value: number | null) => set({ ...details, [key]: value }), disabled: off });
  return (
    <Dialog title={`Details of ${device.name ?? device.id}`} close={close} wide>
      <WhyNot id="details-why" why={allowed.why} />
      <Form send={() => void save.run()}>
        <div class="pair pair-two">
          <TextInput label="Name" {...text("name")} />
          <TextInput label="Place" {...text("place")} hint="Such as a block or a row" />
          <NumberInput label="Latitude" unit="°" min={-90} max={90} {...num("latitude")} />
          <NumberInput label="Longitude" unit="°" min={-180} max={180} {...num("longitude")} />
          <NumberInput label="Depth" unit="cm" min={0} max={10_000} {...num("depth_cm")} />
          <TextInput label="Soil" {...text("soil")} hint="Such as silt loam" />
          <NumberInput label="Measures every" unit="minutes" min={0} disabled={off} value={minutes} set={setMinutes} hint="Empty: as its readings show" />
          <NumberInput label="Owes a survey every" unit="hours" min={0} disabled={off} value={hours} set={setHours} hint="Empty: a day" />
        </div>
        <fieldset>
          <legend>Thresholds, drawn in the curves</legend>
          <div class="pair pair-two">
            {THRESHOLDS.map(({ key }) => {
              const [label, unit] = LABELS[key];
              const on = ringsNow.includes(key);
              return (
                <div key={key} class="threshold">
                  <NumberInput label={label} unit={unit} {...(unit === "%" ? { min: 0, max: 100 } : {})} {...num(key)} />
                  <Check
                    label="Ring when crossed"
                    value={on && details[key] !== null}
                    disabled={off || rules === null || details[key] === null}
                    aria={`Ring when crossed: ${label}`}
                    set={(wanted) => setRings(wanted ? [...ringsNow, key] : ringsNow.filter((old) => old !== key))}
                  />
                </div>
              );
            })}
          </div>
          <p class="hint">
            What rings is a rule of this device. {all.ok ? "It tells every channel that there is" : "It is shown on the page of alerts, and an administrator chooses whom else it tells"}; under Alerts it can be changed.
          </p>
        </fieldset>
        <TextArea label="Notes" most={4_000} {...text("notes")} />
        {save.error ? <Failed what="Not saved:" problem={save.error} /> : null}
        <div class="actions">
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="button button-main" disabled={off || save.busy} {...(off ? { "aria-describedby": "details-why" } : {})}>
            Save details
          </button>
        </div>
      </Form>
    </Dialog>
  );
}
