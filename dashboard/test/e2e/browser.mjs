/** A headless Chromium, the system's own. */
import { chromium } from "playwright-core";

export const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const DESKTOP = { width: 1400, height: 900 };
export const PHONE = { width: 390, height: 844 };

export const launch = () => chromium.launch({ executablePath: EXECUTABLE, args: ["--no-sandbox"] });

/** A page that fails the test on whatever a person would not see: errors, refused policy, requests to another host. */
export async function open(browser, url, { viewport = DESKTOP, scheme = "light", phone = false } = {}) {
  const context = await browser.newContext({ viewport, colorScheme: scheme, hasTouch: phone, isMobile: phone, timezoneId: "Europe/Rome", locale: "en-GB", deviceScaleFactor: phone ? 2 : 1 });
  const page = await context.newPage();
  const complaints = [];
  const host = new URL(url).host;
  page.on("console", (message) => {
    // A refusal that the page itself shows is no complaint.
    if (message.type() === "error" && !/Failed to load resource/.test(message.text())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    const to = new URL(request.url());
    if (to.protocol.startsWith("http") && to.host !== host) complaints.push(`a request to ${to.host}`);
  });
  return { context, page, complaints };
}
