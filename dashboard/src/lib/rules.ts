/** The kinds of alert rules, in words. */
import type { RuleBody, RuleKind } from "../api/types";
import { number, span } from "./format";

interface Kind {
  kind: RuleKind;
  name: string;
  /** What `value` is counted in; null if the rule has none. */
  unit: string | null;
  /** A value to begin with. */
  value: number | null;
  /** Whether it is about devices that can be named. */
  devices: boolean;
  /** Whether it can be asked to last for some time. */
  lasting: boolean;
}

export const KINDS: readonly Kind[] = [
  { kind: "moisture_below", name: "Moisture below", unit: "%", value: 15, devices: true, lasting: true },
  { kind: "moisture_above", name: "Moisture above", unit: "%", value: 45, devices: true, lasting: true },
  { kind: "temperature_below", name: "Temperature below", unit: "°C", value: 2, devices: true, lasting: true },
  { kind: "temperature_above", name: "Temperature above", unit: "°C", value: 35, devices: true, lasting: true },
  { kind: "frost", name: "Frost in the soil: below", unit: "°C", value: 0, devices: true, lasting: true },
  { kind: "device_late", name: "Device late", unit: null, value: null, devices: true, lasting: true },
  { kind: "device_silent", name: "Device silent", unit: null, value: null, devices: true, lasting: true },
  { kind: "round_incomplete", name: "Round incomplete", unit: null, value: null, devices: false, lasting: false },
  { kind: "gateway_silent", name: "Gateway silent", unit: null, value: null, devices: false, lasting: true },
  { kind: "journal_full", name: "A gateway's journal nearly full", unit: "% used", value: 80, devices: false, lasting: false },
  { kind: "disk_full", name: "The cloud's disk nearly full", unit: "% used", value: 90, devices: false, lasting: false },
  { kind: "conflicts", name: "Conflicts, at least", unit: "readings", value: 1, devices: true, lasting: false },
];

export const kindOf = (kind: RuleKind): Kind => KINDS.find((one) => one.kind === kind) ?? (KINDS[0] as Kind);

/** A rule as a sentence. */
export function ruleWords(rule: RuleBody): string {
  const { name, unit } = kindOf(rule.kind);
  const value = rule.value === null || unit === null ? "" : ` ${number(rule.value)} ${unit}`;
  const lasting = rule.for_s > 0 ? ` for ${span(rule.for_s * 1000)}` : "";
  const clear = rule.clear === null || unit === null ? "" : `, solved beyond ${number(rule.clear)} ${unit}`;
  const whom = rule.devices === null ? "" : `, only ${rule.devices.join(", ")}`;
  return `${name}${value}${lasting}${clear}${whom}`;
}

/** A rule of `kind` to begin with. */
export function fresh(kind: RuleKind): RuleBody {
  const { name, value } = kindOf(kind);
  return { name, kind, value, clear: null, for_s: 0, devices: null, repeat_s: 86_400, channels: [], enabled: true };
}
