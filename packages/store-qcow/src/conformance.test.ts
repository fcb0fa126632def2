import { storeConformance } from "@ob/core/testing";
import { expect, it } from "vitest";
import { makeImage, temporaryStore } from "./temporary-store.test.helper.ts";

const cases = storeConformance(async () => {
  const fixture = await temporaryStore();
  await makeImage(fixture.image("debian-12"));
  return {
    store: fixture.store,
    image: "debian-12",
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
});

it.each(cases)("$name", async ({ run }) => {
  await expect(run()).resolves.toBeUndefined();
});
