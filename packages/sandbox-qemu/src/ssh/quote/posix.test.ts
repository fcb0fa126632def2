import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { installedShells } from "../../testing/installed-shells.ts";
import { checkText, quoteWord, quoteWords } from "./posix.ts";
import { hostileStrings } from "../../testing/hostile-strings.ts";

describe("quoting", () => {
  it("leaves plain words unquoted", () => {
    expect(quoteWords(["/bin/sh", "-c", "echo $HOME", "it's", "", "*"])).toBe(
      String.raw`/bin/sh -c 'echo $HOME' 'it'\''s' '' '*'`,
    );
  });

  describe.each(installedShells)("through %s", (shell) => {
    it.each(hostileStrings)("a word arrives unchanged: %j", (word) => {
      expect(throughShell(shell, [word])).toEqual([word]);
    });

    it("many words arrive separately", () => {
      expect(throughShell(shell, hostileStrings)).toEqual(hostileStrings);
    });

    it("words survive two nested shells", () => {
      const inner = quoteWords(["printf", String.raw`%s\0`, ...hostileStrings]);
      const output = execFileSync(shell, ["-c", quoteWords([shell, "-c", inner])]);
      expect(output.toString().split("\0").slice(0, -1)).toEqual(hostileStrings);
    });
  });

  it("rejects what no argument can contain", () => {
    expect(() => quoteWord("a\0b")).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }));
    expect(() => checkText("latin \uDCE9")).toThrow(/not UTF-8/);
    expect(() => checkText("fine \u{1F600} é")).not.toThrow();
  });
});

function throughShell(shell: string, words: readonly string[]): readonly string[] {
  const output = execFileSync(shell, ["-c", quoteWords(["printf", String.raw`%s\0`, ...words])]);
  return output.toString().split("\0").slice(0, -1);
}
