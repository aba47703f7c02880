/** The main paths, one after the other, as one story in one field: each step builds on those before it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert } from "../e2e/assert.mjs";
import { columns } from "../e2e/ink.mjs";
import { DAY, deliver, deliverYears, EVIL, pack, station } from "./soil.mjs";
import { asked, everyPage, makeToken, PASSWORD, setDetails, setUp, signIn, signOut } from "./session.mjs";
import { until } from "./program.mjs";

const SECRET = "a long random text of the receiver's";

/** `HH:MM` in UTC, `minutes` from now; midnight is the last reading that is held already. */
function clock(minutes = 0) {
  const text = new Date(Date.now() + minutes * 60_000).toISOString().slice(11, 16);
  return text === "00:00" ? "00:01" : text;
}

/** Whether a curve's answer is of most of a year. */
function isYear(response) {
  const asked = new URL(response.url());
  const [from, to] = ["from", "to"].map((key) => Date.parse(asked.searchParams.get(key)));
  return asked.pathname.endsWith("/series") && to - from > 300 * DAY * 1000;
}

export async function story({ check, page, visitor, complaints, shop, cloud, second, hook }) {
  const { url } = cloud;
  const held = {};
  /** A real meter measures once, and a real gateway passes it on. */
  async function measure(line) {
    const survey = join(shop.folder, "survey.txt");
    writeFileSync(survey, `${line}\n`);
    await shop.run(["device", "--id", "ithaca", "--gateway", held.gateway.at, "--survey", survey, "--once"]);
  }

  await check("the link that the cloud printed makes the first account, once", async () => {
    await setUp(page, cloud.link, "ada");
    const again = await fetch(`${url}/api/v1/setup`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ code: cloud.link.split("code=")[1], name: "eve", password: PASSWORD }),
    });
    assert(again.status === 403, `the link worked twice: ${again.status}`);
  });

  await check("who signs out sees nothing more, and signs in again", async () => {
    await signOut(page);
    await page.goto(`${url}/gateways`);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert((await page.request.get(`${url}/api/v1/devices`)).status() === 401, "the API answers without a session");
    await signIn(page, url, "ada");
  });

  await check("a token made on the page lets four stations' years in, and an ingest token reads nothing", async () => {
    held.token = await makeToken(page, url, "north", "ingest");
    held.readings = await deliverYears(cloud, held.token);
    const look = await fetch(`${url}/api/v1/devices`, { headers: { Authorization: `Bearer ${held.token}` } });
    assert(look.status === 403, `an ingest token read: ${look.status}`);
    await setDetails(page, url, "m-cellar", { name: "Cellar door", place: "Block D" });
  });

  await check("a silent device is found by its state, with its name and the cause", async () => {
    await page.goto(url);
    await page.getByRole("button", { name: /^silent/ }).click();
    await page.waitForFunction(() => [...document.querySelectorAll("tr.row a")].map(({ innerText }) => innerText).sort().join() === "mercury,socorro");
    const said = await page.locator("tr.row", { hasText: "mercury" }).innerText();
    assert(/its gateway south is silent since/.test(said), said);
    assert(/no survey since/.test(await page.locator("tr.row", { hasText: "socorro" }).innerText()), "socorro's own silence");
    await page.getByRole("button", { name: /^silent/ }).click();
    await page.getByRole("button", { name: /^never/ }).click();
    await page.getByRole("link", { name: "Cellar door" }).waitFor();
  });

  await check("a reading of a real meter, by a real gateway, is seen as it comes", async () => {
    held.gateway = await shop.gateway("north", url, held.token);
    await page.goto(url);
    await page.getByText("live", { exact: true }).waitFor();
    const row = page.locator("tr.row", { hasText: "ithaca" });
    await row.waitFor();
    await measure(`${clock()} - 12.3 - 34.5%`);
    await row.getByText("34.5").waitFor();
    await row.getByText("12.3").waitFor();
    held.readings += 1;
  });

  await check("the curve zooms, and asks the cloud for finer data", async () => {
    await page.goto(`${url}/devices/dinosaur`);
    const plot = page.locator(".plot[data-quantity=temperature] .u-over");
    await plot.waitFor();
    await plot.scrollIntoViewIfNeeded();
    const range = () => page.locator(".curves p.range").innerText();
    assert((await range()).includes("(30 days)"), await range());
    const box = await plot.boundingBox();
    const finer = page.waitForResponse(/\/series\?/);
    await page.mouse.move(box.x + box.width * 0.4, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 60, { steps: 5 });
    await page.mouse.up();
    const { time, thinned } = await (await finer).json();
    assert(!thinned && time.length > 100, `${time.length} readings, thinned: ${thinned}`);
    assert(/\((3 days|2\sd \d+\sh)/.test(await range()), await range());
    await plot.dblclick();
    await page.waitForFunction(() => /\((366|365|364) days\)/.test(document.querySelector(".curves p.range").innerText));
  });

  await check("a gap of a week is a gap: no line's ink is in it", async () => {
    await page.goto(`${url}/devices/ithaca`);
    await page.locator(".plot[data-quantity=temperature] .u-over").waitFor();
    await Promise.all([page.waitForResponse(isYear), page.getByRole("button", { name: "All", exact: true }).click()]);
    await page.waitForFunction(() => /\(36[456] days\)/.test(document.querySelector(".curves p.range").innerText));
    await page.waitForFunction(() => document.querySelector(".plots-loading") === null);
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    const { gaps, time } = await (await page.request.get(`${url}/api/v1/devices/ithaca/series`)).json();
    const spans = gaps.map((gap) => gap.map((text) => Date.parse(text) / 1000));
    const gap = spans.find(([from, to]) => to - from > 6 * DAY && to - from < 7 * DAY);
    const found = await page.evaluate(columns, { bounds: [time[0] - 1800, time.at(-1) + 1800], gap });
    assert(found.looked > 8 && found.inside === 0, `${found.inside} of ${found.looked} columns of the gap have ink`);
    assert(found.outside > 20, `only ${found.outside} columns beside it have`);
  });

  await check("a threshold that is changed rings a real webhook, which knows the signature", async () => {
    await page.goto(`${url}/alerts`);
    await page.getByRole("button", { name: "New channel" }).click();
    await page.getByLabel("Name", { exact: true }).fill("Barn");
    await page.getByLabel("Address").fill(hook.url);
    await page.getByLabel("Secret").fill(SECRET);
    await page.getByRole("button", { name: "Make channel" }).click();
    await page.getByRole("button", { name: "Test" }).click();
    await page.getByText("The test message was delivered.").waitFor();
    await page.getByRole("button", { name: "New rule" }).click();
    await page.getByLabel("Name", { exact: true }).fill(`dry ${EVIL}`);
    await page.getByLabel("Value (%)").fill("5");
    await page.getByLabel("Only these devices").fill("ithaca");
    await page.getByRole("checkbox", { name: /Barn/ }).check();
    await page.getByRole("button", { name: "Make rule" }).click();
    await page.getByText("Moisture below 5 %").waitFor();
    await page.getByText("Nothing wants attention").waitFor();
    await page.getByRole("button", { name: /Change the rule dry/ }).click();
    await page.getByLabel("Value (%)").fill("40");
    await page.getByRole("button", { name: "Save rule" }).click();
    const { alert } = await until(() => hook.messages.find(({ event }) => event === "began"), "the alert at the webhook");
    assert(alert.kind === "moisture_below" && alert.devices.join() === "ithaca" && alert.text.includes("40 %"), JSON.stringify(alert));
    assert(hook.refused.length === 0, "a message had a wrong signature");
    await page.locator("li.alert", { hasText: "moisture of ithaca" }).waitFor();
  });

  await check("an alert is acknowledged, by name", async () => {
    await page.getByRole("button", { name: "Acknowledge" }).click();
    await page.getByText("acknowledged by ada").waitFor();
  });

  await check("what solves an alert is told, and the alert is in the history", async () => {
    await measure(`${clock(1)} - 12.4 - 45%`);
    held.readings += 1;
    const { alert } = await until(() => hook.messages.find(({ event }) => event === "resolved"), "the resolved message");
    assert(alert.resolved !== null, JSON.stringify(alert));
    await page.goto(`${url}/alerts`);
    await page.getByText("Nothing wants attention").waitFor();
    const row = page.getByRole("region", { name: "Alerts that are over" }).getByRole("row", { name: /dry/ }).first();
    await row.waitFor();
    assert((await row.innerText()).includes("<script>"), "the rule's name is not shown as it is");
  });

  await check("a threshold among the details rings, where it is drawn, and moves with it", async () => {
    await page.goto(`${url}/devices/ithaca`);
    const set = async (value, ring) => {
      await page.getByRole("button", { name: "Details and thresholds" }).click();
      await page.getByLabel("Temperature high (°C)").fill(value);
      if (ring) await page.getByRole("checkbox", { name: "Ring when crossed: Temperature high" }).check();
      await page.getByRole("button", { name: "Save details" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
    };
    const said = (wanted) => hook.messages.find(({ event, alert }) => event === wanted && alert.kind === "temperature_above");
    await set("10", true);
    await page.getByText("Temperature above 10 °C").waitFor();
    const { alert } = await until(() => said("began"), "the alert of the threshold");
    assert(alert.devices.join() === "ithaca" && alert.text.includes("10 °C"), JSON.stringify(alert));
    await set("30", false);
    await until(() => said("resolved"), "the message that it is solved");
    const { rules } = await (await asked(page, url, "GET", "rules")).json();
    const own = rules.filter(({ kind }) => kind === "temperature_above");
    assert(own.length === 1 && own[0].value === 30 && own[0].enabled, JSON.stringify(own));
  });

  await check("an export by the button, imported into an empty cloud, is the same readings", async () => {
    await page.goto(url);
    for (const format of ["csv", "parquet", "ismn", "senml"]) {
      await page.getByRole("button", { name: "Export" }).click();
      await page.getByLabel("Format").selectOption(format);
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
      const name = download.suggestedFilename();
      assert(/^[a-z0-9._-]+$/i.test(name), name);
      held[format] = join(shop.folder, name);
      await download.saveAs(held[format]);
    }
    const begin = (format, length) => readFileSync(held[format]).subarray(0, length).toString("latin1");
    assert(begin("parquet", 4) === "PAR1" && begin("ismn", 2) === "PK", "not the formats that were asked for");
    const lines = readFileSync(held.csv, "utf8").trimEnd().split("\n");
    assert(lines[0] === "device,time,temperature_c,moisture_pct,flags", lines[0]);
    assert(lines.length - 1 === held.readings, `${lines.length - 1} lines for ${held.readings} readings`);
    held.lines = lines.slice(1);
    await shop.run(["import", held.csv, "--cloud", second.url]);
    const { new: first, duplicate } = await deliver(second.url, "again", readFileSync(held.senml));
    assert(first === 0 && duplicate === held.readings, `as SenML: ${first} new, ${duplicate} duplicates of ${held.readings}`);
    const { devices } = await (await fetch(`${second.url}/api/v1/devices`)).json();
    const there = devices.reduce((sum, { readings }) => sum + readings, 0);
    assert(there === held.readings && devices.every(({ conflicts }) => conflicts === 0), `${there} of ${held.readings} arrived`);
  });

  await check("a plan of the field is uploaded, and the devices stand on it", async () => {
    for (const [id, latitude, longitude] of [["ithaca", 42.4402, -76.2495], ["dinosaur", 42.4408, -76.249], ["socorro", 42.4398, -76.2503]]) {
      await setDetails(page, url, id, { latitude, longitude, ...(id === "socorro" ? { name: EVIL, place: EVIL, notes: EVIL, soil: EVIL } : {}) });
    }
    const plan = join(shop.folder, "plan.png");
    await page.screenshot({ path: plan });
    await page.goto(`${url}/field`);
    await page.getByRole("button", { name: /plan/i }).click();
    await page.getByLabel("Picture").setInputFiles(plan);
    for (const [edge, value] of [["North", "42.442"], ["South", "42.438"], ["West", "-76.254"], ["East", "-76.246"]]) await page.getByLabel(`${edge} (°)`).fill(value);
    await page.getByRole("button", { name: "Save plan" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    const image = await page.request.get(`${url}/api/v1/plan/image`);
    assert(image.headers()["content-type"] === "image/png" && (await image.body()).equals(readFileSync(plan)), "the plan is another");
    await page.locator(".sketch image").waitFor();
  });

  await check("the retention's preview counts what would go, and removes nothing", async () => {
    await page.goto(`${url}/settings`);
    await page.getByLabel(/Keep readings for/).fill("100");
    const [said] = await Promise.all([page.waitForResponse(/retention\/preview/), page.getByRole("button", { name: "Show what would go" }).click()]);
    const { before, readings } = await said.json();
    const due = held.lines.filter((line) => Date.parse(line.split(",")[1]) < Date.parse(before)).length;
    assert(readings === due && due > 10_000, `${readings} would go, of ${due} that are older`);
    await page.getByRole("dialog").getByText(/would be removed/).waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    const kept = await (await asked(page, url, "GET", "retention")).json();
    assert(kept.keep_days === null, JSON.stringify(kept));
  });

  await check("the store is checked, and sound", async () => {
    await page.getByRole("button", { name: "Check the store" }).click();
    await page.getByText("The store is sound.").waitFor();
  });

  await check("a revoked token is no good from then on", async () => {
    await page.getByRole("button", { name: "Revoke north" }).click();
    await page.getByRole("button", { name: "Really revoke north" }).click();
    await page.getByText("No token yet.").waitFor();
    const said = await deliver(url, "north", pack("ithaca", station("ithaca").slice(0, 2)), held.token).catch((error) => error);
    assert(/answered 401/.test(said.message), "a revoked token delivered");
  });

  await check("a viewer looks at everything and changes nothing", async () => {
    await page.getByRole("button", { name: "New account" }).click();
    await page.getByLabel("Name", { exact: true }).fill("vera");
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: "Make account" }).click();
    await page.getByRole("rowheader", { name: "vera" }).waitFor();
    await signIn(visitor, url, "vera");
    await visitor.goto(`${url}/devices/ithaca`);
    await visitor.getByRole("button", { name: "Details and thresholds" }).click();
    assert(await visitor.getByRole("button", { name: "Save details" }).isDisabled(), "the button works");
    for (const [method, path, json] of [["PUT", "devices/ithaca/details", {}], ["POST", "tokens", { name: "x", scope: "admin" }], ["DELETE", "plan"], ["POST", "rules", {}], ["GET", "users"]]) {
      const said = await asked(visitor, url, method, path, json);
      assert(said.status() === 403, `${method} ${path}: ${said.status()}`);
    }
    await everyPage(visitor, url);
  });

  await check("names of devices, gateways and rules with markup in them are text on every page", async () => {
    let seen = 0;
    await everyPage(page, url, async (path) => {
      const found = await page.evaluate(() => ({ ran: globalThis.pwned, elements: document.querySelectorAll("main img, main script").length, text: document.querySelector("main").innerText }));
      assert(found.ran === undefined && found.elements === 0, `${path}: a name became an element`);
      if (found.text.includes(EVIL)) seen += 1;
    });
    assert(seen >= 5, `the name is seen on ${seen} pages only`);
  });

  await check("no page met its policy, an error, or another host", async () => assert(complaints.length === 0, complaints.join("\n")));
}
