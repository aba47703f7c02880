/** What the page does, step by step, on the fixture's cloud. */
import { start } from "../fixture/main.mjs";
import { accessible, assert } from "./assert.mjs";
import { open, PHONE } from "./browser.mjs";
import { columns, hatched } from "./ink.mjs";

/** Opens `path` at a fixture of `mode`, does `steps`, and takes no complaint. */
async function at(browser, mode, path, steps, { devices = 60, ...options } = {}) {
  const server = await start(0, devices, mode);
  const { context, page, complaints } = await open(browser, server.url, options);
  page.setDefaultTimeout(8_000);
  try {
    await page.goto(server.url + path);
    await steps(page, server);
    assert(complaints.length === 0, complaints.join("\n"));
  } finally {
    await context.close();
    await server.stop();
  }
}

const rowsDrawn = (page) => page.locator("table.fleet tr.row").count();
const rangeOf = (page) => page.locator(".curves p.range").innerText();

export async function onFixture(browser, check) {
  await check("ten thousand devices: few rows are drawn, the last is reached by one key", () =>
    at(browser, "open", "/", async (page) => {
      await page.locator("table.fleet a[data-row='0']").waitFor({ timeout: 60_000 });
      assert((await rowsDrawn(page)) < 40, `${await rowsDrawn(page)} rows drawn`);
      assert((await page.locator("table.fleet").getAttribute("aria-rowcount")) === "10001", "aria-rowcount");
      await page.locator("table.fleet a[data-row='0']").focus();
      await page.keyboard.press("ArrowDown");
      await page.locator("a[data-row='1']:focus").waitFor();
      await page.keyboard.press("End");
      await page.locator("a[data-row='9999']:focus").waitFor();
      assert((await rowsDrawn(page)) < 40, "too many rows after scrolling");

      // Another order begins at its first row, and leaves no row blank.
      await page.getByRole("button", { name: "Device", exact: true }).click();
      await page.locator("a[data-row='0']").waitFor();
      await page.waitForFunction(() => document.querySelector("tr.row-blank") === null);
      assert((await page.locator("a[data-row='0']").boundingBox()).y >= 0, "the first row is out of sight");

      // Going to a device and back shows the same rows in the same place.
      await page.locator("a[data-row='0']").focus();
      await page.keyboard.press("End");
      await page.locator("a[data-row='9999']:focus").waitFor();
      const place = await page.evaluate(() => scrollY);
      await page.keyboard.press("Enter");
      await page.locator(".curves").waitFor();
      await page.goBack();
      await page.locator("a[data-row='9999']").waitFor();
      assert((await page.evaluate(() => scrollY)) === place, "the list is in another place");
      assert(page.url().endsWith("/?sort=name&order=asc"), page.url());
    }, { devices: 10_000 }));

  await check("a reading that arrives is seen at once, without asking", () =>
    at(browser, "open", "/", async (page, server) => {
      await page.getByText("live", { exact: true }).waitFor();
      const row = page.locator("tr.row", { hasText: "m00005" });
      await row.getByText("silent", { exact: true }).waitFor();
      server.answer.arrive("m00005", { temperature_c: 12.3, moisture_pct: 34.5 });
      await row.getByText("fresh").waitFor();
      await row.getByText("34.5").waitFor();
    }));

  await check("a silent device is found by its state, with the cause", () =>
    at(browser, "open", "/", async (page) => {
      await page.getByRole("link", { name: /silent$/ }).click();
      await page.getByText("its gateway south is silent").first().waitFor();
      assert(page.url().endsWith("/?state=silent"), page.url());
      await page.locator("tr.row .state-fresh").first().waitFor({ state: "detached" });
      await page.getByLabel("Search devices").fill("nobody's");
      await page.getByText("No device found").waitFor();
      await page.getByLabel("Search devices").fill("m00008");
      await page.waitForFunction(() => document.querySelectorAll("tr.row").length === 1);
      await page.getByRole("link", { name: "Windbreak 1" }).click();
      await page.getByRole("heading", { level: 1, name: "Windbreak 1" }).waitFor();
      await page.goBack();
      await page.waitForFunction(() => document.querySelectorAll("tr.row").length === 1);
      assert((await page.getByLabel("Search devices").inputValue()) === "m00008", "the search is forgotten");
      assert((await page.getByRole("button", { name: /^silent/ }).getAttribute("aria-pressed")) === "true", "the filter is forgotten");
      await page.getByRole("link", { name: "Fleet", exact: true }).click();
      await page.locator("tr.row .state-fresh").first().waitFor({ state: "attached" });
      assert((await page.getByLabel("Search devices").inputValue()) === "", "the search stays");
    }));

  await check("on a tablet no column's name is cut, and each page has its sign", () =>
    at(browser, "open", "/", async (page) => {
      for (const width of [770, 900, 1020]) {
        await page.setViewportSize({ width, height: 900 });
        await page.locator("tr.row").first().waitFor();
        const cut = await page.locator(".fleet thead th:visible").evaluateAll((cells) => cells.filter((cell) => cell.scrollWidth > cell.clientWidth).map(({ innerText }) => innerText));
        assert(cut.length === 0, `${cut.join(", ")} at ${width}`);
        await page.getByRole("link", { name: "Completeness" }).waitFor();
        await accessible(page);
      }
    }));

  await check("the curve zooms by drag, wheel and keys, asks for finer data, and double click shows everything", () =>
    at(browser, "open", "/devices/socorro", async (page) => {
      const plot = page.locator(".plot[data-quantity=moisture] .u-over");
      await plot.waitFor();
      await plot.scrollIntoViewIfNeeded();
      const before = await rangeOf(page);
      const box = await plot.boundingBox();
      const asked = page.waitForRequest(/\/series\?/);
      await page.mouse.move(box.x + box.width * 0.4, box.y + 40);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.6, box.y + 60, { steps: 5 });
      await page.mouse.up();
      await asked;
      const dragged = await rangeOf(page);
      assert(dragged !== before && dragged.includes("(6 days)") || dragged.includes("(5 days)"), `after the drag: ${dragged}`);
      await page.locator(".plots").focus();
      await page.keyboard.press("+");
      const keyed = await rangeOf(page);
      assert(keyed !== dragged, "the key did nothing");
      await page.mouse.move(box.x + 50, box.y + 50);
      await page.mouse.wheel(0, 240);
      await page.waitForFunction((old) => document.querySelector(".curves p.range").innerText !== old, keyed);
      await plot.dblclick();
      await page.waitForFunction(() => /\((366|365) days\)|years/.test(document.querySelector(".curves p.range").innerText));
    }));

  await check("a gap is drawn as a gap: no line crosses it", () =>
    at(browser, "open", "/devices/ithaca", async (page, server) => {
      await page.getByRole("button", { name: "All", exact: true }).click();
      await page.waitForFunction(() => /\((36[456] days)\)/.test(document.querySelector(".curves p.range").innerText));
      await page.waitForFunction(() => document.querySelector(".plots-loading") === null);
      await page.waitForTimeout(400);
      const { gaps, time } = await (await fetch(`${server.url}/api/v1/devices/ithaca/series`)).json();
      const [from, to] = gaps.map((gap) => gap.map((text) => Date.parse(text) / 1000)).sort((a, b) => b[1] - b[0] - (a[1] - a[0]))[0];
      assert(to - from > 6 * 86_400, "the sample's station was silent for more than six days");
      const bounds = [time[0] - 1800, time.at(-1) + 1800];
      const found = await page.evaluate(columns, { bounds, gap: [from, to] });
      assert(found.inside === 0, `${found.inside} of ${found.looked} columns of the gap have ink of the line`);
      assert(found.outside > 20, `only ${found.outside} columns beside it have`);
    }));

  await check("a silence that lasts is hatched up to now", () =>
    at(browser, "open", "/devices/m00005", async (page) => {
      await page.locator(".plot[data-quantity=temperature] .u-over").waitFor();
      await page.waitForFunction(() => document.querySelector(".plots-loading") === null);
      await page.waitForFunction(hatched);
    }));

  await check("thresholds are set among the details, and the curve shows them", () =>
    at(browser, "open", "/devices/ithaca", async (page) => {
      await page.getByRole("button", { name: "Details and thresholds" }).click();
      await accessible(page);
      await page.getByLabel("Moisture low (%)").fill("12.5");
      await page.getByRole("checkbox", { name: "Ring when crossed: Moisture low" }).check();
      await page.getByLabel("Measures every (minutes)").fill("7.5");
      const rule = page.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/rules"));
      await page.getByLabel("Name", { exact: true }).fill('<img src=x onerror="document.title=1">');
      const [request] = await Promise.all([page.waitForRequest(/\/details$/), page.getByRole("button", { name: "Save details" }).click()]);
      const { moisture_low, interval_s } = JSON.parse(request.postData());
      assert(moisture_low === 12.5 && interval_s === 450, request.postData());
      const { kind, value, devices, channels } = JSON.parse((await rule).postData());
      assert(kind === "moisture_below" && value === 12.5 && devices.join() === "ithaca" && channels.join() === "1,2", (await rule).postData());
      await page.getByText("Moisture below 12.5 %").waitFor();
      await page.getByRole("heading", { level: 1, name: "<img src=x" }).waitFor();
      assert((await page.locator("main img").count()) === 0, "a name became an element");
    }));

  await check("a cell of the calendar opens its day, by keys", () =>
    at(browser, "open", "/completeness", async (page) => {
      await page.locator("button.cell[tabindex='0']").focus();
      await page.keyboard.press("End");
      // Of yesterday, for in the first hour of a UTC day nothing of it has come.
      await page.keyboard.press("ArrowLeft");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").getByText("Surveys that brought it").waitFor();
      const aligned = await page.getByRole("dialog").locator("th").first().evaluate((cell) => getComputedStyle(cell).textAlign);
      assert(aligned === "left", "the day wears the style of the calendar's cells");
      await accessible(page);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert(await page.evaluate(() => document.activeElement?.matches("button.cell")), "the focus went elsewhere");
    }));

  await check("the field shows another time and quantity, and a device is placed by pressing", () =>
    at(browser, "open", "/field", async (page) => {
      await page.getByRole("button", { name: "Temperature", exact: true }).click();
      // The map is one stop of the tab key, however many devices there are.
      await page.getByRole("button", { name: "Temperature", exact: true }).focus();
      await page.keyboard.press("Tab");
      await page.keyboard.press("ArrowDown");
      await page.locator(".field-side h2 a").waitFor();
      await page.keyboard.press("Tab");
      assert((await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))) === "Zoom in", "the tab key does not leave the map");
      const then = page.waitForResponse(/\/fleet\?.*placed=true&at=/);
      await page.locator("#field-time").focus();
      await page.keyboard.press("Home");
      assert((await then).ok(), "another time is not answered");
      await page.locator(".slider output", { hasText: new Date().getUTCFullYear() - 1 }).waitFor();
      const began = await page.locator(".slider output").innerText();
      await page.getByRole("button", { name: "Play" }).click();
      await page.waitForFunction((old) => document.querySelector(".slider output").innerText !== old, began);
      await page.getByRole("button", { name: "Now", exact: true }).click();
      await page.getByText("Now: the last reading of each").waitFor();
      await page.getByRole("button", { name: /^Place / }).first().click();
      // A press that moves is a drag, and places nobody.
      const box = await page.locator(".sketch > svg").boundingBox();
      let placed = false;
      page.on("request", (request) => (placed ||= request.url().endsWith("/details")));
      await page.mouse.move(box.x + 200, box.y + 90);
      await page.mouse.down();
      await page.mouse.move(box.x + 260, box.y + 120, { steps: 4 });
      await page.mouse.up();
      assert(!placed, "a drag placed the device");
      const [request] = await Promise.all([page.waitForRequest(/\/details$/), page.locator(".sketch > svg").click({ position: { x: 90, y: 90 } })]);
      const { latitude, longitude } = JSON.parse(request.postData());
      assert(Math.abs(latitude - 42.44) < 0.01 && Math.abs(longitude + 76.25) < 0.01, `${latitude} ${longitude}`);
    }));

  await check("a plan's edges are changed without choosing its picture again", () =>
    at(browser, "open", "/field", async (page, server) => {
      const picture = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
      const edges = "south=42.438&west=-76.254&north=42.442&east=-76.246";
      await fetch(`${server.url}/api/v1/plan?${edges}`, { method: "PUT", headers: { "Content-Type": "image/png" }, body: picture });
      await page.reload();
      await page.locator(".sketch image").waitFor();
      await page.getByRole("button", { name: "Plan of the field" }).click();
      await page.getByLabel("North (°)").fill("42.443");
      await page.getByRole("button", { name: "Save plan" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      const { plan } = await (await fetch(`${server.url}/api/v1/plan`)).json();
      const image = Buffer.from(await (await fetch(`${server.url}/api/v1/plan/image`)).arrayBuffer());
      assert(plan.north === 42.443 && plan.content_type === "image/png" && image.equals(picture), JSON.stringify(plan));
    }));

  await check("a cloud that is open to the network says so on every page", () =>
    at(browser, "exposed", "/gateways", async (page) => {
      await page.getByText("This cloud is open to the network.").waitFor();
      await accessible(page);
    }));

  await check("who is signed in changes their password", () =>
    at(browser, "accounts", "/sign-in?back=/settings", async (page) => {
      await page.getByLabel("Name").fill("vera");
      await page.getByLabel("Password").fill("correct horse");
      await page.keyboard.press("Enter");
      const form = page.getByRole("form", { name: "Change your password" });
      for (const [field, text] of [["Password now", "wrong horse"], ["New password", "a better horse"], ["New password again", "a better horse"]]) await form.getByLabel(field, { exact: true }).fill(text);
      await page.keyboard.press("Enter");
      await page.getByText("the old password is wrong").waitFor();
      await form.getByLabel("Password now").fill("correct horse");
      await page.keyboard.press("Enter");
      await page.getByText("Your password is changed.").waitFor();
    }));

  await check("who is not signed in signs in, and comes back to where they were going", () =>
    at(browser, "accounts", "/devices/socorro?x=1", async (page) => {
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      await accessible(page);
      await page.getByLabel("Name").fill("vera");
      await page.getByLabel("Password").fill("wrong");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByText("name or password is wrong").waitFor();
      await page.getByLabel("Password").fill("correct horse");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("heading", { level: 1, name: "Lower row 1" }).waitFor();
      assert(page.url().endsWith("/devices/socorro?x=1"), page.url());
    }));

  await check("a viewer sees what needs more than their role disabled, with the reason", () =>
    at(browser, "accounts", "/sign-in?back=/settings", async (page) => {
      await page.getByLabel("Name").fill("vera");
      await page.getByLabel("Password").fill("correct horse");
      await page.keyboard.press("Enter");
      await page.getByText("Your role is viewer; this needs the role administrator.").first().waitFor();
      assert(await page.getByRole("button", { name: "New account" }).isDisabled(), "the button works");
      await accessible(page);
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
    }));

  await check("an administrator makes a token, which is shown once, and a refusal is told in the cloud's words", () =>
    at(browser, "accounts", "/sign-in?back=/settings", async (page) => {
      await page.getByLabel("Name").fill("ada");
      await page.getByLabel("Password").fill("correct horse");
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "New token" }).click();
      await page.getByLabel("Name", { exact: true }).fill("south");
      await page.getByRole("button", { name: "Make token" }).click();
      await page.getByText("fp_5wq0").waitFor();
      await page.getByRole("button", { name: "I have it" }).click();
      await page.getByText("fp_5wq0").waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Change the account ada" }).click();
      await page.getByRole("button", { name: "Remove account" }).click();
      await page.getByText("this is the last administrator").waitFor();
    }));

  await check("the first administrator is made by the link, whose code leaves the address", () =>
    at(browser, "fresh", "/setup#code=once-only", async (page) => {
      await page.getByLabel("Name").fill("ada");
      assert(!page.url().includes("once-only"), page.url());
      await page.getByLabel("Password", { exact: true }).fill("a long enough one");
      await page.getByLabel("Password again").fill("a long enough one");
      await accessible(page);
      await page.getByRole("button", { name: "Make the account" }).click();
      await page.getByRole("heading", { level: 1, name: "Fleet" }).waitFor();
    }));

  await check("a cloud without devices tells how to connect a gateway, with its own address", () =>
    at(browser, "empty", "/", async (page, server) => {
      await page.getByText(`--cloud ${server.url}`).waitFor();
      await accessible(page);
    }));

  await check("a rule is made", () =>
    at(browser, "open", "/alerts", async (page) => {
      await page.getByRole("button", { name: "New rule" }).click();
      await page.getByLabel("Rings for").selectOption("temperature_above");
      await page.getByLabel("Value (°C)").fill("38");
      await page.getByRole("checkbox", { name: /Farm phone/ }).check();
      await accessible(page);
      await page.getByRole("button", { name: "Make rule" }).click();
      await page.getByText("Temperature above 38 °C").waitFor();
    }));

  await check("a cloud that goes away is told, and found again", () =>
    at(browser, "open", "/", async (page, server) => {
      await page.getByText("live", { exact: true }).waitFor();
      const port = Number(new URL(server.url).port);
      await server.stop();
      await page.getByText("The connection to the cloud is lost.").waitFor({ timeout: 20_000 });
      const again = await start(port, 60, "open");
      await page.getByText("live", { exact: true }).waitFor({ timeout: 20_000 });
      await page.getByText("The connection to the cloud is lost.").waitFor({ state: "detached" });
      await again.stop();
    }));

  await check("a page that was open during an upgrade loads itself anew, once, and then says what to do", () =>
    at(browser, "open", "/?search=socorro", async (page, server) => {
      // The new program has the page's code under another name; `gone` times the old name is asked for in vain.
      let gone = 1;
      await page.route(/assets\/device-[^/]+\.js$/, (route) => (gone-- > 0 ? route.fulfill({ status: 404, body: "" }) : route.continue()));
      await page.locator("tr.row a").first().click();
      await page.locator(".curves").waitFor();
      assert(gone === -1, `asked ${1 - gone} times`);
      await page.goto(`${server.url}/?search=socorro`);
      gone = 99;
      await page.locator("tr.row a").first().click();
      await page.getByRole("heading", { name: "This page failed" }).waitFor();
      await accessible(page);
      gone = 0;
      await page.getByRole("button", { name: "Load again" }).click();
      await page.locator(".curves").waitFor();
    }));

  await check("a name that is long and has no blank fits a phone", () =>
    at(browser, "open", "/devices/ithaca", async (page, server) => {
      const path = `${server.url}/api/v1/devices/ithaca`;
      const { details } = await (await fetch(path)).json();
      const name = "Unbreakable".repeat(9);
      await fetch(`${path}/details`, { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...details, name, place: name, soil: name, notes: name }) });
      for (const where of ["/devices/ithaca", "/?search=ithaca", "/field", "/completeness"]) {
        await page.goto(server.url + where);
        await page.locator("h1").first().waitFor();
        await page.waitForFunction(() => document.querySelector(".loading") === null);
        const right = await page.evaluate(() => Math.max(...[...document.querySelectorAll("main h1, main .lead, main .card, main .tools, .sketch, .row")].map((one) => one.getBoundingClientRect().right)));
        assert(right <= 360, `${where} reaches to ${right} px`);
      }
    }, { viewport: { ...PHONE, width: 360 }, phone: true }));

  await check("the skip link is the first stop, and pages are reached by keys", () =>
    at(browser, "open", "/", async (page) => {
      await page.locator("table.fleet a").first().waitFor();
      await page.keyboard.press("Tab");
      assert(await page.evaluate(() => document.activeElement?.classList.contains("skip")), "no skip link first");
      await page.keyboard.press("Enter");
      assert(await page.evaluate(() => document.activeElement?.id === "main"), "it does not skip");
    }));

  await check("a table is one to a screen reader on a phone as well", () =>
    at(browser, "open", "/alerts", async (page) => {
      await page.getByRole("region", { name: "Alerts that are over" }).waitFor();
      await accessible(page);
      const spoken = await page.context().newCDPSession(page);
      const { nodes } = await spoken.send("Accessibility.getFullAXTree");
      const heard = (role) => nodes.filter((node) => !node.ignored && node.role.value === role);
      const rules = await page.getByRole("region", { name: "Rules" }).locator("tbody tr").count();
      const past = await page.getByRole("region", { name: "Alerts that are over" }).locator("tbody tr").count();
      const found = Object.fromEntries(["table", "rowgroup", "row", "columnheader", "rowheader", "cell"].map((role) => [role, heard(role).length]));
      // Of a rule four cells besides its name, of an alert three; over the buttons of the rules stands an empty one.
      const wanted = { table: 2, rowgroup: 4, row: 2 + rules + past, columnheader: 8, rowheader: rules + past, cell: 1 + 4 * rules + 3 * past };
      assert(rules > 0 && past > 0 && JSON.stringify(found) === JSON.stringify(wanted), `${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
      const names = heard("columnheader").map((node) => node.name.value).join();
      assert(names === "Rule,Rings when,Repeats,State,Alert,Began,Lasted,What", names);
    }, { viewport: { ...PHONE, width: 360 }, phone: true }));

  await check("a phone shows the fleet as rows with their sorting", () =>
    at(browser, "open", "/", async (page) => {
      await page.locator("tr.row a").first().waitFor();
      // The list reckons with rows of one height, whatever a cause has to say.
      const beyond = await page.locator("tr.row").evaluateAll((rows) => rows.map((row) => Math.max(...[...row.children].map((cell) => cell.getBoundingClientRect().bottom)) - row.getBoundingClientRect().bottom));
      assert(Math.max(...beyond) <= 0, `a row's words reach ${Math.max(...beyond)} px beyond it`);
      await page.getByLabel("Sort by").selectOption("moisture");
      await page.locator("tr.row a").first().tap();
      await page.locator(".curves").waitFor();
    }, { viewport: { ...PHONE, width: 360 }, phone: true }));
}
