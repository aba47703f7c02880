/** Inputs with their labels, hints and limits. */
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

interface Common {
  label: string;
  hint?: string;
  disabled?: boolean;
  required?: boolean;
  /** Beside a label that is clear from its surroundings it is only read aloud. */
  quiet?: boolean;
}

function Row({ label, hint, quiet, id, children }: Common & { id: string; children: ComponentChildren }): JSX.Element {
  return (
    <div class="field">
      <label for={id} class={quiet ? "unseen" : ""}>
        {label}
      </label>
      {children}
      {hint ? (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      ) : null}
    </div>
  );
}

const hinted = (id: string, hint: string | undefined): { "aria-describedby"?: string } =>
  hint ? { "aria-describedby": `${id}-hint` } : {};

export function TextInput({
  value,
  set,
  type = "text",
  most = 200,
  complete = "off",
  least,
  ...common
}: Common & {
  value: string;
  set: (value: string) => void;
  type?: "text" | "password" | "email" | "url" | "search" | "date" | "datetime-local";
  most?: number;
  least?: number;
  complete?: string;
}): JSX.Element {
  const id = useId();
  return (
    <Row {...common} id={id}>
      <input
        id={id}
        type={type as "text"}
        value={value}
        maxLength={most}
        {...(least === undefined ? {} : { minLength: least })}
        autoComplete={complete as "off"}
        disabled={common.disabled ?? false}
        required={common.required ?? false}
        spellcheck={false}
        onInput={(event) => set(event.currentTarget.value)}
        {...hinted(id, common.hint)}
      />
    </Row>
  );
}

/** A number, or null if the input is empty. */
export function NumberInput({
  value,
  set,
  unit,
  min,
  max,
  step = "any",
  ...common
}: Common & {
  value: number | null;
  set: (value: number | null) => void;
  unit?: string;
  min?: number;
  max?: number;
  step?: number | "any";
}): JSX.Element {
  const id = useId();
  const label = unit ? `${common.label} (${unit})` : common.label;
  return (
    <Row {...common} label={label} id={id}>
      <input
        id={id}
        type="number"
        inputMode="decimal"
        value={value === null ? "" : String(value)}
        step={step}
        {...(min === undefined ? {} : { min })}
        {...(max === undefined ? {} : { max })}
        disabled={common.disabled ?? false}
        required={common.required ?? false}
        onInput={(event) => {
          const number = event.currentTarget.valueAsNumber;
          set(Number.isFinite(number) ? number : null);
        }}
        {...hinted(id, common.hint)}
      />
    </Row>
  );
}

export function Select<T extends string>({
  value,
  set,
  options,
  ...common
}: Common & { value: T; set: (value: T) => void; options: readonly (readonly [T, string])[] }): JSX.Element {
  const id = useId();
  return (
    <Row {...common} id={id}>
      <select
        id={id}
        value={value}
        disabled={common.disabled ?? false}
        onChange={(event) => set(event.currentTarget.value as T)}
        {...hinted(id, common.hint)}
      >
        {options.map(([key, text]) => (
          <option key={key} value={key} selected={key === value}>
            {text}
          </option>
        ))}
      </select>
    </Row>
  );
}

export function TextArea({
  value,
  set,
  most,
  ...common
}: Common & { value: string; set: (value: string) => void; most: number }): JSX.Element {
  const id = useId();
  return (
    <Row {...common} id={id}>
      <textarea
        id={id}
        rows={4}
        value={value}
        maxLength={most}
        disabled={common.disabled ?? false}
        onInput={(event) => set(event.currentTarget.value)}
        {...hinted(id, common.hint)}
      />
    </Row>
  );
}

export function Check({
  label,
  value,
  set,
  disabled,
  aria,
}: {
  label: string;
  /** The whole of it, where `label` is only clear from its surroundings. */
  aria?: string;
  value: boolean;
  set: (value: boolean) => void;
  disabled?: boolean;
}): JSX.Element {
  return (
    <label class="check">
      <input type="checkbox" checked={value} disabled={disabled ?? false} {...(aria === undefined ? {} : { "aria-label": aria })} onChange={(event) => set(event.currentTarget.checked)} />
      {label}
    </label>
  );
}

/** A choice of a few, all in sight. */
export function Choice<T extends string>({
  label,
  value,
  set,
  options,
}: {
  label: string;
  value: T | null;
  set: (value: T) => void;
  options: readonly (readonly [T, string])[];
}): JSX.Element {
  return (
    <div class="choice" role="group" aria-label={label}>
      {options.map(([key, text]) => (
        <button key={key} type="button" aria-pressed={key === value} onClick={() => set(key)}>
          {text}
        </button>
      ))}
    </div>
  );
}

/** A form that is sent by Enter and by its button, and never by the browser. */
export function Form({ send, children, label }: { send: () => void; children: ComponentChildren; label?: string }): JSX.Element {
  return (
    <form
      class="form"
      {...(label ? { "aria-label": label } : {})}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {children}
    </form>
  );
}
