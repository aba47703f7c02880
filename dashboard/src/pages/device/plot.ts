/**
 * One curve: uPlot, told what to mark.
 *
 * A gap is a gap: the line is never drawn over missing values (`spanGaps: false`), and the time without readings is
 * hatched behind it. Thresholds are dotted lines, those that ring dashed ones, flagged readings wear a small triangle, conflicts a diamond.
 */
import uPlot from "uplot";
import type { Range } from "../../lib/zoom";
import { clock, date, number } from "../../lib/format";
import { FROZEN } from "../../lib/flags";
import { ink } from "../../theme";

/** A line across the curve. */
export interface Threshold {
  value: number;
  text: string;
  /** Whether somebody is told when it is crossed. */
  rings: boolean;
  /** Whether the axis is made long enough for it; a rule of all devices must not press this one's curve flat. */
  wide: boolean;
}

/** What is marked besides the curve; times in seconds. */
export interface Marks {
  gaps: [number, number][];
  flags: number[] | null;
  thresholds: Threshold[];
  conflicts: { time: number; value: number }[];
}

export interface PlotSettings {
  label: string;
  unit: string;
  /** The custom property with the line's colour. */
  colour: string;
  height: number;
  /** The least span of the vertical axis, so that noise does not look like weather. */
  least: number;
  sync: string;
  /** Where the pointer is, as an index into the data. */
  hover: (index: number | null) => void;
  /** A part of the time was selected. */
  select: (range: Range) => void;
  reset: () => void;
  marks: () => Marks;
}

interface Inks {
  line: string;
  fill: string;
  text: string;
  grid: string;
  gap: string;
  bad: string;
  warn: string;
  ice: string;
}

function inks(colour: string): Inks {
  return {
    line: ink(colour),
    fill: ink(`${colour}-wash`),
    text: ink("--ink-2"),
    grid: ink("--grid"),
    gap: ink("--gap"),
    bad: ink("--silent"),
    warn: ink("--late"),
    ice: ink("--ice"),
  };
}

const FONT = '12px ui-sans-serif, system-ui, "Segoe UI", sans-serif';

/** Draws what lies behind the curve: hatched gaps. */
function behind(plot: uPlot, marks: Marks, colours: Inks): void {
  const { ctx } = plot;
  const { left, top, width, height } = plot.bbox;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.strokeStyle = colours.gap;
  ctx.lineWidth = devicePixelRatio;
  const step = 7 * devicePixelRatio;
  for (const [begin, end] of marks.gaps) {
    const from = Math.max(left, plot.valToPos(begin, "x", true));
    const to = Math.min(left + width, plot.valToPos(end, "x", true));
    if (to - from < 1) continue;
    ctx.save();
    ctx.beginPath();
    ctx.rect(from, top, to - from, height);
    ctx.clip();
    ctx.beginPath();
    for (let x = Math.floor((from - height) / step) * step; x < to; x += step) {
      ctx.moveTo(x, top + height);
      ctx.lineTo(x + height, top);
    }
    ctx.stroke();
    ctx.restore();
  }
  ctx.restore();
}

function triangle(ctx: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  ctx.moveTo(x, y - size);
  ctx.lineTo(x + size, y + size * 0.8);
  ctx.lineTo(x - size, y + size * 0.8);
  ctx.closePath();
}

function diamond(ctx: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  ctx.moveTo(x, y - size);
  ctx.lineTo(x + size, y);
  ctx.lineTo(x, y + size);
  ctx.lineTo(x - size, y);
  ctx.closePath();
}

