import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { capturedState } from "../../testing/captured-state.ts";
import { fileListOf } from "./file-list.ts";
import { parseCapturedState } from "./guest-state.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "file-list-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** What the guest prints of the files in the directory, which is one in memory. */
function listOf(more = "") {
  const found = execFileSync("find", [
    directory,
    "-exec",
    "stat",
    "-c",
    "stat: %f %u %g %t:%T %s %i %Y %Z %n",
    "{}",
    "+",
  ]);
  const mount = `/proc/self/mountinfo:30 23 0:30 / ${directory} rw - tmpfs tmpfs rw\n`;
  const parsed = parseCapturedState(`${capturedState}${mount}${found.toString()}${more}`);
  if (parsed.kind === "malformed") throw new Error(parsed.reason);
  return fileListOf(parsed.state);
}

/** What a shell makes of patterns. */
const expanded = (patterns = ""): string =>
  execFileSync("/bin/sh", ["-c", 'set -- $1; printf %s "$*"', "sh", patterns], {
    env: { LC_ALL: "C" },
  }).toString();

describe("the files that the shell lists", () => {
  it("are those of the baseline, in the shell's order, as long as none is new", () => {
    mkdirSync(join(directory, "b", "empty"), { recursive: true });
    mkdirSync(join(directory, ".hidden"));
    for (const name of ["a", "Z", "_", "b/é", "b/.a", "b/..a", ".hidden/with blank"])
      writeFileSync(join(directory, name), "");
    symlinkSync("/nowhere", join(directory, "link"));
    const list = listOf();
    const own = list?.inMemory
      .split(" ")
      .filter((pattern) => pattern.startsWith(directory))
      .join(" ");
    const names = (text = ""): string => text.slice(text.indexOf(directory));
    expect(names(list?.names)).toBe(expanded(own));
    for (const name of ["new", "b/.new", "b/empty/..new", ".hidden/new"]) {
      writeFileSync(join(directory, name), "");
      expect(names(list?.names)).not.toBe(expanded(own));
      rmSync(join(directory, name));
    }
    rmSync(join(directory, "b", "é"));
    expect(names(list?.names)).not.toBe(expanded(own));
  });

  it("are searched for where a directory has a name that the shell would read in another way", () => {
    expect(listOf()).toBeDefined();
    mkdirSync(join(directory, "with blank"));
    expect(listOf()).toBeUndefined();
  });

  it("have patterns of all directories but the home directory, its parents, and mounts of other kinds", () => {
    const more = [
      ...["/", "/home", "/home/opam", "/home/opam/.ssh", "/etc/pam.d", "/dev", "/dev/pts", "/dev/bus"].map(
        (path) => `stat: 41ed 0 0 0:0 60 7 100 100 ${path}`,
      ),
      "stat: 81a4 0 0 0:0 60 7 100 100 /etc/pam.d/.placeholder",
      "stat: 81a4 0 0 0:0 60 7 100 100 /etc/pam.d/sudo",
      "/proc/self/mountinfo:31 23 0:31 / /dev/pts rw - devpts devpts rw",
    ];
    const { patterns = "", inMemory = "" } = listOf(`${more.join("\n")}\n`) ?? {};
    expect(patterns.split(" ")).toEqual([
      ...["/home/opam/.ssh/*", "/etc/pam.d/*", "/dev/*", "/dev/.[!.]*", "/dev/..?*", "/dev/bus/*"],
      ...["/dev/bus/.[!.]*", "/dev/bus/..?*", "/home/opam/.ssh", "/etc/pam.d/.placeholder"],
    ]);
    expect(inMemory.split(" ").slice(0, 3)).toEqual(["/run/*", "/run/.[!.]*", "/run/..?*"]);
  });
});
