/** The field drawn: the plan if there is one, else a grid, and a mark for every device. */
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { API } from "../../api/client";
import type { FleetDevice, Plan, State } from "../../api/types";
import { useMedia } from "../../hooks";
import { colourOf, inkOn, type Quantity } from "../../lib/colour";
import { fixed } from "../../lib/format";
import { around, type Box, type Place, project, scaleBar, size, unproject } from "../../lib/map";
import { moved } from "../../lib/virtual";
import { Icon } from "../../parts/icon";
import { shownOf } from "./fleet";

/** A device that stands somewhere. */
export interface Placed {
  latitude: number;
  longitude: number;
}

interface View {
  x: number;
  y: number;
  /** How many times nearer than the whole. */
  scale: number;
}

const WHOLE: View = { x: 0, y: 0, scale: 1 };
/** A device's mark, in units of a drawing 1,000 long. */
const RADIUS = 26;
const RADIUS_PHONE = 40;
/** Marks shrink when there are many. */
const CROWD = 60;
/** Marks that can all wear their names. */
const NAMED = 18;

/** Everything in sight: the plan's corners, else the devices. */
function boxOf(plan: Plan | null, placed: readonly Placed[]): Box {
  return plan ?? around(placed) ?? { south: 0, west: 0, north: 0.001, east: 0.001 };
}

export function Sketch({
  placed,
  plan,
  quantity,
  time,
  chosen,
  choose,
  put,
}: {
  placed: (FleetDevice & Placed)[];
  plan: Plan | null;
  quantity: Quantity;
  time: number | null;
  chosen: string | null;
  choose: (id: string) => void;
  put: ((at: Place) => void) | null;
}): JSX.Element {
  const box = useMemo(() => boxOf(plan, placed), [plan, placed]);
  const drawing = size(box);
  const [view, setView] = useState<View>(WHOLE);
  const svg = useRef<SVGSVGElement>(null);
  const base = useMedia("(max-width: 760px)") ? RADIUS_PHONE : RADIUS;
  const radius = (base * (placed.length > CROWD ? Math.sqrt(CROWD / placed.length) : 1)) / Math.sqrt(view.scale);
  const zoom = (factor: number): void => {
    const scale = Math.min(64, Math.max(1, view.scale * factor));
    const keep = (start: number, length: number): number => {
      const middle = start + length / view.scale / 2;
      return Math.min(length - length / scale, Math.max(0, middle - length / scale / 2));
    };
    setView({ scale, x: keep(view.x, drawing.width), y: keep(view.y, drawing.height) });
  };
  const pan = (dx: number, dy: number): void => {
    const limit = (value: number, length: number): number => Math.min(length - length / view.scale, Math.max(0, value));
    setView({ ...view, x: limit(view.x + dx, drawing.width), y: limit(view.y + dy, drawing.height) });
  };
  const press = (event: MouseEvent): void => {
    const matrix = svg.current?.getScreenCTM();
    if (put === null || !matrix) return;
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    put(unproject(point.x, point.y, box, drawing));
  };
  const drag = useDrag(svg, drawing.width / view.scale, pan);
  const [stop, setStop] = useState(0);
  const keys = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowRight" ? "ArrowDown" : event.key === "ArrowLeft" ? "ArrowUp" : event.key;
    const next = moved(step, stop, placed.length, 10);
    if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? 1.6 : 1 / 1.6);
    if (next === null) return;
    event.preventDefault();
    setStop(next);
    svg.current?.querySelectorAll<SVGElement>("[role=button]")[next]?.focus();
  };
  return (
    <div class={put ? "sketch sketch-placing" : "sketch"}>
      <svg
        ref={svg}
        viewBox={`${view.x} ${view.y} ${drawing.width / view.scale} ${drawing.height / view.scale}`}
        role="group"
        aria-label={`Map of ${placed.length} devices; arrow keys move from one to the next, plus and minus zoom`}
        onClick={press}
        onKeyDown={keys}
        {...drag}
      >
        {plan ? (
          <image href={`${API}/plan/image?${encodeURIComponent(plan.updated)}`} width={drawing.width} height={drawing.height} preserveAspectRatio="none" />
        ) : (
          <Grid width={drawing.width} height={drawing.height} />
        )}
        {placed.map((device, index) => (
          <Mark
            key={device.id}
            device={device}
            at={project(device, box, drawing)}
            radius={radius}
            value={shownOf(device, quantity, time)}
            quantity={quantity}
            chosen={device.id === chosen}
            named={placed.length <= NAMED * view.scale || device.id === chosen}
            stop={index === Math.min(stop, placed.length - 1)}
            choose={() => put === null && choose(device.id)}
          />
        ))}
      </svg>
      <ScaleBar box={box} view={view} />
      <div class="sketch-zoom" role="group" aria-label="Zoom">
        <button type="button" class="button" aria-label="Zoom in" onClick={() => zoom(1.6)}>
          <Icon name="plus" />
        </button>
        <button type="button" class="button" aria-label="Zoom out" disabled={view.scale === 1} onClick={() => zoom(1 / 1.6)}>
          <Icon name="minus" />
        </button>
      </div>
    </div>
  );
}

