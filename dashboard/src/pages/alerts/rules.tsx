/** The rules, and the form that makes one. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ask, get } from "../../api/client";
import type { Channel, Rule, RuleBody, RuleKind } from "../../api/types";
import { useAsked, useDeed, useMay } from "../../hooks";
import { every } from "../../lib/format";
import { fresh, KINDS, kindOf, ruleWords } from "../../lib/rules";
import { Dialog } from "../../parts/dialog";
import { Check, Form, NumberInput, Select, TextInput } from "../../parts/form";
import { Icon } from "../../parts/icon";
import { Failed, WhyNot } from "../../parts/notice";
import { Stack } from "../../parts/stack";

export function Rules(): JSX.Element {
  const asked = useAsked("rules", (signal) => get<{ rules: Rule[] }>("rules", undefined, signal));
  const [editing, edit] = useState<Rule | RuleBody | null>(null);
  const allowed = useMay("operator");
  const rules = asked.data?.rules ?? [];
  return (
    <section class="card" aria-labelledby="rules-title">
      <div class="card-head">
        <h2 id="rules-title">Rules</h2>
        <button type="button" class="button" disabled={!allowed.ok} aria-describedby="rules-why" onClick={() => edit(fresh("moisture_below"))}>
          <Icon name="plus" />
          New rule
        </button>
      </div>
      <WhyNot id="rules-why" why={allowed.why} />
      {asked.error ? <Failed what="The rules could not be asked:" problem={asked.error} again={asked.reload} /> : null}
      {asked.data && rules.length === 0 ? <p>No rule yet, so nothing ever rings. Begin with “Device silent”, so that a meter that stops is not missed.</p> : null}
      {rules.length > 0 ? (
        <Stack
          label="Rules"
          rows={rules}
          keyOf={(rule) => rule.id}
          columns={[
            { name: "Rule", kind: "row", show: (rule) => rule.name },
            { name: "Rings when", kind: "text", show: ruleWords },
            { name: "Repeats", show: (rule) => (rule.repeat_s === 0 ? "never" : every(rule.repeat_s)) },
            { name: "State", show: (rule) => (rule.enabled ? (rule.channels.length === 0 ? "on, tells only this page" : "on") : "off") },
            {
              name: "",
              kind: "tool",
              show: (rule) => (
                <button type="button" class="button button-plain" disabled={!allowed.ok} aria-label={`Change the rule ${rule.name}`} onClick={() => edit(rule)}>
                  <Icon name="edit" />
                </button>
              ),
            },
          ]}
        />
      ) : null}
      {editing ? <RuleDialog rule={editing} close={() => edit(null)} done={asked.reload} /> : null}
    </section>
  );
}

function RuleDialog({ rule, close, done }: { rule: Rule | RuleBody; close: () => void; done: () => void }): JSX.Element {
  const id = "id" in rule ? rule.id : null;
  const [body, set] = useState<RuleBody>(() => bodyOf(rule));
  const [devices, setDevices] = useState(rule.devices?.join(", ") ?? "");
  const kind = kindOf(body.kind);
  const finish = (): void => {
    done();
    close();
  };
  const save = useDeed(async () => {
    const ids = devices.split(/[\s,]+/).filter((one) => one !== "");
    const json = { ...body, devices: kind.devices && ids.length > 0 ? ids : null };
    await (id === null ? ask("POST", "rules", { json }) : ask("PUT", `rules/${id}`, { json }));
    finish();
  });
  const remove = useDeed(async () => {
    await ask("DELETE", `rules/${id}`);
    finish();
  });
  const pick = (next: RuleKind): void => {
    const renamed = body.name === kind.name || body.name === "";
    const { value, name } = fresh(next);
    set({ ...body, kind: next, value, clear: null, name: renamed ? name : body.name });
  };
  return (
    <Dialog title={id === null ? "New rule" : `Rule “${rule.name}”`} close={close}>
      <Form send={() => void save.run()}>
        <Select label="Rings for" value={body.kind} set={pick} options={KINDS.map((one) => [one.kind, one.name] as const)} />
        <TextInput label="Name" required value={body.name} set={(name) => set({ ...body, name })} />
        <div class="pair">
          {kind.unit === null ? null : <NumberInput label="Value" unit={kind.unit} required value={body.value} set={(value) => set({ ...body, value })} />}
          {kind.unit === null || kind.kind === "conflicts" ? null : (
            <NumberInput label="Solved beyond" unit={kind.unit} value={body.clear} set={(clear) => set({ ...body, clear })} hint="Keeps a value at the edge from ringing again and again" />
          )}
          {kind.lasting ? (
            <NumberInput label="Lasting at least" unit="hours" min={0} value={body.for_s / 3600} set={(hours) => set({ ...body, for_s: Math.round((hours ?? 0) * 3600) })} hint="By the time of the readings" />
          ) : null}
          <NumberInput label="Repeat every" unit="hours" min={0} value={body.repeat_s / 3600} set={(hours) => set({ ...body, repeat_s: Math.round((hours ?? 0) * 3600) })} hint="Until it is solved" />
        </div>
        {kind.devices ? <TextInput label="Only these devices" most={8_000} value={devices} set={setDevices} hint="Ids with commas between them; empty for all" /> : null}
        <ChannelPicks picked={body.channels} set={(channels) => set({ ...body, channels })} />
        <Check label="On" value={body.enabled} set={(enabled) => set({ ...body, enabled })} />
        {save.error ? <Failed what="Not saved:" problem={save.error} /> : null}
        {remove.error ? <Failed what="Not removed:" problem={remove.error} /> : null}
        <div class="actions">
          {id === null ? null : (
            <button type="button" class="button button-bad" disabled={remove.busy} onClick={() => void remove.run()}>
              Remove rule
            </button>
          )}
          <button type="submit" class="button button-main" disabled={save.busy}>
            {id === null ? "Make rule" : "Save rule"}
          </button>
        </div>
      </Form>
    </Dialog>
  );
}

/** A rule short of its id, and of whatever else the cloud may say of it. */
function bodyOf(rule: RuleBody): RuleBody {
  const { name, kind, value, clear, for_s, devices, repeat_s, channels, enabled } = rule;
  return { name, kind, value, clear, for_s, devices, repeat_s, channels, enabled };
}

/** Whom the rule tells. Only administrators see the channels; others keep those that the rule has. */
function ChannelPicks({ picked, set }: { picked: number[]; set: (picked: number[]) => void }): JSX.Element {
  const allowed = useMay("administrator");
  const asked = useAsked(allowed.ok ? "channels" : null, (signal) => get<{ channels: Channel[] }>("channels", undefined, signal));
  const channels = asked.data?.channels ?? [];
  return (
    <fieldset>
      <legend>Tells</legend>
      {allowed.ok ? null : <p class="hint">Channels are an administrator's. The rule keeps the {picked.length} it has.</p>}
      {allowed.ok && asked.data && channels.length === 0 ? <p class="hint">No channel yet: alerts are shown on this page only. Make one under “Channels”.</p> : null}
      {channels.map(({ id, name, kind }) => (
        <Check key={id} label={`${name} (${kind})`} value={picked.includes(id)} set={(on) => set(on ? [...picked, id] : picked.filter((old) => old !== id))} />
      ))}
    </fieldset>
  );
}
