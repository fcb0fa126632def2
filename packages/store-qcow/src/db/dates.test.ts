import { afterEach, describe, expect, it, vi } from "vitest";
import { formatDate, parseDate } from "./dates.ts";

afterEach(() => void vi.unstubAllEnvs());

describe("a date in the database", () => {
  it.each(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"])(
    "is the same moment in the time zone %s, when clocks are put forward or back there, too",
    (zone) => {
      vi.stubEnv("TZ", zone);
      const day = 86_400_000;
      // Every half hour of the days on which one of them changes.
      for (const start of [
        "2026-03-08",
        "2026-03-29",
        "2026-04-05",
        "2026-10-04",
        "2026-10-25",
        "2026-11-01",
      ]) {
        for (let at = Date.parse(start) - day; at < Date.parse(start) + 2 * day; at += day / 48) {
          expect(parseDate(formatDate(new Date(at))).getTime()).toBe(at);
        }
      }
    },
  );

  it("is in the order of time as text, whatever the clock was", () => {
    const times = [-8.64e15, -1e14, -1, 0, 2 ** 31 * 1000, 2 ** 32 * 1000, 2 ** 33 * 1000, 8.64e15];
    const texts = times.map((time) => formatDate(new Date(time)));
    expect(texts.toSorted()).toEqual(texts);
    expect(texts[4]).toBe("2038-01-19 03:14:08");
    expect(texts[7]).toBe("9999-12-31 23:59:59");
    expect(texts.every((text) => !Number.isNaN(parseDate(text).getTime()))).toBe(true);
  });
});
