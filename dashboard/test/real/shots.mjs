/** Pictures of every page of a real cloud, phone and desktop, light and dark, each with axe on it: `node test/real/shots.mjs FOLDER [only]`. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { accessible } from "../e2e/assert.mjs";
import { DESKTOP, launch, open, PHONE } from "../e2e/browser.mjs";
import { workshop } from "./program.mjs";
import { asked, PASSWORD, setDetails, setUp, signIn } from "./session.mjs";
import { deliverYears } from "./soil.mjs";

const [folder = "shots/real", only = ""] = process.argv.slice(2);
const DETAILS = {
  ithaca: { name: "Lower row", place: "Block B", latitude: 42.4402, longitude: -76.2495, depth_cm: 5, soil: "silt loam", moisture_low: 20, moisture_high: 45 },
  dinosaur: { name: "Orchard", place: "Block C", latitude: 42.4408, longitude: -76.249, depth_cm: 5, soil: "clay loam" },
  socorro: { name: "South slope", place: "Block A", latitude: 42.4398, longitude: -76.2503, depth_cm: 5, soil: "sandy loam", notes: "Beside the old well. Battery changed in spring." },
  mercury: { name: "Terrace", place: "Block A", latitude: 42.4405, longitude: -76.2506, depth_cm: 50, soil: "gravelly sand" },
  "m-cellar": { name: "Cellar door", place: "Block D" },
};
const press = (name) => (page) => page.getByRole("button", { name, exact: true }).first().click();
const openDay = (page) => page.locator("button.cell-half, button.cell-none, button.cell-most, button.cell-few").last().click();
/** Answers what the page asks of `path` with `answer`, until the picture is taken. */
const answering = (path, answer) => (page) => page.route(path, answer);
const PROBLEM = { status: 503, contentType: "application/problem+json", body: JSON.stringify({ type: "about:blank", title: "busy", status: 503, detail: "the store is busy; try again in a moment" }) };
/** Name, path, what to do there, and what to do before. */
const PAGES = [
  ["fleet", "/"],
  ["fleet-none-found", "/?search=nothing-of-this"],
  ["fleet-by-keyboard", "/", async (page) => {
    await page.locator("tr.row a").first().focus();
    await page.keyboard.press("ArrowDown");
  }],
  ["loading", "/", undefined, answering("**/api/v1/fleet?*", () => {})],
  ["failed", "/gateways", undefined, answering("**/api/v1/gateways?*", (route) => route.fulfill(PROBLEM))],
  ["broken", "/devices/ithaca", undefined, answering(/assets\/device-[^/]+\.js$/, (route) => route.fulfill({ status: 404, body: "" }))],
  ["unreachable", "/", undefined, answering("**/api/v1/me", (route) => route.abort())],
  ["field", "/field", (page) => page.locator(".sketch [role=button], .sketch button, .sketch a").first().click()],
  ["device", "/devices/ithaca"],
  ["device-hover", "/devices/ithaca", (page) => page.locator(".u-over").first().hover()],
  ["device-table", "/devices/ithaca", (page) => page.getByText("These readings as a table").click()],
  ["device-silent", "/devices/mercury", press("All")],
  ["device-never", "/devices/m-cellar"],
  ["device-unknown", "/devices/nobody"],
  ["details", "/devices/ithaca", press("Details and thresholds")],
  ["export", "/", press("Export")],
  ["completeness", "/completeness"],
  ["day", "/completeness", openDay],
  ["day-readings", "/completeness", async (page) => {
    await openDay(page);
    await page.getByRole("dialog").locator("summary").click();
  }],
  ["gateways", "/gateways"],
  ["alerts", "/alerts"],
  ["rule", "/alerts", press("New rule")],
  ["channel", "/alerts", press("New channel")],
  ["settings", "/settings"],
  ["account", "/settings", press("New account")],
  ["retention", "/settings", async (page) => {
    await page.getByLabel(/Keep readings for/).fill("100");
    await page.getByRole("button", { name: "Show what would go" }).click();
  }],
  ["nothing", "/nothing-here"],
  ["plan", "/field", press("Plan of the field")],
  ["token", "/settings", async (page) => {
    await press("New token")(page);
    await page.getByLabel("Name", { exact: true }).fill(`gateway ${Date.now()}`);
    await press("Make token")(page);
    await page.locator("pre.secret").waitFor();
  }],
];
const VIEWER = [["viewer", "/settings"]];
const SIGN_IN = [["sign-in", "/sign-in"], ["sign-in-refused", "/sign-in", async (page) => {
  await page.getByLabel("Name").fill("ada");
  await page.getByLabel("Password").fill(`no ${PASSWORD}`);
  await press("Sign in")(page);
  await page.getByRole("alert").waitFor();
}]];
const DEMO = [["demo-fleet", "/"], ["demo-completeness", "/completeness"], ["demo-device", "/devices/socorro"], ["demo-reference", "/devices/192.168.1.2"], ["demo-field", "/field"], ["docs", "/docs", (page) => page.waitForTimeout(1_500)]];
const wanted = (name) => only === "" || only.split(",").includes(name);

