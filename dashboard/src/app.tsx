/** The frame around every page: who is asking, where they are, and whether news still come. */
import type { JSX } from "preact";
import { Suspense } from "preact/compat";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { get, onSignedOut, type Problem, remember } from "./api/client";
import { start } from "./api/live";
import type { Me } from "./api/types";
import { problemOf, Who } from "./hooks";
import type { Route } from "./lib/route";
import { Alerts } from "./pages/alerts";
import { Completeness } from "./pages/completeness";
import { Field } from "./pages/field";
import { Fleet } from "./pages/fleet";
import { Gateways } from "./pages/gateways";
import { Settings } from "./pages/settings";
import { Setup, SignIn } from "./pages/sign-in";
import { Boundary, late } from "./parts/boundary";
import { Banner, Navigation } from "./parts/frame";
import { Empty, Failed, Loading } from "./parts/notice";
import { go, Link, useRoute } from "./router";

/** The curves' code is most of the page's weight, and only this page needs it. */
const Device = late(() => import("./pages/device").then((module) => module.DevicePage));

const TITLES: Record<Route["page"], string> = {
  fleet: "Fleet",
  field: "Field",
  device: "Device",
  completeness: "Completeness",
  gateways: "Gateways",
  alerts: "Alerts",
  settings: "Settings",
  setup: "Set up",
  "sign-in": "Sign in",
  unknown: "No such page",
};

/** Where someone who may not see `route` has to go first; null if they may. */
function detour(me: Me, route: Route): string | null {
  if (route.page === "setup" || route.page === "sign-in") return null;
  if (me.open || me.user !== null) return null;
  if (me.setup) return "/setup";
  return `/sign-in?back=${encodeURIComponent(location.pathname + location.search)}`;
}

export function App(): JSX.Element {
  const route = useRoute();
  const [me, setMe] = useState<Me | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const refresh = useCallback(async () => {
    try {
      setMe(remember(await get<Me>("me")));
      setProblem(null);
    } catch (error) {
      setProblem(problemOf(error));
    }
  }, []);
  useEffect(() => {
    onSignedOut(() => void refresh());
    void refresh();
  }, [refresh]);
  const known = me !== null && (me.open || me.user !== null);
  useEffect(() => (known ? start() : undefined), [known]);
  const elsewhere = me === null ? null : detour(me, route);
  useEffect(() => {
    if (elsewhere !== null) go(elsewhere, true);
  }, [elsewhere]);
  const title = route.page === "device" ? route.id : TITLES[route.page];
  useFocusOnMove(title);

  if (me === null) {
    return <main class="lone">{problem ? <Failed what="Fieldpost cannot be reached:" problem={problem} again={() => void refresh()} /> : <Loading what="Fieldpost" />}</main>;
  }
  if (elsewhere !== null) return <main class="lone" />;
  return (
    <Who.Provider value={{ me, refresh }}>
      <Boundary>
        <Whole route={route} />
      </Boundary>
    </Who.Provider>
  );
}

/** The two pages that need nobody signed in stand alone. */
function Whole({ route }: { route: Route }): JSX.Element {
  if (route.page === "setup") return <main class="lone"><Setup /></main>;
  if (route.page === "sign-in") return <main class="lone"><SignIn back={route.back} /></main>;
  return <Framed route={route} />;
}

/** The title names the page, and after a move the focus is at its beginning, as after a load. */
function useFocusOnMove(title: string): void {
  const first = useRef(true);
  useEffect(() => {
    document.title = `${title} · Fieldpost`;
    if (!first.current) document.getElementById("main")?.focus({ preventScroll: true });
    first.current = false;
  }, [title]);
}

function Framed({ route }: { route: Route }): JSX.Element {
  return (
    <div class="frame">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        Skip to the content
      </a>
      <Navigation page={route.page} />
      <main id="main" tabIndex={-1}>
        <Banner />
        <Boundary key={route.page}>
          <Suspense fallback={<Loading what="the page" />}>
            <Page route={route} />
          </Suspense>
        </Boundary>
      </main>
    </div>
  );
}

function Page({ route }: { route: Route }): JSX.Element {
  switch (route.page) {
    case "fleet":
      return <Fleet />;
    case "field":
      return <Field />;
    case "device":
      return <Device key={route.id} id={route.id} />;
    case "completeness":
      return <Completeness />;
    case "gateways":
      return <Gateways />;
    case "alerts":
      return <Alerts />;
    case "settings":
      return <Settings />;
    default:
      return (
        <>
          <h1 class="unseen">No such page</h1>
          <Empty title="There is no such page">
            <p>
              Nothing is at {location.pathname}. <Link href="/">The fleet</Link> is a good place to go on from.
            </p>
          </Empty>
        </>
      );
  }
}
