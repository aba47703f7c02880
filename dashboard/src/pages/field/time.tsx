/** The slider over all the time that there are readings of, and a button that lets it run. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { date, clock, utc, zoneName } from "../../lib/format";
import { nextFrame, stopAt, type TimeLine } from "../../lib/time-line";

/** How long a picture stays, once it is there. */
const FRAME_MS = 250;

interface Props {
  line: TimeLine;
  /** null: now. */
  stop: number | null;
  set: (stop: number | null) => void;
  /** Whether what is drawn is not yet of `stop`. */
  behind: boolean;
  playing: boolean;
  play: (on: boolean) => void;
}

export function TimeSlider({ line, stop, set, behind, playing, play }: Props): JSX.Element {
  const time = stop === null ? null : stopAt(line, stop);
  const words = time === null ? "Now: the last reading of each" : `${date(time)}, ${clock(time)} ${zoneName(time)}`;
  useEffect(() => {
    if (!playing || behind) return undefined;
    const timer = setTimeout(() => {
      const next = nextFrame(line, stop);
      set(next);
      if (next === null) play(false);
    }, FRAME_MS);
    return () => clearTimeout(timer);
  }, [playing, behind, stop]);
  return (
    <div class="slider">
      <button type="button" class="button" aria-pressed={playing} onClick={() => play(!playing)}>
        {playing ? "Pause" : "Play"}
      </button>
      <label for="field-time" class="unseen">
        Time
      </label>
      <input
        id="field-time"
        type="range"
        min={0}
        max={line.stops}
        step={1}
        value={stop ?? line.stops}
        aria-valuetext={words}
        onInput={(event) => {
          const value = event.currentTarget.valueAsNumber;
          play(false);
          set(value >= line.stops ? null : value);
        }}
      />
      <output title={time === null ? undefined : utc(time)}>{words}</output>
      {stop === null ? null : (
        <button type="button" class="button button-plain" onClick={() => (play(false), set(null))}>
          Now
        </button>
      )}
    </div>
  );
}
