import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "@ob/core";
import { describe, expect, it } from "vitest";
import { filesOf } from "../sandbox/files-of.ts";
import { openHarness, openRaw } from "../sandbox/harness.ts";
import { build } from "../support/obuilder.ts";
import { type TestStore, temporaryStore } from "../support/store.ts";
import {
  imageNamed,
  openResettableGuest,
  type ResettableGuest,
  systemdImages,
  withoutSystemd,
} from "./systemd-guest.ts";

/** Leaves units of every kind, a scope, files in memory, processes and a mount. */
const mess = [
  "sudo systemd-run -q --unit=again -p Restart=always sleep 1000",
  "sudo systemd-run -q --on-active=1h --unit=later true",
  "sudo systemd-run -q --unit=fails false",
  "(sudo systemd-run -q --scope --unit=group sleep 2000 </dev/null >/dev/null 2>&1 &)",
  "(setsid sleep 3000 </dev/null >/dev/null 2>&1 &)",
  String.raw`printf '[Socket]\nListenStream=127.0.0.1:99\nAccept=yes\n' | sudo tee /run/systemd/system/s.socket >/dev/null`,
  String.raw`printf '[Service]\nExecStart=/bin/true\n' | sudo tee /run/systemd/system/s@.service >/dev/null`,
  "sudo systemctl start s.socket",
  "sudo mkdir -p /run/a/b && sudo touch /run/a/b/c /dev/shm/file '/run/user/1000/with blank'",
  "sudo mount -t tmpfs tmpfs /mnt",
  "until systemctl is-active -q group.scope && systemctl is-failed -q fails.service; do sleep 0.1; done",
].join("; ");

/** Prints what of it is left, and then the state of systemd. */
const left = [
  "systemctl list-units --all --plain --no-legend again.service later.timer fails.service group.scope s.socket",
  "ls -AR /run /dev/shm 2>/dev/null | grep -Ex 's.socket|a|b|c|file|with blank|again.*|later.*'",
  "pgrep -lx sleep",
  "grep ' /mnt ' /proc/mounts",
  "systemctl is-system-running",
].join("; ");

/** What a step does, why the VM is not reused after it, and what takes it back. */
const refused: readonly { readonly step: string; readonly reason: RegExp; readonly undo: string }[] = [
  {
    step: "systemctl --user set-environment KEPT=1",
    reason: /^manager of 1000: Environment=.*KEPT=1/,
    undo: "runuser -u opam -- env XDG_RUNTIME_DIR=/run/user/1000 systemctl --user unset-environment KEPT",
  },
  {
    step: "systemd-run -q --user --unit=kept --on-active=1h true",
    reason: /^unit of 1000: kept\.timer/,
    undo: "runuser -u opam -- env XDG_RUNTIME_DIR=/run/user/1000 systemctl --user stop kept.timer",
  },
  {
    step: "sudo systemctl set-environment KEPT=1",
    reason: /^manager: Environment=.*KEPT=1/,
    undo: "systemctl unset-environment KEPT",
  },
  { step: "sudo systemctl daemon-reexec", reason: /^manager: \w+Timestamp=/, undo: "true" },
  {
    step: "sudo systemctl set-property --runtime cron.service MemoryMax=50M",
    reason: /^(?:setting at run time: .*MemoryMax|watched files of the kernel)/,
    undo: "systemctl revert cron.service",
  },
  {
    step: "echo 100M | sudo tee /sys/fs/cgroup/user.slice/memory.max",
    reason: /^watched files of the kernel/,
    undo: "echo max >/sys/fs/cgroup/user.slice/memory.max",
  },
  {
    step: "sudo mkdir /sys/fs/cgroup/kept",
    reason: /^group: .*\/sys\/fs\/cgroup\/kept/,
    undo: "rmdir /sys/fs/cgroup/kept",
  },
  { step: "sudo systemctl restart cron", reason: /cron|watched files of the kernel/, undo: "true" },
  { step: "sudo kill -STOP $(pgrep -x cron)", reason: /\(cron\).* stopped/, undo: "pkill -CONT -x cron" },
  { step: "sudo hostname other", reason: /kernel\/hostname:other/, undo: "hostname obuilder" },
  {
    step: "sudo timedatectl set-timezone Europe/Berlin",
    reason: /^(?:manager(?: of \d+)?: \w+Timestamp|files of systemd)/,
    undo: "timedatectl set-timezone Etc/UTC",
  },
  {
    step: "truncate -s 4M /tmp/disk; sudo losetup -f /tmp/disk",
    reason: /loop/,
    undo: "losetup -D; rm /tmp/disk",
  },
  {
    step: "sudo touch /run/ns; sudo unshare --net=/run/ns true",
    reason: /\/run\/ns|nsfs/,
    undo: "umount /run/ns; rm -f /run/ns",
  },
  ...[
    ["sudo ln -s /dev/null /etc/systemd/system/kept.service", "rm /etc/systemd/system/kept.service"],
    ["echo '@reboot root true' | sudo tee /etc/cron.d/kept", "rm /etc/cron.d/kept"],
    [
      "sudo mkdir -p /var/lib/systemd/linger; sudo touch /var/lib/systemd/linger/nobody",
      "rm /var/lib/systemd/linger/nobody",
    ],
    ["sudo mkdir -p /etc/udev/rules.d; sudo touch /etc/udev/rules.d/9.rules", "rm /etc/udev/rules.d/9.rules"],
  ].map(([step = "", undo = ""]) => ({ step, reason: /^files of systemd/, undo })),
  {
    step: "mkdir -p ~/.config/systemd/user; touch ~/.config/systemd/user/kept.service",
    reason: /^files of systemd/,
    undo: "rm -r ~opam/.config/systemd",
  },
  {
    step: "sudo shutdown --no-wall -h +60",
    reason: /^setting at run time: .*scheduled/,
    undo: "shutdown --no-wall -c",
  },
  {
    step: "pgrep -x cron | sudo tee /sys/fs/cgroup/system.slice/dbus.service/cgroup.procs",
    reason: /^process:\(cron\) of 0: 0::/,
    undo: "pgrep -x cron >/sys/fs/cgroup/system.slice/cron.service/cgroup.procs",
  },
  ...[
    ["/sys/block/vda/queue/nomerges", "2", "0"],
    ["/sys/kernel/tracing/tracing_on", "0", "1"],
    ["/sys/class/net/eth0/ifalias", "kept", ""],
  ].map(([file = "", value = "", before = ""]) => ({
    step: `echo ${value} | sudo tee ${file}`,
    reason: /^watched files of the kernel/,
    undo: `echo ${before} >${file}`,
  })),
  {
    step: "sudo mkdir /sys/fs/bpf/kept",
    reason: /^kept: .*\/sys\/fs\/bpf\/kept/,
    undo: "rmdir /sys/fs/bpf/kept",
  },
  { step: "sudo touch /etc/ssh/ssh_host_ed25519_key", reason: /ssh_host_ed25519_key/, undo: "true" },
];

