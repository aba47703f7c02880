/** Pictures of every page of a real cloud, phone and desktop, light and dark, each with axe on it: `node test/real/shots.mjs FOLDER [only]`. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { accessible } from "../e2e/assert.mjs";
import { DESKTOP, launch, open, PHONE } from "../e2e/browser.mjs";
import { workshop } from "./program.mjs";
import { asked, setDetails, setUp, signIn } from "./session.mjs";
import { deliverYears } from "./soil.mjs";

const [folder = "shots/real", only = ""] = process.argv.slice(2);
const DETAILS = {
  ithaca: { name: "Lower row", place: "Block B", latitude: 42.4402, longitude: -76.2495, depth_cm: 5, soil: "silt loam", moisture_low: 20, moisture_high: 45 },
  dinosaur: { name: "Orchard", place: "Block C", latitude: 42.4408, longitude: -76.249, depth_cm: 5, soil: "clay loam" },
  socorro: { name: "South slope", place: "Block A", latitude: 42.4398, longitude: -76.2503, depth_cm: 5, soil: "sandy loam", notes: "Beside the old well. Battery changed in spring." },
  mercury: { name: "Terrace", place: "Block A", latitude: 42.4405, longitude: -76.2506, depth_cm: 50, soil: "gravelly sand" },
  "m-cellar": { name: "Cellar door", place: "Block D" },
};
const PAGES = [
  ["fleet", "/"],
  ["field", "/field", (page) => page.locator(".sketch [role=button], .sketch button, .sketch a").first().click()],
  ["device", "/devices/ithaca"],
  ["device-silent", "/devices/mercury", (page) => page.getByRole("button", { name: "All", exact: true }).click()],
  ["device-never", "/devices/m-cellar"],
  ["device-unknown", "/devices/nobody"],
  ["details", "/devices/ithaca", (page) => page.getByRole("button", { name: "Details and thresholds" }).click()],
  ["export", "/", (page) => page.getByRole("button", { name: "Export" }).click()],
  ["completeness", "/completeness"],
  ["day", "/completeness", (page) => page.locator("button.cell-half, button.cell-none, button.cell-most, button.cell-few").last().click()],
  ["gateways", "/gateways"],
  ["alerts", "/alerts"],
  ["rule", "/alerts", (page) => page.getByRole("button", { name: "New rule" }).click()],
  ["channel", "/alerts", (page) => page.getByRole("button", { name: "New channel" }).click()],
  ["settings", "/settings"],
  ["account", "/settings", (page) => page.getByRole("button", { name: "New account" }).click()],
  ["retention", "/settings", async (page) => {
    await page.getByLabel(/Keep readings for/).fill("100");
    await page.getByRole("button", { name: "Show what would go" }).click();
  }],
  ["nothing", "/nothing-here"],
];
const DEMO = [["demo-fleet", "/"], ["demo-completeness", "/completeness"], ["demo-device", "/devices/socorro"], ["demo-reference", "/devices/192.168.1.2"], ["demo-field", "/field"]];
const wanted = (name) => only === "" || only.split(",").includes(name);

/** Takes one picture, and says what is wrong with the page. */
async function picture(page, complaints, name, size, scheme, act) {
  await page.locator("h1").first().waitFor();
  await page.waitForFunction(() => document.querySelector(".loading, .plots-loading") === null);
  await page.waitForLoadState("networkidle", { timeout: 700 }).catch(() => {});
  if (act) await act(page);
  await page.waitForTimeout(400);
  await page.screenshot({ path: join(folder, `${name}-${size}-${scheme}.png`), fullPage: !act });
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
        page.setDefaultTimeout(8_000);
        await before(page, complaints);
        for (const [name, path, act] of pages.filter(([name]) => wanted(name))) {
          await page.goto(base + path);
          await picture(page, complaints, name, size, scheme, act).catch((error) => console.log(name, size, scheme, error.message));
        }
        await context.close();
      };
      await at(cloud.url, PAGES, (page) => signIn(page, cloud.url, "ada"));
      await at(cloud.url, [["sign-in", "/sign-in"]]);
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
