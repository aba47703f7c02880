/** The page at /docs in a real browser: it shows every operation, and what is tried there is done. */
import { accessible, assert } from "../e2e/assert.mjs";
import { launch, open, PHONE } from "../e2e/browser.mjs";

/** Uses the page of the cloud at `url`, where client.ts has set up ann. */
export async function tryPage(url) {
  const told = [];
  const browser = await launch();
  const document = await (await fetch(`${url}/api/v1/openapi.json`)).json();
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
  for (const [size, options] of [["desktop", {}], ["phone, dark", { viewport: PHONE, phone: true, scheme: "dark" }]]) {
    const { context, page, complaints } = await open(browser, url, options);
    await page.goto(`${url}/docs`);
    await page.getByText("Sign in on the dashboard").waitFor();
    for (const { summary } of operations) await page.getByText(summary, { exact: true }).first().waitFor({ state: "attached" });
    await accessible(page);
    assert(complaints.length === 0, complaints.join("\n"));
    told.push(`/docs shows ${operations.length} operations: ${size}`);
    await context.close();
  }
  const { context, page, complaints } = await open(browser, url);
  await context.request.post(`${url}/api/v1/session`, { data: { name: "ann", password: "correct horse" } });
  await page.goto(`${url}/docs#post-/api/v1/check`);
  await page.getByText("go out as ann (administrator)").waitFor();
  const section = page.locator('[id="post-/api/v1/check"]').first();
  const answer = page.waitForResponse((response) => response.url().endsWith("/api/v1/check"));
  await section.getByRole("button", { name: "TRY", exact: true }).click();
  const said = await answer;
  assert(said.status() === 200, `a change with the cookie is answered ${said.status()}: ${await said.text()}`);
  await section.getByText("took_ms").first().waitFor();
  assert(complaints.length === 0, complaints.join("\n"));
  told.push(`tried POST /api/v1/check from /docs: ${await said.text()}`);
  if (process.env.SHOT) await page.screenshot({ path: process.env.SHOT });
  await browser.close();
  return told;
}
