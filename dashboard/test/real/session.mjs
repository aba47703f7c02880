/** What people do on the page, in the page's own words. */
import { assert } from "../e2e/assert.mjs";

export const PASSWORD = "correct horse battery";

/** Opens `link`, and makes the first account there. */
export async function setUp(page, link, name) {
  await page.goto(link);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByLabel("Password again").fill(PASSWORD);
  await page.getByRole("button", { name: "Make the account" }).click();
  await page.getByRole("heading", { level: 1, name: "Fleet" }).waitFor();
}

export async function signIn(page, url, name) {
  await page.goto(`${url}/sign-in`);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Fleet" }).waitFor();
}

export async function signOut(page) {
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
}

/** Makes a token in the settings; itself. */
export async function makeToken(page, url, name, scope) {
  await page.goto(`${url}/settings`);
  await page.getByRole("button", { name: "New token" }).click();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Scope").selectOption(scope);
  await page.getByRole("button", { name: "Make token" }).click();
  const token = (await page.locator("pre.secret").innerText()).trim();
  assert(/^fp_\w{20,}$/.test(token), "what is shown is no token");
  await page.getByRole("button", { name: "I have it" }).click();
  await page.locator("pre.secret").waitFor({ state: "detached" });
  return token;
}

/** Asks the API as whoever is signed in on `page`. */
export async function asked(page, url, method, path, json) {
  const me = await (await page.request.get(`${url}/api/v1/me`)).json();
  const headers = me.csrf === null ? {} : { "X-CSRF-Token": me.csrf };
  return page.request.fetch(`${url}/api/v1/${path}`, { method, headers, ...(json === undefined ? {} : { data: json }) });
}

/** What nobody has said of a device yet. */
export const NO_DETAILS = {
  name: null, place: null, latitude: null, longitude: null, depth_cm: null, soil: null, interval_s: null, survey_s: null,
  notes: null, moisture_low: null, moisture_high: null, temperature_low: null, temperature_high: null,
};

export async function setDetails(page, url, id, details) {
  const said = await asked(page, url, "PUT", `devices/${id}/details`, { ...NO_DETAILS, ...details });
  assert(said.ok(), `details of ${id}: ${said.status()} ${await said.text()}`);
}

/** Every page once, by its address; no name on it became anything but text. */
export async function everyPage(page, url, visit = async () => {}) {
  for (const path of ["/", "/field", "/completeness", "/gateways", "/alerts", "/settings", "/devices/socorro", "/nothing-here"]) {
    await page.goto(url + path);
    await page.locator("h1").first().waitFor();
    await page.waitForFunction(() => document.querySelector(".loading") === null);
    await visit(path);
  }
}
