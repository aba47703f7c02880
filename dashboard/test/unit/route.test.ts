import { describe, expect, test } from "vitest";
import { address } from "../../src/api/client";
import { channelBody } from "../../src/lib/channels";
import { deviceAt, routeOf, safeBack } from "../../src/lib/route";
import type { Details, Rule } from "../../src/api/types";
import { isOf, limitOf, ringing, ringsOf, ruleWords } from "../../src/lib/rules";

describe("an address", () => {
  test("names a page", () => {
    expect(routeOf("/")).toEqual({ page: "fleet" });
    expect(routeOf("/completeness/")).toEqual({ page: "completeness" });
    expect(routeOf("/devices/192.168.1.2")).toEqual({ page: "device", id: "192.168.1.2" });
    expect(routeOf("/sign-in", "back=%2Falerts")).toEqual({ page: "sign-in", back: "/alerts" });
  });
  test("that names none is said so", () => {
    for (const path of ["/devices", "/devices/a/b", "/field/x", "/nothing", "/devices/%E0%A4%A"]) expect(routeOf(path)).toEqual({ page: "unknown", path });
  });
  test("of a device comes back as its id", () => {
    for (const id of ["m1", "a:b_c.d-e", "fe80::1"]) expect(routeOf(deviceAt(id))).toEqual({ page: "device", id });
  });
  test("to go back to after signing in is one of ours", () => {
    expect(["/devices/m1?x=1", "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/sign-in?back=/sign-in", null].map(safeBack)).toEqual(["/devices/m1?x=1", "/", "/", "/", "/", "/", "/"]);
  });
  test("of the API carries only keys with a value", () => {
    expect(address("fleet", { search: "a&b=c", state: "", offset: 0, limit: null })).toBe("/api/v1/fleet?search=a%26b%3Dc&offset=0");
  });
});

test("a rule reads as a sentence", () => {
  const rule = { name: "Too dry", kind: "moisture_below" as const, value: 8, clear: 10, for_s: 6 * 3600, devices: ["m1", "m2"], repeat_s: 0, channels: [], enabled: true };
  expect(ruleWords(rule)).toBe("Moisture below 8\u00a0% for 6\u00a0h, solved beyond 10\u00a0%, only m1, m2");
  expect(ruleWords({ ...rule, kind: "gateway_silent", value: null, clear: null, for_s: 0, devices: null })).toBe("Gateway silent");
});

describe("thresholds that ring", () => {
  const details = { name: "Lower row", moisture_low: 8, moisture_high: null, temperature_low: null, temperature_high: 30 } as Details;
  const own: Rule = { id: 7, name: "mine", kind: "moisture_below", value: 5, clear: 6, for_s: 60, devices: ["m1"], repeat_s: 0, channels: [3], enabled: true };
  const none = { ...details, moisture_low: null, temperature_high: null };
  test("make a rule of this device alone", () => {
    const made = ringing([{ ...own, devices: null }, { ...own, devices: ["m1", "m2"] }], "m1", none, details, ["moisture_low", "moisture_high"], [1]);
    expect(made).toMatchObject([{ method: "POST", path: "rules", json: { kind: "moisture_below", value: 8, devices: ["m1"], channels: [1], enabled: true } }]);
  });
  test("move the rule that there is, which keeps whom it tells", () => {
    const before = { ...details, moisture_low: 5 };
    expect(ringsOf([own], "m1", before)).toEqual(["moisture_low"]);
    expect(ringing([own], "m1", before, details, ["moisture_low"], [1])).toMatchObject([{ method: "PUT", path: "rules/7", json: { name: "mine", value: 8, clear: null, for_s: 60, channels: [3], enabled: true } }]);
    expect(ringing([{ ...own, value: 8 }], "m1", details, details, ["moisture_low"], [])).toEqual([]);
  });
  test("and shall no more switch it off", () => {
    const before = { ...details, moisture_low: 5 };
    expect(ringing([own], "m1", before, before, [], [])).toMatchObject([{ method: "PUT", json: { value: 5, clear: 6, enabled: false } }]);
    expect(ringing([own], "m1", before, none, ["moisture_low"], [])).toMatchObject([{ method: "PUT", json: { value: 5, enabled: false } }]);
    expect(ringing([{ ...own, enabled: false }], "m1", before, before, [], [])).toEqual([]);
  });
  test("leave a rule of another value alone", () => {
    expect(ringsOf([own], "m1", details)).toEqual([]);
    expect(ringing([own], "m1", details, details, [], [])).toEqual([]);
  });
  test("and rules that look at values are limits of the devices that they are of", () => {
    expect([limitOf(own), limitOf({ ...own, kind: "frost", value: null }), limitOf({ ...own, kind: "device_late" })]).toEqual([
      { quantity: "moisture", side: "below", value: 5 }, { quantity: "temperature", side: "below", value: 0 }, null,
    ]);
    expect([isOf(own, "m1"), isOf(own, "m2"), isOf({ ...own, devices: null }, "m2"), isOf({ ...own, kind: "disk_full", devices: null }, "m1")]).toEqual([true, false, true, false]);
  });
});

test("a channel's secret that is left empty is not sent, so that the kept one stays", () => {
  expect(channelBody("webhook", " Phone ", { url: "https://example.org/x", secret: "" })).toEqual({ kind: "webhook", name: "Phone", url: "https://example.org/x" });
});