/** What a step sees of the guest besides its disk, without the workers of udev: they end by themselves some seconds after the boot. */
const look =
  "{ systemctl list-units --plain --no-legend | grep -Ev '[.](device|mount) ' | sort; systemctl is-system-running; " +
  "systemctl list-timers --all --no-legend | wc -l; systemctl --user list-units --plain --no-legend | grep -v '[.]device ' | sort; " +
  "systemctl show-environment; ls -A /run /run/systemd /run/systemd/system /run/user/1000 /dev/shm; " +
  "cut -d' ' -f1-3 /proc/mounts | sort; ps --ppid 2 -p 2 --deselect -o comm= | grep -Ev '^(grep|ps|sort|[(]udev-worker[)])$' | sort -u; id; ulimit -a; hostname; cat /proc/self/cgroup; } 2>/dev/null";

/** What a boot writes, and so a reused VM does not. The list is in docs/security.md. */
const writtenByBoot =
  /(?:^| {2}\.\/)(?:var\/log\/(?:journal\/|wtmp|lastlog)|var\/lib\/systemd\/(?:random-seed|timers\/)|(?:var\/)?tmp\/systemd-private-)/;

interface Built {
  readonly output: string;
  /** Absolute paths of the disks, in order. */
  readonly disks: readonly string[];
}

const shell = (command: string): string => `(run (shell ${JSON.stringify(command)}))`;
const flags = ["-v", "-v", "--qemu-boot-time", "1800"];

async function buildSpec(store: TestStore, spec: string, more: readonly string[] = []): Promise<Built> {
  await mkdir(path.join(store.work, "tree"), { recursive: true });
  await writeFile(path.join(store.work, "tree/file"), "file");
  const result = await build(store, spec, { flags: [...flags, ...more] });
  expect(result.exitCode, result.all).toBe(0);
  const ids = [...result.all.matchAll(/^---> saved as "([0-9a-f]{64})"$/gm)].map(([, id = ""]) => id);
  return {
    output: result.all,
    disks: ids.map((id) => path.join(store.directory, "result", id, "rootfs/image.qcow2")),
  };
}

