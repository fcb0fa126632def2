import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Baseline } from "../profile.ts";
import { openbsdGuest } from "./profile.ts";
import * as scripts from "./scripts.generated.ts";
import { clockWord } from "./vm-reuse.ts";

let did: string;
beforeEach(() => {
  did = join(mkdtempSync(join(tmpdir(), "openbsd-reuse-")), "did");
});
afterEach(() => rmSync(join(did, ".."), { recursive: true }));

const mounts = [
  "/dev/sd0a on / type ffs (local)",
  "/dev/sd0e on /home type ffs (local, nodev)",
  "mfs:1 on /tmp type mfs (asynchronous, local)",
  "/dev/sd0d on /usr type ffs (local)",
];

interface Guest {
  readonly mounted?: readonly string[];
  /** A file system on which a file is open for writing. */
  readonly busy?: string;
}

/** Runs a script with stand-ins for all that would change something. What they did is in `did`. */
function run(
  script: string,
  { mounted = mounts, busy = "/none" }: Guest = {},
  args: readonly string[] = [],
): string {
  const standIns = `
note() { echo "$*" >>${did}; }
mount() {
  [ $# -gt 0 ] || { cat <<'LIST'
${mounted.join("\n")}
LIST
    return; }
  note "mount $*"
  [ "$*" != "-u -r ${busy}" ]
}
rcctl() {
  case $1 in
    check) [ "$2" = syslogd ] ;;
    ls) echo nginx; echo syslogd ;;
    *) note "rcctl $*" ;;
  esac
}
sync() { note sync; }
date() { note "date $*"; }
kill() { exit 99; }
sleep() { :; }
ps() { case "$*" in *ucomm=*) echo '20 1 root S sshd' ;; *login=*) echo opam ;; *ppid=*) echo 1 ;; *) echo 1; echo 20 ;; esac; }`;
  return execFileSync("/bin/sh", ["-c", `${standIns}\n${script}`, "x", ...args]).toString();
}

const acts = (): readonly string[] => readFileSync(did, "utf8").trimEnd().split("\n");
const said = mounts.map((line) => `mount: ${line}\n`).join("");

describe("an OpenBSD between two steps", () => {
  it("has all file systems on disks read-only, the root last, and its log closed", () => {
    expect(run(scripts.resetAndFlush, {}, ["1 20"])).toBe(`${said}obuilder: frozen\n`);
    const remounts = ["/usr", "/home", "/"].map((directory) => `mount -u -r ${directory}`);
    expect(acts()).toEqual(["rcctl stop syslogd", "sync", ...remounts]);
  });

  it("is as before if a file is open for writing, and does not say that it is frozen", () => {
    expect(run(scripts.resetAndFlush, { busy: "/home" }, ["1 20"])).toBe(said);
    expect(acts().slice(-4)).toEqual([
      ...["/", "/home", "/usr"].map((directory) => `mount -u -w ${directory}`),
      "rcctl start syslogd",
    ]);
  });

  it("is thawed with the right time, and lists its processes anew", () => {
    const word = clockWord(new Date("2026-01-02T03:04:05.678Z"));
    expect(word).toBe("202601020304.05");
    expect(run(scripts.thaw, {}, [word])).toBe("1\n20\n");
    expect(acts().at(-1)).toBe("date -u 202601020304.05");
    expect(profile.vmReuse?.bootInfoAfter?.("1\n20\n")).toBe("1\n20\n");
  });

  it("is not reused if a file system was read-only before, or if it does not say what is mounted", () => {
    const readOnly = [...mounts, "/dev/sd0f on /data type ffs (local, read-only)"];
    const output = run(scripts.captureBaseline, { mounted: readOnly });
    expect(parse(output)).toEqual({ kind: "refused", reason: "it has a file system that is read-only" });
    expect(parse("hello\n")).toEqual({ kind: "refused", reason: "it does not say what is mounted" });
  });

  it("is not reused if something else is mounted than before", () => {
    const baseline = baselineIn(run(scripts.captureBaseline));
    expect(baseline.diff(`hello\n${said}`)).toBeUndefined();
    expect(baseline.diff(`${said}mount: mfs:2 on /mnt type mfs (local)\n`)).toBe(
      "mount: mfs:2 on /mnt type mfs (local)",
    );
    expect(baseline.diff(said.replace(/^mount: mfs.*\n/m, ""))).toMatch(/^mount: mfs:1/);
    expect(baseline.withClock("").diff(said)).toBeUndefined();
  });
});

const profile = openbsdGuest("opam");
const parse = (output: string) => profile.vmReuse?.parseBaseline(output);

function baselineIn(output: string): Baseline {
  const parsed = parse(output);
  if (parsed?.kind !== "baseline") throw new TypeError("the guest is refused");
  return parsed.baseline;
}
