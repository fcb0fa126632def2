import { expect, it } from "vitest";
import { fakeClockLibrary, withClock } from "./support/fake-clock.ts";
import { build } from "./support/obuilder.ts";
import { imageName, temporaryStore } from "./support/store.ts";

const library = await fakeClockLibrary();
const days = 400 * 86_400;
/** Beyond 31 and 32 bits, before 1970, and with nanoseconds. */
const times = ["2147483648.000000000", "4294967296.000000000", "-1000.000000000", "1700000000.123456789"];

// Skipped without Debian's package faketime.
it.skipIf(library === undefined)(
  "a guest has the host's time when its step begins, also one that is resumed after that clock was set forth or back; files keep theirs",
  async () => {
    await using store = await temporaryStore();
    const cache = "(cache (c (target /c)))";
    const touches = times.map((time, index) => `touch -d @${time} ~/f${index} /c/f${index}`).join(" && ");
    const first = await build(
      store,
      `((from ${imageName}) (run ${cache} (shell "${touches} && echo at $(date +%s)")))`,
      { flags: ["-v", "-v"] },
    );
    expect(first.exitCode, first.all).toBe(0);
    expect(first.all).toContain("took a VM snapshot (ready)");

    for (const offset of [days, -days]) {
      const began = Math.floor(Date.now() / 1_000) + offset;
      const names = times.map((_, index) => `~/f${index} /c/f${index}`).join(" ");
      const result = await build(
        store,
        `((from ${imageName})
          (run ${cache} (shell "${touches} && echo at $(date +%s)"))
          (run ${cache} (shell "echo ${offset}; echo at $(date +%s); echo up $(cut -d. -f1 /proc/uptime); stat -c '%.9Y' ${names}")))`,
        { flags: ["-v", "-v"], env: withClock(library ?? "", offset) },
      );
      const ended = Math.ceil(Date.now() / 1_000) + offset;
      expect(result.exitCode, result.all).toBe(0);
      expect(result.all).toContain("resumed from snapshot");
      // The step before has printed its own, too.
      const at = Number([...result.all.matchAll(/^at (\d+)$/gm)].at(-1)?.[1]);
      expect([at >= began, at <= ended], `${began} <= ${at} <= ${ended}`).toEqual([true, true]);
      // The clock that timers follow has not jumped.
      expect(Number(/^up (\d+)$/m.exec(result.all)?.[1])).toBeLessThan(3_600);
      const kept = times.flatMap((time) => [time, time]);
      expect(result.all.match(/^-?\d+\.\d{9}$/gm)).toEqual(kept);
    }
  },
);