/** What the steps have printed, and their ids. */
const printedBy = ({ output }: Built): readonly string[] =>
  output.split("\n").filter((line) => !line.startsWith("obuilder: "));

const startsOf = ({ output }: Built): readonly string[] =>
  output.match(/Reusing the VM|VM will not be reused: .*|resumed from snapshot \(\w+\)|booted, SSH/g) ?? [];

/** Does nothing in the guest until that is no reason for a boot. */
async function untilReusable(guest: ResettableGuest): Promise<void> {
  for (let attempt = 1; attempt <= 5; attempt += 1) if ((await guest.step("true")) === undefined) return;
  throw new Error("the guest is not brought back to its baseline");
}

describe.each(systemdImages)("%s", async (image) => {
  const without = await withoutSystemd(image);

  it.skipIf(without !== undefined)(
    "makes the same layers with VM reuse, file by file, as with a boot for each step",
    { timeout: 3_600_000 },
    async () => {
      await using booted = await temporaryStore(image);
      await using reused = await temporaryStore(image);
      const spec = `((from ${image})
        (copy (src tree) (dst /home/opam/tree))
        (workdir /home/opam)
        ${shell(`${mess}; echo 1 > 1`)}
        ${shell(`${look} | tee 2; rm -r tree; sudo journalctl --rotate`)}
        (run (cache (c (target /home/cache))) (shell "${look} | grep -v /dev/vd | tee 3; echo 3 > /home/cache/3"))
        (user (uid 1234) (gid 99))
        ${shell(`${look} | tee /tmp/4`)})`;
      const reusing = await buildSpec(reused, spec);
      const fresh = await buildSpec(booted, spec, ["--no-vm-reuse"]);
      expect(fresh.output).not.toContain("Reusing the VM");
      expect(startsOf(reusing), reusing.output).toEqual([
        "booted, SSH",
        ...Array.from({ length: 4 }, () => "Reusing the VM"),
      ]);
      expect(printedBy(reusing)).toEqual(printedBy(fresh));
      for (const disk of reusing.disks.slice(1)) {
        await run(["qemu-img", "check", "-q", disk]);
        await using raw = await openRaw(disk);
        await raw.check();
      }
      await using bench = await openHarness({ bootTimeSeconds: 1_800 });
      const disks = [...fresh.disks.slice(1), ...reusing.disks.slice(1)];
      const files = await filesOf(bench, disks, await imageNamed(image));
      const differences = reusing.disks.slice(1).map((disk, index) => {
        const [seen, expected] = [files.get(disk) ?? [], files.get(fresh.disks[index + 1] ?? "") ?? []];
        expect(seen.length).toBeGreaterThan(1_000);
        const [known, now] = [new Set(expected), new Set(seen)];
        const changed = [
          ...expected.filter((line) => !now.has(line)),
          ...seen.filter((line) => !known.has(line)),
        ];
        return changed.filter((line) => !writtenByBoot.test(line));
      });
      expect(differences).toEqual(differences.map(() => []));

      // The second VM of the snapshot has the baseline of the first, with the files of its own login.
      const again = await buildSpec(
        reused,
        `((from ${image}) ${["a", "b"].map((word) => shell(`echo ${word}`)).join(" ")})`,
      );
      const third = await buildSpec(
        reused,
        `((from ${image}) ${["c", "d"].map((word) => shell(`echo ${word}`)).join(" ")})`,
      );
      for (const built of [again, third]) {
        expect(startsOf(built), built.output).toEqual(["resumed from snapshot (ready)", "Reusing the VM"]);
      }
    },
  );

  it.skipIf(without !== undefined)(
    "is brought back to its baseline, or not reused",
    { timeout: 3_600_000 },
    async () => {
      await using guest = await openResettableGuest(image);
      expect(await guest.step("true")).toBeUndefined();
      expect(await guest.step(mess)).toBeUndefined();
      expect(await guest.run(left)).toBe("running\n");
      for (const { step, reason, undo } of refused) {
        let why = await guest.step(step);
        await guest.run(undo, "root");
        // Cron's own jobs and timers are reasons, too, while they run: then once more, without them.
        if (!reason.test(why ?? "")) {
          await untilReusable(guest);
          why = await guest.step(step);
          await guest.run(undo, "root");
        }
        expect(why, step).toMatch(reason);
      }
      // Whatever was undone is no reason any more.
      expect(await guest.step("true")).toBeUndefined();
      await guest.run("systemd-run -q --unit=unknown sleep 1000", "root");
      await expect(guest.step("true")).rejects.toThrow(/its boot has started unknown\.service/);
    },
  );
});
