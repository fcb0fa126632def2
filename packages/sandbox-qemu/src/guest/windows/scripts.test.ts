import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { sha256 } from "@ob/core";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { MountTask } from "../mount-task.ts";
import { runTask } from "../../testing/run-task.ts";
import { exitDeviceMissing, exitNotFound } from "../exit-statuses.ts";
import type { GuestCommand } from "../profile.ts";
import { windowsGuest } from "./profile.ts";

/*
 * Windows' scripts in a real bash. `cygpath` leaves a path as it is, but for `C:` and `d:`, which are directories; the system
 * directory is `C:\win`, with the host's tar; `cmd` notes its arguments and makes links instead of junctions. `sha256sum` writes a
 * "*" before the name, as Cygwin's does.
 */
const root = realpathSync(mkdtempSync(join(tmpdir(), "windows-scripts-")));
const at = (path: string): string => join(root, path);
const profile = windowsGuest("opam");
const stubs = {
  cygpath: `case $1$2 in
  -S) echo ${at("c/win")} ;;
  -w-S) echo 'C:\\win' ;;
  *) path=$(printf '%s' "$2" | tr '\\\\' /)
    case $path in [Cc]:*) path=${root}/c\${path#??} ;; [de]:*) path=${root}/\${path%%:*}\${path#??} ;; esac
    printf '%s\\n' "$path" ;;
esac`,
  cmd: `printf '<%s>' "$@" >>${at("cmd.log")}; echo >>${at("cmd.log")}
[ "$1 $2" = "/d /c" ] || exit 1
shift 2
[ "$1" != if ] || { if [ "$2" = not ]; then mkdir -p "$(cygpath -u "$6")"; exit; else shift 3; fi; }
case $1 in
  rmdir) [ "$2" != /s ] || { rm -rf "$(cygpath -u "$4")"; exit; }; [ -L "$(cygpath -u "$2")" ] && rm "$(cygpath -u "$2")" ;;
  mklink) [ -e ${at("no-junctions")} ] || ln -s "$(cygpath -u "\${4%\\\\}")" "$(cygpath -u "$3")" ;;
esac`,
  icacls: `printf '%s ' "$@" >>${at("icacls.log")}; echo >>${at("icacls.log")}`,
};
const cygwin =
  'sha256sum() { case $* in *--*) command sha256sum "$@" ;; *) command sha256sum -b "$@" ;; esac; };';

