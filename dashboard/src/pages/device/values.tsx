/** The readings in sight as numbers, for those whom a curve tells nothing. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Series } from "../../api/types";
import { count, dateTime } from "../../lib/format";
import type { Range } from "../../lib/zoom";
import { Numbers } from "../../parts/numbers";

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
  return (
    <>
      {all.length > MOST ? <p class="hint">The last {MOST} of {count(all.length)} readings drawn; zoom in, or export them all.</p> : null}
      <div class="scroll" tabIndex={0} role="region" aria-label="Readings as a table">
        <Numbers rows={shown} write={(at) => dateTime(at)} />
      </div>
    </>
  );
}
