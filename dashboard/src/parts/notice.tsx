/** What a page says when it has nothing to show yet, or cannot. */
import type { ComponentChildren, JSX } from "preact";
import type { Problem } from "../api/client";

export function Loading({ what }: { what: string }): JSX.Element {
  return (
    <div class="loading" role="status">
      <span class="strata" aria-hidden="true" />
      Loading {what}…
    </div>
  );
}

/** What went wrong, in the cloud's own words, and a way to go on. */
export function Failed({ problem, again, what }: { problem: Problem; again?: () => void; what?: string }): JSX.Element {
  return (
    <div class="notice notice-bad" role="alert">
      <p>
        {what ? <strong>{what} </strong> : null}
        {problem.message}
      </p>
      {again ? (
        <button type="button" class="button" onClick={again}>
          Try again
        </button>
      ) : null}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Why something here cannot be done; controls refer to it by its id. */
export function WhyNot({ id, why }: { id: string; why: string }): JSX.Element | null {
  return why === "" ? null : (
    <p class="whynot" id={id}>
      {why}
    </p>
  );
}
