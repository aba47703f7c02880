/** Which rows of a long list are drawn: only those in sight, with the room of the others kept by two spacers. */

/** Rows `first` to `last` (exclusive) are drawn, with `before` and `after` pixels of room around them. */
export interface Window {
  first: number;
  last: number;
  before: number;
  after: number;
}

/** The rows in sight, and `over` more on either side so that a key or a flick meets drawn rows. */
export function rowsInSight(scroll: number, height: number, row: number, total: number, over = 6): Window {
  const clamp = (index: number): number => Math.min(total, Math.max(0, index));
  const first = clamp(Math.floor(scroll / row) - over);
  const last = Math.max(first, clamp(Math.ceil((scroll + height) / row) + over));
  return { first, last, before: first * row, after: (total - last) * row };
}

/** The pages of `size` rows that hold rows `first` to `last` (exclusive). */
export function pagesOf(first: number, last: number, size: number): number[] {
  if (last <= first) return [];
  const from = Math.floor(first / size);
  const to = Math.floor((last - 1) / size);
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** Where a key moves the focus in a list of `total` rows with `page` in sight; null for other keys. */
export function moved(key: string, row: number, total: number, page: number): number | null {
  const step: Record<string, number> = {
    ArrowDown: row + 1,
    ArrowUp: row - 1,
    PageDown: row + page,
    PageUp: row - page,
    Home: 0,
    End: total - 1,
  };
  const target = step[key];
  return target === undefined || total === 0 ? null : Math.min(total - 1, Math.max(0, target));
}
