import { expect, test } from "vitest";
import { Slots } from "./slots.ts";

test("there are no more slots than that, and one that is given back can be taken again", () => {
  const free: number[] = [];
  const slots: Slots = new Slots(2, () => free.push(slots.free));
  const first = slots.take();
  const second = slots.take();
  expect(slots.take()).toBeUndefined();
  first?.[Symbol.dispose]();
  first?.[Symbol.dispose]();
  expect(slots.free).toBe(1);
  const third = slots.take();
  expect(slots.take()).toBeUndefined();
  second?.[Symbol.dispose]();
  third?.[Symbol.dispose]();
  expect(slots.free).toBe(2);
  expect(free).toEqual([1, 0, 1, 0, 1, 2]);
});
