import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { installedShells } from "../../testing/installed-shells.ts";

const script = readFileSync(new URL(import.meta.resolve("./scripts/lib/session-environment.sh")), "utf8");
const home = mkdtempSync(join(tmpdir(), "session-environment-"));
afterAll(() => rmSync(home, { recursive: true }));

/** The arguments after the script, which was given `STEP=1` and a program. */
function argumentsIn(shell: string, directory: string): readonly string[] {
  const lines = [
    `home=$1`,
    `run_as() { "$@"; }`,
    `set -- STEP=1 program`,
    script,
    String.raw`printf '%s\0' "$@"`,
  ];
  const output = execFileSync(shell, ["-c", lines.join("\n"), "sh", directory]).toString();
  return output.split("\0").slice(0, -1);
}

describe.each(installedShells.filter((shell) => !shell.endsWith("zsh")))(
  "the variables of a user's sessions, in %s,",
  (shell) => {
    it("are put before those of the step, in their order and unchanged", () => {
      mkdirSync(join(home, ".ssh"), { recursive: true });
      const lines = [
        "# a comment",
        "A=it's `x` $HOME",
        "",
        "TWICE=1",
        "-u=HOME",
        "TWICE=2",
        "LAST= no newline",
      ];
      writeFileSync(join(home, ".ssh/environment"), lines.join("\n"));
      const expected = ["A=it's `x` $HOME", "TWICE=1", "TWICE=2", "LAST= no newline", "STEP=1", "program"];
      expect(argumentsIn(shell, home)).toEqual(expected);
    });

    it("are none without ~/.ssh/environment", () => {
      expect(argumentsIn(shell, join(home, "nobody"))).toEqual(["STEP=1", "program"]);
    });
  },
);
