/** Where alerts are delivered to. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ask, get, Problem } from "../../api/client";
import type { Channel } from "../../api/types";
import { useAsked, useDeed, useMay } from "../../hooks";
import { plural } from "../../lib/format";
import { CHANNEL_FIELDS, CHANNEL_KINDS, channelBody, type ChannelKind } from "../../lib/channels";
import { Dialog } from "../../parts/dialog";
import { Form, Select, TextInput } from "../../parts/form";
import { Icon } from "../../parts/icon";
import { Failed, WhyNot } from "../../parts/notice";

export function Channels(): JSX.Element {
  const allowed = useMay("administrator");
  const asked = useAsked(allowed.ok ? "channels" : null, (signal) => get<{ channels: Channel[] }>("channels", undefined, signal));
  const [editing, edit] = useState<Channel | "new" | null>(null);
  const channels = asked.data?.channels ?? [];
  return (
    <section class="card" aria-labelledby="channels-title">
      <div class="card-head">
        <h2 id="channels-title">Channels</h2>
        <button type="button" class="button" disabled={!allowed.ok} aria-describedby="channels-why" onClick={() => edit("new")}>
          <Icon name="plus" />
          New channel
        </button>
      </div>
      <WhyNot id="channels-why" why={allowed.why} />
      {asked.error ? <Failed what="The channels could not be asked:" problem={asked.error} again={asked.reload} /> : null}
      {asked.data && channels.length === 0 ? <p>Alerts show on this page only. A channel sends them to a webhook, by email or by MQTT.</p> : null}
      <ul class="list">
        {channels.map((channel) => (
          <Line key={channel.id} channel={channel} edit={() => edit(channel)} reload={asked.reload} />
        ))}
      </ul>
      {editing ? <ChannelDialog channel={editing === "new" ? null : editing} close={() => edit(null)} done={asked.reload} /> : null}
    </section>
  );
}

function Line({ channel, edit, reload }: { channel: Channel; edit: () => void; reload: () => void }): JSX.Element {
  const [sent, setSent] = useState(false);
  const test = useDeed(async () => {
    setSent(false);
    const said = await ask<{ delivered: boolean; detail: string | null } | undefined>("POST", `channels/${channel.id}/test`);
    if (said?.delivered === false) throw new Problem(0, "not-delivered", said.detail ?? "the receiver did not take it");
    setSent(true);
    reload();
  });
  const target = [channel["url"], channel["to"], channel["broker"], channel["topic"]].filter((part) => part).map((part) => (Array.isArray(part) ? part.join(", ") : String(part)));
  return (
    <li>
      <div>
        <strong>{channel.name}</strong> <span class="tag">{channel.kind}</span>
        <span class="sub">{target.join(" · ")}</span>
        {channel.failing ? <p class="bad">Failing: {channel.failing}</p> : null}
        {channel.waiting > 0 ? <p class="sub">{plural(channel.waiting, "message")} waiting</p> : null}
        {channel.lost > 0 ? <p class="bad">{plural(channel.lost, "message")} given up</p> : null}
        {test.error ? <Failed what="The test failed:" problem={test.error} /> : null}
        <p role="status">{sent ? "The test message was delivered." : ""}</p>
      </div>
      <button type="button" class="button" disabled={test.busy} onClick={() => void test.run()}>
        Test
      </button>
      <button type="button" class="button button-plain" aria-label={`Change the channel ${channel.name}`} onClick={edit}>
        <Icon name="edit" />
      </button>
    </li>
  );
}

function ChannelDialog({ channel, close, done }: { channel: Channel | null; close: () => void; done: () => void }): JSX.Element {
  const [kind, setKind] = useState<ChannelKind>(channel?.kind ?? "webhook");
  const [name, setName] = useState(channel?.name ?? "");
  const [values, setValues] = useState<Record<string, string>>(() => {
    const known = CHANNEL_FIELDS[channel?.kind ?? "webhook"].map(({ key }) => [key, channel?.[key] == null ? "" : String(channel[key])] as const);
    return Object.fromEntries(known);
  });
  const finish = (): void => {
    done();
    close();
  };
  const save = useDeed(async () => {
    const json = channelBody(kind, name, values);
    await (channel === null ? ask("POST", "channels", { json }) : ask("PUT", `channels/${channel.id}`, { json }));
    finish();
  });
  const remove = useDeed(async () => {
    await ask("DELETE", `channels/${channel?.id}`);
    finish();
  });
  return (
    <Dialog title={channel === null ? "New channel" : `Channel “${channel.name}”`} close={close}>
      <Form send={() => void save.run()}>
        <Select label="Kind" value={kind} set={setKind} options={CHANNEL_KINDS} disabled={channel !== null} />
        <TextInput label="Name" required value={name} set={setName} />
        {CHANNEL_FIELDS[kind].map((field) => (
          <TextInput
            key={field.key}
            label={field.label}
            type={field.secret ? "password" : "text"}
            complete={field.secret ? "new-password" : "off"}
            most={2_000}
            required={field.required && !(field.secret && channel !== null)}
            value={values[field.key] ?? ""}
            set={(value) => setValues({ ...values, [field.key]: value })}
            hint={field.secret && channel !== null ? "Kept as it is if left empty; never shown" : field.hint}
          />
        ))}
        {save.error ? <Failed what="Not saved:" problem={save.error} /> : null}
        {remove.error ? <Failed what="Not removed:" problem={remove.error} /> : null}
        <div class="actions">
          {channel === null ? null : (
            <button type="button" class="button button-bad" disabled={remove.busy} onClick={() => void remove.run()}>
              Remove channel
            </button>
          )}
          <button type="submit" class="button button-main" disabled={save.busy}>
            {channel === null ? "Make channel" : "Save channel"}
          </button>
        </div>
      </Form>
    </Dialog>
  );
}
