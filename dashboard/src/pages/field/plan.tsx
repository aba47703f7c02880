/** The plan under the devices: a picture and where its edges lie. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ask, file as fetched } from "../../api/client";
import type { Plan } from "../../api/types";
import { useDeed, useMay } from "../../hooks";
import { Dialog } from "../../parts/dialog";
import { Form, NumberInput } from "../../parts/form";
import { Failed, WhyNot } from "../../parts/notice";

/** What the cloud takes, in bytes. */
const LARGEST = 2 * 1024 * 1024;

type Edges = { south: number | null; west: number | null; north: number | null; east: number | null };

export function PlanDialog({ plan, close, done }: { plan: Plan | null; close: () => void; done: () => void }): JSX.Element {
  const allowed = useMay("operator");
  const [edges, set] = useState<Edges>({ south: plan?.south ?? null, west: plan?.west ?? null, north: plan?.north ?? null, east: plan?.east ?? null });
  const [file, choose] = useState<File | null>(null);
  const off = !allowed.ok;
  const finish = (): void => {
    done();
    close();
  };
  const save = useDeed(async () => {
    // Another picture, or the one that is there under other edges.
    await ask("PUT", "plan", { query: edges, file: file ?? (await fetched("plan/image")) });
    finish();
  });
  const remove = useDeed(async () => {
    await ask("DELETE", "plan");
    finish();
  });
  const large = file !== null && file.size > LARGEST;
  const edge = (key: keyof Edges) => ({ value: edges[key], set: (value: number | null) => set({ ...edges, [key]: value }), required: true, disabled: off, unit: "°" });
  return (
    <Dialog title="Plan of the field" close={close}>
      <p>A picture seen from above, north up: an aerial photograph, a drawing, a map. It is kept in this cloud and nowhere else.</p>
      <WhyNot id="plan-why" why={allowed.why} />
      <Form send={() => void save.run()}>
        <div class="field">
          <label for="plan-file">Picture</label>
          <input id="plan-file" type="file" accept="image/png,image/jpeg,image/webp" required={plan === null} disabled={off} aria-describedby="plan-hint" onChange={(event) => choose(event.currentTarget.files?.[0] ?? null)} />
          <p class="hint" id="plan-hint">
            PNG, JPEG or WebP, at most 2 MB{plan === null ? "" : ". Empty: the one that is there stays."}
          </p>
          {large ? <p class="bad" role="alert">This picture is larger than 2 MB; make it smaller.</p> : null}
        </div>
        <fieldset>
          <legend>Its edges</legend>
          <div class="pair">
            <NumberInput label="North" min={-90} max={90} {...edge("north")} />
            <NumberInput label="South" min={-90} max={90} {...edge("south")} />
            <NumberInput label="West" min={-180} max={180} {...edge("west")} />
            <NumberInput label="East" min={-180} max={180} {...edge("east")} />
          </div>
        </fieldset>
        {save.error ? <Failed what="Not saved:" problem={save.error} /> : null}
        {remove.error ? <Failed what="Not removed:" problem={remove.error} /> : null}
        <div class="actions">
          {plan === null ? null : (
            <button type="button" class="button button-bad" disabled={off || remove.busy} onClick={() => void remove.run()}>
              Remove plan
            </button>
          )}
          <button type="submit" class="button button-main" disabled={off || large || save.busy} {...(off ? { "aria-describedby": "plan-why" } : {})}>
            Save plan
          </button>
        </div>
      </Form>
    </Dialog>
  );
}
