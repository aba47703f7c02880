/** Light, dark, or as the system has it; kept in this browser. */

export type Theme = "auto" | "light" | "dark";

const KEY = "fieldpost.theme";

/** The theme that was chosen here. */
export function theme(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "auto";
  } catch {
    return "auto";
  }
}

/** Puts the theme on the page, and keeps it where the browser lets us. */
export function setTheme(next: Theme): void {
  if (next === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Private windows may refuse; the choice lasts as long as the page.
  }
  dispatchEvent(new Event("fieldpost:theme"));
}

/** The colour that a custom property has at the moment, as a canvas takes it. */
export function ink(property: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}
