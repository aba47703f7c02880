/** Readings as numbers. What the checks object to stands below the time: a column of its own had no room on a phone. */
import type { JSX } from "preact";
import { flagNames } from "../lib/flags";
import { celsius, percent, utc, zoneName } from "../lib/format";

export interface NumbersRow {
  /** In milliseconds. */
  at: number;
  moisture: number | null;
  temperature: number | null;
  flags: number;
}

/** `write` says how much of an instant is written. */
export function Numbers({ rows, write }: { rows: readonly NumbersRow[]; write: (at: number) => string }): JSX.Element {
  const first = rows[0];
  return (
    <table class="plain numbers">
      <thead>
        <tr>
          <th scope="col">Time ({first ? zoneName(first.at) : "local"})</th>
          <th scope="col" class="n">Moisture</th>
          <th scope="col" class="n">Temperature</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ at, moisture, temperature, flags }) => (
          <tr key={at}>
            <td>
              <time dateTime={new Date(at).toISOString()} title={utc(at)}>
                {write(at)}
              </time>
              {flags === 0 ? null : <span class="sub">{flagNames(flags).join(", ")}</span>}
            </td>
            <td class="n">{percent(moisture)}</td>
            <td class="n">{celsius(temperature)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
