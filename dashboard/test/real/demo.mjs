/** What is seen first by who runs the demo, whose stations measured years ago. */
import { join } from "node:path";
import { assert } from "../e2e/assert.mjs";

export async function demo({ check, visit, shop }) {
  const program = shop.start("demo", ["demo", "--data", join(shop.folder, "demo-data"), "--http", "127.0.0.1:0"]);
  const [, url] = await shop.prints(program, /[Oo]pen (http:\/\/\S+?)\/? in a browser/);
  const { page, complaints } = await visit(url);

  await check("the demo's fleet says since when there are no readings, not that all are missing", async () => {
    await page.goto(url);
    const row = page.locator("tr.row", { hasText: "ithaca" });
    await row.getByText("none since 1 Jan 2020").waitFor();
    await row.getByText(/^heard .*, with old readings$/).waitFor();
    assert((await page.locator("tr.row", { hasText: "192.168.1.2" }).innerText()).includes("%"), "a device of today has a share");
  });

  await check("the demo's reference meters hold all of the four readings that they have sent, whatever the time of day", async () => {
    for (const id of ["192.168.1.2", "192.168.1.3", "192.168.1.4", "192.168.1.5"]) {
      const row = page.locator("tr.row", { hasText: id });
      await row.getByTitle("4 of 4 slots of the last 7 days held").waitFor();
      assert((await row.getByText(/old readings/).count()) === 0, `${id} has readings of today`);
    }
  });

  await check("the demo's calendar has no wall of red, and leads to the days that there are", async () => {
    await page.goto(`${url}/completeness`);
    await page.locator("button.cell-since").first().waitFor();
    const none = await page.locator("tr", { hasText: "ithaca" }).locator("button.cell-none").count();
    assert(none === 0, `${none} red days`);
    await page.getByRole("button", { name: /^1 Jan 2020: .*Ithaca 13 E/ }).click();
    await page.locator("tr", { hasText: "ithaca" }).locator("button.cell-all").nth(20).waitFor();
    await page.getByRole("button", { name: "Today" }).click();
    await page.locator("button.cell-since").first().waitFor();
  });

  await check("the demo's field is a map of the four stations, by name", async () => {
    await page.goto(`${url}/field`);
    await page.getByText("4 devices at their places; 4 without coordinates").waitFor();
    for (const name of ["Ithaca 13 E", "Dinosaur 2 E", "Mercury 3 SSW", "Socorro 20 N"]) await page.getByRole("button", { name: new RegExp(`^${name} `) }).waitFor();
    await page.getByRole("button", { name: /^Ithaca/ }).click();
    await page.getByText("New York").waitFor();
  });

  await check("the demo met no policy, error, or other host", async () => assert(complaints.length === 0, complaints.join("\n")));
}
