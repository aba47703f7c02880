/** Temperature and moisture over time, one above the other, with one time axis to zoom. */
import type { JSX } from "preact";
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { device as devicePath, get } from "../../api/client";
import type { Conflict, Device, Rule, Series } from "../../api/types";
import { useAsked, useMedia, useNews, useNow, useThrottled } from "../../hooks";
import { FROZEN, flagNames } from "../../lib/flags";
import { celsius, clock, date, dateTime, instant, parse, percent, span, utc, zoneName } from "../../lib/format";
import type { Quantity } from "../../lib/colour";
import { gapsWithin } from "../../lib/gaps";
import { limitOf, ruleWords } from "../../lib/rules";
import { byKey, preset, type Range, silentUntil, zoomed } from "../../lib/zoom";
import { Choice } from "../../parts/form";
import { Icon } from "../../parts/icon";
import { Failed } from "../../parts/notice";
import { Link } from "../../router";
import { gestures } from "./gestures";
import { makePlot, type Marks, type Threshold } from "./plot";
import { ValuesTable } from "./values";

const PRESETS = [
  ["1", "1 d"],
  ["7", "7 d"],
  ["30", "30 d"],
  ["365", "1 y"],
  ["all", "All"],
] as const;

type Preset = (typeof PRESETS)[number][0];

/** How long zooming may pause before finer data is asked for. */
const SETTLE_MS = 150;
/** The API's limits of points a curve. */
const FEWEST = 10;
const MOST = 4_000;

/** How much wider than the readings the whole is, so that none lies on the edge. */
const MARGIN = 1800;

/** How exact the end of a silence is that still lasts, in milliseconds. */
const SILENCE_MS = 600_000;

/** All that can be shown: the readings, and the silence behind them. */
function boundsOf(device: Device, now: number): Bounds {
  const first = (parse(device.first_time) ?? Date.now() - 86_400_000) / 1000;
  const last = Math.max((parse(device.last_time) ?? Date.now()) / 1000, first + 3600);
  const silent = device.state === "late" || device.state === "silent";
  const until = silent ? silentUntil(last, now / 1000, last - first) : last;
  return { all: [first - MARGIN, until + MARGIN], last, silence: until > last ? [last, until] : null };
}

interface Bounds {
  all: Range;
  last: number;
  /** Since the last reading, of a device that owes some. */
  silence: Range | null;
}

/** What is shown first of `days`, or of everything: readings, and of a silence at most a third as much. */
const shownOf = (days: number | null, { all, last }: Bounds): Range => preset(days, all, last);

