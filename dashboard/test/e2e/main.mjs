/**
 * The page in a real browser: `npm run e2e` (after `npm run build`).
 *
 * Without FIELDPOST_URL against the fixture, with everything that it can show; with it against a real cloud at that address, open and
 * with at least one device, what must hold for any.
 */
import { start } from "../fixture/main.mjs";
import { accessible, assert } from "./assert.mjs";
import { DESKTOP, launch, open, PHONE } from "./browser.mjs";
import { onFixture } from "./fixture.mjs";

const PAGES = ["/", "/field", "/completeness", "/gateways", "/alerts", "/settings", "/nothing-here"];

/** Only the steps whose names have this in them: `node test/e2e/main.mjs gap`. */
const [only = ""] = process.argv.slice(2);
let failed = 0;
async function check(name, what) {
  if (!name.includes(only)) return;
  const start = Date.now();
  try {
    await what();
    console.log(`ok    ${name} (${Date.now() - start} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}\n      ${String(error.message ?? error).replaceAll("\n", "\n      ")}`);
  }
}

const SIZES = [["desktop", DESKTOP, false], ["phone", { ...PHONE, width: 360 }, true]];
const SCHEMES = ["light", "dark"];

/** What holds for every page at any cloud. `steps`: path, and what to do there first. */
async function everywhere(browser, url, steps, { schemes = SCHEMES, before = async () => {} } = {}) {
  for (const [size, viewport, phone] of SIZES) {
    for (const scheme of schemes) {
      const { context, page, complaints } = await open(browser, url, { viewport, scheme, phone });
      page.setDefaultTimeout(8_000);
      await before(page);
      for (const [path, name = path, act = async () => {}] of steps) {
        await check(`${name} is accessible and fits: ${size}, ${scheme}`, async () => {
          await page.goto(url + path);
          await page.locator("h1").first().waitFor();
          await page.waitForFunction(() => document.querySelector(".loading") === null);
          await act(page);
          await accessible(page);
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert(wide <= 0, `${wide} px wider than the screen`);
          const cut = await page.locator(".scroll:has(> table.plain)").evaluateAll((boxes) => boxes.filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.getAttribute("aria-label")));
          assert(cut.length === 0, `columns out of sight: ${cut.join(", ")}`);
          assert(complaints.length === 0, complaints.splice(0).join("\n"));
        });
      }
      await context.close();
    }
  }
}

const press = (name) => (page) => page.getByRole("button", { name }).first().click();
/** Whatever opens over a page. */
const DIALOGS = [
  ["/devices/socorro", "the details", press("Details and thresholds")],
  ["/", "the export", press("Export")],
  ["/completeness", "a day", (page) => page.locator("button.cell-half, button.cell-none, button.cell-most").last().click()],
  ["/field", "the plan", press("Plan of the field")],
  ["/alerts", "a rule", press("New rule")],
  ["/alerts", "a channel", press("New channel")],
  ["/settings", "an account", press("New account")],
  ["/settings", "a token", press("New token")],
  ["/settings", "what retention would remove", async (page) => {
    await page.getByLabel(/Keep readings for/).fill("100");
    await page.getByRole("button", { name: "Show what would go" }).click();
    await page.getByText(/would be removed/).waitFor();
  }],
].map(([path, name, act]) => [path, name, async (page) => {
  await act(page);
  await page.getByRole("dialog").waitFor();
  await page.waitForFunction(() => document.querySelector("dialog .loading") === null);
}]);

/** The fixture in each of its modes. */
async function fixtures(browser) {
  const [full, closed, fresh] = await Promise.all([start(0, 60, "open"), start(0, 20, "accounts"), start(0, 20, "fresh")]);
  await everywhere(browser, full.url, [...PAGES, "/devices/socorro"].map((path) => [path]));
  // In the light and on a large screen the steps below see them.
  await everywhere(browser, full.url, DIALOGS, { schemes: ["dark"] });
  const table = (page) => page.getByText("These readings as a table").click();
  await everywhere(browser, full.url, [["/devices/socorro", "the readings as a table", table]], { schemes: ["dark"] });
  await everywhere(browser, closed.url, [["/sign-in"]]);
  await everywhere(browser, fresh.url, [["/setup#code=once-only", "/setup"]]);
  await Promise.all([full, closed, fresh].map((server) => server.stop()));
}

const browser = await launch();
const real = process.env.FIELDPOST_URL?.replace(/\/$/, "");
if (real) {
  const { devices } = await (await fetch(`${real}/api/v1/devices?limit=1`)).json();
  await everywhere(browser, real, [...PAGES, `/devices/${devices[0].id}`].map((path) => [path]));
} else {
  await fixtures(browser);
  await onFixture(browser, check);
}
await browser.close();
console.log(failed === 0 ? "all is well" : `${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
