import { guestArchNames } from "@ob/core";
import { expect, it } from "vitest";
import { machineFor } from "./registry.ts";

it("each architecture has its machine", () => {
  expect(guestArchNames.map((arch) => machineFor(arch).arch)).toEqual(guestArchNames);
});
