import { describe, expect, test } from "vitest";
import { address } from "../../src/api/client";
import { channelBody } from "../../src/lib/channels";
import { deviceAt, routeOf, safeBack } from "../../src/lib/route";
import { ruleWords } from "../../src/lib/rules";

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
  expect(ruleWords(rule)).toBe("Moisture below 8 % for 6 h, solved beyond 10 %, only m1, m2");
  expect(ruleWords({ ...rule, kind: "gateway_silent", value: null, clear: null, for_s: 0, devices: null })).toBe("Gateway silent");
});

test("a channel's secret that is left empty is not sent, so that the kept one stays", () => {
  expect(channelBody("webhook", " Phone ", { url: "https://example.org/x", secret: "" })).toEqual({ kind: "webhook", name: "Phone", url: "https://example.org/x" });
});
