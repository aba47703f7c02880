/** Keys for programs: gateways that deliver, scripts that read. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ask, get } from "../../api/client";
import type { Scope, Token } from "../../api/types";
import { useAsked, useDeed, useMay, useNow } from "../../hooks";
import { Dialog } from "../../parts/dialog";
import { Form, Select, TextInput } from "../../parts/form";
import { Icon } from "../../parts/icon";
import { Failed, WhyNot } from "../../parts/notice";
import { Ago, Time } from "../../parts/time";

const SCOPES: readonly (readonly [Scope, string])[] = [
  ["ingest", "ingest: a gateway that delivers"],
  ["read", "read: a program that reads"],
  ["admin", "admin: everything"],
];

export function Tokens(): JSX.Element {
  const allowed = useMay("administrator");
  const asked = useAsked(allowed.ok ? "tokens" : null, (signal) => get<{ tokens: Token[] }>("tokens", undefined, signal));
  const [making, make] = useState(false);
  const now = useNow();
  const tokens = asked.data?.tokens ?? [];
  return (
    <section class="card" aria-labelledby="tokens-title">
      <div class="card-head">
        <h2 id="tokens-title">API tokens</h2>
        <button type="button" class="button" disabled={!allowed.ok} aria-describedby="tokens-why" onClick={() => make(true)}>
          <Icon name="plus" />
          New token
        </button>
      </div>
      <WhyNot id="tokens-why" why={allowed.why} />
      {asked.error ? <Failed what="The tokens could not be asked:" problem={asked.error} again={asked.reload} /> : null}
      {asked.data && tokens.length === 0 ? <p class="hint">No token yet. A gateway needs one with the scope “ingest” once accounts exist.</p> : null}
      <p class="hint">
        What programs can ask for is at <a href="/docs">/docs</a>, to read and to try.
      </p>
      <ul class="list">
        {tokens.map((token) => (
          <Line key={token.id} token={token} now={now} done={asked.reload} />
        ))}
      </ul>
      {making ? <TokenDialog close={() => make(false)} done={asked.reload} /> : null}
    </section>
  );
}

function Line({ token, now, done }: { token: Token; now: number; done: () => void }): JSX.Element {
  const [sure, beSure] = useState(false);
  const revoke = useDeed(async () => {
    await ask("DELETE", `tokens/${encodeURIComponent(String(token.id))}`);
    done();
  });
  return (
    <li>
      <div>
        <strong>{token.name}</strong> <span class="tag">{token.scope}</span>
        <span class="sub">
          made <Time at={token.created} />, last used <Ago at={token.last_used} now={now} />
        </span>
        {revoke.error ? <Failed what="Not revoked:" problem={revoke.error} /> : null}
      </div>
      <button type="button" class={sure ? "button button-bad" : "button"} disabled={revoke.busy} aria-label={`${sure ? "Really revoke" : "Revoke"} ${token.name}`} onClick={() => (sure ? void revoke.run() : beSure(true))}>
        {sure ? "Really revoke" : "Revoke"}
      </button>
    </li>
  );
}

function TokenDialog({ close, done }: { close: () => void; done: () => void }): JSX.Element {
  const [name, setName] = useState("");
  const [scope, setScope] = useState<Scope>("ingest");
  const [made, setMade] = useState<string | null>(null);
  const [copied, setCopied] = useState(false);
  const make = useDeed(async () => {
    const { token } = await ask<{ token: string }>("POST", "tokens", { json: { name, scope } });
    setMade(token);
    done();
  });
  if (made !== null) {
    return (
      <Dialog title="Your new token" close={close}>
        <p>Copy it now: it is shown this once and cannot be shown again.</p>
        <pre tabIndex={0} class="secret">
          {made}
        </pre>
        <div class="actions">
          <button type="button" class="button" onClick={() => void navigator.clipboard?.writeText(made).then(() => setCopied(true))}>
            {copied ? "Copied" : "Copy token"}
          </button>
          <button type="button" class="button button-main" onClick={close}>
            I have it
          </button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title="New token" close={close}>
      <Form send={() => void make.run()}>
        <TextInput label="Name" required value={name} set={setName} most={63} hint="Who will use it, such as gateway north" />
        <Select label="Scope" value={scope} set={setScope} options={SCOPES} />
        {make.error ? <Failed what="Not made:" problem={make.error} /> : null}
        <div class="actions">
          <button type="submit" class="button button-main" disabled={make.busy}>
            Make token
          </button>
        </div>
      </Form>
    </Dialog>
  );
}
