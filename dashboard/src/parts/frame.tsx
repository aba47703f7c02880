/** The soil profile at the side (or the foot, on a phone) that leads from page to page; and the banner above them. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ask, get } from "../api/client";
import { type Link as Path, linkNow } from "../api/live";
import type { Alert, Me } from "../api/types";
import { useAsked, useDeed, useNews, useThrottled, useWho } from "../hooks";
import type { Route } from "../lib/route";
import { Link } from "../router";
import { setTheme, type Theme, theme } from "../theme";
import { Icon, type IconName, Mark } from "./icon";

const PAGES: readonly { page: Route["page"] & IconName; href: string; name: string; short?: string }[] = [
  { page: "fleet", href: "/", name: "Fleet" },
  { page: "field", href: "/field", name: "Field" },
  { page: "completeness", href: "/completeness", name: "Completeness", short: "Complete" },
  { page: "gateways", href: "/gateways", name: "Gateways" },
  { page: "alerts", href: "/alerts", name: "Alerts" },
  { page: "settings", href: "/settings", name: "Settings" },
];

/** How many open alerts are counted; more are "many". */
const MOST_COUNTED = 100;

export function Navigation({ page }: { page: Route["page"] }): JSX.Element {
  const alerts = useOpenAlerts();
  const current = page === "device" ? "fleet" : page;
  return (
    <header class="profile">
      <Link href="/" class="brand">
        <Mark />
        <span>Fieldpost</span>
      </Link>
      <nav aria-label="Pages">
        <ul>
          {PAGES.map((one) => (
            <li key={one.page}>
              <Link href={one.href} {...(one.page === current ? { "aria-current": "page" as const } : {})}>
                <Icon name={one.page} />
                <span class="nav-name">{one.name}</span>
                <span class="nav-short" aria-hidden="true">
                  {one.short ?? one.name}
                </span>
                {one.page === "alerts" && alerts > 0 ? (
                  <span class="badge">
                    {alerts >= MOST_COUNTED ? "99+" : alerts}
                    <span class="unseen"> open</span>
                  </span>
                ) : null}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <Self />
    </header>
  );
}

function useOpenAlerts(): number {
  const { data, reload } = useAsked("alerts", (signal) => get<{ alerts: Alert[] }>("alerts", { open: "true", limit: MOST_COUNTED }, signal));
  const soon = useThrottled(reload, 1_000);
  useNews("alert", soon);
  useNews("reload", soon);
  return data?.alerts.filter((alert) => alert.acknowledged === null).length ?? 0;
}

/** Who is signed in, and the light switch. */
function Self(): JSX.Element {
  const { me, refresh } = useWho();
  const leave = useDeed(async () => {
    await ask("DELETE", "session");
    await refresh();
  });
  return (
    <div class="self">
      <ThemeSwitch />
      {me.user ? (
        <div class="self-user">
          <p>
            <strong>{me.user.name}</strong>
            <br />
            {me.user.role}
          </p>
          <button type="button" class="button button-earth" disabled={leave.busy} onClick={() => void leave.run()} aria-label="Sign out" title="Sign out">
            <Icon name="out" />
          </button>
        </div>
      ) : (
        <p class="self-open">{me.local ? "Open: no account is needed on this machine." : "Open to the network: nobody signs in."}</p>
      )}
    </div>
  );
}

const THEMES: readonly [Theme, IconName, string][] = [
  ["auto", "half", "As the system has it"],
  ["light", "sun", "Light"],
  ["dark", "moon", "Dark"],
];

function ThemeSwitch(): JSX.Element {
  const [now, set] = useState(theme());
  return (
    <div class="themes" role="group" aria-label="Colours">
      {THEMES.map(([name, icon, text]) => (
        <button
          key={name}
          type="button"
          aria-pressed={name === now}
          aria-label={text}
          title={text}
          onClick={() => {
            setTheme(name);
            set(name);
          }}
        >
          <Icon name={icon} />
        </button>
      ))}
    </div>
  );
}

/** Where an open cloud is reached from elsewhere. */
export const isExposed = ({ open, local }: Me): boolean => open && !local;

/** Whom a cloud without accounts is open to, loudly where that is the network. */
function Exposed(): JSX.Element | null {
  const { me } = useWho();
  if (!isExposed(me)) return null;
  return (
    <p class="banner">
      <strong>This cloud is open to the network.</strong> Whoever reaches {location.host} sees and changes everything, without signing in. {CLOSING}
    </p>
  );
}

/** How an open cloud is closed. */
export const CLOSING = "The link that the cloud printed at its start makes the first administrator; from then on everybody signs in.";

/** Says when news no longer come. */
export function Banner(): JSX.Element {
  const [path, set] = useState<Path>(linkNow());
  useNews("link", set);
  useEffect(() => set(linkNow()), []);
  return (
    <div role="status" aria-live="polite">
      <Exposed />
      {path === "lost" ? (
        <p class="banner">
          <strong>The connection to the cloud is lost.</strong> What you see is the last that came; trying again every few seconds.
        </p>
      ) : null}
    </div>
  );
}

/** How news come, in a word. */
export function LiveMark(): JSX.Element {
  const [path, set] = useState<Path>(linkNow());
  useNews("link", set);
  useEffect(() => set(linkNow()), []);
  const words: Record<Path, string> = { starting: "connecting", live: "live", asking: "asks every 30 s", lost: "disconnected" };
  return <span class={`live live-${path}`}>{words[path]}</span>;
}
