import { layerId } from "@ob/core";
import { expect, test } from "vitest";
import { openStore } from "./store.ts";
import { temporaryStore } from "./temporary-store.test.helper.ts";

const id = (digit: string) => layerId(digit.repeat(64));

test("the layer of a step that was run anew stands for it in every process, the last one counts", async () => {
  await using setting = await temporaryStore();
  const { store, directory } = setting;
  expect(store.renewals.current(id("a"))).toBe(id("a"));
  store.renewals.renew(id("a"), id("b"));
  await using other = await openStore({ directory });
  expect(other.renewals.current(id("a"))).toBe(id("b"));
  other.renewals.renew(id("a"), id("c"));
  expect(store.renewals.current(id("a"))).toBe(id("c"));
  expect(store.renewals.current(id("b"))).toBe(id("b"));
});
