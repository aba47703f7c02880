/** The field drawn: the plan if there is one, else a grid, and a mark for every device. */
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { API } from "../../api/client";
import type { Plan, State } from "../../api/types";
import { useMedia } from "../../hooks";
import { colourOf, inkOn, type Quantity } from "../../lib/colour";
import { count, degrees, fixed, LATITUDE, LONGITUDE } from "../../lib/format";
import { around, type Box, graticule, type Place, project, scaleBar, size, unproject } from "../../lib/map";
import { moved } from "../../lib/virtual";
import { Icon } from "../../parts/icon";
import { isOld, type PlacedDevice, shownOf } from "./fleet";

interface Point {
  x: number;
  y: number;
}

interface Size {
  width: number;
  height: number;
}

interface View extends Point {
  /** How many times nearer than the whole. */
  scale: number;
}

const WHOLE: View = { x: 0, y: 0, scale: 1 };
/** The drawing's longer side, in units of its own; on a phone they are larger. */
const LONGEST = 1_000;
const LONGEST_PHONE = 560;
/** The least that a map's shorter side is of its longer one. */
const FLATTEST = 0.5;
const FLATTEST_PHONE = 0.85;
/** The most that a map's height is of its width. */
const TALLEST = 0.74;
const TALLEST_PHONE = 1;
/** A device's mark, in those units. */
const RADIUS = 26;
/** A press that moves further, in pixels, is a drag. */
const DRAG = 5;
/** Marks shrink when there are many. */
const CROWD = 60;
/** A name on the map is cut behind so many letters; how wide one is, to its height. */
const LONGEST_NAME = 24;
const LETTER = 0.6;
/** Marks that can all wear their names. */
const NAMED = 18;
const NAMED_PHONE = 8;

