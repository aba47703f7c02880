/** What must hold of a page. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export function assert(holds, text) {
  if (!holds) throw new Error(text);
}

/** axe on the page as it is: nothing serious or critical, and no table lost. */
export async function accessible(page) {
  // Evaluated by the debugger, so that the page's policy needs no exception.
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  assert(grave.length === 0, grave.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, any }) => `${html.slice(0, 160)} ${any[0]?.message ?? ""}`).join("\n")}`).join("\n"));
  const lost = await page.evaluate(lostTables);
  assert(lost.length === 0, `laid out as no table, and without a role: ${lost.join(", ")}`);
}

/**
 * In the page: the parts of tables that are laid out as something else and have no role. Safari takes such a part for a mere box.
 * Chromium does not, so that its tree of accessibility cannot tell; axe does not look.
 */
function lostTables() {
  const parts = [...document.querySelectorAll("table, thead, tbody, tr, th, td")].filter((part) => part.checkVisibility() && part.closest("[aria-hidden=true]") === null);
  const lost = parts.filter((part) => !getComputedStyle(part).display.startsWith("table") && !part.hasAttribute("role"));
  return [...new Set(lost.map((part) => `${part.tagName.toLowerCase()} of ${part.closest("table").className}`))];
}