function thresholds({ ctx, bbox, valToPos }: uPlot, marks: Marks, colours: Inks): void {
  const unit = devicePixelRatio;
  ctx.font = `${12 * unit}px ui-sans-serif, system-ui, "Segoe UI", sans-serif`;
  ctx.textAlign = "left";
  ctx.lineWidth = 1.5 * unit;
  for (const { value, text, rings } of marks.thresholds) {
    const y = valToPos(value, "y", true);
    ctx.strokeStyle = rings ? colours.bad : colours.text;
    ctx.setLineDash(rings ? [6 * unit, 4 * unit] : [2 * unit, 4 * unit]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.fillStyle = rings ? colours.bad : colours.text;
    // Above its line, or below it where there is no room above.
    const above = y - bbox.top > 16 * unit;
    ctx.textBaseline = above ? "bottom" : "top";
    ctx.fillText(text, bbox.left + 6 * unit, y + (above ? -3 : 4) * unit);
  }
}

/** A triangle on each flagged reading; frozen soil is a band at the foot. */
function flagged({ ctx, bbox, data, valToPos }: uPlot, { flags }: Marks, colours: Inks): void {
  if (flags === null) return;
  const unit = devicePixelRatio;
  const times = data[0];
  const values = data[1] as (number | null)[];
  const foot = bbox.top + bbox.height - 4 * unit;
  ctx.fillStyle = colours.ice;
  flags.forEach((bits, index) => {
    if ((bits & FROZEN) === 0) return;
    const x = valToPos(times[index] as number, "x", true);
    const next = valToPos(times[index + 1] ?? (times[index] as number), "x", true);
    ctx.fillRect(x, foot, Math.max(3 * unit, Math.min(next - x, 60 * unit)), 4 * unit);
  });
  ctx.fillStyle = colours.warn;
  ctx.beginPath();
  flags.forEach((bits, index) => {
    const value = values[index];
    if ((bits & ~FROZEN) === 0 || value == null) return;
    triangle(ctx, valToPos(times[index] as number, "x", true), valToPos(value, "y", true), 4 * unit);
  });
  ctx.fill();
}

/** Draws what lies before the curve. */
function before(plot: uPlot, marks: Marks, colours: Inks): void {
  const { ctx } = plot;
  const { left, top, width, height } = plot.bbox;
  const unit = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  thresholds(plot, marks, colours);
  flagged(plot, marks, colours);
  ctx.fillStyle = colours.bad;
  ctx.beginPath();
  for (const { time, value } of marks.conflicts) {
    diamond(ctx, plot.valToPos(time, "x", true), plot.valToPos(value, "y", true), 5.5 * unit);
  }
  ctx.fill();
  ctx.restore();
}

/** The labels of the time axis: the clock, and the day where it begins. */
function timeLabels(_: uPlot, splits: number[], __: number, ___: number, step: number): string[] {
  let last = "";
  return splits.map((split) => {
    const day = date(split * 1000).slice(4);
    const short = step >= 28 * 86_400 ? day.replace(/^\d+ /, "") : step >= 86_400 ? day.replace(/ \d{4}$/, "") : clock(split * 1000);
    const label = step < 86_400 && day !== last ? `${short}\n${day.replace(/ \d{4}$/, "")}` : short;
    last = day;
    return label;
  });
}

/** Low and high of the vertical axis, thresholds included, with air above and below. */
function span(low: number | null, high: number | null, least: number, marks: Marks, [from, to]: Range): [number, number] {
  const seen = marks.conflicts.filter(({ time }) => time >= from && time <= to);
  const values = [...seen.map(({ value }) => value), ...(low === null ? [] : [low]), ...(high === null ? [] : [high]), ...marks.thresholds.filter(({ wide }) => wide).map(({ value }) => value)];
  if (values.length === 0) return [0, least];
  const lowest = Math.min(...values);
  const highest = Math.max(...values);
  const air = Math.max((highest - lowest) * 0.08, (least - (highest - lowest)) / 2, 0.2);
  return [lowest - air, highest + air];
}

/** Puts a plot into `box`. */
export function makePlot(box: HTMLElement, settings: PlotSettings, width: number): uPlot {
  const colours = inks(settings.colour);
  const axis = { stroke: colours.text, font: FONT, grid: { stroke: colours.grid, width: 1 }, ticks: { stroke: colours.grid, width: 1, size: 5 } };
  const options: uPlot.Options = {
    width,
    height: settings.height,
    legend: { show: false },
    padding: [10, 8, 0, 0],
    cursor: {
      sync: { key: settings.sync, setSeries: false, scales: ["x", null] },
      drag: { x: true, y: false, setScale: false, dist: 6 },
      points: { size: 8, width: 2 },
      bind: {
        dblclick: (_plot, _target, _handler) => (_event) => {
          settings.reset();
          return null;
        },
      },
    },
    scales: {
      x: { time: true, auto: false },
      y: {
        range: (plot, low, high) => span(low, high, settings.least, settings.marks(), [plot.scales["x"]?.min ?? 0, plot.scales["x"]?.max ?? 0]),
      },
    },
    axes: [
      { ...axis, values: timeLabels, space: 84, size: 42 },
      { ...axis, size: 52, values: (_plot, splits) => splits.map((split) => number(split, 2)), space: 34 },
    ],
    series: [
      {},
      {
        label: settings.label,
        stroke: colours.line,
        width: 1.75,
        spanGaps: false,
        points: { show: (plot, _series, from, to) => to - from < plot.width / 9, size: 4, fill: colours.line },
      },
    ],
    hooks: {
      drawClear: [(plot) => behind(plot, settings.marks(), colours)],
      draw: [(plot) => before(plot, settings.marks(), colours)],
      setCursor: [(plot) => settings.hover(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          if (plot.select.width < 4) return;
          const { left } = plot.select;
          settings.select([plot.posToVal(left, "x"), plot.posToVal(left + plot.select.width, "x")]);
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
  return new uPlot(options, [[], []], box);
}