beforeEach(() => {
  rmSync(root, { recursive: true, force: true });
  for (const directory of ["bin", "c/win", "d", "e"]) mkdirSync(at(directory), { recursive: true });
  for (const [name, script] of Object.entries(stubs)) program(`bin/${name}`, script);
  program(
    "c/win/tar.exe",
    `root=${at("c")}\nfor word; do shift; [ "$word" != / ] || word=$root; set -- "$@" "$word"; done\nexec tar "$@"`,
  );
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function program(path: string, script: string): void {
  writeFileSync(at(path), `#!/bin/bash\n${script}\n`);
  chmodSync(at(path), 0o755);
}

function run(command: GuestCommand | undefined, input: Uint8Array | undefined = command?.input) {
  const env = { PATH: `${at("bin")}${delimiter}${process.env["PATH"] ?? ""}`, HOME: "/" };
  const { status, stderr } = spawnSync("/bin/bash", ["-c", `${cygwin} ${command?.command ?? "exit 1"}`], {
    env,
    input,
  });
  return { status, said: stderr.toString() };
}

const cache = { name: "c", disk: "/c.qcow2", formatted: true, target: String.raw`C:\with blank\cache` };

describe("a cache", () => {
  const task = runTask({ caches: [cache] });
  const mount = () => run(profile.mount(task)[1]);

  it("is a junction to its drive; what was there before is removed, but nothing behind an old junction", () => {
    mkdirSync(at("c/with blank/cache/old"), { recursive: true });
    expect(mount()).toEqual({ status: 0, said: "" });
    writeFileSync(at("c/with blank/cache/kept"), "");
    expect(mount().status).toBe(0);
    expect(readdirSync(at("d"))).toEqual(["kept"]);
    expect(run(profile.unmount(task, "")[0])).toEqual({ status: 0, said: "" });
    expect(readdirSync(at("c/with blank"))).toEqual([]);
    expect(readdirSync(at("d"))).toEqual(["kept"]);
  });

  it("has a path that cmd is given as one word without quotes, and its parents are made", () => {
    mount();
    expect(readFileSync(at("cmd.log"), "utf8")).toContain(
      String.raw`<not><exist><C:\with blank><mkdir><C:\with blank>`,
    );
    expect(readFileSync(at("cmd.log"), "utf8")).toContain(String.raw`<mklink></j><C:\with blank\cache><d:\>`);
  });

  it("is an error if the junction does not lead to the drive, or there is no drive", () => {
    writeFileSync(at("no-junctions"), "");
    expect(mount()).toEqual({
      status: 125,
      said: `obuilder: the junction at ${cache.target} does not lead to d:\n`,
    });
    rmSync(at("d"), { recursive: true });
    expect(mount().said).toMatch("obuilder: the guest has no drive d:\n");
  });
});

describe("a secret", () => {
  const contents = Buffer.from("hidden\0\n");
  const at0 = (target: string): MountTask => runTask({ secrets: [{ target, contents }] });

  it("can be read by the login user alone, and leaves nothing", () => {
    const task = at0("C:/it's deep/er/key");
    expect(run(profile.mount(task)[0])).toEqual({ status: 0, said: "" });
    expect(readFileSync(at("c/it's deep/er/key"))).toEqual(contents);
    const access = readFileSync(at("icacls.log"), "utf8");
    expect(access).toMatch(/^\S.*key \/reset \n\S.*key \/inheritance:r \/grant:r opam:F \n$/);
    expect(run(profile.unmount(task, "")[0])).toEqual({ status: 0, said: "" });
    expect(readdirSync(at("c"))).toEqual(["win"]);
  });

  it("hides a file of the image only while the step runs", () => {
    writeFileSync(at("c/key"), "the image's");
    const task = at0("C:/key");
    run(profile.mount(task)[0]);
    expect(readFileSync(at("c/key"))).toEqual(contents);
    run(profile.unmount(task, "")[0]);
    expect(readFileSync(at("c/key"), "utf8")).toBe("the image's");
    expect(existsSync(at("c/key.obuilder-kept"))).toBe(false);
  });

  it("is rejected if it was damaged on its way, or its target is a directory", () => {
    const [command] = profile.mount(at0("C:/key"));
    const damaged = Buffer.from(`${Buffer.from("other").toString("base64")}\n${sha256(contents)}\n`);
    expect(run(command, damaged)).toMatchObject({
      status: 125,
      said: expect.stringContaining("did not arrive"),
    });
    expect(run(profile.mount(at0("C:/win"))[0])).toMatchObject({
      ...{ status: 125, said: expect.stringContaining("is a directory") },
    });
  });
});

describe("copied files", () => {
  const list = (text: string): GuestCommand => {
    writeFileSync(at("c/list"), text);
    return profile.verification!.check("list", sha256(text));
  };
  const line = (name: string, contents: string): string => `${sha256(contents)}  ${name}\n`;

  it("are compared with what was sent, and the list is removed", () => {
    writeFileSync(at("c/a b"), "x");
    expect(run(list(line("a b", "x")))).toEqual({ status: 0, said: "" });
    expect(existsSync(at("c/list"))).toBe(false);
    expect(run(list(line("a b", "y")))).toMatchObject({
      ...{ status: 125, said: expect.stringContaining("files did not arrive as they were sent") },
    });
    const command = list(line("a b", "x"));
    writeFileSync(at("c/list"), line("a b", "y"));
    expect(run(command).said).toMatch("the list of what was sent did not arrive");
  });

  it("are unpacked from the drive that has all archives", () => {
    const archive = (path: string, file: string): void => {
      writeFileSync(at(file), file);
      spawnSync("tar", ["-cf", at(path), "-C", root, file]);
    };
    archive("d/one.tar", "first");
    archive("e/one.tar", "second");
    archive("e/it's.tar", "third");
    expect(run(profile.verification!.unpackIso(["one.tar", "it's.tar"]))).toEqual({ status: 0, said: "" });
    expect(readdirSync(at("c"))).toEqual(["second", "third", "win"]);
  });

  it("are read as an archive, with links or what they lead to", () => {
    writeFileSync(at("c/file"), "x");
    spawnSync("ln", ["-s", "file", at("c/link")]);
    const names = (path: string, options = {}): string => {
      const env = { PATH: `${at("bin")}${delimiter}${process.env["PATH"] ?? ""}` };
      const { stdout } = spawnSync("/bin/bash", ["-c", profile.readArchive(path, [], options).command], {
        env,
      });
      return spawnSync("tar", ["-tvf", "-"], { input: stdout }).stdout.toString();
    };
    expect(names("/link")).toMatch(/^l.* \.\/link -> file$/m);
    expect(names("/link", { followLink: true })).toMatch(/^-.* \.\/link$/m);
    expect(names("/", { followLink: true })).toMatch(/^l.* \.\/link -> file$/m);
    expect(names("/", { followLink: true, followAllLinks: true })).toMatch(/^[-h].* \.\/link/m);
    expect(run(profile.readArchive("/none", [])).status).toBe(exitNotFound);
  });
});

it("the disc that never appears has the status that the host looks for", () => {
  const { command } = profile.verification!.unpackIso(["none.tar"]);
  const fast = `sleep() { :; }; ${command}`;
  expect(run({ ...profile.unpack, command: fast }).status).toBe(exitDeviceMissing);
});

describe("the disks of caches", () => {
  const prepare = () => {
    const [disks = profile.prepare] = profile.mount(runTask({ caches: [cache] }));
    return run({ ...disks, command: `sleep() { :; }; ${disks.command}` });
  };
  const powershell = (failures: number): void =>
    program(
      "bin/powershell",
      `echo >>${at("runs")}; [ $(wc -l <${at("runs")}) -gt ${failures} ] || { echo Invalid Parameter >&2; exit 1; }`,
    );

  it("are prepared again if Windows could not format them yet", () => {
    powershell(2);
    expect(prepare()).toEqual({ status: 0, said: "" });
    expect(readFileSync(at("runs"), "utf8")).toHaveLength(3);
  });

  it("are an error if they never can be, with what PowerShell says", () => {
    powershell(99);
    expect(prepare()).toEqual({ status: 125, said: "obuilder: Invalid Parameter\n" });
  });
});

describe("the processes that a step leaves behind", () => {
  /** tasklist lists those of ours that run, with what is always there; the second list has the next of the script's own programs. */
  const programs = (left: readonly number[]): void => {
    program(
      "c/win/tasklist.exe",
      `printf '%s ' "$@" >>${at("tasklist.log")}
row() { printf '"%s","%s","Services","%s","9,320 K"\\r\\n' "$1" "$2" "$3"; }
row sshd.exe 11 0; row conhost.exe 12 0; row explorer.exe 13 1; row service.exe 14 0
shell=$(ps -o ppid= -p $PPID)
row bash.exe $shell 0; row bash.exe $PPID 0; row tasklist.exe $$ 0
for process in ${left.join(" ")}; do
  case $(ps -o stat= -p $process) in '' | Z*) ;; *) row left.exe $process 0 ;; esac
done`,
    );
    program(
      "c/win/taskkill.exe",
      `echo "$*" >>${at("taskkill.log")}\nwhile shift; do [ "$1" = /pid ] || kill -9 $1 2>/dev/null; done`,
    );
  };

  it("are ended before the flush, and nothing else is", async () => {
    const left = [spawn("sleep", ["600"]), spawn("sleep", ["600"])];
    const ended = left.map(async (process) => await once(process, "exit"));
    programs(left.map(({ pid = 0 }) => pid));
    const bootInfo = ` 4 14 `;
    expect(run(profile.flush(bootInfo))).toEqual({ status: 0, said: "" });
    expect(readFileSync(at("tasklist.log"), "utf8")).toMatch(/^\/fo csv \/nh \/fi USERNAME eq opam /);
    expect(readFileSync(at("taskkill.log"), "utf8")).toBe(
      `/f ${left.map(({ pid }) => `/pid ${pid}`).join(" ")}\n`,
    );
    await Promise.all(ended);
  });

  it("include none that ran before the step", () => {
    const before = spawn("sleep", ["600"]);
    programs([before.pid ?? 0]);
    const { status, stdout } = spawnSync("/bin/bash", ["-c", profile.prepare.command], {
      env: { PATH: `${at("bin")}${delimiter}${process.env["PATH"] ?? ""}` },
    });
    expect(status).toBe(0);
    expect(run(profile.killStrayProcesses?.(stdout.toString()))).toEqual({ status: 0, said: "" });
    expect(existsSync(at("taskkill.log"))).toBe(false);
    before.kill();
  });

  it("are not looked for without a list", () => {
    expect(run(profile.flush("nothing"))).toEqual({ status: 0, said: "" });
  });
});

it("a guest without Cygwin is not ready", () => {
  expect(run(profile.prepare).status).toBe(0);
  rmSync(at("bin/cmd"));
  expect(run(profile.prepare).status).not.toBe(0);
  expect(run(profile.flush("")).status).toBe(0);
});
