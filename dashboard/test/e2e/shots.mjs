/** Pictures of every page, phone and desktop, light and dark, for people to look at: `node shots.mjs FOLDER [only]`. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { start } from "../fixture/main.mjs";
import { DESKTOP, launch, open, PHONE } from "./browser.mjs";

const [folder = "shots", only = ""] = process.argv.slice(2);
const FLEET = [
  ["fleet", "/"],
  ["field", "/field"],
  ["device", "/devices/socorro"],
  ["completeness", "/completeness"],
  ["gateways", "/gateways"],
  ["alerts", "/alerts"],
  ["settings", "/settings"],
];
const DIALOGS = [
  ["details", "/devices/socorro", (page) => page.getByRole("button", { name: "Details and thresholds" }).click()],
  ["day", "/completeness", (page) => page.locator("button.cell-half, button.cell-none, button.cell-most").last().click()],
  ["rule", "/alerts", (page) => page.getByRole("button", { name: "New rule" }).click()],
];

mkdirSync(folder, { recursive: true });
const browser = await launch();
const full = await start(0, 60, "open");
const empty = await start(0, 0, "empty");
const closed = await start(0, 20, "accounts");
const fresh = await start(0, 20, "fresh");
const jobs = [
  ...FLEET.map(([name, path]) => [name, full.url + path]),
  ...DIALOGS.map(([name, path, act]) => [name, full.url + path, act]),
  ["first", `${empty.url}/`],
  ["sign-in", `${closed.url}/sign-in`],
  ["setup", `${fresh.url}/setup#code=once-only`],
].filter(([name]) => only === "" || only.split(",").includes(name));
for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
  for (const scheme of ["light", "dark"]) {
    for (const [name, url, act] of jobs) {
      const { context, page, complaints } = await open(browser, url, { viewport, scheme, phone: size === "phone" });
      await page.goto(url);
      await page.waitForLoadState("load");
      await page.waitForTimeout(900);
      if (act) {
        await act(page);
        await page.waitForTimeout(500);
      }
      await page.screenshot({ path: join(folder, `${name}-${size}-${scheme}.png`), fullPage: !act && name !== "fleet" });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) complaints.push(`wider than the screen by ${wide}`);
      if (complaints.length > 0) console.log(name, size, scheme, complaints);
      await context.close();
    }
  }
}
await browser.close();
await Promise.all([full, empty, closed, fresh].map((server) => server.stop()));
