/** A small curve of the last days: moisture and temperature, each on a scale of its own, broken where nothing was measured. */
import type { JSX } from "preact";
import { memo } from "preact/compat";
import type { Spark as Data } from "../api/types";
import { extent, path } from "../lib/gaps";

const WIDTH = 168;
const HEIGHT = 36;
/** The least that a curve's whole height stands for, so that noise does not look like weather. */
const LEAST_MOISTURE = 4;
const LEAST_TEMPERATURE = 6;

function line(values: readonly (number | null)[], least: number): string {
  const scale = extent(values, least);
  return scale === null ? "" : path(values, scale[0], scale[1], WIDTH, HEIGHT - 6);
}

export const Spark = memo(({ data }: { data: Data | null }): JSX.Element => {
  if (data === null) return <span class="spark-none">no curve yet</span>;
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true" focusable="false" preserveAspectRatio="none">
      <g transform="translate(0 3)">
        <path class="spark-temperature" d={line(data.temperature_c, LEAST_TEMPERATURE)} />
        <path class="spark-moisture" d={line(data.moisture_pct, LEAST_MOISTURE)} />
      </g>
    </svg>
  );
});
