import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { RunTask } from "@ob/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostileStrings } from "../../testing/hostile-strings.ts";
import { runTask } from "../../testing/run-task.ts";
import { windowsGuest } from "./profile.ts";

const profile = windowsGuest("opam");

describe("a step's command, by a bash that has cygpath,", () => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "windows-guest-")));
  beforeAll(() => {
    mkdirSync(join(directory, "bin"));
    writeFileSync(join(directory, "bin/cygpath"), '#!/bin/sh\nprintf "%s\\n" "$2"\n');
    chmodSync(join(directory, "bin/cygpath"), 0o755);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const run = (changes: Partial<RunTask>): readonly string[] => {
    const { command } = profile.run(runTask(changes));
    const path = `${join(directory, "bin")}${delimiter}${process.env["PATH"] ?? ""}`;
    const env = { PATH: path, HOME: "/", SSH_CLIENT: "10.0.2.2 1 22" };
    return execFileSync("/bin/bash", ["-c", command], { env }).toString().split("\0").slice(0, -1);
  };

  it("is run unchanged, with any characters", () => {
    for (const word of hostileStrings.slice(0, -1)) {
      const command = String.raw`printf '%s\0' '${word.replaceAll("'", String.raw`'\''`)}'`;
      expect(run({ command })).toEqual([word]);
    }
  });

  it("is the last argument of the step's own shell", () => {
    const show = ["/bin/sh", "-c", String.raw`printf '%s\0' "$@"`, "name", "it's"];
    for (const word of hostileStrings.slice(0, -1))
      expect(run({ shell: show, command: word })).toEqual(["it's", word]);
  });

  it("has the step's variables and workdir, no variables of ssh, and an empty input", () => {
    const command = `printf '%s\\0' "$A" "$PWD" "\${SSH_CLIENT-none}" "\${directory-none}"; cat`;
    const workdir = join(directory, "it's made");
    for (const value of hostileStrings.slice(0, -1)) {
      expect(run({ command, workdir, environment: [["A", value]] })).toEqual([
        value,
        workdir,
        "none",
        "none",
      ]);
    }
  });
});
