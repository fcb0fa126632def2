import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "@ob/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { filesOf } from "./sandbox/files-of.ts";
import { openRaw, type Harness, openHarness } from "./sandbox/harness.ts";
import { build, builtId, obuilder } from "./support/obuilder.ts";
import { imageName, type TestStore, temporaryStore } from "./support/store.ts";
import { programWithoutFirstThread } from "./support/threads.ts";

/**
 * Prints what a step sees of the guest besides its disk. acpid is still starting while the first commands run. The
 * options of a mount contain the size of the memory, of which a guest that was booted with more disks has a page less.
 */
const look =
  "{ ls -AR /run /dev/shm | grep -v acpid; cut -d' ' -f1-3 /proc/mounts; grep -c . /proc/sysvipc/shm; cat /proc/sys/vm/swappiness; " +
  "hostname; pgrep -lx 'sleep|perl' || true; } 2>/dev/null";
const mess = [
  "(setsid sleep 1000 </dev/null >/dev/null 2>&1 &)",
  "sudo -u nobody sh -c '(setsid sleep 2000 </dev/null >/dev/null 2>&1 &)'",
  "sudo perl -e 'fork and exit; fork and exit; close STDIN; close STDOUT; close STDERR; sleep 3000'",
  "echo x | sudo tee /run/file /run/lock/file /dev/shm/file",
  "sudo mkdir -p /run/a/b /mnt/inner && sudo touch /run/a/b/c",
  "sudo mount -t tmpfs tmpfs /mnt && sudo mkdir /mnt/inner && sudo mount --bind /etc /mnt/inner && sudo mount -t proc proc /srv",
].join("; ");

/** Each line is one layer. */
const spec = `((from ${imageName})
  (copy (src tree) (dst /home/opam/tree))
  (workdir /home/opam)
  (run (shell "${mess}; ${look} | grep -c sleep > 1"))
  (run (shell "${look} > 2; rm -r tree/deep; ln tree/file hard; ln -s /nowhere soft; mkfifo pipe"))
  (user (uid 1234) (gid 99))
  (run (cache (c (target /home/cache))) (secrets (key (target /run/secrets/key))) (shell "cat /run/secrets/key | wc -c > /tmp/3; echo 3 > /home/cache/3"))
  (copy (src tree/deep) (dst /home/opam/later/))
  (user (name opam))
  (run (cache (c (target /home/cache)) (d (target /var/d))) (shell "cat /home/cache/3 > 4; ls -R later >> 4; ${look} | grep -v /dev/vd >> 4"))
  (run (shell "sudo sysctl -qw vm.swappiness=7; cat /proc/sys/vm/swappiness > 5"))
  (run (shell "${look} > 6; sudo groupadd -g 777 sevens; sudo usermod -aG sevens opam"))
  (run (shell "id > 7; ${look} >> 7")))`;

interface Built {
  readonly output: string;
  /** Absolute paths of the disks, in order. */
  readonly disks: readonly string[];
}

async function buildIn(store: TestStore, flags: readonly string[]): Promise<Built> {
  const key = path.join(store.work, "..", "key");
  await writeFile(key, "0123456789");
  await writeFile(path.join(store.work, "later"), "not copied");
  await run(["mkdir", "-p", path.join(store.work, "tree/deep/er")]);
  await writeFile(path.join(store.work, "tree/file"), "file");
  await writeFile(path.join(store.work, "tree/deep/er/file"), "x".repeat(100_000));
  const result = await build(store, spec, { flags: ["-v", "--secret", `key:${key}`, ...flags] });
  expect(result.exitCode, result.all).toBe(0);
  const ids = [...result.all.matchAll(/^---> saved as "([0-9a-f]{64})"$/gm)].map(([, id = ""]) => id);
  return {
    output: result.all,
    disks: ids.map((id) => path.join(store.directory, "result", id, "rootfs/image.qcow2")),
  };
}

let bench: Harness;
let booted: TestStore;
let reused: TestStore;
beforeAll(async () => {
  [bench, booted, reused] = await Promise.all([openHarness(), temporaryStore(), temporaryStore()]);
});
afterAll(async () => {
  for (const each of [bench, booted, reused]) await each[Symbol.asyncDispose]();
});

