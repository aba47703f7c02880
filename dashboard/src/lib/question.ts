/** What is asked of the fleet, as it stands in the address: so that it can be kept, sent to somebody, and gone back to. */
import type { State } from "../api/types";

/** Columns that the fleet can be sorted by. */
export const SORTS = ["name", "state", "last", "moisture", "temperature", "completeness"] as const;
export type SortKey = (typeof SORTS)[number];

export interface Sort {
  by: SortKey;
  order: "asc" | "desc";
}

export interface Question {
  search: string;
  states: State[];
  sort: Sort;
}

/** In order of how much they want to be looked at. */
export const STATES: readonly State[] = ["silent", "late", "never", "fresh"];

/** Those that want looking at come first. */
const FIRST: Sort = { by: "state", order: "desc" };
/** The longest search that the cloud takes. */
export const LONGEST = 200;

/** What `query` asks; what it says that nobody can ask is left out. */
export function questionOf(query: string): Question {
  const keys = new URLSearchParams(query);
  const asked = (keys.get("state") ?? "").split(",");
  const by = SORTS.find((key) => key === keys.get("sort"));
  const order = keys.get("order") === "asc" ? "asc" : "desc";
  return {
    search: (keys.get("search") ?? "").trim().slice(0, LONGEST),
    states: STATES.filter((state) => asked.includes(state)),
    sort: by === undefined ? FIRST : { by, order },
  };
}

/** The address of the fleet that asks `question`; what is asked anyway is not said. */
export function fleetAt({ search, states, sort }: Question): string {
  const keys = new URLSearchParams();
  if (search !== "") keys.set("search", search);
  if (states.length > 0) keys.set("state", states.join(","));
  if (sort.by !== FIRST.by || sort.order !== FIRST.order) {
    keys.set("sort", sort.by);
    keys.set("order", sort.order);
  }
  const text = keys.toString().replaceAll("%2C", ",");
  return text === "" ? "/" : `/?${text}`;
}

/** Where the devices of one state are. */
export const stateAt = (state: State): string => fleetAt({ search: "", states: [state], sort: FIRST });
