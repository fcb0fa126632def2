import { diagnoseQemu } from "@ob/sandbox-qemu";
import { describe, expect, it } from "vitest";
import { build } from "./support/obuilder.ts";
import { temporaryStore, whyWithout } from "./support/store.ts";

const image = "debian-13-riscv64";

/** Why nothing is resumed on this host. docs/hosts.md has the versions. */
async function obstacle(): Promise<string | undefined> {
  const { version = "0" } = await diagnoseQemu("riscv64", new AbortController().signal);
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  const savesTimers = major > 10 || (major === 10 && (minor >= 2 || (minor === 0 && patch >= 13)));
  if (!savesTimers) return `skipped: QEMU ${version} does not save the timers of riscv64`;
  return await whyWithout(image);
}
const without = await obstacle();

describe.skipIf(without !== undefined)(`a guest of riscv64${without ? ` (${without})` : ""}`, () => {
  it("is resumed in its initrd, wakes up in time, and has its own random numbers", async () => {
    await using store = await temporaryStore(image);
    const flags = ["-v", "-v", "--qemu-boot-time", "400"];
    const look = "head -c 16 /dev/urandom | od -An -tx1 | sed 's/^/random:/'; sleep 2; date '+now: %s'";
    const random: string[] = [];
    for (const start of ["booted", "resumed from snapshot (initrd)", "resumed from snapshot (initrd)"]) {
      const before = Date.now() / 1_000;
      const spec = `((from ${image}) (run (shell ${JSON.stringify(`${look} # ${random.length}`)})))`;
      const result = await build(store, spec, { flags });
      expect(result.exitCode, result.all).toBe(0);
      expect(result.all).toContain(`${start}, SSH login after`);
      const now = Number(/^now: (\d+)$/m.exec(result.all)?.[1]);
      expect(now).toBeGreaterThan(before);
      expect(now).toBeLessThan(Date.now() / 1_000 + 2);
      random.push(/^random:.*$/m.exec(result.all)?.[0] ?? "");
    }
    expect(new Set(random).size).toBe(3);
  });
});
