/** What people say of a device; the curve's thresholds are among it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ask, device as devicePath } from "../../api/client";
import type { Details, Device } from "../../api/types";
import { useDeed, useMay } from "../../hooks";
import { Dialog } from "../../parts/dialog";
import { Form, NumberInput, TextArea, TextInput } from "../../parts/form";
import { Failed, WhyNot } from "../../parts/notice";

type Text = "name" | "place" | "soil" | "notes";
type Num = Exclude<keyof Details, Text>;

export function DetailsDialog({ device, close, done }: { device: Device; close: () => void; done: () => void }): JSX.Element {
  const [details, set] = useState<Details>(device.details);
  const allowed = useMay("operator");
  const save = useDeed(async () => {
    await ask<Device>("PUT", devicePath(device.id, "/details"), { json: details });
    done();
    close();
  });
  const off = !allowed.ok;
  const text = (key: Text) => ({ value: details[key] ?? "", set: (value: string) => set({ ...details, [key]: value.trim() === "" ? null : value }), disabled: off });
  const num = (key: Num) => ({ value: details[key], set: (value: number | null) => set({ ...details, [key]: value }), disabled: off });
  return (
    <Dialog title={`Details of ${device.id}`} close={close} wide>
      <WhyNot id="details-why" why={allowed.why} />
      <Form send={() => void save.run()}>
        <div class="pair">
          <TextInput label="Name" {...text("name")} />
          <TextInput label="Place" {...text("place")} hint="Such as a block or a row" />
          <NumberInput label="Latitude" unit="°" min={-90} max={90} {...num("latitude")} />
          <NumberInput label="Longitude" unit="°" min={-180} max={180} {...num("longitude")} />
          <NumberInput label="Depth" unit="cm" min={0} max={10_000} {...num("depth_cm")} />
          <TextInput label="Soil" {...text("soil")} hint="Such as silt loam" />
          <NumberInput label="Measures every" unit="seconds" min={1} step={1} {...num("interval_s")} hint="Empty: as its readings show" />
          <NumberInput label="Owes a survey every" unit="seconds" min={1} step={1} {...num("survey_s")} hint="Empty: a day (86400)" />
        </div>
        <fieldset>
          <legend>Thresholds, drawn in the curves</legend>
          <div class="pair">
            <NumberInput label="Moisture low" unit="%" min={0} max={100} {...num("moisture_low")} />
            <NumberInput label="Moisture high" unit="%" min={0} max={100} {...num("moisture_high")} />
            <NumberInput label="Temperature low" unit="°C" {...num("temperature_low")} />
            <NumberInput label="Temperature high" unit="°C" {...num("temperature_high")} />
          </div>
          <p class="hint">To be told when one is crossed, make a rule under Alerts.</p>
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
