import { describe, expect, it } from "vitest";
import { capturedState } from "../../testing/captured-state.ts";
import type { Baseline } from "../profile.ts";
import { linuxVmReuse } from "./vm-reuse.ts";

const vmReuse = linuxVmReuse("opam", (script, args = []) => ({ command: [script, ...args].join("|") }));

function baselineOf(text: string): Baseline {
  const parsed = vmReuse.parseBaseline(text);
  if (parsed.kind === "refused") throw new Error(parsed.reason);
  return parsed.baseline;
}

const baseline = baselineOf(capturedState);
const changed = (from: string | RegExp, to: string): string | undefined =>
  baseline.diff(capturedState.replace(from, to));

/** Of a service: its keyring and the key in it. */
const serviceKeys = `/proc/keys:1d3daaa4 I--Q---     1 perm 0b0b0000     0     0 user      invocation_id: 16
/proc/keys:1aaef3c1 I--Q---     1 perm 3f030000     0     0 keyring   _ses: 1
`;
const keysOf = (count: number) => `/proc/key-users:    0:    11 10/10 ${count}/1000000 36/25000000\n`;

const units = "unit: ssh.service loaded active running\nunit: session-1.scope loaded active running\n";

interface TestProcess {
  readonly id: number;
  readonly name: string;
  readonly state?: string;
  readonly user?: number;
  readonly oom?: number;
  readonly group?: string;
}

/** What is read of a process. */
function processText({ id, name, state = "S", user = 0, oom = 0, group = "/a" }: TestProcess): string {
  return [
    `cgroup:0::${group}`,
    `oom_score_adj:${oom}`,
    `stat:${id} (${name}) ${state} 1 ${id} ${id} 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1`,
    `status:Uid:\t${user}\t${user}\t${user}\t${user}`,
    "status:VmRSS:\t  9 kB",
  ]
    .map((line) => `/proc/${id}/${line}\n`)
    .join("");
}

