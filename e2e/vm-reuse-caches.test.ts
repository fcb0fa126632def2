import { describe, expect, it } from "vitest";
import { build } from "./support/obuilder.ts";
import { temporaryStore, whyWithout } from "./support/store.ts";

const image = "debian-13-riscv64";
const without = await whyWithout(image);

const cached = (name: string, target: string, command: string): string =>
  `(run (cache (${name} (target ${target}))) (shell ${JSON.stringify(command)}))`;

/** A machine without hot-plug: the disks behind its devices are exchanged. */
const spec = `((from ${image})
  ${cached("c", "/home/cache", "echo one > /home/cache/log; ls /dev/vd*")}
  ${cached("c", "/home/cache", "cat /home/cache/log; echo two >> /home/cache/log")}
  (run (shell "ls /dev/vd* /home/cache"))
  ${cached("d", "/var/d", "ls -A /var/d; grep -c ' /var/d ext4 ' /proc/mounts; echo in d > /var/d/f")}
  ${cached("c", "/home/cache", "cat /home/cache/log; ls -A /var/d")}
  (run (cache (c (target /home/cache)) (d (target /var/d))) (shell "cat /var/d/f /home/cache/log")))`;

describe.skipIf(without !== undefined)(`a machine without hot-plug${without ? ` (${without})` : ""}`, () => {
  it("serves several steps with caches: each sees its own, and what was written before", async () => {
    await using store = await temporaryStore(image);
    const flags = ["-v", "-v", "--qemu-boot-time", "400"];
    const result = await build(store, spec, { flags });
    expect(result.exitCode, result.all).toBe(0);
    const [, first, second, third, fourth, fifth, sixth] = result.all.split(/^\/: \(/m);
    expect(first).toContain("/dev/vdb1");
    for (const step of [second, third, fourth, fifth])
      expect(step).toContain("Reusing the VM of the previous step.");
    expect(second).toMatch(/^one$/m);
    // The device is there, and nothing of a disk.
    expect(third).toMatch(/^\/dev\/vda1$/m);
    expect(third).not.toContain("/dev/vdb");
    expect(fourth).toMatch(/^1$/m);
    expect(fifth).toMatch(/^one\ntwo$/m);
    // It was started with one device, and two are needed.
    expect(sixth).toContain("Booting a new VM: machine cannot hot-plug disks.");
    expect(sixth).toMatch(/^in d\none\ntwo$/m);
  });
});
