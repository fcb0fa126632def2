import { ObError } from "@ob/core";
import { expect, test } from "vitest";
import { type ImageEvent, withPhase, type PhaseContext } from "./phases.ts";

/** Work that fails when its signal fires, like a program that is stopped by a signal. */
function untilStopped(error: (signal: AbortSignal) => unknown) {
  return async ({ signal }: PhaseContext): Promise<never> =>
    await new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(error(signal)), { once: true });
    });
}

test("a phase reports its start, its progress and its end", async () => {
  const events: ImageEvent[] = [];
  const onEvent = (event: ImageEvent): void => void events.push(event);
  const result = await withPhase("Work", { onEvent }, async ({ onProgress }) => {
    onProgress(1, 2);
    return "done";
  });
  expect(result).toBe("done");
  expect(events.map(({ type }) => type)).toEqual(["phase-started", "phase-progress", "phase-finished"]);
});

test("a phase that fails emits no end event", async () => {
  const events: ImageEvent[] = [];
  const onEvent = (event: ImageEvent): void => void events.push(event);
  const failing = withPhase("Work", { onEvent }, async () => await Promise.reject(new Error("no")));
  await expect(failing).rejects.toThrow("no");
  expect(events.map(({ type }) => type)).toEqual(["phase-started"]);
});

const limit = { onEvent: () => undefined, limitSeconds: 0.01 };

test("work that hangs is stopped at its time limit, and the error names the phase", async () => {
  const hanging = withPhase(
    "Install it",
    limit,
    untilStopped((signal) => signal.reason),
  );
  await expect(hanging).rejects.toMatchObject({
    code: "BASE_IMAGE",
    message: expect.stringContaining("Timed out after 0.01 s: Install it"),
  });
});

test("the work's own error message, such as the console's tail, is in the error", async () => {
  const hanging = withPhase(
    "Install it",
    limit,
    untilStopped(() => new ObError("BASE_IMAGE", "The console ends with:\nPassword for root?")),
  );
  await expect(hanging).rejects.toThrow(
    /Timed out after 0.01 s: Install it\.\nThe console ends with:\nPassword for root\?/,
  );
});

test("a cancelled phase throws CANCELLED, whatever the work throws", async () => {
  const controller = new AbortController();
  const options = { onEvent: () => undefined, signal: controller.signal };
  const working = withPhase(
    "Install it",
    options,
    untilStopped(() => new Error("exit status 143")),
  );
  controller.abort();
  await expect(working).rejects.toMatchObject({ code: "CANCELLED" });
});
