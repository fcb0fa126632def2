import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import {
  diffBaseline,
  homeOf,
  mountsOf,
  pathsInMemory,
  settingsOf,
  hasFilesNewerThan,
  updateClock,
} from "./baseline.ts";

const noted = String.raw`
settings: fs/file-nr kernel/hostname net/ipv4/route/flush vm/swappiness
home: /home/opam
/proc/sys/fs/file-nr:32 0 96280
/proc/sys/kernel/hostname:obuilder
/proc/sys/vm/swappiness:60
/proc/self/mountinfo:21 23 0:19 / /proc rw,relatime - proc proc rw
/proc/self/mountinfo:23 1 254:1 / / rw,noatime - ext4 /dev/vda1 rw,discard
/proc/self/mountinfo:24 23 0:20 / /run rw,nosuid - tmpfs tmpfs rw,mode=755
/proc/modules:ext4 983040 1 - Live 0x0
/proc/partitions: 254        0   10485760 vda
/proc/partitions: 254       16     102400 vdb
/proc/net/if_inet6:fe80000000000000505400fffe123456 02 40 20 c0     eth0
/proc/stat:processes 180
stat: 41ed 0 0 0:0 140 1 100 100 /run
stat: 81a4 0 0 0:0 4 2 100 100 /run/sshd.pid
stat: 6180 0 6 fe:10 0 99 100 100 /dev/vdb
stat: 81a4 0 0 0:0 924 147 50 50 /etc/passwd
stat: 41ed 1000 1000 0:0 4096 200 60 60 /home/opam
clock: 1795475300
`;
const changed = (from: string | RegExp, to: string): string | undefined =>
  diffBaseline(noted, noted.replace(from, to));

describe("the state of a guest", () => {
  it("equals its baseline, whatever has changed by itself", () => {
    expect(changed("", "")).toBeUndefined();
    expect(changed("32 0 96280", "64 0 96280")).toBeUndefined();
    expect(changed("983040 1", "983040 2")).toBeUndefined();
    expect(changed("20 c0", "20 80")).toBeUndefined();
    expect(changed("processes 180", "processes 29999")).toBeUndefined();
    expect(changed("0:0 140 1 100 100 /run", "0:0 160 1 101 101 /run")).toBeUndefined();
    expect(changed("0:0 4096 200 60 60 /home", "0:0 8192 200 70 70 /home")).toBeUndefined();
    expect(changed("1795475300", "1795475302")).toBeUndefined();
  });

  it("equals its baseline after a cache disk was removed, but not after one was added", () => {
    const without = noted.replace(/^.* vdb$\n/m, "").replace(/^.*\/dev\/vdb$\n/m, "");
    expect(diffBaseline(noted, without)).toBeUndefined();
    expect(diffBaseline(without, noted)).toMatch(/vdb/);
  });

  it("equals its baseline if the guest reports its settings as unchanged", () => {
    const settled = noted.replace(/^(?:settings|home|\/proc\/sys\/).*\n/gm, "");
    expect(diffBaseline(noted, `settings as noted\n${settled}`)).toBeUndefined();
    expect(diffBaseline(noted, settled)).toBe("/proc/sys/kernel/hostname:obuilder");
  });

  it.each([
    ["a mount", "23 1 254:1 / / rw,noatime", "23 1 254:1 / / ro,noatime"],
    ["a module", "/proc/modules:ext4", "/proc/modules:loop 1 0 -\n/proc/modules:ext4"],
    ["a sysctl", "hostname:obuilder", "hostname:other"],
    ["an address", "20 c0     eth0", "20 c0     eth0\n/proc/net/if_inet6:fd00 02 40 20 80     eth0"],
    ["a file in memory", "0:0 4 2 100 100 /run/sshd.pid", "0:0 5 2 100 100 /run/sshd.pid"],
    ["a new file in memory", "clock:", "stat: 81a4 0 0 0:0 4 3 100 100 /run/new\nclock:"],
    ["a missing file in memory", /^.*sshd\.pid$\n/m, ""],
    ["the mode of a directory in memory", "41ed 0 0 0:0 140", "41ff 0 0 0:0 140"],
    ["the owner of the login user's directory", "41ed 1000 1000", "41ed 1000 0"],
    ["a file of the boot", "147 50 50 /etc/passwd", "147 50 51 /etc/passwd"],
    ["the clock", "1795475300", "1795475303"],
    ["no clock", /^clock.*$/m, ""],
    ["too many processes", "processes 180", "processes 30001"],
    ["what is left running", "clock:", "left running: 17\nclock:"],
  ])("differs by %s", (_, from, to) => {
    expect(changed(from, to)).toBeDefined();
  });

  it("has only another clock after a resume", () => {
    const woken = updateClock(noted, "clock: 1795479999\n");
    expect(diffBaseline(noted, woken)).toBe("its clock was set");
    expect(diffBaseline(woken, noted.replace("1795475300", "1795480000"))).toBeUndefined();
  });
});

it("a baseline contains the mounts, and the paths in memory", () => {
  expect(mountsOf(noted)).toEqual({
    ids: ["21", "23", "24"],
    devices: ["0:19", "254:1", "0:20"],
    inMemory: ["/run"],
    queues: undefined,
  });
  const queues = "/proc/self/mountinfo:25 23 0:21 / /dev/mqueue rw - mqueue mqueue rw\n";
  expect(mountsOf(queues).queues).toBe("/dev/mqueue");
  expect(pathsInMemory(noted)).toEqual(["/run/sshd.pid"]);
});

it("a baseline contains the settings that do not change by themselves, and their digest as the guest computes it", () => {
  const lines = "kernel/hostname:obuilder\nvm/swappiness:60\n";
  expect(settingsOf(noted)).toEqual({
    files: ["kernel/hostname", "net/ipv4/route/flush", "vm/swappiness"],
    digest: execFileSync("md5sum", { input: lines, encoding: "utf8" }).split(" ")[0],
  });
  expect(homeOf(noted)).toBe("/home/opam");
});

it("a baseline lists new files in memory, but no directories and no files on the disk", () => {
  expect(hasFilesNewerThan(noted, new Date(100_000))).toBe(true);
  expect(hasFilesNewerThan(noted, new Date(101_000))).toBe(false);
  const withNew = (line: string): string => `${noted}stat: ${line}\n`;
  expect(hasFilesNewerThan(withNew("81a4 0 0 0:0 4 6 200 200 /run/acpid.pid"), new Date(101_000))).toBe(true);
  expect(hasFilesNewerThan(withNew("41ed 0 0 0:0 4 6 200 200 /run/new"), new Date(101_000))).toBe(false);
  expect(hasFilesNewerThan(withNew("81a4 0 0 0:0 4 6 200 200 /etc/new"), new Date(101_000))).toBe(false);
});