describe("the state of a guest with systemd", () => {
  const text = `${capturedState}manager: Environment=A=b\nmanager of 1000: NJobs=0\n${units}group: /sys/fs/cgroup/a\n`;

  it.each([
    ["manager: Environment=A=c", "Environment=A=b", "Environment=A=c"],
    ["manager of 1000: NJobs=1", "NJobs=0", "NJobs=1"],
    ["unit: ssh.service loaded failed failed", "active running\nunit", "failed failed\nunit"],
    ["unit: x.timer loaded active waiting", "unit:", "unit: x.timer loaded active waiting\nunit:"],
    ["unit: session-1.scope loaded active running", /^unit: session.*\n/m, ""],
    ["group: /sys/fs/cgroup/a/b", "cgroup/a", "cgroup/a/b"],
    ["setting at run time: /run/x", "unit:", "setting at run time: /run/x\nunit:"],
  ])("differs: %s", (difference, from, to) => {
    expect(baselineOf(text).diff(text)).toBeUndefined();
    expect(baselineOf(text).diff(text.replace(from, to))).toBe(difference);
  });

  it("equals its baseline when a service has ended, with its keys, and the workers of udev", () => {
    const worker =
      "/proc/70/limits:Max open files 7 7 files\n/proc/70/stat:70 ((udev-worker)) S 1 70 70 0 -1 4194560 1 2 3 4 5 6 7 8 25 5 1\n";
    const before = baselineOf(`${text}${keysOf(5)}${serviceKeys}${worker}`);
    expect(before.diff(`${text}${keysOf(3)}`)).toBeUndefined();
    expect(before.diff(`${text}${keysOf(4)}`)).toBe("/proc/key-users:0: 4/1000000");
    const own = "/proc/keys:2d3daaa4 I--Q--- 1 perm 3f010000 0 0 user name: 4";
    expect(before.diff(`${text}${keysOf(4)}${own}\n`)).toBe(own);
  });

  it("does not depend on how many control groups the kernel counts, where they are listed", () => {
    const line = "/proc/cgroups:cpuset\t0\t42\t1\n";
    expect(baselineOf(text + line).diff(text + line.replace("42", "43"))).toBeUndefined();
    expect(baselineOf(text + line).diff(text + line.replace("\t1", "\t0"))).toBe("/proc/cgroups:cpuset 0 0");
    expect(baselineOf(capturedState + line).diff(capturedState + line.replace("42", "43"))).toBe(
      "/proc/cgroups:cpuset\t0\t43\t1",
    );
  });

  it("differs when a process of the boot is stopped", () => {
    const cron = processText({ id: 70, name: "cron" });
    const before = baselineOf(text + cron);
    expect(before.diff(text + processText({ id: 71, name: "cron", state: "R" }))).toBeUndefined();
    expect(before.diff(text + processText({ id: 70, name: "cron", state: "T" }))).toBe(
      "process:(cron) of 0: 20 0   stopped",
    );
  });

  it("has what its service managers know unchanged, if they have not run since they were counted", () => {
    const report = text.replace(/^(?:unit|manager).*\n/gm, "");
    expect(baselineOf(text).diff(report)).toMatch(/^manager: /);
    expect(baselineOf(text).diff(`${report}managers: unchanged\n`)).toBeUndefined();
    expect(baselineOf(text).diff(`${report}managers: unchanged\nsetting at run time: /run/x\n`)).toBe(
      "setting at run time: /run/x",
    );
  });

  it.each([
    ["turns: 1:20 345:6\n", "1:20 345:6"],
    ["clock: 1\nturns: 1:20\n", "1:20"],
    ["turns: \n", ""],
    ["turns: 1:20\nturns: 1:20\n", ""],
    ["turns: 1:20; reboot\n", ""],
  ])("is told how often they had run before the step: %j", (output, turns) => {
    const words = baselineOf(text)
      .withClock(output)
      .resetAndFlush("processes: 1\nprograms: /proc/1/maps").command;
    expect(words.split("|").slice(-5, -3)).toEqual([turns, "/sys/a /sys/b"]);
  });

  it("is brought up to date with the mounts and the files in memory that a login has made", () => {
    const { afterLogin } = baselineOf(text);
    expect(afterLogin?.command.command).toMatch(/\|\/run$/);
    const ofLogin = (inode: number) => `stat: 81a4 0 0 0:0 240 ${inode} 400 400 /run/systemd/sessions/1\n`;
    const inMemory = capturedState.replaceAll(/^(?!\/proc\/self\/mountinfo|stat: .* \/run).*\n/gm, "");
    const mine = afterLogin?.apply(inMemory + ofLogin(7));
    expect(mine?.diff(text + ofLogin(7))).toBeUndefined();
    expect(mine?.diff(text)).toBe("/run/systemd/sessions/1 (removed)");
    expect(mine?.diff(text + ofLogin(8))).toBe("/run/systemd/sessions/1 (inode)");
    expect(mine?.diff((text + ofLogin(7)).replace("147 50 50", "147 50 51"))).toBe("/etc/passwd (changed)");
    expect(afterLogin?.apply("")).toBeUndefined();
    expect(afterLogin?.apply("stat: nonsense\n")).toBeUndefined();
    expect(baselineOf(capturedState).afterLogin).toBeUndefined();
  });
});

