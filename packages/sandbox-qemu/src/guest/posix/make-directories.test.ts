import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runTask } from "../../testing/run-task.ts";
import { installedShells } from "../../testing/installed-shells.ts";
import { linuxGuest } from "../linux/profile.ts";
import { openbsdGuest } from "../openbsd/profile.ts";

const top = realpathSync(mkdtempSync(join(tmpdir(), "workdir-")));
chmodSync(top, 0o755);
afterAll(() => rmSync(top, { recursive: true }));

/** Owner and mode of each directory from `top` down to the path's own. */
function shown(path: string): readonly string[] {
  const parts = path.split("/");
  return parts.map((_, index) => {
    const { uid, gid, mode } = statSync(join(top, ...parts.slice(0, index + 1)));
    return `${uid}:${gid} ${(mode & 0o7777).toString(8)}`;
  });
}

const profiles = { Linux: linuxGuest("root"), OpenBSD: openbsdGuest("root") };
const cases = Object.entries(profiles).flatMap(([os, profile]) =>
  installedShells.map((shell) => ({ os, profile, shell })),
);

// Only root can become another user.
describe.runIf(process.getuid?.() === 0).each(cases)(
  "a workdir of $os, by $shell",
  ({ os, profile, shell }) => {
    const run = (path: string, user?: { readonly uid: number; readonly gid: number }) => {
      const { command } = profile.run(runTask({ workdir: join(top, path), user, command: "pwd -P" }));
      const line = `umask 077; ${command.replace("/bin/sh", shell)}`;
      const env = { PATH: process.env["PATH"], SHELL: "/bin/sh", HOME: "/nonexistent" };
      const { stdout, stderr } = spawnSync("/bin/sh", ["-c", line], { env });
      return [stdout.toString().trim(), stderr.toString()];
    };
    const place = `${os} ${shell.slice(5)}`;

    it("is the step's user's with every directory that is made on the way, whatever the umask is", () => {
      mkdirSync(join(top, place));
      const path = `${place}/it's a/b/-c`;
      expect(run(path, { uid: 4321, gid: 8765 })).toEqual([join(top, path), ""]);
      const made = ["4321:8765 755", "4321:8765 755", "4321:8765 755"];
      expect(shown(path)).toEqual(["0:0 755", ...made]);
      // What exists stays as it is.
      expect(run(`${path}/../d/`, { uid: 5, gid: 6 })).toEqual([join(top, place, "it's a/b/d"), ""]);
      expect(shown(`${place}/it's a/b/d`)).toEqual(["0:0 755", ...made.slice(1), "5:6 755"]);
    });

    it("is the login user's where the step has none, through a link too", () => {
      const other = `${place} login`;
      mkdirSync(join(top, other, "real"), { recursive: true });
      symlinkSync("real", join(top, other, "link"));
      expect(run(`${other}/link/a/b`)).toEqual([join(top, other, "real/a/b"), ""]);
      expect(shown(`${other}/real/a/b`).slice(2)).toEqual(["0:0 755", "0:0 755"]);
    });

    it("that cannot be made is an error that says why", () => {
      expect(run("../../dev/null/x", { uid: 5, gid: 6 })).toEqual([
        "",
        expect.stringMatching(/dev\/null\/x.*\n(.*\n)*obuilder: cannot enter .*dev\/null\/x/),
      ]);
    });
  },
);
