import { expect, it } from "vitest";
import { exitCodeFor, interruptCode } from "./exit-codes.ts";

it("distinguishes a failed step, bad usage, a bad spec, a cancel and the rest", () => {
  expect(
    (
      [
        "STEP_FAILED",
        "USAGE",
        "BAD_SPEC",
        "CANCELLED",
        "STORE",
        "BASE_IMAGE",
        "BAD_SECRET",
        undefined,
      ] as const
    ).map(exitCodeFor),
  ).toEqual([1, 2, 3, 130, 4, 4, 4, 4]);
});

it("reports signals as shells do", () => {
  expect((["SIGHUP", "SIGINT", "SIGPIPE", "SIGTERM"] as const).map(interruptCode)).toEqual([
    129, 130, 141, 143,
  ]);
});
