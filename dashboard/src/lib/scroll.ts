/** Where a page was scrolled to, kept with its place in the history, so that going back goes back there. */

/** The browser allows some hundred notes in half a minute. */
const NOTE_MS = 400;
/** How long a page may take to become as long as it was. */
const PATIENCE_MS = 5_000;
/** What a person does who no longer wants to be taken there. */
const OWN_WAY = ["wheel", "touchstart", "keydown", "pointerdown"] as const;

let stop: () => void = () => {};

/** Notes where the page is scrolled to, in the entry of the history that is shown. */
export function noteScroll(): void {
  history.replaceState({ ...(history.state as object | null), scroll: Math.round(scrollY) }, "");
}

/** Takes the page to where the history's entry says, as soon as it is long enough. */
export function restoreScroll(): void {
  stop();
  const kept: unknown = (history.state as { scroll?: unknown } | null)?.scroll;
  const wanted = typeof kept === "number" ? kept : 0;
  const page = document.documentElement;
  const arrive = (): void => {
    scrollTo(0, wanted);
    if (page.scrollHeight - innerHeight >= wanted) stop();
  };
  const watch = new ResizeObserver(arrive);
  const timer = setTimeout(() => stop(), PATIENCE_MS);
  stop = () => {
    stop = () => {};
    watch.disconnect();
    clearTimeout(timer);
    for (const kind of OWN_WAY) removeEventListener(kind, stopNow);
  };
  const stopNow = (): void => stop();
  for (const kind of OWN_WAY) addEventListener(kind, stopNow, { passive: true });
  watch.observe(document.body);
}

/** Begins: from here on the page, and not the browser, which knows nothing of what is still to come, says where it is. */
export function keepScroll(): void {
  history.scrollRestoration = "manual";
  let timer: ReturnType<typeof setTimeout> | undefined;
  addEventListener(
    "scroll",
    () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        noteScroll();
      }, NOTE_MS);
    },
    { passive: true },
  );
  addEventListener("popstate", () => {
    clearTimeout(timer);
    timer = undefined;
    restoreScroll();
  });
  restoreScroll();
}
