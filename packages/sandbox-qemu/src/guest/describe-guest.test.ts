import { ObError, type RunTask } from "@ob/core";
import { describe, expect, test } from "vitest";
import { describeGuest } from "./describe-guest.ts";

const image = { manifest: undefined, manifestDirectory: "/" };
const task: RunTask = {
  kind: "run",
  command: "make",
  shell: [],
  workdir: "/",
  user: undefined,
  environment: [],
  network: "none",
  caches: [],
  secrets: [],
};
const cache = (target: string) => ({ name: "c", disk: "/", formatted: true, target });
const secret = (target: string) => ({ target, contents: Buffer.from("s") });

describe.each(["linux", "openbsd", "windows"] as const)("a %s guest", (guestOs) => {
  const guest = describeGuest(image, { guestOs });
  const root = guestOs === "windows" ? "C:\\" : "/";

  test("takes a run with a cache and a secret", () => {
    const { checkRun } = guest;
    expect(() =>
      checkRun?.({ ...task, caches: [cache(`${root}a`)], secrets: [secret(`${root}b`)] }),
    ).not.toThrow();
  });

  test.each<[string, Partial<RunTask>]>([
    ["a variable without a name", { environment: [["", "x"]] }],
    ["a command with a NUL byte", { command: "a\0b" }],
  ])("refuses %s before there is a machine", (_what, odd) => {
    expect(() => guest.checkRun?.({ ...task, ...odd })).toThrow(ObError);
  });
});

test("a target that no POSIX guest takes, and a user that no Windows guest runs as, are refused", () => {
  const linux = describeGuest(image, { guestOs: "linux" });
  expect(() => linux.checkRun?.({ ...task, caches: [cache("C:\\x")] })).toThrow(/absolute path/);
  const windows = describeGuest(image, { guestOs: "windows" });
  expect(() => windows.checkRun?.({ ...task, user: { name: "web" } })).toThrow(/web/);
  expect(() => windows.checkRun?.({ ...task, caches: [cache("C:\\Windows")] })).toThrow(/Windows/);
});

test("the guest of an image that nobody describes, as in a store of the original, refuses nothing beforehand", () => {
  const { os, checkRun, checkCopy } = describeGuest(image, {});
  expect({ os, checkRun, checkCopy }).toEqual({ os: "linux", checkRun: undefined, checkCopy: undefined });
});

test("a copy to another drive than Windows' own is refused", () => {
  const windows = describeGuest(image, { guestOs: "windows" });
  expect(() => windows.checkCopy?.("D:/x/")).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }));
  expect(() => windows.checkCopy?.("C:/x/")).not.toThrow();
  expect(() => describeGuest(image, { guestOs: "linux" }).checkCopy?.("/x/")).not.toThrow();
});