// Without a time limit of its own: how long its boots take depends on the host, and each has a limit.
describe("a build that reuses its VM", { timeout: 1_800_000 }, () => {
  it("makes the same layers, file by file, as with a boot for each step", async () => {
    const fresh = await buildIn(booted, ["--no-vm-reuse"]);
    const reusing = await buildIn(reused, []);
    expect(fresh.output).not.toContain("Reusing the VM");
    expect(reusing.disks.map((disk) => path.relative(reused.directory, disk))).toEqual(
      fresh.disks.map((disk) => path.relative(booted.directory, disk)),
    );
    // Three steps boot besides the first: that after the one with secrets, that after the changed sysctl, and that after
    // the changed groups.
    const steps = reusing.disks.length - 1;
    expect(reusing.output.match(/Reusing the VM of the previous step\./g), reusing.output).toHaveLength(
      steps - 4,
    );
    expect(reusing.output).toMatch(/VM will not be reused: the step had secrets/);
    expect(reusing.output).toMatch(/VM will not be reused: .*swappiness/);
    expect(reusing.output).toMatch(/VM will not be reused: .*\/etc\/g/);
    // The record of the build has the same, without what the guest has said.
    const { stdout } = await obuilder(["builds", "ls", "--json", `--store=qemu:${reused.directory}`]);
    const recorded: readonly Record<string, unknown>[] = JSON.parse(stdout).builds[0].steps;
    expect(recorded.flatMap(({ vmReason }) => vmReason ?? [])).toEqual([
      ...["the step had secrets", "guest state changed since boot", "guest state changed since boot"],
    ]);
    expect(recorded.filter(({ vmStart }) => vmStart === "reuse")).toHaveLength(steps - 4);

    for (const disk of reusing.disks) {
      await run(["qemu-img", "check", "-q", disk]);
      await using raw = await openRaw(disk);
      await raw.check();
    }
    const files = await filesOf(bench, [...fresh.disks.slice(1), ...reusing.disks.slice(1)]);
    expect(files.size).toBe(2 * steps);
    for (const [index, disk] of reusing.disks.entries()) {
      if (index === 0) continue;
      const seen = files.get(disk) ?? [];
      expect(seen.length).toBeGreaterThan(1_000);
      expect(seen, `layer ${index}`).toEqual(files.get(fresh.disks[index] ?? ""));
    }
  });

  it("kills what hides from /proc, and refuses a VM whose processes, control groups or disk were changed", async () => {
    await writeFile(path.join(reused.work, "hidden"), programWithoutFirstThread(), { mode: 0o755 });
    const wait = (condition: string) => `for try in $(seq 200); do ${condition} && break; sleep 0.1; done`;
    const hide = [
      "(setsid sleep 4000 </dev/null >/dev/null 2>&1 &)",
      "(setsid /opt/hidden </dev/null >/dev/null 2>&1 &)",
      wait("pid=$(pgrep -x sleep)"),
      wait("grep ' Z ' /proc/$(pgrep -x hidden)/stat"),
      "sudo mount --bind /mnt /proc/$pid",
    ].join("; ");
    const left = "pgrep -lx 'sleep|hidden' || echo nothing is left";
    const steps = [
      hide,
      left,
      "sudo renice -n 5 -p $(pgrep -o sshd) >/dev/null",
      "sudo taskset -p 1 $(pgrep -o sshd) >/dev/null",
      "sudo mount -t cgroup -o none,name=kept none /mnt && sudo mkdir /mnt/inner && sudo umount /mnt",
      "sudo dd if=/dev/vda1 of=/tmp/block bs=1k count=1 skip=1 2>/dev/null; sudo dd if=/tmp/block of=/dev/vda1 bs=1k count=1 seek=1 conv=notrunc 2>/dev/null",
      "pgrep -o sshd | xargs ps -o ni= -p | tr -d ' '; cat /proc/self/cgroup",
    ];
    const runs = steps.map((command) => `(run (shell ${JSON.stringify(command)}))`).join("\n");
    const result = await build(reused, `((from ${imageName}) (copy (src hidden) (dst /opt/)) ${runs})`, {
      flags: ["-v"],
    });
    expect(result.exitCode, result.all).toBe(0);
    expect(result.all).toMatch(/\(hidden\) Z .*\n/);
    expect(result.all).toMatch(/^nothing is left$/m);
    expect(result.all.match(/^obuilder: \[INFO\] (?:Reusing|VM will not).*$/gm)).toEqual([
      expect.stringContaining("Reusing the VM"),
      expect.stringContaining("Reusing the VM"),
      expect.stringContaining("Reusing the VM"),
      expect.stringMatching(/guest state changed since boot: process:\(sshd\)/),
      expect.stringMatching(/guest state changed since boot: process:\(sshd\) of 0: Cpus_allowed: 1/),
      expect.stringMatching(/guest state changed since boot: \/proc\/self\/cgroup/),
      expect.stringMatching(/guest state changed since boot: \/dev\/vda1/),
    ]);
  });

  it("boots a new VM for a step with a network, and for the step after it", async () => {
    const around = `((from ${imageName}) (run (shell "echo 1")) (run (network host) (shell "echo 2")) (run (shell "echo 3")))`;
    const result = await build(reused, around, { flags: ["-v"] });
    expect(result.exitCode, result.all).toBe(0);
    expect(result.all).not.toContain("Reusing the VM");
    expect(result.all).toMatch(/Booting a new VM: the network differs/);
    expect(result.all).toMatch(/VM will not be reused: the step had a network/);
  });

  it("keeps the layers before a step that fails", async () => {
    const failing = `((from ${imageName}) (run (shell "echo kept > /tmp/kept")) (run (shell "cat /tmp/kept; exit 3")))`;
    const result = await build(reused, failing, { flags: ["-v"] });
    expect(result.exitCode, result.all).not.toBe(0);
    expect(result.all).toContain("Reusing the VM of the previous step.");
    const again = await build(reused, failing.replace("exit 3", "true"));
    expect(again.exitCode, again.all).toBe(0);
    expect(again.all.match(/---> using/g)).toHaveLength(2);
    expect(again.all).toContain("kept\n");
    const made = await readdir(path.join(reused.directory, "result"));
    expect(made).toContain(builtId(again.all));
  });
});
