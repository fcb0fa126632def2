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

/** Owner and mode of each directory from `top` down to the path. */
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

// Only root can switch to another user.
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

    it("is created with all missing parents for the step's user, whatever the umask is", () => {
      mkdirSync(join(top, place));
      const path = `${place}/it's a/b/-c`;
      expect(run(path, { uid: 4321, gid: 8765 })).toEqual([join(top, path), ""]);
      const made = ["4321:8765 755", "4321:8765 755", "4321:8765 755"];
      expect(shown(path)).toEqual(["0:0 755", ...made]);
      // Existing directories do not change.
      expect(run(`${path}/../d/`, { uid: 5, gid: 6 })).toEqual([join(top, place, "it's a/b/d"), ""]);
      expect(shown(`${place}/it's a/b/d`)).toEqual(["0:0 755", ...made.slice(1), "5:6 755"]);
    });

    it("is created for the login user if the step has no user, also through a link", () => {
      const other = `${place} login`;
      mkdirSync(join(top, other, "real"), { recursive: true });
      symlinkSync("real", join(top, other, "link"));
      expect(run(`${other}/link/a/b`)).toEqual([join(top, other, "real/a/b"), ""]);
      expect(shown(`${other}/real/a/b`).slice(2)).toEqual(["0:0 755", "0:0 755"]);
    });

    it("that cannot be created is an error with its reason", () => {
      expect(run("../../dev/null/x", { uid: 5, gid: 6 })).toEqual([
        "",
        expect.stringMatching(/dev\/null\/x.*\n(.*\n)*obuilder: cannot enter .*dev\/null\/x/),
      ]);
    });
  },
);
