import { describe, expect, test } from "vitest";
import { moved, pagesOf, rowsInSight } from "../../src/lib/virtual";

describe("a list of which only the rows in sight are drawn", () => {
  test("keeps the room of all rows, wherever it is scrolled to", () => {
    for (let scroll = 0; scroll <= 10_000 * 60; scroll += 7_919) {
      const { first, last, before, after } = rowsInSight(scroll, 900, 60, 10_000);
      expect(before + (last - first) * 60 + after).toBe(600_000);
      expect(last - first).toBeLessThan(30);
      expect(first * 60).toBeLessThanOrEqual(scroll);
      expect(last).toBeGreaterThanOrEqual(Math.min(10_000, Math.ceil((scroll + 900) / 60)));
    }
  });
  test("that is short or empty is drawn whole", () => {
    expect(rowsInSight(0, 900, 60, 3)).toEqual({ first: 0, last: 3, before: 0, after: 0 });
    expect(rowsInSight(500, 900, 60, 0)).toEqual({ first: 0, last: 0, before: 0, after: 0 });
  });
  test("asks for the pages in sight and no others", () => {
    expect(pagesOf(95, 118, 100)).toEqual([0, 1]);
    expect(pagesOf(100, 200, 100)).toEqual([1]);
    expect(pagesOf(5, 5, 100)).toEqual([]);
  });
  test("is walked by keys to its ends and no further", () => {
    expect(["ArrowDown", "ArrowUp", "PageDown", "Home", "End", "a"].map((key) => moved(key, 0, 10_000, 12))).toEqual([1, 0, 12, 0, 9_999, null]);
    expect(moved("ArrowDown", 9_999, 10_000, 12)).toBe(9_999);
    expect(moved("End", 0, 0, 12)).toBeNull();
  });
});
