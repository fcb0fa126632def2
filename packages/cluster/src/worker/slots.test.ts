import { expect, test } from "vitest";
import { Slots } from "./slots.ts";

test("a slot is given to those who wait, in the order of their calls", async () => {
  const slots = new Slots(1);
  const first = await slots.take();
  const got: string[] = [];
  const second = slots.take().then((slot) => {
    got.push("second");
    return slot;
  });
  const third = slots.take().then((slot) => {
    got.push("third");
    return slot;
  });
  await Promise.resolve();
  expect(got).toEqual([]);
  expect(slots.free).toBe(0);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  (await second)[Symbol.dispose]();
  expect(got).toEqual(["second"]);
  (await third)[Symbol.dispose]();
  expect(got).toEqual(["second", "third"]);
  expect(slots.free).toBe(1);
});