export function Curves({ device, conflicts, rules }: { device: Device; conflicts: Conflict[]; rules: Rule[] }): JSX.Element {
  const now = Math.floor(useNow() / SILENCE_MS) * SILENCE_MS;
  const whole = useMemo(() => boundsOf(device, now), [device.first_time, device.last_time, device.state, now]);
  const bounds = whole.all;
  const [chosen, choose] = useState<Preset | null>("30");
  const [range, setRange] = useState<Range>(() => shownOf(30, whole));
  const [width, setWidth] = useState(800);
  const box = useRef<HTMLDivElement>(null);
  const hint = useId();
  const coarse = useMedia("(pointer: coarse)");
  useWidth(box, setWidth);
  const asked = useSettledRange(range);
  const points = Math.min(MOST, Math.max(FEWEST, Math.round(width)));
  const series = useAsked(`${device.id} ${asked.join(" ")} ${points}`, (signal) => {
    const length = asked[1] - asked[0];
    // Half a screen more on either side, so that panning meets a curve.
    const [from, to] = [asked[0] - length / 2, asked[1] + length / 2];
    return get<Series>(devicePath(device.id, "/series"), { from: instant(from * 1000), to: instant(to * 1000), points: points * 2 > MOST ? MOST : points * 2 }, signal);
  });
  const soon = useThrottled(series.reload, 1_000);
  useNews("readings", (event) => event.device === device.id && soon());
  useNews("reload", soon);
  useFollow(device, whole, range, chosen, setRange);

  const show = (next: Range): void => {
    setRange(next);
    choose(null);
  };
  const pick = (name: Preset): void => {
    choose(name);
    setRange(shownOf(name === "all" ? null : Number(name), whole));
  };
  const reset = (): void => pick("all");
  const keys = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = byKey(event.key, range, bounds, shownOf(null, whole));
    if (next === null) return;
    event.preventDefault();
    show(next);
  };
  const middle = (range[0] + range[1]) / 2;
  return (
    <section class="card curves" aria-labelledby={`${hint}-title`}>
      <div class="card-head">
        <h2 id={`${hint}-title`}>Soil over time</h2>
        <Choice label="Range up to the last reading" value={chosen} set={pick} options={PRESETS} />
        <div class="zoomers" role="group" aria-label="Zoom">
          <button type="button" class="button button-plain" aria-label="Zoom in" title="Zoom in (+)" onClick={() => show(zoomed(range, 0.5, middle, bounds))}>
            <Icon name="plus" />
          </button>
          <button type="button" class="button button-plain" aria-label="Zoom out" title="Zoom out (−)" onClick={() => show(zoomed(range, 2, middle, bounds))}>
            <Icon name="minus" />
          </button>
          <button type="button" class="button button-plain" aria-label="Show everything" title="Show everything (0, or double click)" onClick={reset}>
            <Icon name="reset" />
          </button>
        </div>
      </div>
      <p class="range" aria-live="polite">
        {rangeWords(range)}
        {series.data?.thinned ? <span class="thin"> · drawn with every extreme, not every reading; zoom in for all</span> : null}
      </p>
      {series.error ? <Failed what="The curve could not be asked:" problem={series.error} again={series.reload} /> : null}
      <div
        ref={box}
        class={series.loading ? "plots plots-loading" : "plots"}
        tabIndex={0}
        role="group"
        aria-label={`Curves of ${device.id}`}
        aria-describedby={hint}
        onKeyDown={keys}
      >
        <Plots device={device} conflicts={conflicts} rules={rules} silence={whole.silence} series={series.data} range={range} bounds={bounds} width={width} show={show} reset={reset} box={box} />
      </div>
      <p class="hint" id={hint}>
        {coarse
          ? "Drag sideways to move, pinch to zoom; tap twice to show everything."
          : "Drag to zoom, or Ctrl and the wheel; double click shows everything. With the curve focused: +\u00a0and\u00a0−\u00a0zoom, ←\u00a0and\u00a0→\u00a0move, 0\u00a0shows everything."}
      </p>
      <Ringing rules={rules} />
      {series.data ? <ValuesTable series={series.data} range={range} /> : null}
    </section>
  );
}

/** The rules that look at these curves, in words. */
function Ringing({ rules }: { rules: Rule[] }): JSX.Element | null {
  const lines = rules.filter((rule) => limitOf(rule) !== null);
  if (lines.length === 0) return null;
  return (
    <p class="hint">
      Rings at: {lines.map((rule) => ruleWords({ ...rule, devices: null })).join("; ")}. <Link href="/alerts">Rules are under Alerts</Link>
    </p>
  );
}

function rangeWords([from, to]: Range): string {
  const zone = zoneName(to * 1000);
  return `${dateTime(from * 1000)} to ${dateTime(to * 1000)} ${zone} (${span((to - from) * 1000)})`;
}

/** The width that the plots may take, followed. */
function useWidth(box: { current: HTMLElement | null }, set: (width: number) => void): void {
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const watch = new ResizeObserver(() => set(Math.max(240, element.clientWidth)));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
}

