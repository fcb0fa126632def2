import { describe, expect, it } from "vitest";
import { readColorMode, readProgressMode, readVerbosity } from "./options.ts";

describe("readVerbosity", () => {
  it.each([
    [{}, "warning"],
    [{ verbose: 1 }, "info"],
    [{ verbose: 2 }, "debug"],
    [{ verbose: 7 }, "debug"],
    [{ verbosity: "error" }, "error"],
    [{ verbosity: "debug", verbose: 1 }, "debug"],
    [{ quiet: true, verbosity: "debug", verbose: 2 }, "quiet"],
  ])("of %j is %s", (args, verbosity) => {
    expect(readVerbosity(args)).toBe(verbosity);
  });
});

it("accepts the values of --color and --progress", () => {
  expect(readColorMode({ color: "never" })).toBe("never");
  expect(readProgressMode({})).toBe("auto");
  expect(() => readColorMode({ color: "nevre" })).toThrow("--color takes auto, always, never");
  expect(() => readProgressMode({ progress: "fancy" })).toThrow("--progress takes auto, plain, tty, json");
});
