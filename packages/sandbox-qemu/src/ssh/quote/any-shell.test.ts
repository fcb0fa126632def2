import { execFileSync, spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { hostileStrings } from "../../testing/hostile-strings.ts";
import { installedShells, otherShells } from "../../testing/installed-shells.ts";
import { anyShellCommand, isBourneShell } from "./any-shell.ts";
import { quoteWords } from "./posix.ts";

const env = { PATH: "/usr/bin:/bin", HOME: "/nonexistent" };

/** The words that a line of these words passes to a program, through a login shell. */
function throughShell(shell: string, words: readonly string[]): readonly string[] {
  const line = anyShellCommand(`exec ${quoteWords(["printf", String.raw`%s\0`, ...words])}`);
  const output = execFileSync(shell, ["-c", line], { env, maxBuffer: 2 ** 25 });
  return output.toString().split("\0").slice(0, -1);
}

describe("a command line for any shell", () => {
  it("has tests with shells of other families than Bourne's", () => {
    expect(otherShells.length).toBeGreaterThan(1);
  });

  describe.each([...installedShells, ...otherShells])("through %s", (shell) => {
    it("passes every word unchanged", () => {
      const words = hostileStrings.filter((word) => word.length < 10_000);
      expect(throughShell(shell, words)).toEqual(words);
    });

    it("passes a long word unchanged", () => {
      const word = "ab c!".repeat(12_000);
      expect(throughShell(shell, [word])).toEqual([word]);
    });

    it("passes standard input and the exit status on, and leaves the environment alone", () => {
      const variables = { ...env, b: "1", s: "2", IFS: "3" };
      const line = anyShellCommand(`cat; printf '%s' "$b$s$#"; exit 7`);
      const { status, stdout } = spawnSync(shell, ["-c", line], { env: variables, input: "in\n" });
      expect([status, stdout.toString()]).toEqual([7, "in\n120"]);
    });
  });

  it("is limited by the length of an argument", () => {
    expect(() => anyShellCommand("'".repeat(40_000))).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED" }),
    );
  });
});

describe("a login shell", () => {
  it.each(["/bin/sh", "/bin/bash", "/usr/bin/zsh", "ksh93", "/bin/mksh", "/bin/dash", "/bin/ash"])(
    "%s is of the Bourne family",
    (path) => expect(isBourneShell(path)).toBe(true),
  );

  it.each(["/bin/csh", "/bin/tcsh", "/usr/bin/fish", "/bin/rc", "/opt/my-shell", "", "/bin/sh.old"])(
    "%j may be of another",
    (path) => expect(isBourneShell(path)).toBe(false),
  );
});
