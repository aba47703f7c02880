/** What was refused of a device, as it came. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { get } from "../../api/client";
import type { Quarantined } from "../../api/types";
import { useAsked, useNews, useThrottled } from "../../hooks";
import { bytes } from "../../lib/format";
import { Failed } from "../../parts/notice";
import { Time } from "../../parts/time";

/** Refused surveys a page. */
const PAGE = 20;

/** Whatever comes may have been refused; nobody waits for it by the second. */
const SETTLE_MS = 10_000;

interface Answer {
  quarantine: Quarantined[];
  next: unknown;
}

/** `id`: of this device only. */
export function Quarantine({ id }: { id?: string }): JSX.Element {
  const [before, go] = useState<(number | null)[]>([null]);
  const from = before.at(-1) ?? null;
  const asked = useAsked(`quarantine ${id ?? ""} ${from}`, (signal) => get<Answer>("quarantine", { device: id ?? null, before: from, limit: PAGE }, signal));
  const soon = useThrottled(asked.reload, SETTLE_MS);
  useNews("readings", (event) => (id === undefined || event.device === id) && soon());
  useNews("contact", soon);
  useNews("reload", soon);
  const rows = asked.data?.quarantine ?? [];
  const last = rows.at(-1);
  return (
    <section class="card" aria-labelledby="quarantine-title">
      <h2 id="quarantine-title">Quarantine</h2>
      {asked.error ? <Failed what="The quarantine could not be asked:" problem={asked.error} again={asked.reload} /> : null}
      {asked.data !== null && rows.length === 0 ? <p class="hint">No survey{id === undefined ? "" : ` of ${id}`} was refused.</p> : null}
      {rows.length > 0 ? (
        <>
          <p>Refused whole and kept as it came; nothing of it is among the readings.</p>
          <ul class="refused">
            {rows.map((row) => (
              <li key={row.id}>
                <details>
                  <summary>
                    <Time at={row.received} /> <code>{row.reason}</code> by gateway {row.gateway ?? "unknown"}, {bytes(row.length)}
                  </summary>
                  <p>{row.detail}</p>
                  <pre tabIndex={0}>{row.text}</pre>
                  {row.length > row.text.length ? <p class="hint">Its beginning; the whole is in the store.</p> : null}
                </details>
              </li>
            ))}
          </ul>
        </>
      ) : null}
      {before.length > 1 || asked.data?.next ? (
        <div class="actions">
          <button type="button" class="button" disabled={before.length === 1} onClick={() => go(before.slice(0, -1))}>
            Newer
          </button>
          <button type="button" class="button" disabled={!asked.data?.next || last === undefined} onClick={() => last && go([...before, last.id])}>
            Older
          </button>
        </div>
      ) : null}
    </section>
  );
}
