import { expect, test, vi } from "vitest";
import {
  cancelledError,
  firstError,
  isObError,
  errorMessage,
  ObError,
  errnoCode,
  throwIfCancelled,
} from "./errors.ts";

test("an error keeps its code, hint, cause and exit status", () => {
  const cause = new Error("underneath");
  const error = new ObError("STEP_FAILED", "It failed.", { hint: "Try again.", cause, exitCode: 3 });
  expect(error).toMatchObject({
    name: "ObError",
    code: "STEP_FAILED",
    message: "It failed.",
    hint: "Try again.",
  });
  expect(error.cause).toBe(cause);
  expect(error.exitCode).toBe(3);
});

test("an error without a cause has none, not an undefined one", () => {
  expect("cause" in new ObError("USAGE", "No.")).toBe(false);
});

test("isObError matches any of the given codes, or any code if none is given", () => {
  const error = new ObError("STORE", "Damaged.");
  expect(isObError(error)).toBe(true);
  expect(isObError(error, "USAGE", "STORE")).toBe(true);
  expect(isObError(error, "USAGE")).toBe(false);
  expect(isObError(new Error("Damaged."))).toBe(false);
  expect(isObError({ code: "STORE" })).toBe(false);
});

test("cancelled keeps the reason, and hands on a reason that is its own error", () => {
  const reason = new Error("Ctrl-C");
  expect(cancelledError(AbortSignal.abort(reason))).toMatchObject({ code: "CANCELLED", cause: reason });
  const own = new ObError("CANCELLED", "Enough.");
  expect(cancelledError(AbortSignal.abort(own))).toBe(own);
  expect(cancelledError()).toMatchObject({ code: "CANCELLED" });
});

test("throwIfCancelled throws only once the signal has fired", () => {
  const controller = new AbortController();
  throwIfCancelled(undefined);
  throwIfCancelled(controller.signal);
  controller.abort();
  expect(() => throwIfCancelled(controller.signal)).toThrow(expect.objectContaining({ code: "CANCELLED" }));
});

test("errorMessage and errnoCode take anything that was thrown", () => {
  expect(errorMessage(new Error("no"))).toBe("no");
  expect(errorMessage("plain")).toBe("plain");
  expect(errorMessage(undefined)).toBe("undefined");
  expect(errnoCode(Object.assign(new Error("quota"), { code: "Unknown system error -122" }))).toBe("EDQUOT");
  expect(errnoCode(Object.assign(new Error("gone"), { code: "ENOENT" }))).toBe("ENOENT");
  expect(errnoCode(Object.assign(new Error("gone"), { code: 2 }))).toBeUndefined();
  expect(errnoCode("ENOENT")).toBeUndefined();
});

test("an error of another copy of this package counts, and one that only looks like it does not", async () => {
  vi.resetModules();
  const other = await import("./errors.ts");
  expect(other.ObError).not.toBe(ObError);
  const error = new other.ObError("NO_SPACE", "full");
  expect(error).toBeInstanceOf(ObError);
  expect(isObError(error, "NO_SPACE")).toBe(true);
  expect(isObError(Object.assign(new Error("full"), { code: "NO_SPACE" }))).toBe(false);
  expect(isObError(undefined)).toBe(false);
});

test("the first failure is found if disposing failed, too", async () => {
  await using resources = new AsyncDisposableStack();
  resources.defer(() => {
    throw new Error("second");
  });
  resources.defer(() => {
    throw new Error("first");
  });
  const thrown: unknown = await resources.disposeAsync().catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(SuppressedError);
  expect(firstError(thrown)).toMatchObject({ message: "first" });
});
