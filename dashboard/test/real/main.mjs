/** The page and the real program, from beginning to end: `npm run e2e:real`, after `cargo build -p fieldpost`. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launch, open } from "../e2e/browser.mjs";
import { workshop } from "./program.mjs";
import { demo } from "./demo.mjs";
import { receiver } from "./receiver.mjs";
import { story } from "./story.mjs";

/** What the page looked like when a step failed. */
const PICTURE = join(tmpdir(), "fieldpost-e2e-real.png");
const began = Date.now();
let failed = 0;
let shown = null;
const shop = workshop();
const hook = await receiver("a long random text of the receiver's");
const browser = await launch();

/** A step that fails ends the story: those behind it build on it. */
async function check(name, what) {
  const start = Date.now();
  try {
    await what();
    console.log(`ok    ${name} (${Date.now() - start} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}\n      ${String(error.stack ?? error).replaceAll("\n", "\n      ")}`);
    throw error;
  }
}

/** A browser of its own at `url`. */
async function visit(url) {
  const visitor = await open(browser, url);
  visitor.page.setDefaultTimeout(10_000);
  shown = visitor.page;
  return visitor;
}

try {
  const [cloud, second] = await Promise.all([shop.cloud("cloud"), shop.cloud("second")]);
  const visitor = await visit(cloud.url);
  const { page, complaints } = await visit(cloud.url);
  await story({ check, page, visitor: visitor.page, complaints, shop, cloud, second, hook });
  await demo({ check, visit, shop });
} catch (error) {
  if (failed === 0) console.log(`FAIL  ${error.stack}`);
  failed += 1;
  console.log(shop.logs());
  if (shown !== null) await shown.screenshot({ path: PICTURE }).then(() => console.log(`the page as it was: ${PICTURE}`), () => {});
} finally {
  await browser.close();
  await Promise.all([hook.stop(), shop.stop()]);
}
console.log(`${failed === 0 ? "all is well" : "failed"}, after ${((Date.now() - began) / 1000).toFixed(1)} s`);
process.exitCode = failed === 0 ? 0 : 1;
