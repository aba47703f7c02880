/** What the cloud's API says, under /api/v1. Instants are RFC 3339 in UTC unless a name says otherwise. */

export type Role = "viewer" | "operator" | "administrator";
export type State = "fresh" | "late" | "silent" | "never";

export interface Me {
  open: boolean;
  /** Whether only the cloud's own machine reaches it. */
  local: boolean;
  setup: boolean;
  user: { name: string; role: Role } | null;
  csrf: string | null;
  version: string;
}

export interface Values {
  temperature_c: number | null;
  moisture_pct: number | null;
}

export interface Cause {
  kind: "device" | "gateway" | "waiting";
  text: string;
  gateway: string | null;
  since: string | null;
}

export interface Spark {
  from: string;
  step_s: number;
  temperature_c: (number | null)[];
  moisture_pct: (number | null)[];
}

export interface FleetDevice {
  id: string;
  name: string | null;
  place: string | null;
  latitude: number | null;
  longitude: number | null;
  depth_cm: number | null;
  state: State;
  cause: Cause | null;
  last_time: string | null;
  last_contact: string | null;
  gateway: string | null;
  last: Values | null;
  held: number;
  due: number;
  conflicts: number;
  flags: number;
  spark: Spark | null;
}

export type Counts = Record<State, number>;

export interface Fleet {
  now: string;
  /** The first and the last instant of all readings of the devices that match. */
  first_time: string | null;
  last_time: string | null;
  total: number;
  counts: Counts;
  devices: FleetDevice[];
}

/** null: not set. */
export interface Details {
  name: string | null;
  place: string | null;
  latitude: number | null;
  longitude: number | null;
  depth_cm: number | null;
  soil: string | null;
  interval_s: number | null;
  survey_s: number | null;
  notes: string | null;
  moisture_low: number | null;
  moisture_high: number | null;
  temperature_low: number | null;
  temperature_high: number | null;
}

export interface Device extends FleetDevice {
  readings: number;
  first_time: string | null;
  details: Details;
  interval_s: number;
  gateways: { name: string; last_contact: string; surveys: number }[];
}

/** `time` in seconds since 1970; a gap has an entry of nulls. */
export interface Series {
  device: string;
  from: string | null;
  to: string | null;
  interval_s: number;
  thinned: boolean;
  time: number[];
  temperature_c: (number | null)[];
  moisture_pct: (number | null)[];
  flags: number[] | null;
  /** From, to. */
  gaps: string[][];
}

export interface Conflict {
  time: string;
  held: Values | null;
  offered: Values | null;
  gateway: string;
  first_offered: string;
  last_offered: string;
  count: number;
}

export interface Survey {
  received: string;
  received_at_gateway: string | null;
  gateway: string;
  readings: number;
  new: number;
  duplicate: number;
  conflict: number;
  copies: number;
  /** Its first and its last reading. */
  starts: string;
  ends: string | null;
}

export interface Day {
  device: string;
  date: string;
  due: number;
  held: number;
  /** Readings beyond the slots, or between them. */
  extra: number;
  readings: ({ time: string; flags: number } & Values)[];
  missing: string[];
  /** How many there are, where the lists are cut. */
  missing_total: number;
  readings_total: number;
  surveys_total: number;
  conflicts_total: number;
  surveys: Survey[];
  conflicts: Conflict[];
  where: string;
}

/** A number a day. */
export interface CalendarRow {
  id: string;
  name: string | null;
  last_time: string | null;
  held: number[];
  due: number[];
  /** Readings beyond the slots, or between them. */
  extra: number[];
}

export interface Completeness {
  from: string;
  to: string;
  total: number;
  /** The newest reading of all devices that match, not only of this page. */
  newest: string | null;
  devices: CalendarRow[];
}

export interface Quarantined {
  id: number;
  received: string;
  gateway: string | null;
  format: string;
  reason: string;
  detail: string;
  length: number;
  text: string;
}

export interface GatewayStatus {
  at: string | null;
  version: string;
  waiting: number;
  oldest_waiting: string | null;
  journal_bytes: number;
  journal_limit: number;
  room_days: number | null;
  roster: string[];
  round: { opened: string; closed: string | null; reported: number; silent: string[] } | null;
}

export interface Gateway {
  name: string;
  time_zone: string | null;
  last_contact: string;
  state: "fresh" | "silent";
  status: GatewayStatus | null;
  devices: number;
}

export interface Plan {
  content_type: string;
  south: number;
  west: number;
  north: number;
  east: number;
  updated: string;
}

export type RuleKind =
  | "moisture_below"
  | "moisture_above"
  | "temperature_below"
  | "temperature_above"
  | "frost"
  | "device_late"
  | "device_silent"
  | "round_incomplete"
  | "gateway_silent"
  | "journal_full"
  | "disk_full"
  | "conflicts";

/** A rule without its id is what one is made of. */
export interface RuleBody {
  name: string;
  kind: RuleKind;
  value: number | null;
  clear: number | null;
  for_s: number;
  devices: string[] | null;
  repeat_s: number;
  channels: number[];
  enabled: boolean;
}

export type Rule = RuleBody & { id: number };

export interface Alert {
  id: number;
  rule: number;
  name: string;
  kind: RuleKind;
  subject: string;
  devices: string[];
  text: string;
  began: string;
  noticed: string;
  resolved: string | null;
  acknowledged: { by: string | null; at: string } | null;
  history: boolean;
}

/** What else a channel has hangs on its kind; secrets are never read back. */
export interface Channel {
  id: number;
  kind: "webhook" | "email" | "mqtt";
  name: string;
  failing: string | null;
  waiting: number;
  /** Messages that were given up. */
  lost: number;
  [more: string]: unknown;
}

export interface User {
  name: string;
  role: Role;
  created: string;
  last_seen: string | null;
}

export type Scope = "read" | "ingest" | "admin";

export interface Token {
  id: number | string;
  name: string;
  scope: Scope;
  created: string;
  last_used: string | null;
}

export interface RetentionPreview {
  before: string;
  devices: { id: string; readings: number }[];
  readings: number;
  bytes: number;
}

/** The newest reading of a survey that brought something new. */
export interface ReadingsEvent extends Values {
  device: string;
  time: string;
  new: number;
  /** The device after this survey. */
  last_contact: string;
  state: State;
}
