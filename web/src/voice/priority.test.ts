import { describe, expect, it } from "vitest";
import { LOWERED, Priority } from "./priority";

describe("priority", () => {
  it("lowers the others while a priority speaker talks, and nobody else", () => {
    const priority = new Priority();
    expect(priority.flag("1", true)).toBe(false);
    expect(priority.factor("2")).toBe(1);

    expect(priority.speaks("1", true)).toBe(true);
    expect([priority.factor("1"), priority.factor("2")]).toEqual([1, LOWERED]);
    expect(priority.speaks("2", true)).toBe(false);
    expect(priority.factor("2")).toBe(LOWERED);

    expect(priority.speaks("1", false)).toBe(true);
    expect(priority.factor("2")).toBe(1);
  });

  it("ends with the flag and with who left", () => {
    const priority = new Priority();
    priority.speaks("1", true);
    expect(priority.flag("1", true)).toBe(true);
    expect(priority.flag("1", false)).toBe(true);
    expect(priority.factor("2")).toBe(1);
    priority.flag("1", true);
    expect(priority.forget("1")).toBe(true);
    expect(priority.factor("2")).toBe(1);
  });

  it("lets two of them be heard alike", () => {
    const priority = new Priority();
    for (const userId of ["1", "2"]) {
      priority.flag(userId, true);
      priority.speaks(userId, true);
    }
    expect([priority.factor("1"), priority.factor("2"), priority.factor("3")]).toEqual([1, 1, LOWERED]);
  });
});