/** Dragging moves the view once it is nearer than the whole. */
function useDrag(svg: { current: SVGSVGElement | null }, width: number, pan: (dx: number, dy: number) => void): Record<string, (event: PointerEvent) => void> {
  const last = useRef<{ x: number; y: number } | null>(null);
  return {
    onPointerDown: (event) => {
      last.current = { x: event.clientX, y: event.clientY };
    },
    onPointerMove: (event) => {
      if (last.current === null || event.buttons === 0) return;
      const unit = width / Math.max(1, svg.current?.clientWidth ?? 1);
      pan((last.current.x - event.clientX) * unit, (last.current.y - event.clientY) * unit);
      last.current = { x: event.clientX, y: event.clientY };
    },
    onPointerUp: () => {
      last.current = null;
    },
  };
}

function Grid({ width, height }: { width: number; height: number }): JSX.Element {
  const lines = (length: number): number[] => Array.from({ length: Math.floor(length / 100) }, (_, index) => (index + 1) * 100);
  return (
    <g class="ground">
      <rect width={width} height={height} />
      {lines(width).map((x) => (
        <path key={`x${x}`} d={`M${x} 0V${height}`} />
      ))}
      {lines(height).map((y) => (
        <path key={`y${y}`} d={`M0 ${y}H${width}`} />
      ))}
    </g>
  );
}

interface MarkProps {
  device: FleetDevice;
  at: { x: number; y: number };
  radius: number;
  value: number | null;
  quantity: Quantity;
  chosen: boolean;
  named: boolean;
  stop: boolean;
  choose: () => void;
}

/** The shapes of the states, as everywhere, around a point. */
const SIGNS: Record<State, string> = {
  fresh: "",
  late: "M0-11 12 9H-12z",
  silent: "M-9-9H9V9H-9z",
  never: "M0-9a9 9 0 1 0 .01 0z",
};

/** A device: its value in its colour; hollow where nothing was measured; a notch if it is not fresh. */
function Mark({ device, at, radius, value, quantity, chosen, named, stop, choose }: MarkProps): JSX.Element {
  // The label holds the number as it is drawn: people who speak to their machine say what they see.
  const drawn = value === null ? "–" : fixed(value, radius < 16 ? 0 : 1);
  const words = value === null ? `no ${quantity}` : `${drawn} ${quantity === "moisture" ? "%" : "°C"}`;
  const label = `${device.name ?? device.id} ${words}, ${device.state}`;
  const key = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose();
  };
  return (
    <g
      class={`mark-device${chosen ? " mark-chosen" : ""}${value === null ? " mark-none" : ""}`}
      transform={`translate(${at.x} ${at.y})`}
      role="button"
      tabIndex={stop ? 0 : -1}
      aria-label={label}
      aria-pressed={chosen}
      onClick={choose}
      onFocus={choose}
      onKeyDown={key}
    >
      <title>{label}</title>
      <circle class="mark-ring" r={radius + 6} />
      <circle class="mark-body" r={radius} style={{ fill: value === null ? "" : colourOf(quantity, value) }} />
      <text aria-hidden="true" class="mark-name" y={radius * 1.75} style={{ fontSize: `${Math.max(9, radius * 0.62)}px` }}>
        {/* The blank parts it from the number for those who hear or say both. */}
        {named ? `${device.name ?? device.id} ` : ""}
      </text>
      <text aria-hidden="true" y={radius * 0.3} style={{ fontSize: `${radius * 0.82}px`, fill: value === null ? "" : inkOn(quantity, value) }}>
        {drawn}
      </text>
      {device.state === "fresh" ? null : (
        <path class={`mark-state state-${device.state}`} d={SIGNS[device.state]} transform={`translate(${radius * 0.8} ${-radius * 0.8}) scale(${radius / 26})`} />
      )}
    </g>
  );
}

/** How long a length on the ground is. */
function ScaleBar({ box, view }: { box: Box; view: View }): JSX.Element {
  const near: Box = { ...box, east: box.west + (box.east - box.west) / view.scale };
  const { metres, part } = scaleBar(near);
  return (
    <div class="scale-length" aria-hidden="true">
      <i style={{ width: `${part * 100}%` }} />
      <span>{metres >= 1000 ? `${metres / 1000} km` : metres >= 1 ? `${metres} m` : `${metres * 100} cm`}</span>
    </div>
  );
}
