/** Which page an address names. Pure; `router.tsx` watches the address bar. */

/** A page and what its address says. */
export type Route =
  | { page: "fleet" | "field" | "completeness" | "gateways" | "alerts" | "settings" | "setup" }
  | { page: "device"; id: string }
  | { page: "sign-in"; back: string }
  | { page: "unknown"; path: string };

const PLAIN = ["field", "completeness", "gateways", "alerts", "settings", "setup"] as const;

/** Only a path of our own is gone back to after signing in, never another host's (`//host`, `/\host`). */
export function safeBack(text: string | null): string {
  return text !== null && /^\/(?![/\\])[^\\]*$/.test(text) && !text.startsWith("/sign-in") ? text : "/";
}

/** The page at `path` with `search`. */
export function routeOf(path: string, search = ""): Route {
  const parts = path.split("/").filter((part) => part !== "");
  const [first, second] = parts;
  if (first === undefined) return { page: "fleet" };
  if (first === "sign-in" && parts.length === 1) return { page: "sign-in", back: safeBack(new URLSearchParams(search).get("back")) };
  if (first === "devices" && second !== undefined && parts.length === 2) {
    try {
      return { page: "device", id: decodeURIComponent(second) };
    } catch {
      return { page: "unknown", path };
    }
  }
  const plain = PLAIN.find((page) => page === first && parts.length === 1);
  return plain === undefined ? { page: "unknown", path } : { page: plain };
}

/** Where a device's page is. */
export const deviceAt = (id: string): string => `/devices/${encodeURIComponent(id)}`;
