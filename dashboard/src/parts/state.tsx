/** A device's state, by shape, colour and word; and why it is so. */
import type { JSX } from "preact";
import type { Cause, FleetDevice, State } from "../api/types";
import { ago, dateTime, parse, zoneName } from "../lib/format";
import { isPast } from "../lib/slots";

const SHAPES: Record<State, JSX.Element> = {
  fresh: <circle cx="7" cy="7" r="5" />,
  late: <path d="M7 1.500 13 12.500H1z" />,
  silent: <path d="M2 2h10v10H2z" />,
  never: <circle cx="7" cy="7" r="4.500" fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="3 2.300" />,
};

export function StateMark({ state }: { state: State }): JSX.Element {
  return (
    <span class={`state state-${state}`}>
      <svg viewBox="0 0 14 14" width="12" height="12" aria-hidden="true" focusable="false" fill="currentColor">
        {SHAPES[state]}
      </svg>
      {state}
    </span>
  );
}

/** The cause in words, its time in the reader's zone. */
export function causeText(cause: Cause, now: number, state: State): string {
  if (state === "never" && cause.kind === "device") return "nothing ever came from it";
  const since = parse(cause.since);
  const when = since === null ? "" : ` since ${dateTime(since)} ${zoneName(since)} (${ago(since, now)})`;
  switch (cause.kind) {
    case "gateway":
      return `its gateway ${cause.gateway ?? ""} is silent${when}`;
    case "waiting":
      return `its surveys wait at gateway ${cause.gateway ?? ""}${when}`;
    case "device":
      return since === null ? cause.text : `no survey${when}`;
  }
}

/** Why a device is fresh whose readings are old: its state goes by when it was last heard, and a backlog brings no reading of these days. */
export function backlogText({ state, last_time, last_contact }: Pick<FleetDevice, "state" | "last_time" | "last_contact">, now: number): string | null {
  const [newest, contact] = [parse(last_time), parse(last_contact)];
  if (state !== "fresh" || newest === null || contact === null || !isPast(newest, now)) return null;
  return `heard ${ago(contact, now)}, with old readings`;
}
