/** Who may sign in, and as what. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ask, get } from "../../api/client";
import type { Role, User } from "../../api/types";
import { useAsked, useDeed, useMay, useNow, useWho } from "../../hooks";
import { Dialog } from "../../parts/dialog";
import { Form, Select, TextInput } from "../../parts/form";
import { Icon } from "../../parts/icon";
import { Failed, WhyNot } from "../../parts/notice";
import { Stack } from "../../parts/stack";
import { Ago, Time } from "../../parts/time";

const ROLES: readonly (readonly [Role, string])[] = [
  ["viewer", "viewer: looks"],
  ["operator", "operator: looks, names devices, makes rules"],
  ["administrator", "administrator: everything"],
];

/** The shortest password that is offered; the cloud has the last word. */
export const SHORTEST = 8;

export function Accounts(): JSX.Element {
  const allowed = useMay("administrator");
  const asked = useAsked(allowed.ok ? "users" : null, (signal) => get<{ users: User[] }>("users", undefined, signal));
  const [editing, edit] = useState<User | "new" | null>(null);
  const now = useNow();
  const users = asked.data?.users ?? [];
  return (
    <section class="card" aria-labelledby="accounts-title">
      <div class="card-head">
        <h2 id="accounts-title">Accounts</h2>
        <button type="button" class="button" disabled={!allowed.ok} aria-describedby="accounts-why" onClick={() => edit("new")}>
          <Icon name="plus" />
          New account
        </button>
      </div>
      <WhyNot id="accounts-why" why={allowed.why} />
      {asked.error ? <Failed what="The accounts could not be asked:" problem={asked.error} again={asked.reload} /> : null}
      {asked.data && users.length === 0 ? <p class="hint">No account yet.</p> : null}
      {users.length > 0 ? (
        <Stack
          label="Accounts"
          rows={users}
          keyOf={(user) => user.name}
          columns={[
            { name: "Name", kind: "row", show: (user) => user.name },
            { name: "Role", show: (user) => user.role },
            { name: "Made", show: (user) => <Time at={user.created} /> },
            { name: "Last seen", show: (user) => <Ago at={user.last_seen} now={now} /> },
            {
              name: "",
              kind: "tool",
              show: (user) => (
                <button type="button" class="button button-plain" aria-label={`Change the account ${user.name}`} onClick={() => edit(user)}>
                  <Icon name="edit" />
                </button>
              ),
            },
          ]}
        />
      ) : null}
      {editing ? <AccountDialog user={editing === "new" ? null : editing} close={() => edit(null)} done={asked.reload} /> : null}
    </section>
  );
}

function AccountDialog({ user, close, done }: { user: User | null; close: () => void; done: () => void }): JSX.Element {
  const { refresh } = useWho();
  const [name, setName] = useState(user?.name ?? "");
  const [role, setRole] = useState<Role>(user?.role ?? "viewer");
  const [password, setPassword] = useState("");
  const path = `users/${encodeURIComponent(user?.name ?? "")}`;
  const finish = (): void => {
    done();
    close();
    void refresh();
  };
  const save = useDeed(async () => {
    if (user === null) await ask("POST", "users", { json: { name, role, password } });
    else await ask("PATCH", path, { json: { ...(role === user.role ? {} : { role }), ...(password === "" ? {} : { password }) } });
    finish();
  });
  const remove = useDeed(async () => {
    await ask("DELETE", path);
    finish();
  });
  return (
    <Dialog title={user === null ? "New account" : `Account “${user.name}”`} close={close}>
      <Form send={() => void save.run()}>
        {user === null ? <TextInput label="Name" required value={name} set={setName} most={63} complete="off" /> : null}
        <Select label="Role" value={role} set={setRole} options={ROLES} />
        <TextInput
          label={user === null ? "Password" : "New password"}
          type="password"
          complete="new-password"
          required={user === null}
          least={SHORTEST}
          value={password}
          set={setPassword}
          hint={user === null ? `At least ${SHORTEST} characters` : "Empty: it stays. A new one signs the account out everywhere."}
        />
        {save.error ? <Failed what="Not saved:" problem={save.error} /> : null}
        {remove.error ? <Failed what="Not removed:" problem={remove.error} /> : null}
        <div class="actions">
          {user === null ? null : (
            <button type="button" class="button button-bad" disabled={remove.busy} onClick={() => void remove.run()}>
              Remove account
            </button>
          )}
          <button type="submit" class="button button-main" disabled={save.busy}>
            {user === null ? "Make account" : "Save account"}
          </button>
        </div>
      </Form>
    </Dialog>
  );
}
