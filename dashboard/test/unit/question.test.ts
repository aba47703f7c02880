import { describe, expect, test } from "vitest";
import { fleetAt, questionOf, stateAt } from "../../src/lib/question";

describe("what is asked of the fleet", () => {
  test("comes back from the address that it stands in", () => {
    const asked = { search: "a & b=ü", states: ["silent", "never"] as const, sort: { by: "moisture", order: "asc" } as const };
    const path = fleetAt({ ...asked, states: [...asked.states] });
    expect(path).toBe("/?search=a+%26+b%3D%C3%BC&state=silent,never&sort=moisture&order=asc");
    expect(questionOf(path.slice(2))).toEqual(asked);
  });
  test("is everything, worst first, where the address asks nothing or nonsense", () => {
    const everything = { search: "", states: [], sort: { by: "state", order: "desc" } };
    expect([questionOf(""), questionOf("state=gone,&sort=colour&order=sideways")]).toEqual([everything, everything]);
    expect(fleetAt(questionOf(""))).toBe("/");
    expect(questionOf(`search=${"x".repeat(900)}`).search).toHaveLength(200);
  });
  test("has a link for those who are silent", () => {
    expect(stateAt("silent")).toBe("/?state=silent");
  });
});
