/** The address bar, watched; links that change it without loading the page anew. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Route, routeOf } from "./lib/route";

const MOVED = "fieldpost:moved";

const here = (): string => location.pathname + location.search;

/** Goes to a path of ours. */
export function go(path: string, replace = false): void {
  if (replace) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  if (!replace) scrollTo(0, 0);
  dispatchEvent(new Event(MOVED));
}

/** The page that the address names now. */
export function useRoute(): Route {
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
  const [pathname, search] = path.split("?", 2);
  return routeOf(pathname ?? "/", search);
}

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
