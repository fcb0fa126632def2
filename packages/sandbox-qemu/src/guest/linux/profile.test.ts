import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { RunTask } from "@ob/core";
import { afterAll, describe, expect, it } from "vitest";
import { capturedState } from "../../testing/captured-state.ts";
import { hostileStrings } from "../../testing/hostile-strings.ts";
import { runTask as task } from "../../testing/run-task.ts";
import { anyShellCommand, isBourneShell } from "../../ssh/quote/any-shell.ts";
import { installedShells, otherShells } from "../../testing/installed-shells.ts";
import { diskLetters } from "./disk-args.ts";
import * as posixScripts from "../posix/scripts.generated.ts";
import { exitDeviceMissing, exitNotFound } from "../exit-statuses.ts";
import type { GuestCommand, ParsedBaseline } from "../profile.ts";
import * as windowsScripts from "../windows/scripts.generated.ts";
import { commandPath } from "./long-command.ts";
import { frozenMarker } from "./markers.ts";
import { linuxGuest } from "./profile.ts";
import * as scripts from "./scripts.generated.ts";

const profile = linuxGuest("opam");
const directory = realpathSync(mkdtempSync(join(tmpdir(), "linux-guest-")));
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs a step's command as a guest's sshd would: in the login shell. The command must not need another user. */
function asLoginShell(loginShell: string, changes: Partial<RunTask>): string {
  const { command } = profile.run(task(changes));
  expect(command).not.toContain("exec sudo");
  const line = isBourneShell(loginShell) ? command : anyShellCommand(command);
  return execFileSync(loginShell, ["-c", line], {
    env: { PATH: process.env["PATH"], SHELL: loginShell, HOME: "/", SSH_CLIENT: "10.0.2.2 1 22" },
    cwd: "/",
  }).toString();
}

const print = String.raw`printf '%s\0' `;
const words = (output: string): readonly string[] => output.split("\0").slice(0, -1);

describe("a command for the login user", () => {
  it("is an argument of the script that runs it", () => {
    const { command } = profile.run(
      task({ command: "make it 'so'", workdir: "/src", environment: [["A", "b c"]] }),
    );
    expect(command).toMatch(/^exec \/bin\/sh -c '/);
    expect(command.endsWith(String.raw`' obuilder login 'make it '\''so'\''' /src 'A=b c'`)).toBe(true);
  });

  describe.each(installedShells)("whose login shell is %s", (shell) => {
    it("is run by that shell, with any characters", () => {
      for (const word of hostileStrings.slice(0, -1)) {
        const quoted = `'${word.replaceAll("'", String.raw`'\''`)}'`;
        expect(words(asLoginShell(shell, { command: `${print}${quoted}` }))).toEqual([word]);
      }
      expect(asLoginShell(shell, { command: 'echo "$0"\n# a comment' }).trim()).toBe(shell);
    });

    it("is the last argument of the step's own shell, unchanged", () => {
      const show = ["/bin/sh", "-c", String.raw`printf '%s\0' "$@"`, "name", "two words", "it's"];
      for (const word of hostileStrings.slice(0, -1)) {
        expect(words(asLoginShell(shell, { shell: show, command: word }))).toEqual([
          "two words",
          "it's",
          word,
        ]);
      }
    });

    it("gets its environment, newest first, including names that no shell can assign", () => {
      const environment = hostileStrings
        .slice(0, -1)
        .map((word, index): [string, string] => [`V${index}`, word])
        .concat([
          ["a-b.c", "1"],
          ["-x", "2"],
          ["é", "3"],
        ]);
      const variables = asLoginShell(shell, { environment, shell: ["/usr/bin/env", "-0"], command: "-0" });
      const seen = words(variables);
      for (const [key, value] of environment) expect(seen).toContain(`${key}=${value}`);
      expect(seen.filter((word) => /^(SSH_|OLDPWD)/.test(word))).toEqual([]);
    });

    it("runs in its workdir, which is created if it is missing", () => {
      for (const name of ["plain", "two words", "-dash", "it's", "a/b/c", "$HOME"]) {
        const workdir = join(directory, shell.replaceAll("/", "_"), name);
        expect(asLoginShell(shell, { workdir, command: "pwd" })).toBe(`${workdir}\n`);
      }
    });

    it("has an empty input, and its status is passed on", () => {
      expect(asLoginShell(shell, { command: "wc -c" }).trim()).toBe("0");
      const { command } = profile.run(task({ command: "exit 7" }));
      expect(spawnSync(shell, ["-c", command], { env: { SHELL: shell, PATH: "/bin" } }).status).toBe(7);
    });
  });

  describe.each(otherShells)("whose login shell is %s", (shell) => {
    it("is run by that shell, in its workdir and with its environment", () => {
      const workdir = join(directory, shell.replaceAll("/", "_"), "it's");
      const environment: [string, string][] = [["V", "a !b 'c' \\d"]];
      const changes = { workdir, environment, command: "printenv V; pwd; wc -c" };
      const output = asLoginShell(shell, changes);
      expect(output).toMatch(`a !b 'c' \\d\n${workdir}\n0\n`);
    });

    it("is the last argument of the step's own shell, unchanged", () => {
      const show = ["/bin/sh", "-c", String.raw`printf '%s\0' "$@"`, "name"];
      for (const word of hostileStrings.slice(0, -1)) {
        expect(words(asLoginShell(shell, { shell: show, command: word }))).toEqual([word]);
      }
    });
  });

  it("is passed as a file if it is too long for an argument", () => {
    const long = task({ command: `: ${"x".repeat(200_000)}` });
    expect(profile.run(long).command.length).toBeLessThan(2_000);
    const [put] = profile.mount(long);
    expect(Buffer.from(put?.input ?? []).toString()).toBe(long.command);
    expect(profile.unmount(long, "1 2")).toHaveLength(1);
  });

  it("is rejected if it is too long for the step's own shell", () => {
    const long = task({ command: "x".repeat(200_000), shell: ["/bin/sh", "-c"] });
    expect(() => profile.mount(long)).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }));
  });

  it("is rejected if an argument cannot contain it", () => {
    const refused = expect.objectContaining({ code: "UNSUPPORTED" });
    expect(() => profile.run(task({ command: "caf\uDCE9" }))).toThrow(refused);
    expect(() => profile.run(task({ environment: [["A", "\0"]] }))).toThrow(refused);
    expect(() => profile.run(task({ environment: [["A=B", "1"]] }))).toThrow(refused);
    expect(() => profile.run(task({ environment: [["", "1"]] }))).toThrow(refused);
  });
});