/** Everything in sight: the plan's corners, else the devices. */
function boxOf(plan: Plan | null, placed: readonly Place[], phone: boolean): Box {
  return plan ?? around(placed, phone ? FLATTEST_PHONE : FLATTEST, phone ? TALLEST_PHONE : TALLEST) ?? { south: 0, west: 0, north: 0.001, east: 0.001 };
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
  placed: PlacedDevice[];
  plan: Plan | null;
  quantity: Quantity;
  time: number | null;
  chosen: string | null;
  choose: (id: string) => void;
  put: ((at: Place) => void) | null;
}): JSX.Element {
  const phone = useMedia("(max-width: 760px)");
  const box = useMemo(() => boxOf(plan, placed, phone), [plan, placed, phone]);
  const drawing = size(box, phone ? LONGEST_PHONE : LONGEST);
  const [view, setView] = useState<View>(WHOLE);
  const svg = useRef<SVGSVGElement>(null);
  const radius = (RADIUS * (placed.length > CROWD ? Math.sqrt(CROWD / placed.length) : 1)) / Math.sqrt(view.scale);
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
    if (put === null || !matrix || drag.moved()) return;
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
        {...drag.handlers}
      >
        {plan ? (
          <image href={`${API}/plan/image?${encodeURIComponent(plan.updated)}`} width={drawing.width} height={drawing.height} preserveAspectRatio="none" />
        ) : (
          <Grid box={box} view={view} drawing={drawing} marks={placed.map((device) => project(device, box, drawing))} reach={2 * radius} />
        )}
        {placed.map((device, index) => (
          <Mark
            key={device.id}
            device={device}
            at={project(device, box, drawing)}
            width={drawing.width}
            radius={radius}
            value={shownOf(device, quantity)}
            old={isOld(device, time)}
            past={time !== null}
            quantity={quantity}
            chosen={device.id === chosen}
            named={placed.length <= (phone ? NAMED_PHONE : NAMED) * view.scale || device.id === chosen}
            stop={index === Math.min(stop, placed.length - 1)}
            choose={() => put === null && choose(device.id)}
          />
        ))}
        <ScaleBar box={box} view={view} drawing={drawing} />
      </svg>
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
function useDrag(svg: { current: SVGSVGElement | null }, width: number, pan: (dx: number, dy: number) => void): Drag {
  const last = useRef<Point | null>(null);
  const far = useRef(0);
  const handlers: Drag["handlers"] = {
    onPointerDown: (event) => {
      last.current = { x: event.clientX, y: event.clientY };
      far.current = 0;
    },
    onPointerMove: (event) => {
      if (last.current === null || event.buttons === 0) return;
      far.current += Math.abs(last.current.x - event.clientX) + Math.abs(last.current.y - event.clientY);
      const unit = width / Math.max(1, svg.current?.clientWidth ?? 1);
      pan((last.current.x - event.clientX) * unit, (last.current.y - event.clientY) * unit);
      last.current = { x: event.clientX, y: event.clientY };
    },
    onPointerUp: () => {
      last.current = null;
    },
  };
  return { handlers, moved: () => far.current > DRAG };
}

interface Drag {
  handlers: Record<string, (event: PointerEvent) => void>;
  /** Whether the last press was none. */
  moved: () => boolean;
}

/** The ground where there is no plan: lines of round degrees, so that it is seen how large it is and where. */
function Grid({ box, view, drawing, marks, reach }: { box: Box; view: View; drawing: Size; marks: readonly Point[]; reach: number }): JSX.Element {
  const [width, height] = [drawing.width / view.scale, drawing.height / view.scale];
  const corner = unproject(view.x, view.y, box, drawing);
  const end = unproject(view.x + width, view.y + height, box, drawing);
  const { latitudes, longitudes, digits } = graticule({ north: corner.latitude, west: corner.longitude, south: end.latitude, east: end.longitude });
  const font = { fontSize: `${12 / view.scale}px` };
  const pad = 6 / view.scale;
  // Labels that would run into one another are left out, their lines are not.
  const label = degrees(longitudes[0] ?? 0, LONGITUDE, digits).length * 12 * LETTER + 16;
  const apart = ((longitudes[1] ?? 0) - (longitudes[0] ?? 0)) * (drawing.width / (box.east - box.west)) * view.scale;
  const every = longitudes.length > 1 ? Math.max(1, Math.ceil(label / apart)) : 1;
  const at = (latitude: number, longitude: number): Point => project({ latitude, longitude }, box, drawing);
  /** Whether a label from `x` on, standing on `y`, keeps off every mark and its name. */
  const free = (x: number, y: number): boolean => !marks.some((mark) => mark.x > x - reach && mark.x < x + label / view.scale + reach && mark.y > y - reach && mark.y < y + reach);
  return (
    <g class="ground" aria-hidden="true">
      {/* Beyond the drawing as well: what the screen has more of is no other ground. */}
      <rect x={-drawing.width} y={-drawing.height} width={3 * drawing.width} height={3 * drawing.height} />
      {longitudes.map((one, index) => {
        const { x } = at(0, one);
        return (
          <g key={`x${one}`}>
            <path d={`M${x} ${-drawing.height}v${3 * drawing.height}`} />
            {index % every === 0 && x + label / view.scale <= view.x + width && free(x, view.y + 2.5 * pad) ? (
              <text x={x + pad} y={view.y + 2.5 * pad} style={font}>
                {degrees(one, LONGITUDE, digits)}
              </text>
            ) : null}
          </g>
        );
      })}
      {latitudes.map((one) => {
        const { y } = at(one, 0);
        return (
          <g key={`y${one}`}>
            <path d={`M${-drawing.width} ${y}h${3 * drawing.width}`} />
            {/* Not where the scale's bar is. */}
            {y < view.y + height * 0.85 && free(view.x, y - pad) ? (
              <text x={view.x + pad} y={y - pad} style={font}>
                {degrees(one, LATITUDE, digits)}
              </text>
            ) : null}
          </g>
        );
      })}
    </g>
  );
}

interface MarkProps {
  device: PlacedDevice;
  at: Point;
  /** Of the drawing, so that a name at its edge is not cut. */
  width: number;
  radius: number;
  value: number | null;
  /** Whether the value is of the days before. */
  old: boolean;
  /** Whether another time is shown than now, of which a state says nothing. */
  past: boolean;
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

/** A device: its value in its colour, paler if it is an older one; hollow where nothing was measured; a sign if it is not fresh. */
function Mark({ device, at, width, radius, value, old, past, quantity, chosen, named, stop, choose }: MarkProps): JSX.Element {
  // The label holds the number as it is drawn: people who speak to their machine say what they see.
  const drawn = value === null ? "–" : fixed(value, radius < 16 ? 0 : 1);
  const words = value === null ? `no ${quantity}` : `${drawn} ${quantity === "moisture" ? "%" : "°C"}`;
  const label = `${device.name ?? device.id} ${words}${past ? (old ? ", more than a day before" : "") : `, ${device.state}`}`;
  const size = Math.max(9, radius * 0.62);
  const name = named ? (device.name ?? device.id) : "";
  const half = (Math.min(name.length, LONGEST_NAME) * size * LETTER) / 2;
  const shift = Math.max(0, half - at.x) - Math.max(0, half - (width - at.x));
  const key = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose();
  };
  return (
    <g
      class={`mark-device${chosen ? " mark-chosen" : ""}${value === null ? " mark-none" : old ? " mark-old" : ""}`}
      transform={`translate(${at.x} ${at.y})`}
      role="button"
      // In SVG the attribute is spelt so; else every device would be a stop of the tab key.
      tabindex={stop ? 0 : -1}
      aria-label={label}
      aria-pressed={chosen}
      onClick={choose}
      onFocus={choose}
      onKeyDown={key}
    >
      <title>{label}</title>
      <circle class="mark-ring" r={radius + 6} />
      <circle class="mark-body" r={radius} style={{ fill: value === null ? "" : colourOf(quantity, value) }} />
      <text aria-hidden="true" class="mark-name" x={shift} y={radius * 1.75} style={{ fontSize: `${size}px` }}>
        {/* The blank parts it from the number for those who hear or say both. */}
        {name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}… ` : `${name} `}
      </text>
      <text aria-hidden="true" y={radius * 0.25} style={{ fontSize: `${radius * 0.7}px`, fill: value === null ? "" : inkOn(quantity, value) }}>
        {drawn}
      </text>
      {past || device.state === "fresh" ? null : (
        <path class={`mark-state state-${device.state}`} d={SIGNS[device.state]} transform={`translate(${radius * 0.8} ${-radius * 0.8}) scale(${radius / 26})`} />
      )}
    </g>
  );
}

/** How long a length on the ground is. */
function ScaleBar({ box, view, drawing }: { box: Box; view: View; drawing: Size }): JSX.Element {
  const near: Box = { ...box, east: box.west + (box.east - box.west) / view.scale };
  const { metres, part } = scaleBar(near);
  const unit = 1 / view.scale;
  const [x, y] = [view.x + 12 * unit, view.y + drawing.height / view.scale - 28 * unit];
  return (
    <g class="scale-length" aria-hidden="true" transform={`translate(${x} ${y})`}>
      <path d={`M0 ${-6 * unit}v${6 * unit}h${(part * drawing.width) / view.scale}v${-6 * unit}`} />
      <text y={16 * unit} style={{ fontSize: `${13 * unit}px` }}>
        {metres >= 1000 ? `${count(metres / 1000)} km` : metres >= 1 ? `${metres} m` : `${metres * 100} cm`}
      </text>
    </g>
  );
}
