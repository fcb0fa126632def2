import { cacheConformance } from "@ob/core/testing";
import { expect, it } from "vitest";
import { temporaryCaches } from "./temporary-caches.test.helper.ts";

const cases = cacheConformance(temporaryCaches);

it.each(cases)("$name", async ({ run }) => {
  await expect(run()).resolves.toBeUndefined();
});
