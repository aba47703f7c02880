/** Wheel, pinch and drag of fingers over a curve, as changes of the range that it shows. */
import type uPlot from "uplot";
import { panned, type Range, zoomed } from "../../lib/zoom";

export interface Zoomable {
  range: () => Range;
  bounds: () => Range;
  set: (range: Range) => void;
  /** Whether a wheel without a key zooms; else it scrolls the page, as a reader expects who only passes by. */
  wheel: () => boolean;
}

/** Listens on `plot`; the returned function ends it. */
export function gestures(plot: uPlot, target: Zoomable): () => void {
  const { over } = plot;
  const timeAt = (clientX: number): number => plot.posToVal(clientX - over.getBoundingClientRect().left, "x");
  const wheel = (event: WheelEvent): void => {
    if (!event.ctrlKey && !event.metaKey && !target.wheel()) return;
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      target.set(panned(target.range(), event.deltaX / over.clientWidth, target.bounds()));
    } else {
      const factor = Math.exp(Math.max(-0.6, Math.min(0.6, event.deltaY * 0.004)));
      target.set(zoomed(target.range(), factor, timeAt(event.clientX), target.bounds()));
    }
  };
  const fingers = new Map<number, number>();
  const down = (event: PointerEvent): void => {
    if (event.pointerType === "touch") fingers.set(event.pointerId, event.clientX);
  };
  const move = (event: PointerEvent): void => {
    const old = fingers.get(event.pointerId);
    if (old === undefined) return;
    const others = [...fingers].filter(([id]) => id !== event.pointerId).map(([, x]) => x);
    fingers.set(event.pointerId, event.clientX);
    const [other] = others;
    if (other === undefined) {
      target.set(panned(target.range(), (old - event.clientX) / over.clientWidth, target.bounds()));
    } else {
      const factor = Math.abs(old - other) / Math.max(12, Math.abs(event.clientX - other));
      target.set(zoomed(target.range(), factor, timeAt((event.clientX + other) / 2), target.bounds()));
    }
  };
  const up = (event: PointerEvent): void => {
    fingers.delete(event.pointerId);
  };
  const events: [string, EventListener, AddEventListenerOptions?][] = [
    ["wheel", wheel as EventListener, { passive: false }],
    ["pointerdown", down as EventListener],
    ["pointermove", move as EventListener],
    ["pointerup", up as EventListener],
    ["pointercancel", up as EventListener],
  ];
  for (const [name, handler, options] of events) over.addEventListener(name, handler, options);
  return () => {
    for (const [name, handler] of events) over.removeEventListener(name, handler);
  };
}