/** As high as the whole page, so that what stays in sight while it scrolls hides nothing of the picture. */
async function wholeHeight(page, { width, height }) {
  const whole = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width, height: Math.max(height, whole) });
  await page.waitForTimeout(200);
}

/** Takes one picture, and says what is wrong with the page. */
async function picture(page, complaints, name, size, scheme, act) {
  await page.locator("h1, .lone [role=alert]").first().waitFor();
  await page.waitForFunction((any) => any || document.querySelector(".loading, .plots-loading") === null, name === "loading");
  await page.waitForLoadState("networkidle", { timeout: 700 }).catch(() => {});
  if (act) await act(page);
  await page.waitForTimeout(400);
  const before = page.viewportSize();
  if ((await page.locator("dialog").count()) === 0) await wholeHeight(page, before);
  await page.screenshot({ path: join(folder, `${name}-${size}-${scheme}.png`) });
  await page.setViewportSize(before);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) complaints.push(`wider than the screen by ${wide}`);
  await accessible(page).catch((error) => complaints.push(error.message));
  if (complaints.length > 0) console.log(name, size, scheme, complaints.splice(0));
}

async function fill(browser, cloud, gateway) {
  const { page, context } = await open(browser, cloud.url);
  await setUp(page, cloud.link, "ada");
  const { token } = await (await asked(page, cloud.url, "POST", "tokens", { name: "north", scope: "ingest" })).json();
  await deliverYears(cloud, token);
  for (const [id, details] of Object.entries(DETAILS)) await setDetails(page, cloud.url, id, details);
  await asked(page, cloud.url, "POST", "users", { name: "vera", role: "viewer", password: "correct horse battery" });
  for (const rule of [{ name: "Meter gone", kind: "device_silent" }, { name: "Frost", kind: "frost", value: 0 }, { name: "Too dry", kind: "moisture_below", value: 20, clear: 22, for_s: 7200 }]) {
    await asked(page, cloud.url, "POST", "rules", { channels: [], ...rule });
  }
  await gateway(token);
  await context.close();
}

mkdirSync(folder, { recursive: true });
const shop = workshop();
const browser = await launch();
try {
  const [cloud, fresh] = await Promise.all([shop.cloud("cloud"), shop.cloud("fresh")]);
  await fill(browser, cloud, (token) => shop.gateway("north", cloud.url, token));
  const demo = shop.start("demo", ["demo", "--data", join(shop.folder, "demo-data"), "--http", "127.0.0.1:0"]);
  const [, address] = await shop.prints(demo, /open (http:\/\/\S+) in a browser/);
  for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
    for (const scheme of ["light", "dark"]) {
      const options = { viewport, scheme, phone: size === "phone" };
      const at = async (base, pages, before = async () => {}) => {
        const { context, page, complaints } = await open(browser, base, options);
        page.setDefaultTimeout(30_000);
        await before(page, complaints);
        for (const [name, path, act, prepare] of pages.filter(([name]) => wanted(name))) {
          if (prepare) await prepare(page);
          await page.goto(base + path);
          await picture(page, complaints, name, size, scheme, act).catch((error) => console.log(name, size, scheme, error.message));
          await page.unrouteAll({ behavior: "ignoreErrors" });
        }
        await context.close();
      };
      await at(cloud.url, PAGES, (page) => signIn(page, cloud.url, "ada"));
      await at(cloud.url, VIEWER, (page) => signIn(page, cloud.url, "vera"));
      await at(cloud.url, SIGN_IN);
      await at(fresh.url, [["first", "/"], ["setup", "/setup#code=once-only"]]);
      await at(address, DEMO);
    }
  }
} catch (error) {
  console.log(error.stack, shop.logs());
  process.exitCode = 1;
} finally {
  await browser.close();
  await shop.stop();
}
