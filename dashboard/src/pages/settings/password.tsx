/** One's own password. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ask } from "../../api/client";
import { useDeed, useWho } from "../../hooks";
import { Form, TextInput } from "../../parts/form";
import { Failed } from "../../parts/notice";
import { SHORTEST } from "./accounts";

export function OwnPassword(): JSX.Element | null {
  const { me } = useWho();
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const [done, setDone] = useState(false);
  const differ = again !== "" && again !== next;
  const change = useDeed(async () => {
    setDone(false);
    await ask("PUT", "me/password", { json: { old, new: next } });
    for (const clear of [setOld, setNext, setAgain]) clear("");
    setDone(true);
  });
  if (me.user === null) return null;
  return (
    <section class="card" aria-labelledby="password-title">
      <h2 id="password-title">Your password, {me.user.name}</h2>
      <Form send={() => differ || void change.run()} label="Change your password">
        <TextInput label="Password now" type="password" required complete="current-password" value={old} set={setOld} />
        <div class="pair">
          <TextInput label="New password" type="password" required least={SHORTEST} complete="new-password" value={next} set={setNext} hint={`At least ${SHORTEST} characters; a few words are best`} />
          <TextInput label="New password again" type="password" required complete="new-password" value={again} set={setAgain} hint="You stay signed in here, and nowhere else" />
        </div>
        {differ ? (
          <p class="bad" role="alert">
            The two new passwords differ.
          </p>
        ) : null}
        {change.error ? <Failed what="Not changed:" problem={change.error} /> : null}
        <div class="actions actions-left">
          <button type="submit" class="button" disabled={differ || change.busy}>
            Change password
          </button>
          <span role="status">{done ? "Your password is changed." : ""}</span>
        </div>
      </Form>
    </section>
  );
}
