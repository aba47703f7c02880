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

/** What holds for every page at any cloud. */
async function everywhere(browser, url, paths) {
  for (const path of paths) {
    for (const [size, viewport, phone] of [["desktop", DESKTOP, false], ["phone", { ...PHONE, width: 360 }, true]]) {
      for (const scheme of ["light", "dark"]) {
        await check(`${path} is accessible and fits: ${size}, ${scheme}`, async () => {
          const { context, page, complaints } = await open(browser, url, { viewport, scheme, phone });
          await page.goto(url + path);
          await page.locator("h1").first().waitFor();
          await page.waitForFunction(() => document.querySelector(".loading") === null);
          await accessible(page);
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert(wide <= 0, `${wide} px wider than the screen`);
          assert(complaints.length === 0, complaints.join("\n"));
          await context.close();
        });
      }
    }
  }
}

const browser = await launch();
const real = process.env.FIELDPOST_URL?.replace(/\/$/, "");
if (real) {
  const { devices } = await (await fetch(`${real}/api/v1/devices?limit=1`)).json();
  await everywhere(browser, real, [...PAGES, `/devices/${devices[0].id}`]);
} else {
  const server = await start(0, 60, "open");
  await everywhere(browser, server.url, [...PAGES, "/devices/socorro"]);
  await server.stop();
  await onFixture(browser, check);
}
await browser.close();
console.log(failed === 0 ? "all is well" : `${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