function useSettledRange(range: Range): Range {
  const [settled, set] = useState(range);
  useEffect(() => {
    const timer = setTimeout(() => set(range), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [range[0], range[1]]);
  return settled;
}

/** A curve that shows its end keeps showing it when readings come. */
function useFollow(device: Device, whole: Bounds, range: Range, chosen: Preset | null, set: (range: Range) => void): void {
  const before = useRef(whole);
  useEffect(() => {
    const [old, now] = [before.current.all[1], whole.all[1]];
    before.current = whole;
    if (old === now) return;
    if (chosen !== null) set(shownOf(chosen === "all" ? null : Number(chosen), whole));
    else if (range[1] >= old) set([range[0] + now - old, now]);
  }, [device.last_time]);
}

interface PlotsProps {
  device: Device;
  conflicts: Conflict[];
  /** Those that are on, and of this device. */
  rules: Rule[];
  silence: Range | null;
  series: Series | null;
  range: Range;
  bounds: Range;
  width: number;
  show: (range: Range) => void;
  reset: () => void;
  box: { current: HTMLElement | null };
}

/** What is marked on the curve of `quantity`. */
function marksOf(quantity: Quantity, { device, conflicts, rules, silence, series, range }: PlotsProps): Marks {
  const moisture = quantity === "moisture";
  const gaps = (series?.gaps ?? []).map(([from = "", to = ""]): [number, number] => [Date.parse(from) / 1000, Date.parse(to) / 1000]);
  return {
    gaps: gapsWithin(silence === null ? gaps : [...gaps, silence], range[0], range[1]),
    flags: series?.flags ?? null,
    thresholds: thresholdsOf(quantity, device, rules),
    conflicts: conflicts.flatMap(({ time, offered }) => {
      const value = moisture ? offered?.moisture_pct : offered?.temperature_c;
      return value == null ? [] : [{ time: Date.parse(time) / 1000, value }];
    }),
  };
}

/** The device's thresholds and the rules' limits; one that is both is one line. */
function thresholdsOf(quantity: Quantity, { id, details }: Device, rules: Rule[]): Threshold[] {
  const say = quantity === "moisture" ? percent : celsius;
  const [low, high] = quantity === "moisture" ? [details.moisture_low, details.moisture_high] : [details.temperature_low, details.temperature_high];
  const rings = rules.flatMap((rule) => {
    const limit = limitOf(rule);
    return limit?.quantity === quantity ? [{ ...limit, own: rule.devices?.includes(id) ?? false }] : [];
  });
  const known = [["low", "below", low], ["high", "above", high]] as const;
  const lines = known.flatMap(([name, side, value]) => {
    if (value === null) return [];
    const both = rings.some((one) => one.side === side && one.value === value);
    return [{ value, text: `${name} ${say(value)}${both ? ", rings" : ""}`, rings: both, wide: true }];
  });
  const others = rings.filter(({ side, value }) => !known.some(([, its, other]) => its === side && other === value));
  return [...lines, ...others.map(({ side, value, own }) => ({ value, text: `rings ${side} ${say(value)}`, rings: true, wide: own }))];
}

function Plots(props: PlotsProps): JSX.Element {
  const [index, setIndex] = useState<number | null>(null);
  const { series } = props;
  const theme = useTheme();
  return (
    <>
      <Readout series={series} index={index} conflicts={props.conflicts} />
      <h3 class="plot-title plot-moisture">Moisture, % of volume</h3>
      <Plot key={`moisture ${theme}`} quantity="moisture" {...props} hover={setIndex} />
      <h3 class="plot-title plot-temperature">Temperature, °C</h3>
      <Plot key={`temperature ${theme}`} quantity="temperature" {...props} hover={setIndex} />
    </>
  );
}

/** Canvases keep the colours they were drawn with: a new theme draws them anew. */
function useTheme(): number {
  const [turn, set] = useState(0);
  useEffect(() => {
    const changed = (): void => set((old) => old + 1);
    const media = matchMedia("(prefers-color-scheme: dark)");
    media.addEventListener("change", changed);
    addEventListener("fieldpost:theme", changed);
    return () => {
      media.removeEventListener("change", changed);
      removeEventListener("fieldpost:theme", changed);
    };
  }, []);
  return turn;
}

function Plot(props: PlotsProps & { quantity: Quantity; hover: (index: number | null) => void }): JSX.Element {
  const { quantity, series, range, width } = props;
  const at = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const marks = useMemo(() => marksOf(quantity, props), [series, range[0], range[1], props.device.details, props.conflicts, props.rules, props.silence]);
  const marksNow = useRef(marks);
  marksNow.current = marks;
  useEffect(() => {
    const element = at.current;
    if (element === null) return undefined;
    const moisture = quantity === "moisture";
    const made = makePlot(
      element,
      {
        label: moisture ? "moisture" : "temperature",
        unit: moisture ? "%" : "°C",
        colour: moisture ? "--moisture" : "--temperature",
        height: 210,
        least: moisture ? 4 : 6,
        sync: `device ${latest.current.device.id}`,
        hover: (index) => latest.current.hover(index),
        select: (selected) => latest.current.show(selected),
        reset: () => latest.current.reset(),
        marks: () => marksNow.current,
      },
      latest.current.width,
    );
    plot.current = made;
    const end = gestures(made, {
      range: () => latest.current.range,
      bounds: () => latest.current.bounds,
      set: (next) => latest.current.show(next),
      wheel: () => latest.current.box.current?.contains(document.activeElement) ?? false,
    });
    return () => {
      end();
      made.destroy();
      plot.current = null;
    };
  }, [quantity]);
  useEffect(() => {
    const values = quantity === "moisture" ? series?.moisture_pct : series?.temperature_c;
    plot.current?.batch(() => {
      plot.current?.setData([series?.time ?? [], values ?? []], false);
      plot.current?.setScale("x", { min: range[0], max: range[1] });
    });
  }, [series, range[0], range[1], marks]);
  useEffect(() => plot.current?.setSize({ width, height: 210 }), [width]);
  return <div ref={at} class="plot" data-quantity={quantity} />;
}

/** What is under the pointer, in words; else what the marks mean. Whichever is not shown keeps its room, so that pointing moves no curve. */
function Readout({ series, index, conflicts }: { series: Series | null; index: number | null; conflicts: Conflict[] }): JSX.Element {
  const reading = series !== null && index !== null && series.time[index] !== undefined;
  return (
    <div class="readouts">
      <p class={reading ? "readout readout-away" : "readout"}>
        <span class="legend"><i class="hatch" />no reading</span>
        {series?.flags?.some((bits) => (bits & ~FROZEN) !== 0) ? <span class="legend legend-flag">▲ flagged by a check</span> : null}
        {series?.flags?.some((bits) => (bits & FROZEN) !== 0) ? <span class="legend"><i class="ice" />frozen soil (D01)</span> : null}
        {conflicts.length > 0 ? <span class="legend legend-conflict">◆ contradicts what is held</span> : null}
      </p>
      {reading ? <Pointed series={series} index={index} /> : null}
    </div>
  );
}

function Pointed({ series, index }: { series: Series; index: number }): JSX.Element {
  const [temperature, moisture] = [series.temperature_c[index], series.moisture_pct[index]];
  const flags = series.flags?.[index] ?? 0;
  const at = (series.time[index] ?? 0) * 1000;
  return (
    <p class="readout" title={utc(at)}>
      <strong>
        {date(at)}, {clock(at)} {zoneName(at)}
      </strong>
      <span class="legend"><i class="dash dash-moisture" />{moisture == null ? "no moisture" : percent(moisture)}</span>
      <span class="legend"><i class="dash dash-temperature" />{temperature == null ? "no temperature" : celsius(temperature)}</span>
      {flags === 0 ? null : <span class="legend legend-flag">▲ {flagNames(flags).join(", ")}</span>}
    </p>
  );
}

