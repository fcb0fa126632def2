import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunTask } from "@ob/core";
import { afterAll, describe, expect, it } from "vitest";
import { hostileStrings } from "../../testing/hostile-strings.ts";
import { runTask } from "../../testing/run-task.ts";
import { installedShells } from "../../testing/installed-shells.ts";
import * as scripts from "./scripts.generated.ts";
import { openbsdGuest } from "./profile.ts";

const profile = openbsdGuest("opam");
const directory = realpathSync(mkdtempSync(join(tmpdir(), "openbsd-guest-")));
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs a step's command as a guest's sshd would: in the login shell. The command must not need another user. */
function asLoginShell(loginShell: string, changes: Partial<RunTask>): readonly string[] {
  const { command } = profile.run(runTask(changes));
  const output = execFileSync(loginShell, ["-c", command], {
    env: { PATH: process.env["PATH"], SHELL: loginShell, HOME: "/", SSH_CLIENT: "10.0.2.2 1 22" },
    cwd: "/",
  });
  return output.toString().split("\0").slice(0, -1);
}

/** The part of a command line outside of the script; other tests cover the scripts. */
const withoutScript = (command: string): string => command.replace(/-c '.*' obuilder/s, "-c SCRIPT obuilder");

const cache = { name: "c", disk: "/c.qcow2", formatted: true, target: "/home/opam/.opam" };

describe("OpenBSD's commands", () => {
  it("become root by doas, and never prompt", () => {
    expect(withoutScript(profile.prepare.command)).toMatchInlineSnapshot(
      `"exec /usr/bin/doas -n -- /bin/sh -c SCRIPT obuilder"`,
    );
    expect(withoutScript(profile.unpack.command)).toMatchInlineSnapshot(
      `"exec /usr/bin/doas -n -- /bin/sh -c SCRIPT obuilder"`,
    );
    expect(withoutScript(profile.flush("  1\n  20\n 300\n").command)).toMatchInlineSnapshot(
      `"exec /usr/bin/doas -n -- /bin/sh -c SCRIPT obuilder '1 20 300'"`,
    );
  });

  it("need no doas for root", () => {
    expect(withoutScript(openbsdGuest("root").unpack.command)).toMatchInlineSnapshot(
      `"exec /bin/sh -c SCRIPT obuilder"`,
    );
  });

  it("map cache i to the disk sd1+i", () => {
    const caches = [cache, { ...cache, formatted: false, target: "/it's" }];
    const commands = profile.mount(runTask({ caches, user: { uid: 1000, gid: 1001 } }));
    expect(commands.map(({ command }) => withoutScript(command))).toMatchInlineSnapshot(`
      [
        "exec /usr/bin/doas -n -- /bin/sh -c SCRIPT obuilder 1 /home/opam/.opam yes uid 1000 1001",
        "exec /usr/bin/doas -n -- /bin/sh -c SCRIPT obuilder 2 '/it'\\''s' no uid 1000 1001",
      ]
    `);
  });

  it("pass a secret to the step's user on standard input", () => {
    const contents = Buffer.from("hidden");
    const secrets = [{ target: "/run/key", contents }];
    const [command] = profile.mount(runTask({ secrets, user: { name: "build" } }));
    expect(withoutScript(command?.command ?? "")).toMatchInlineSnapshot(
      `"exec /usr/bin/doas -n -- /bin/sh -c SCRIPT obuilder 0 /run/key name build ''"`,
    );
    expect(command?.input).toBe(contents);
  });

  it("remove secrets first, and unmount caches in reverse order", () => {
    const task = runTask({
      caches: [cache, { ...cache, target: "/second" }],
      secrets: [{ target: "/run/key", contents: Buffer.from("") }],
    });
    const [command] = profile.unmount(task, "1\n2\n");
    expect(withoutScript(command?.command ?? "")).toMatchInlineSnapshot(
      `"exec /usr/bin/doas -n -- /bin/sh -c SCRIPT obuilder '1 2' 1 /run/key /second /home/opam/.opam"`,
    );
    expect(profile.unmount(runTask(), "1")).toEqual([]);
  });

  it("start as root to run as another user, and then switch", () => {
    const task = runTask({
      user: { uid: 1000, gid: 1001 },
      command: "make it 'so'",
      shell: ["/bin/ksh", "-c"],
    });
    expect(withoutScript(profile.run(task).command)).toMatchInlineSnapshot(
      `"exec /usr/bin/doas -n -- /bin/sh -c SCRIPT obuilder uid 1000 1001 exec 'make it '\\''so'\\''' / /bin/ksh -c"`,
    );
  });

  it.each([
    ["a relative cache", { caches: [{ ...cache, target: "x" }] }],
    ["a relative secret", { secrets: [{ target: "x", contents: Buffer.from("") }] }],
    ["a command that SSH has no packet for", { command: "x".repeat(250_000) }],
    ["a variable without a name", { environment: [["", "x"]] as const }],
  ])("are rejected for %s", (_, changes) => {
    const task = runTask(changes);
    expect(() => [profile.mount(task), profile.run(task)]).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED" }),
    );
  });
});

describe("OpenBSD's scripts", () => {
  it.each(installedShells.filter((shell) => !shell.endsWith("zsh")))("are all parsed by %s", (shell) => {
    for (const script of Object.values(scripts)) {
      expect(() => execFileSync(shell, ["-n", "-c", script])).not.toThrow();
    }
  });

  it("switch to another user with a perl script that compiles", () => {
    const program = /become='([^']*)'/.exec(scripts.runAsUser)?.[1] ?? "";
    expect(() => execFileSync("perl", ["-c", "-e", program], { stdio: "pipe" })).not.toThrow();
  });
});

describe.each(installedShells)("a step's command, with %s as the login shell,", (shell) => {
  it("is run by that shell, with any characters", () => {
    for (const word of hostileStrings.slice(0, -1)) {
      const command = String.raw`printf '%s\0' '${word.replaceAll("'", String.raw`'\''`)}'`;
      expect(asLoginShell(shell, { command })).toEqual([word]);
    }
  });

  it("is the last argument of the step's own shell, unchanged", () => {
    const show = ["/bin/sh", "-c", String.raw`printf '%s\0' "$@"`, "name", "it's"];
    for (const word of hostileStrings.slice(0, -1)) {
      expect(asLoginShell(shell, { shell: show, command: word })).toEqual(["it's", word]);
    }
  });

  it("has the step's variables and workdir, no variables of ssh, and an empty input", () => {
    const command = `printf '%s\\0' "$A" "$PWD" "\${SSH_CLIENT-none}"; cat`;
    const workdir = join(directory, `it's ${shell.slice(5)}`);
    for (const value of hostileStrings.slice(0, -1)) {
      expect(asLoginShell(shell, { command, workdir, environment: [["A", value]] })).toEqual([
        value,
        workdir,
        "none",
      ]);
    }
  });
});
