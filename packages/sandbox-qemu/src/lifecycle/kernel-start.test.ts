import { type ObEvent, noopEmit, ObError } from "@ob/core";
import { amd64, riscv64 } from "@ob/qemu";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startAgainIfHung, watchKernelStart } from "./kernel-start.ts";

const banner = "OpenSBI v1.1\n   ____\nBoot HART ID              : 0\nBoot HART MEDELEG         : 0xf0b509\n";
const kernel = "[    0.000000] Linux version 6.12\n";

describe("the watch over the start of a kernel", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** The error with which the VM was abandoned, after half of the boot time of 100 s. */
  function abandoned(text: string, machine = riscv64, time = 50_000): ObError | undefined {
    const abandon = vi.fn<(error: ObError) => void>();
    using _ = watchKernelStart({ abandon, console: { tail: () => text }, config: { machine } }, 100);
    vi.advanceTimersByTime(time);
    return abandon.mock.calls[0]?.[0];
  }

  it("abandons a VM of which an old OpenSBI is all that was heard", () => {
    expect(abandoned(banner)).toMatchObject({ code: "BOOT_FAILED", data: { hung: "firmware" } });
    expect(abandoned(banner.replace("v1.1", "v1.4"))).toBeDefined();
    expect(abandoned(banner, riscv64, 49_999)).toBeUndefined();
  });

  it.each([
    ["whose kernel has started", banner + kernel, riscv64],
    ["without a kernel's lines, but with those of the image", `${banner}obuilder: ready\n`, riscv64],
    ["whose OpenSBI starts harts without a race", banner.replace("v1.1", "v1.6"), riscv64],
    ["that has printed nothing: QEMU has no time on this host", "", riscv64],
    ["of another machine", banner, amd64],
  ])("leaves a VM alone %s", (_, text, machine) => {
    expect(abandoned(text, machine)).toBeUndefined();
  });

  it("ends when it is disposed", () => {
    const abandon = vi.fn<(error: ObError) => void>();
    const vm = { abandon, console: { tail: () => banner }, config: { machine: riscv64 } };
    watchKernelStart(vm, 100)[Symbol.dispose]();
    vi.advanceTimersByTime(100_000);
    expect(abandon).not.toHaveBeenCalled();
  });
});

describe("a VM whose firmware hangs", () => {
  const hung = new ObError("BOOT_FAILED", "it hangs", { data: { hung: "firmware" } });

  it("is started again, twice at most, with a warning, and the last time without the watch", async () => {
    const events: ObEvent[] = [];
    const start = vi.fn<(options: { readonly watched: boolean }) => Promise<string>>();
    start.mockRejectedValueOnce(hung).mockRejectedValueOnce(hung).mockResolvedValueOnce("started");
    await expect(startAgainIfHung(start, (event) => void events.push(event))).resolves.toBe("started");
    expect(start.mock.calls.map(([{ watched }]) => watched)).toEqual([true, true, false]);
    expect(events).toEqual([
      expect.objectContaining({ level: "warning", text: expect.stringContaining("(1 of 2)") }),
      expect.objectContaining({ level: "warning", text: expect.stringContaining("(2 of 2)") }),
    ]);
  });

  it("is not started again after another error, or if it boots", async () => {
    const other = new ObError("BOOT_FAILED", "no disk");
    const start = vi
      .fn<() => Promise<string>>()
      .mockRejectedValueOnce(other)
      .mockResolvedValueOnce("started");
    await expect(startAgainIfHung(start, noopEmit)).rejects.toBe(other);
    await expect(startAgainIfHung(start, noopEmit)).resolves.toBe("started");
    expect(start).toHaveBeenCalledTimes(2);
  });
});
