/** How long readings are kept, and whether the store is sound. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ask, get } from "../../api/client";
import type { RetentionPreview } from "../../api/types";
import { useAsked, useDeed, useMay } from "../../hooks";
import { bytes, count, plural } from "../../lib/format";
import { Dialog } from "../../parts/dialog";
import { Form, NumberInput } from "../../parts/form";
import { Failed, WhyNot } from "../../parts/notice";
import { Time } from "../../parts/time";

/** What the cloud takes, in days. */
const SHORTEST = 32;
const LONGEST = 36_525;
/** Devices that its preview names; of more it says the readings only. */
const CUT = 1_000;

interface Kept {
  keep_days: number | null;
}

export function Retention(): JSX.Element {
  const allowed = useMay("administrator");
  const asked = useAsked(allowed.ok ? "retention" : null, (signal) => get<Kept>("retention", undefined, signal));
  const [days, setDays] = useState<number | null | undefined>(undefined);
  const [preview, setPreview] = useState<RetentionPreview | null>(null);
  const now = asked.data?.keep_days ?? null;
  const wanted = days === undefined ? now : days;
  const look = useDeed(async () => {
    if (wanted === null) await keep(null);
    else setPreview(await get<RetentionPreview>("retention/preview", { keep_days: wanted }));
  });
  const keep = async (keep_days: number | null): Promise<void> => {
    await ask("PUT", "retention", { json: { keep_days } });
    setPreview(null);
    setDays(undefined);
    asked.reload();
  };
  return (
    <section class="card" aria-labelledby="retention-title">
      <h2 id="retention-title">Retention</h2>
      <WhyNot id="retention-why" why={allowed.why} />
      {asked.error ? <Failed what="Retention could not be asked:" problem={asked.error} again={asked.reload} /> : null}
      {asked.data ? <p>{now === null ? "Every reading is kept for ever." : `Readings older than ${plural(now, "day")} are removed.`}</p> : null}
      <Form send={() => void look.run()}>
        <NumberInput label="Keep readings for" unit="days" min={SHORTEST} max={LONGEST} step={1} value={wanted} set={setDays} disabled={!allowed.ok} hint="At least 32: gateways offer again what is younger. Empty: for ever. You are shown what would go before anything goes." />
        {look.error ? <Failed what={wanted === null ? "Not set:" : "It could not be asked:"} problem={look.error} /> : null}
        <div class="actions actions-left">
          <button type="submit" class="button" disabled={!allowed.ok || look.busy || wanted === now}>
            {wanted === null ? "Keep for ever" : "Show what would go"}
          </button>
        </div>
      </Form>
      {preview && wanted !== null ? <Preview preview={preview} days={wanted} keep={() => keep(wanted)} close={() => setPreview(null)} /> : null}
    </section>
  );
}

/** Devices that are named in the preview. */
const NAMED = 100;

function Preview({ preview, days, keep, close }: { preview: RetentionPreview; days: number; keep: () => Promise<void>; close: () => void }): JSX.Element {
  const set = useDeed(keep);
  return (
    <Dialog title={`Keep ${plural(days, "day")}`} close={close}>
      <p>
        Everything before <Time at={preview.before} /> would be removed, for good, now and from now on:{" "}
        <strong>
          {plural(preview.readings, "reading")} of {preview.devices.length < CUT ? plural(preview.devices.length, "device") : `${count(CUT)} devices or more`}
        </strong>
        , about {bytes(preview.bytes)}.
      </p>
      {preview.devices.length > 0 ? (
        <div class="scroll scroll-low" tabIndex={0} role="region" aria-label="What would be removed">
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">Device</th>
                <th scope="col" class="n">Readings</th>
              </tr>
            </thead>
            <tbody>
              {preview.devices.slice(0, NAMED).map(({ id, readings }) => (
                <tr key={id}>
                  <th scope="row">{id}</th>
                  <td class="n">{count(readings)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {preview.devices.length > NAMED ? <p class="hint">and {preview.devices.length < CUT ? count(preview.devices.length - NAMED) : `${count(CUT - NAMED)} or`} more</p> : null}
        </div>
      ) : null}
      {set.error ? <Failed what="Not set:" problem={set.error} /> : null}
      <div class="actions">
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
        <button type="button" class="button button-bad" disabled={set.busy} onClick={() => void set.run()}>
          Remove {plural(preview.readings, "reading")} and keep {plural(days, "day")}
        </button>
      </div>
    </Dialog>
  );
}

interface Checked {
  ok: boolean;
  messages: string[];
  took_ms: number;
}

export function Care(): JSX.Element {
  const allowed = useMay("operator");
  const [found, setFound] = useState<Checked | null>(null);
  const check = useDeed(async () => setFound(await ask<Checked>("POST", "check")));
  return (
    <section class="card" aria-labelledby="care-title">
      <h2 id="care-title">Is the store sound?</h2>
      <p>Reads the whole store and checks that it is consistent. Readings keep coming in meanwhile.</p>
      <WhyNot id="care-why" why={allowed.why} />
      <div role="status">
        {found ? (
          <p class={found.ok ? "verdict verdict-good" : "verdict verdict-bad"}>
            <strong>{found.ok ? "The store is sound." : "The store is damaged."}</strong> Checked in {count(found.took_ms)} ms. {found.ok ? "" : found.messages.join("; ")}
          </p>
        ) : null}
      </div>
      {check.error ? <Failed what="Not checked:" problem={check.error} /> : null}
      <button type="button" class="button" disabled={!allowed.ok || check.busy} onClick={() => void check.run()}>
        {check.busy ? "Checking…" : "Check the store"}
      </button>
    </section>
  );
}
