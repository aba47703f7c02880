/**
 * The page to read and try the API, offline: RapiDoc over the cloud's own description of itself.
 *
 * It is a page of its own, so that the dashboard loads none of it, and so that only here styles may stand inline.
 */
import "rapidoc";
import "../style/tokens.css";
import { theme } from "../theme";
import { mend } from "./labels";

/** What of `GET /api/v1/me` is told here. */
interface Me {
  open: boolean;
  local: boolean;
  user: { name: string; role: string } | null;
  csrf: string | null;
}

const DOCUMENT = "/api/v1/openapi.json";

/** Settings of the element; none may lead to another host. */
const SETTINGS: Record<string, string> = {
  "spec-url": DOCUMENT,
  "render-style": "read",
  "schema-style": "table",
  "default-schema-tab": "schema",
  "show-header": "false",
  "show-method-in-nav-bar": "as-colored-text",
  "use-path-in-nav-bar": "false",
  "nav-item-spacing": "compact",
  "allow-server-selection": "false",
  "allow-spec-url-load": "false",
  "allow-spec-file-load": "false",
  "load-fonts": "false",
  "fetch-credentials": "same-origin",
  "persist-auth": "false",
  "sort-tags": "false",
  "regular-font": 'ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif',
  "mono-font": 'ui-monospace, "SF Mono", "Cascadia Code", Menlo, "DejaVu Sans Mono", monospace',
};

const COLOURS: Record<"light" | "dark", Record<string, string>> = {
  light: { "bg-color": "#fcfdfa", "text-color": "#1c1914", "nav-bg-color": "#f2f4ec", "primary-color": "#1f5d3a" },
  dark: { "bg-color": "#1e1c17", "text-color": "#efeae0", "nav-bg-color": "#282520", "primary-color": "#86c690" },
};

const dark = matchMedia("(prefers-color-scheme: dark)");

/** Puts the colours on the element that were chosen in the dashboard. */
function paint(docs: HTMLElement): void {
  const chosen = theme();
  if (chosen !== "auto") document.documentElement.dataset["theme"] = chosen;
  const scheme = chosen === "auto" ? (dark.matches ? "dark" : "light") : chosen;
  docs.setAttribute("theme", scheme);
  for (const [name, value] of Object.entries(COLOURS[scheme])) docs.setAttribute(name, value);
}

async function whoAmI(): Promise<Me | null> {
  try {
    const said = await fetch("/api/v1/me");
    return said.ok ? ((await said.json()) as Me) : null;
  } catch {
    return null;
  }
}

/** Who tries is said, because what is tried is done. */
function told(me: Me | null): string {
  if (me?.user) return `Requests from here are real, and go out as ${me.user.name} (${me.user.role}).`;
  if (me?.open) return `Requests from here are real; this cloud is open to ${me.local ? "its own machine" : "the whole network"}.`;
  return "Sign in on the dashboard to try requests, or give a token below.";
}

const me = await whoAmI();
const who = document.querySelector("#who");
if (who) who.textContent = told(me);

const docs = document.createElement("rapi-doc");
for (const [name, value] of Object.entries(SETTINGS)) docs.setAttribute(name, value);
paint(docs);
dark.addEventListener("change", () => paint(docs));
docs.addEventListener("before-try", (event) => {
  const { request } = (event as CustomEvent<{ request: Request }>).detail;
  const { headers } = request;
  if (me?.csrf && !headers.has("Authorization")) headers.set("X-CSRF-Token", me.csrf);
});
document.querySelector("#docs")?.append(docs);
mend(docs);
