/** What a stranger's program does with the client that was made from the description: its types are all it knows. */
import createClient from "openapi-fetch";
import { readFileSync } from "node:fs";
import type { components, paths } from "./made/schema";

type Record = components["schemas"]["SenmlRecord"];

/** The first readings of a station's year (samples/ has its provenance). */
function sample(count: number): Record[] {
  const file = new URL("../../../../samples/ithaca.csv", import.meta.url);
  const lines = readFileSync(file, "utf8").split("\n").slice(1, count + 1);
  return lines.flatMap((line): Record[] => {
    const [, time, temperature, moisture] = line.split(",");
    const t = Date.parse(String(time)) / 1000;
    return [
      { n: "ithaca/temperature", u: "Cel", t, v: Number(temperature) },
      { n: "ithaca/moisture", u: "/", t, v: Math.round(Number(moisture) * 100) / 10_000 },
    ];
  });
}

function is<T>(said: T, wanted: T, what: string): void {
  const [one, other] = [JSON.stringify(said), JSON.stringify(wanted)];
  if (one !== other) throw new Error(`${what}: ${one} instead of ${other}`);
}

/** Lists in queries have commas, as the description says (style form, explode false); this client knows types alone, and must be told. */
const LISTS = { array: { style: "form", explode: false } } as const;

/** Sets up the cloud at `url` by its one-time `code`, and uses it as people and programs do. */
export async function run(url: string, code: string): Promise<string[]> {
  const told: string[] = [];
  const browser = createClient<paths>({ baseUrl: url });
  const setup = await browser.POST("/api/v1/setup", { body: { code, name: "ann", password: "correct horse" } });
  if (!setup.data) throw new Error(setup.error.detail);
  const cookie = setup.response.headers.get("set-cookie")?.split(";")[0] ?? "";
  const headers = { cookie, "X-CSRF-Token": setup.data.csrf ?? "" };
  told.push(`set up as ${setup.data.user?.name} (${setup.data.user?.role})`);

  const token = async (name: string, scope: components["schemas"]["Scope"]) => {
    const made = await browser.POST("/api/v1/tokens", { headers, body: { name, scope } });
    if (!made.data) throw new Error(made.error.detail);
    return createClient<paths>({ baseUrl: url, querySerializer: LISTS, headers: { Authorization: `Bearer ${made.data.token}` } });
  };
  const [gateway, reader] = [await token("north", "ingest"), await token("shelf", "read")];

  for (const wanted of [{ new: 24, duplicate: 0, conflict: 0 }, { new: 0, duplicate: 24, conflict: 0 }]) {
    const posted = await gateway.POST("/api/v1/surveys", {
      params: { header: { "Fieldpost-Gateway": "north" } },
      headers: { "Content-Type": "application/senml+json" },
      body: sample(24),
    });
    if (!posted.data) throw new Error(posted.error.detail);
    const { new: fresh, duplicate, conflict } = posted.data;
    is({ new: fresh, duplicate, conflict }, wanted, "a survey of a day");
    told.push(`posted a survey: ${JSON.stringify(posted.data)}`);
  }
  const forbidden = await gateway.GET("/api/v1/devices");
  is([forbidden.response.status, forbidden.error?.reason], [403, "not-allowed"], "a token of scope ingest sees nothing");

  const devices = await reader.GET("/api/v1/devices", { params: { query: { limit: 10 } } });
  is(devices.data?.devices.map(({ id, readings }) => ({ id, readings })), [{ id: "ithaca", readings: 24 }], "the devices");
  told.push(`listed the devices: ${devices.data?.devices.map((device) => device.id).join(", ")}`);

  const path = { id: "ithaca" };
  const said = await reader.GET("/api/v1/devices/{id}/readings", { params: { path, query: { limit: 100 } } });
  if (!said.data || typeof said.data === "string") throw new Error("JSON was asked for");
  const { readings } = said.data;
  const first = sample(1).map((record) => record.v);
  const { temperature_c, moisture_pct } = readings[0] ?? {};
  is([temperature_c, (moisture_pct ?? 0) / 100], first, "the first reading");
  is(readings.length, 24, "how many there are");
  told.push(`read them back: ${readings.length}, the first ${JSON.stringify(readings[0])}`);

  const fleet = await reader.GET("/api/v1/fleet", { params: { query: { state: ["fresh", "late"], sort: "moisture", order: "desc" } } });
  is(fleet.data?.devices[0]?.state, "fresh", "a list of words in a query");
  const series = await reader.GET("/api/v1/devices/{id}/series", { params: { path, query: { points: 10 } } });
  is(series.data?.time.length, series.data?.moisture_pct.length, "the arrays of a curve");
  const problem = await reader.GET("/api/v1/devices/{id}", { params: { path: { id: "nobody" } } });
  is(problem.error?.reason, "unknown-device", "a problem");
  told.push(`was told: ${problem.error?.detail}`);
  return told;
}