describe("the state of a guest", () => {
  it("equals its baseline, whatever has changed by itself", () => {
    expect(changed("", "")).toBeUndefined();
    expect(changed("32 0 96280", "64 0 96280")).toBeUndefined();
    expect(changed("983040 1", "983040 2")).toBeUndefined();
    expect(changed("20 c0", "20 80")).toBeUndefined();
    const itself = [
      "/proc/sys/net/ipv6/conf/eth0/hop_limit:7",
      "/proc/key-users: 1000: 1 1/1 0/200 0/20000",
      "/proc/net/ipv6_route:0 00 0 00 fe800002 400 1 0 00450003 eth0",
      "/proc/net/ipv6_route:fe80 40 0 00 0 100 2 0 00000001 eth0",
    ].join("\n");
    expect(changed("/proc/stat:", `${itself}\n/proc/stat:`)).toBeUndefined();
    expect(changed("processes 180", "processes 29999")).toBeUndefined();
    expect(changed("0:0 140 1 100 100 /run", "0:0 160 1 101 101 /run")).toBeUndefined();
    expect(changed("0:0 4096 200 60 60 /home", "0:0 8192 200 70 70 /home")).toBeUndefined();
    expect(changed("1795475300", "1795475302")).toBeUndefined();
  });

  it("equals its baseline after a cache disk was removed, but not after one was added", () => {
    const without = capturedState.replace(/^.* vdb$\n/m, "").replace(/^.*\/dev\/vdb$\n/m, "");
    expect(baseline.diff(without)).toBeUndefined();
    expect(baselineOf(without).diff(capturedState)).toMatch(/vdb/);
  });

  it("equals its baseline if the guest reports its settings as unchanged", () => {
    const report = capturedState.replace(/^(?:settings|home|\/proc\/sys\/).*\n/gm, "");
    expect(baseline.diff(`settings: unchanged\n${report}`)).toBeUndefined();
    expect(baseline.diff(report)).toBe("/proc/sys/kernel/hostname:obuilder");
    expect(baseline.diff(`settings: unchanged\n/proc/sys/vm/swappiness:7\n${report}`)).toBe(
      "/proc/sys/vm/swappiness:7",
    );
  });

  it.each([
    ["/proc/sys/net/ipv6/conf/default/hop_limit:7", "/proc/sys/net/ipv6/conf/default/hop_limit:7"],
    ["/proc/self/cgroup:1:name=kept:/", "/proc/self/cgroup:1:name=kept:/"],
    ["/proc/key-users:1000: 1/200", "/proc/key-users: 1000: 1 1/1 1/200 9/20000"],
    [
      "/proc/net/ipv6_route:1 20 0 00 fe8 400 eth0",
      "/proc/net/ipv6_route:1 20 0 00 fe8 400 1 0 00000003 eth0",
    ],
    ["/proc/net/ipv6_route:1 20 0 00 0 1 lo", "/proc/net/ipv6_route:1 20 0 00 0 1 1 0 00200200 lo"],
    ["/sys/module/printk/parameters/time:N", "/sys/module/printk/parameters/time:N"],
  ])("differs by a new line %s", (difference, line) => {
    expect(changed("/proc/stat:", `${line}\n/proc/stat:`)).toBe(difference);
  });

  it("does not depend on input devices, which the kernel makes by itself", () => {
    expect(changed("clock:", "stat: 2190 0 105 d:40 0 9 1 1 /dev/input/event0\nclock:")).toBeUndefined();
  });

  it.each([
    ["Cpus_allowed: 1", "/proc/70/status:Cpus_allowed:\t1"],
    ["Max open files 10 10 files", "/proc/70/limits:Max open files   10   10   files"],
    ["-17", "/proc/70/oom_score_adj:-17"],
    ["0::/a/b", "/proc/70/cgroup:0::/a/b"],
  ])("differs by what a process of the boot has: %s", (difference, line) => {
    const process =
      "/proc/70/stat:70 (sshd: a b) S 1 70 70 0 -1 4194560 1 2 3 4 5 6 7 8 25 5 1 0 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 17 0 40 2 0\n";
    const before = baselineOf(`${process}${capturedState}`);
    expect(before.diff(`${process}${capturedState}${line}\n`)).toBe(`process:(sshd: a b) of : ${difference}`);
    expect(changed("/proc/stat:", `${process}/proc/stat:`)).toBe("process:(sshd: a b) of : 25 5 40 2");
  });

  it("differs if a process of the boot has what another had", () => {
    const cron = { id: 60, name: "cron", oom: -5, group: "/cron" };
    const [server, session] = [
      { id: 70, name: "sshd", oom: -1000, group: "/sshd" },
      { id: 80, name: "sshd", user: 1000, group: "/session" },
    ];
    const stateWith = (...all: readonly TestProcess[]) => capturedState + all.map(processText).join("");
    const before = baselineOf(stateWith(cron, server, session));
    expect(before.diff(stateWith(session, server, cron))).toBeUndefined();
    expect(before.diff(stateWith(cron, server, { ...session, oom: -1000 }))).toBe(
      "process:(sshd) of 1000: -1000",
    );
    expect(before.diff(stateWith(cron, server, { ...session, group: "/cron" }))).toBe(
      "process:(sshd) of 1000: 0::/cron",
    );
  });

  it("is the same once a network card has got its own address, which it then keeps", () => {
    const card = "/sys/class/net/eth0/address:52:54:00:12:34:56\n";
    const own = /^\/proc\/net\/if_inet6:fe80.*$\n/m;
    const other = "/proc/net/if_inet6:fe80000000000000505400fffe123457 02 40 20 80     eth0\n";
    const withCard = capturedState.replace("/proc/stat:cpu", `${card}/proc/stat:cpu`);
    const before = (text: string): Baseline => baselineOf(text.replace(own, ""));
    expect(before(withCard).diff(withCard)).toBeUndefined();
    expect(before(withCard).diff(`${withCard}${other}`)).toBe(
      "/proc/net/if_inet6:fe80000000000000505400fffe123457 02 40 20",
    );
    expect(baselineOf(withCard).diff(withCard.replace(own, ""))).toBe(
      "/proc/net/if_inet6:fe80000000000000505400fffe123456 02 40 20",
    );
  });

  it.each(["/proc/70/status:VmRSS:\t  9 kB", "/proc/70/limits:Limit  Soft Limit  Hard Limit  Units"])(
    "is the same with %s, which changes by itself or says nothing",
    (line) => {
      expect(changed("/proc/stat:", `${line}\n/proc/stat:`)).toBeUndefined();
    },
  );

  it.each([
    ["/proc/self/mountinfo:23 1 254:1 / / ro,noatime", "/ / rw,noatime", "/ / ro,noatime"],
    ["/proc/modules:loop", "/proc/modules:ext4", "/proc/modules:loop 1 0 -\n/proc/modules:ext4"],
    ["/proc/sys/kernel/hostname:other", "hostname:obuilder", "hostname:other"],
    [
      "/proc/net/if_inet6:fd00 02 40 20",
      "/proc/stat:processes",
      "/proc/net/if_inet6:fd00 02 40 20 80     eth0\n/proc/stat:processes",
    ],
    ["/dev/vdb (modified)", "0 99 100 100 /dev/vdb", "0 99 101 101 /dev/vdb"],
    ["/run/sshd.pid (size)", "0:0 4 2 100 100 /run/sshd.pid", "0:0 5 2 100 100 /run/sshd.pid"],
    ["/run/new (new)", "clock:", "stat: 81a4 0 0 0:0 4 3 100 100 /run/new\nclock:"],
    ["/run/sshd.pid (removed)", /^.*sshd\.pid$\n/m, ""],
    ["/run (mode)", "41ed 0 0 0:0 140", "41ff 0 0 0:0 140"],
    ["/home/opam (gid)", "41ed 1000 1000", "41ed 1000 0"],
    ["/etc/passwd (inode, changed)", "147 50 50 /etc/passwd", "148 50 51 /etc/passwd"],
    // A path that is listed twice.
    ["/etc/passwd (size)", "clock:", "stat: 81a4 0 0 0:0 9 147 50 50 /etc/passwd\nclock:"],
    ["its clock was set", "1795475300", "1795475303"],
    ["its clock was set", /^clock.*$/m, ""],
    ["its clock was set", "clock:", "clock: 1795475300\nclock:"],
    ["more processes than can be told apart", "processes 180", "processes 30001"],
    ["remaining processes: 17", "clock:", "remaining processes: 17\nclock:"],
    ['its report is malformed: it has the line "stat: x"', "clock:", "stat: x\nclock:"],
  ])("differs: %s", (difference, from, to) => {
    expect(changed(from, to)).toContain(difference);
  });

  it("has only another clock after a resume", () => {
    const resumed = baseline.withClock("clock: 1795479999\n");
    expect(resumed.diff(capturedState)).toBe("its clock was set");
    expect(resumed.diff(capturedState.replace("1795475300", "1795480000"))).toBeUndefined();
    expect(baseline.withClock("").diff(capturedState)).toBe("its clock was set");
  });
});