describe("a command for another user", () => {
  const head = (changes: Partial<RunTask>): string => profile.run(task(changes)).command.slice(0, 30);

  it("is run by root, which switches to that user's ids", () => {
    expect(head({ user: { uid: 0, gid: 0 } })).toBe("exec sudo -n -- /bin/sh -c 'fa");
    const { command } = profile.run(task({ user: { uid: 1234, gid: 99 }, command: "id" }));
    expect(command.slice(-40)).toMatch(/obuilder uid 1234 99 login id \/$/);
  });

  it("accepts a user by name", () => {
    const { command } = profile.run(task({ user: { name: "o'hara" }, command: "id" }));
    expect(command).toMatch(/obuilder name 'o'\\''hara' '' login id \/$/);
  });

  it("needs no sudo if root logs in", () => {
    expect(linuxGuest("root").run(task({ user: { uid: 1, gid: 1 } })).command).toMatch(/^exec \/bin\/sh -c/);
  });
});

describe("mounting", () => {
  it("needs no command for a step without caches and secrets", () => {
    expect(profile.mount(task())).toEqual([]);
    expect(profile.unmount(task(), "1 2 3")).toEqual([]);
  });

  const caches = [
    { name: "a", disk: "/d/a", formatted: false, target: "/home/opam/.cache" },
    { name: "b", disk: "/d/b", formatted: true, target: "/b" },
  ];
  const secrets = [{ target: "/run/secrets/key", contents: Buffer.from("hunter2") }];

  it("mounts caches from the second disk on, and then writes the secrets", () => {
    const commands = profile.mount(task({ caches, secrets, user: { uid: 5, gid: 6 } }));
    expect(commands.map(({ command }) => command.slice(command.lastIndexOf("obuilder ")))).toEqual([
      "obuilder obuilder-cache-001 b /home/opam/.cache no uid 5 6",
      "obuilder obuilder-cache-002 c /b yes uid 5 6",
      "obuilder 0 /run/secrets/key uid 5 6",
    ]);
  });

  it("does not show a secret in a command", () => {
    const all = [...profile.mount(task({ secrets })), ...profile.unmount(task({ secrets }), "1")];
    expect(all.map(({ command }) => command).join("\n")).not.toContain("hunter2");
    expect(all.map(({ purpose }) => purpose).join("\n")).not.toContain("hunter2");
  });

  it("is undone in reverse order", () => {
    const [undo] = profile.unmount(task({ caches, secrets }), "processes: 1 2\n");
    expect(undo?.command).toMatch(/obuilder '1 2' 1 \/run\/secrets\/key \/b \/home\/opam\/\.cache$/);
  });

  it("rejects a target that is not an absolute path", () => {
    const refused = expect.objectContaining({ code: "UNSUPPORTED" });
    expect(() => profile.mount(task({ secrets: [{ target: "key", contents: Buffer.of(1) }] }))).toThrow(
      refused,
    );
    expect(() => profile.mount(task({ secrets: [{ target: "/", contents: Buffer.of(1) }] }))).toThrow(
      refused,
    );
  });
});

it("the initial processes are those that the ready guest has reported", () => {
  const bootInfo =
    "Welcome to the guest\nprocesses: 1 2 30\nprograms: /proc/1/maps /proc/30/maps\nclock: 17\n";
  expect(profile.flush(bootInfo).command).toMatch(/ obuilder '1 2 30'$/);
  expect(profile.vmReuse?.captureBaseline(bootInfo).command).toMatch(
    / opam ' \/proc\/1\/maps \/proc\/30\/maps'$/,
  );
});

function resetCommands(parsed: ParsedBaseline): readonly GuestCommand[] {
  return parsed.kind === "baseline" ? [parsed.baseline.resetAndFlush("1 2")] : [];
}

describe("every script", () => {
  const commands = [
    profile.prepare,
    ...(profile.resumed ? [profile.resumed(new Date(0))] : []),
    ...(profile.tuneKernel ? [profile.tuneKernel("tcg").command] : []),
    profile.unpack,
    ...(profile.findOwner ? [profile.findOwner("opam")] : []),
    ...(profile.unpackDisk ? [profile.unpackDisk("obuilder-copy-012345", Buffer.of(10))] : []),
    profile.flush("1 2"),
    ...(profile.vmReuse
      ? [
          profile.vmReuse.captureBaseline("1 2"),
          ...resetCommands(profile.vmReuse.parseBaseline(capturedState)),
          profile.vmReuse.thaw(new Date(0)),
        ]
      : []),
    ...(profile.shutdown === "acpi" ? [] : [profile.shutdown]),
    profile.run(task({ user: { uid: 1, gid: 1 } })),
    ...profile.mount(
      task({
        command: "x".repeat(200_000),
        caches: [{ name: "c", disk: "/d", formatted: false, target: "/c" }],
        secrets: [{ target: "/s", contents: Buffer.of(1) }],
      }),
    ),
  ];

  it.each(installedShells)("is parsed without an error by %s", (shell) => {
    for (const { command } of commands) {
      // The script is the word after -c. `set` prints it without running it.
      const show = command
        .replace(/^exec sudo -n -- \/bin\/sh -c /, "printf %s ")
        .replace(/(?<=') obuilder .*$/s, "");
      const script = execFileSync("/bin/sh", ["-c", show]).toString();
      const result = spawnSync(shell, ["-n"], { input: script });
      expect(result.stderr.toString()).toBe("");
      expect(result.status).toBe(0);
    }
  });
});

describe("a disk's partition", () => {
  it("has the kernel's name, also after the 26th disk", () => {
    const names = [0, 1, 25, 26, 40, 701, 702].map((index) => diskLetters(index));
    expect(names).toEqual(["a", "b", "z", "aa", "ao", "zz", "aaa"]);
  });
});

it("the markers that the host looks for are in the scripts", () => {
  expect(scripts.flush).toContain(`echo '${frozenMarker}'`);
  expect(scripts.resetInBootShell).toContain(`echo '${frozenMarker}'`);
  expect(scripts.putCommand).toContain(`memory=${dirname(commandPath)}\n`);
  expect(scripts.unpackDisk).toContain(`exit ${exitDeviceMissing}\n`);
  for (const { readArchive } of [posixScripts, windowsScripts]) {
    expect(readArchive).toContain(`exit ${exitNotFound}\n`);
  }
});
