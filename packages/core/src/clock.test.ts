import { afterEach, expect, it, vi } from "vitest";
import { isOutdated, monotonicMs, wallClock } from "./clock.ts";

afterEach(() => void vi.useRealTimers());

it("spans are right, whatever the clock is set to in between", () => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ["Date", "hrtime"] });
  const start = monotonicMs();
  vi.setSystemTime(Date.UTC(1970, 0, 2));
  const at = wallClock();
  expect(at(start + 5_000).getTime() - at(start).getTime()).toBe(5_000);
  expect(at(monotonicMs())).toEqual(new Date(Date.UTC(1970, 0, 2)));
});

it("what is far in the past is outdated, and what is as far in the future", () => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ["Date"] });
  const [now, day] = [Date.now(), 86_400_000];
  expect([0, day, -day].map((age) => isOutdated(now - age, day))).toEqual([false, false, false]);
  expect([day + 1, -day - 1].map((age) => isOutdated(now - age, day))).toEqual([true, true]);
  expect(isOutdated(Date.UTC(2106, 1, 7), day)).toBe(true);
});
