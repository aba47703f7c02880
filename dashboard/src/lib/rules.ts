/** The kinds of alert rules, in words. */
import type { Details, Rule, RuleBody, RuleKind } from "../api/types";
import type { Quantity } from "./colour";
import { NBSP, number, span } from "./format";

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

/** The longest name of a rule that the cloud takes, and some room. */
const LONGEST_NAME = 100;

/** A rule as a sentence. */
export function ruleWords(rule: RuleBody): string {
  const { name, unit } = kindOf(rule.kind);
  const value = rule.value === null || unit === null ? "" : ` ${number(rule.value)}${NBSP}${unit}`;
  const lasting = rule.for_s > 0 ? ` for ${span(rule.for_s * 1000)}` : "";
  const clear = rule.clear === null || unit === null ? "" : `, solved beyond ${number(rule.clear)}${NBSP}${unit}`;
  const whom = rule.devices === null ? "" : `, only ${rule.devices.join(", ")}`;
  return `${name}${value}${lasting}${clear}${whom}`;
}

/** A rule of `kind` to begin with. */
export function fresh(kind: RuleKind): RuleBody {
  const { name, value } = kindOf(kind);
  return { name, kind, value, clear: null, for_s: 0, devices: null, repeat_s: 86_400, channels: [], enabled: true };
}

/** Whether `rule` is of devices, and this one is among them. */
export const isOf = (rule: RuleBody, id: string): boolean => kindOf(rule.kind).devices && (rule.devices === null || rule.devices.includes(id));

/** Where a rule that looks at values rings. */
export interface Limit {
  quantity: Quantity;
  side: "below" | "above";
  value: number;
}

const LIMITS: Partial<Record<RuleKind, Omit<Limit, "value">>> = {
  moisture_below: { quantity: "moisture", side: "below" },
  moisture_above: { quantity: "moisture", side: "above" },
  temperature_below: { quantity: "temperature", side: "below" },
  temperature_above: { quantity: "temperature", side: "above" },
  frost: { quantity: "temperature", side: "below" },
};

/** The limit that `rule` has on a curve; null for a rule of something else. */
export function limitOf(rule: RuleBody): Limit | null {
  const known = LIMITS[rule.kind];
  return known === undefined ? null : { ...known, value: rule.value ?? 0 };
}

/** A device's thresholds, and the rule that rings when each is crossed. */
export const THRESHOLDS = [
  { key: "moisture_low", kind: "moisture_below" },
  { key: "moisture_high", kind: "moisture_above" },
  { key: "temperature_low", kind: "temperature_below" },
  { key: "temperature_high", kind: "temperature_above" },
] as const satisfies readonly { key: keyof Details; kind: RuleKind }[];

export type ThresholdKey = (typeof THRESHOLDS)[number]["key"];

/** The rule of `kind` that is of this device alone: the one that its thresholds keep. */
export const ownRule = (rules: readonly Rule[], id: string, kind: RuleKind): Rule | undefined =>
  rules.find((rule) => rule.kind === kind && rule.devices?.length === 1 && rule.devices[0] === id);

/** A change of the rules. */
export interface Change {
  method: "POST" | "PUT";
  path: string;
  json: RuleBody;
}

/** The thresholds of `details` that ring: whose own rule is on and just there. */
export const ringsOf = (rules: readonly Rule[], id: string, details: Details): ThresholdKey[] =>
  THRESHOLDS.filter(({ key, kind }) => {
    const own = ownRule(rules, id, kind);
    return own !== undefined && own.enabled && own.value === details[key];
  }).map(({ key }) => key);

/**
 * What makes device `id`, whose details were `before`, ring where its thresholds are now: those of `rings`, and no others that did.
 * A rule that is no longer wanted is switched off, not removed, for whom it tells stays with it; one of another value is somebody's own and is left alone.
 */
export function ringing(rules: readonly Rule[], id: string, before: Details, now: Details, rings: readonly ThresholdKey[], channels: number[]): Change[] {
  const rang = ringsOf(rules, id, before);
  return THRESHOLDS.flatMap(({ key, kind }): Change[] => {
    const own = ownRule(rules, id, kind);
    const wanted = rings.includes(key) && now[key] !== null;
    if (!wanted && !rang.includes(key)) return [];
    if (own === undefined) {
      const name = `${kindOf(kind).name}: ${now.name ?? id}`.slice(0, LONGEST_NAME);
      return [{ method: "POST", path: "rules", json: { ...fresh(kind), name, value: now[key], devices: [id], channels } }];
    }
    const value = wanted ? now[key] : own.value;
    if (own.enabled === wanted && own.value === value) return [];
    const { name, clear, for_s, devices, repeat_s } = own;
    const json = { name, kind, value, clear: own.value === value ? clear : null, for_s, devices, repeat_s, channels: own.channels, enabled: wanted };
    return [{ method: "PUT", path: `rules/${own.id}`, json }];
  });
}
