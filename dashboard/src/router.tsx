/** The address bar, watched; links that change it without loading the page anew. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Route, routeOf } from "./lib/route";
import { noteScroll } from "./lib/scroll";

const MOVED = "fieldpost:moved";

const here = (): string => location.pathname + location.search;

/** Goes to a path of ours. */
export function go(path: string, replace = false): void {
  if (replace) {
    history.replaceState(history.state, "", path);
  } else {
    noteScroll();
    history.pushState(null, "", path);
    scrollTo(0, 0);
  }
  dispatchEvent(new Event(MOVED));
}

/** The address, watched. */
function useHere(): string {
  const [path, set] = useState(here());
  useEffect(() => {
    const moved = (): void => set(here());
    addEventListener("popstate", moved);
    addEventListener(MOVED, moved);
    return () => {
      removeEventListener("popstate", moved);
      removeEventListener(MOVED, moved);
    };
  }, []);
  return path;
}

/** The page that the address names now. */
export function useRoute(): Route {
  const [pathname, search] = useHere().split("?", 2);
  return routeOf(pathname ?? "/", search);
}

/** What the address asks of its page, as text. */
export const useQuery = (): string => useHere().split("?", 2)[1] ?? "";

interface LinkProps {
  href: string;
  children?: ComponentChildren;
  class?: string;
  title?: string;
  "aria-current"?: "page";
  "aria-label"?: string;
  "data-row"?: number;
}

/** A link to a page of ours. With a modifier key it does what the browser does. */
export function Link({ href, children, ...rest }: LinkProps): JSX.Element {
  const click = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(href);
  };
  return (
    <a {...rest} href={href} onClick={click}>
      {children}
    </a>
  );
}
