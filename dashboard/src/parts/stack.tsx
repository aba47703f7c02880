/**
 * A table that on a phone is a stack of cards, one for each row, where each cell says its column's name.
 *
 * Its style takes the table's layout from it there, and with the layout some browsers forget that it is a table. Roles say so in words.
 */
import type { ComponentChildren, JSX } from "preact";

export interface Column<T> {
  /** The head; empty over buttons, which name themselves. */
  name: string;
  /** `row` names its row, `n` are numbers, `text` may be long and says on a phone by itself what it is, `tool` is a button. */
  kind?: "row" | "n" | "text" | "tool";
  show: (row: T) => ComponentChildren;
}

const CLASSES = { row: undefined, n: "n", text: "text", tool: "n tool" };

export function Stack<T>({ label, columns, rows, keyOf }: { label: string; columns: readonly Column<T>[]; rows: readonly T[]; keyOf: (row: T, index: number) => string | number }): JSX.Element {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table class="plain stack" role="table">
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <Head key={column.name} column={column} />
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row, index) => (
            <tr key={keyOf(row, index)} role="row">
              {columns.map((column) => (
                <Cell key={column.name} column={column} row={row} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Head<T>({ column: { name, kind } }: { column: Column<T> }): JSX.Element {
  if (name === "") return <td role="cell" />;
  return (
    <th scope="col" role="columnheader" class={kind === "n" ? "n" : undefined}>
      {name}
    </th>
  );
}

function Cell<T>({ column: { name, kind, show }, row }: { column: Column<T>; row: T }): JSX.Element {
  if (kind === "row") {
    return (
      <th scope="row" role="rowheader">
        {show(row)}
      </th>
    );
  }
  const named = kind === undefined || kind === "n";
  return (
    <td role="cell" class={kind && CLASSES[kind]} data-label={named ? name : undefined}>
      {show(row)}
    </td>
  );
}
