/** Accounts, tokens, retention, and whether the store is sound. */
import type { JSX } from "preact";
import { useWho } from "../hooks";
import { CLOSING } from "../parts/frame";
import { Accounts } from "./settings/accounts";
import { Care, Retention } from "./settings/care";
import { OwnPassword } from "./settings/password";
import { Tokens } from "./settings/tokens";

export function Settings(): JSX.Element {
  const { me } = useWho();
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Settings</h1>
          <p class="lead">
            Fieldpost {me.version} · <a href="/docs">API documentation</a> · <a href="/licences.txt">Licences of others</a>
          </p>
        </div>
      </div>
      {me.open && me.local ? (
        <div class="notice">
          <p>
            <strong>No account exists.</strong> This page is open to whoever can use the cloud's machine, and to nobody else. {CLOSING}
          </p>
        </div>
      ) : null}
      <OwnPassword />
      <Accounts />
      <Tokens />
      <Retention />
      <Care />
    </>
  );
}
