/** The readings in sight as numbers, for those whom a curve tells nothing. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Series } from "../../api/types";
import { flagNames } from "../../lib/flags";
import { celsius, count, dateTime, percent, utc, zoneName } from "../../lib/format";
import type { Range } from "../../lib/zoom";

/** Rows that a page shows at most. */
const MOST = 200;

export function ValuesTable({ series, range }: { series: Series; range: Range }): JSX.Element {
  const [open, set] = useState(false);
  return (
    <details class="values" open={open} onToggle={(event) => set(event.currentTarget.open)}>
      <summary>These readings as a table</summary>
      {open ? <Rows series={series} range={range} /> : null}
    </details>
  );
}

function Rows({ series, range }: { series: Series; range: Range }): JSX.Element {
  const all = series.time.flatMap((time, index) => {
    const [temperature, moisture] = [series.temperature_c[index] ?? null, series.moisture_pct[index] ?? null];
    const seen = time >= range[0] && time <= range[1] && (temperature !== null || moisture !== null);
    return seen ? [{ at: time * 1000, temperature, moisture, flags: series.flags?.[index] ?? 0 }] : [];
  });
  const shown = all.slice(-MOST).reverse();
  const last = shown[0];
  return (
    <>
      {all.length > MOST ? <p class="hint">The last {MOST} of {count(all.length)} readings drawn; zoom in, or export them all.</p> : null}
      <div class="scroll" tabIndex={0} role="region" aria-label="Readings as a table">
        <table class="plain numbers">
          <thead>
            <tr>
              <th scope="col">Time ({last ? zoneName(last.at) : "local"})</th>
              <th scope="col" class="n">Moisture</th>
              <th scope="col" class="n">Temperature</th>
              <th scope="col">Flags</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(({ at, temperature, moisture, flags }) => (
              <tr key={at}>
                <td>
                  <time dateTime={new Date(at).toISOString()} title={utc(at)}>
                    {dateTime(at)}
                  </time>
                </td>
                <td class="n">{percent(moisture)}</td>
                <td class="n">{celsius(temperature)}</td>
                <td>{flagNames(flags).join(", ")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
