/** Where a page fails, it says so and can be loaded again; a page whose code is gone loads the whole anew. */
import { type ComponentChildren, type ComponentType, type JSX, Component } from "preact";
import { lazy } from "preact/compat";

/** When this tab last loaded itself anew; a second time at once would not help either. */
const KEY = "fieldpost.loaded-anew";
const AT_ONCE_MS = 60_000;

/** Loads the page anew unless that was tried just now; whether it does. A browser that keeps nothing would try for ever, so it does not begin. */
function loadAnew(): boolean {
  try {
    const last = Number(sessionStorage.getItem(KEY) ?? 0);
    if (Date.now() - last < AT_ONCE_MS) return false;
    sessionStorage.setItem(KEY, String(Date.now()));
  } catch {
    return false;
  }
  location.reload();
  return true;
}

/**
 * A page whose code is fetched when it is first shown. A cloud that was upgraded has it under another name, and answers this one with 404:
 * the whole page is then loaded anew, at the same address.
 */
export function late<P>(fetch: () => Promise<ComponentType<P>>): ComponentType<P> {
  const code = async (): Promise<{ default: ComponentType<P> }> => {
    try {
      return { default: await fetch() };
    } catch (error) {
      // While the browser leaves there is nothing to show.
      if (loadAnew()) return new Promise(() => {});
      throw error;
    }
  };
  return lazy(code) as unknown as ComponentType<P>;
}

interface State {
  failed: unknown;
}

/** Another `key` begins anew. */
export class Boundary extends Component<{ children: ComponentChildren }, State> {
  override state: State = { failed: null };

  static override getDerivedStateFromError(failed: unknown): State {
    return { failed };
  }

  override componentDidCatch(error: unknown): void {
    console.warn("a page failed:", error);
  }

  override render(): ComponentChildren {
    return this.state.failed === null ? this.props.children : <Broken why={this.state.failed} />;
  }
}

function Broken({ why }: { why: unknown }): JSX.Element {
  return (
    <div class="empty" role="alert">
      <h1>This page failed</h1>
      <p>Nothing is lost: readings go on arriving at the cloud. Loading the page again helps if the cloud was upgraded or the connection broke.</p>
      <p class="hint">{String(why)}</p>
      <button type="button" class="button button-main" onClick={() => location.reload()}>
        Load again
      </button>
    </div>
  );
}
