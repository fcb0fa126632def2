import { describe, expect, test } from "vitest";
import { abortable, abortReason, deadline, orCancelled } from "./abort.ts";
import { ObError } from "./errors.ts";

const never = new Promise<never>(() => undefined);
const lost = new ObError("GUEST_LOST", "gone");

describe("abortable", () => {
  test("settles as the promise does", async () => {
    const { signal } = new AbortController();
    await expect(abortable(Promise.resolve(1), signal)).resolves.toBe(1);
    await expect(abortable(Promise.reject(lost), signal)).rejects.toBe(lost);
  });

  test("rejects with the error that the signal was aborted with, before and while it waits", async () => {
    await expect(abortable(never, AbortSignal.abort(lost))).rejects.toBe(lost);
    const controller = new AbortController();
    const waiting = abortable(never, controller.signal);
    controller.abort(lost);
    await expect(waiting).rejects.toBe(lost);
  });
});

describe("orCancelled", () => {
  test("rejects with CANCELLED whatever the signal was aborted with", async () => {
    await expect(orCancelled(never, AbortSignal.abort(lost))).rejects.toMatchObject({ code: "CANCELLED" });
  });

  test("waits without a signal, too", async () => {
    await expect(orCancelled(Promise.resolve(1), undefined)).resolves.toBe(1);
  });
});

describe("deadline", () => {
  test("fires with its error", async () => {
    using limit = deadline(5, () => lost);
    await expect(abortable(never, limit.signal)).rejects.toBe(lost);
    expect(abortReason(limit.signal)).toBe(lost);
  });

  test("does not fire once it is disposed of", async () => {
    const limit = deadline(5, () => lost);
    limit[Symbol.dispose]();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(limit.signal.aborted).toBe(false);
  });
});
