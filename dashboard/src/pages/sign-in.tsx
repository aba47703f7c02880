/** The two pages that need nobody signed in. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api/client";
import { useDeed, useWho } from "../hooks";
import { Form, TextInput } from "../parts/form";
import { Mark } from "../parts/icon";
import { Failed } from "../parts/notice";
import { go, Link } from "../router";

function Gate({ title, children }: { title: string; children: ComponentChildren }): JSX.Element {
  return (
    <div class="gate">
      <div class="gate-earth">
        <p class="brand">
          <Mark />
          <span>Fieldpost</span>
        </p>
        <p>What the soil is doing, and whether anything is missing.</p>
      </div>
      <div class="gate-form">
        <h1>{title}</h1>
        {children}
      </div>
    </div>
  );
}

export function SignIn({ back }: { back: string }): JSX.Element {
  const { me, refresh } = useWho();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  useEffect(() => {
    if (me.user !== null) go(back, true);
  }, [me.user, back]);
  const enter = useDeed(async () => {
    await ask("POST", "session", { json: { name, password } });
    await refresh();
  });
  return (
    <Gate title="Sign in">
      {me.setup ? (
        <p class="notice">
          No account exists yet{me.open && !me.local ? ", and whoever reaches this cloud sees and changes everything" : ""}. {me.open ? <Link href="/">Go on without one</Link> : "The cloud printed a link at its start that makes the first."}
        </p>
      ) : null}
      <Form send={() => void enter.run()} label="Sign in">
        <TextInput label="Name" required complete="username" most={63} value={name} set={setName} />
        <TextInput label="Password" type="password" required complete="current-password" value={password} set={setPassword} />
        {enter.error ? <Failed what="Not signed in:" problem={enter.error} /> : null}
        <div class="actions">
          <button type="submit" class="button button-main" disabled={enter.busy}>
            {enter.busy ? "Signing in…" : "Sign in"}
          </button>
        </div>
      </Form>
    </Gate>
  );
}

/** The code of the link, taken out of the address so that it stays in no history. */
function codeOfLink(): string {
  const code = new URLSearchParams(location.hash.slice(1)).get("code") ?? "";
  if (location.hash !== "") history.replaceState(null, "", location.pathname);
  return code;
}

export function Setup(): JSX.Element {
  const { me, refresh } = useWho();
  const [code, setCode] = useState(codeOfLink);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const differ = again !== "" && again !== password;
  const make = useDeed(async () => {
    await ask("POST", "setup", { json: { code, name, password } });
    await refresh();
    go("/", true);
  });
  const recovering = !me.setup;
  return (
    <Gate title="Set up">
      <p>{recovering ? "With a fresh link from the cloud, an administrator's password can be set anew." : "Make the first account. It is an administrator's: it can make all others."}</p>
      <Form send={() => differ || void make.run()} label="Set up">
        <TextInput label="Code" required most={200} value={code} set={setCode} hint={code === "" ? "In the link that the cloud printed at its start" : "From the link; it works once"} />
        <TextInput label="Name" required complete="username" most={63} value={name} set={setName} />
        <TextInput label="Password" type="password" required least={8} complete="new-password" value={password} set={setPassword} hint="At least 8 characters; a few words are best" />
        <TextInput label="Password again" type="password" required complete="new-password" value={again} set={setAgain} />
        {differ ? (
          <p class="bad" role="alert">
            The two passwords differ.
          </p>
        ) : null}
        {make.error ? <Failed what="Not made:" problem={make.error} /> : null}
        <div class="actions">
          <button type="submit" class="button button-main" disabled={make.busy || differ}>
            Make the account
          </button>
        </div>
      </Form>
    </Gate>
  );
}