describe("a baseline", () => {
  it("resets the guest with its mounts, the paths in memory and the settings", () => {
    const args = (text: string): readonly string[] =>
      baselineOf(text)
        .resetAndFlush("processes: 1 2\nprograms: /proc/1/maps\n")
        .command.split("|")
        .slice(-16);
    expect(args(capturedState)).toEqual([
      ...["1 2", "21 23 24", "0:19 254:1 0:20", "/run", "", "/home/opam"],
      ...["kernel/hostname net/ipv4/route/flush vm/swappiness", expect.stringMatching(/^[0-9a-f]{32}$/)],
      ...[" /proc/1/maps", "/run/sshd.pid", "", "", "/sys/a /sys/b"],
      ...["", "/run/* /run/.[!.]* /run/..?*", "/run/sshd.pid /run/.[!.]* /run/..?*"],
    ]);
    expect(args(`${capturedState}${units}`)[10]).toBe("ssh.service session-1.scope");
    const queues = "/proc/self/mountinfo:25 23 0:21 / /dev/mqueue rw - mqueue mqueue rw\n";
    expect(args(capturedState + queues)[4]).toBe("/dev/mqueue");
  });

  it("does not compare when an empty file was made, but what it is and what is in it", () => {
    const file = (text: string) => `${capturedState}stat: ${text} /run/utmp\n`;
    const before = baselineOf(file("81a4 0 0 0:0 0 7 100 100"));
    expect(before.diff(file("81a4 0 0 0:0 0 7 105 105"))).toBeUndefined();
    expect(before.diff(file("81a4 0 0 0:0 0 8 105 105"))).toBe("/run/utmp (inode)");
    expect(before.diff(file("81b6 0 0 0:0 384 7 105 105"))).toBe("/run/utmp (mode, size)");
  });

  it("lists new files in memory, but no directories and no files on the disk", () => {
    expect(baseline.hasFilesNewerThan(new Date(100_000))).toBe(true);
    expect(baseline.hasFilesNewerThan(new Date(101_000))).toBe(false);
    const isNew = (line: string): boolean =>
      baselineOf(`${capturedState}stat: ${line}\n`).hasFilesNewerThan(new Date(101_000));
    expect(isNew("81a4 0 0 0:0 4 6 200 200 /run/acpid.pid")).toBe(true);
    expect(isNew("41ed 0 0 0:0 4 6 200 200 /run/new")).toBe(false);
    expect(isNew("81a4 0 0 0:0 4 6 200 200 /etc/new")).toBe(false);
  });

  it("is refused with the guest's reason, or with what is malformed", () => {
    expect(vmReuse.parseBaseline("hello\nno: its init is /sbin/init\n")).toEqual({
      ...{ kind: "refused", reason: "its init is /sbin/init" },
    });
    expect(vmReuse.parseBaseline(`${capturedState}clock: x\n`)).toEqual({
      ...{ kind: "refused", reason: 'its baseline is malformed: it has the line "clock: x"' },
    });
    expect(vmReuse.parseBaseline("")).toMatchObject({ kind: "refused" });
  });
});
