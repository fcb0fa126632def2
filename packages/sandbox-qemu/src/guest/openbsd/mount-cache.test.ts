import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { installedShells } from "../../testing/installed-shells.ts";
import * as scripts from "./scripts.generated.ts";

const directory = mkdtempSync(join(tmpdir(), "mount-cache-"));
afterAll(() => rmSync(directory, { recursive: true }));

/**
 * Mounts a cache with a stand-in for fsck that ends with 0 whatever it finds (sbin/fsck_ffs/main.c), and a mount that takes a file
 * system only if fsck has marked it clean.
 *
 * @param checks what fsck prints, each time that it runs; the file system is clean after `clean`.
 */
function mounted(
  shell: string,
  checks: readonly string[],
): { readonly status: unknown; readonly said: string } {
  const state = mkdtempSync(join(directory, "state-"));
  const runs = checks.map((text, run) => `${run}) echo '${text}' ;;`).join("\n");
  const standIns = `
sh() { :; }
chown() { :; }
fsck() {
  run=0
  while [ -e ${state}/$run ]; do run=$((run + 1)); done
  : >${state}/$run
  [ "$*" = "-y /dev/sd9a" ] || return 1
  case $run in
    ${runs}
  esac | tee ${state}/last
}
mount() {
  grep -q clean ${state}/last && [ "$*" = "-o async,noatime /dev/sd9a ${directory}" ] || { echo 'mount_ffs: read-only' >&2; return 1; }
}
`;
  const args = ["9", directory, "yes", "uid", "0", "0"];
  const { status, stderr } = spawnSync(shell, ["-c", `${standIns}\n${scripts.mountCache}`, "x", ...args]);
  return { status, said: stderr.toString() };
}

describe.each(installedShells.filter((shell) => !shell.endsWith("zsh")))(
  "a cache that is not clean, on OpenBSD in %s,",
  (shell) => {
    it("is mounted after fsck", () => {
      expect(mounted(shell, ["clean"])).toEqual({ status: 0, said: "" });
    });

    it("is checked again if fsck asks for it", () => {
      expect(mounted(shell, ["***** PLEASE RERUN FSCK *****", "clean"])).toEqual({ status: 0, said: "" });
    });

    it("is an error that says what fsck has found, though fsck ends with 0", () => {
      expect(mounted(shell, ["SEARCH FOR ALTERNATE SUPER-BLOCK FAILED"])).toEqual({
        status: 125,
        said: "obuilder: cannot mount sd9: mount_ffs: read-only\nSEARCH FOR ALTERNATE SUPER-BLOCK FAILED\n",
      });
    });
  },
);
