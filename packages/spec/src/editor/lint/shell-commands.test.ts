import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { shellCommands } from "./shell-commands.ts";

/** The commands of a text; those that may not run in brackets. */
function read(text: string): readonly string[] {
  return shellCommands(text).map(({ words, isConditional }) => {
    const line = words.map((word) => word.text).join(" ");
    return isConditional ? `[${line}]` : line;
  });
}

describe("shellCommands", () => {
  test.each<readonly [string, readonly string[]]>([
    ["make", ["make"]],
    ["a 'b c' \"d $e\" f\\ g", ["a b c d $e f g"]],
    ["a && b; c\nd | e & f", ["a", "b", "c", "d", "e", "f"]],
    ["a || b && c; d", ["a", "[b]", "[c]", "d"]],
    ["if a; then b; else c; fi; d", ["[a]", "[b]", "[c]", "d"]],
    ["for i in a b; do c $i; done && d", ["[c $i]", "d"]],
    ["{ a; } && ! b", ["a", "b"]],
    ["# a comment; b\nc # d", ["c"]],
    ["a > b 2>&1 <c >>d e", ["a e"]],
    ["A=1 B='x y' sudo -E -u root C=2 env D=3 a", ["a"]],
    ["/usr/bin/env a; time nice -n 5 b", ["a", "b"]],
    ["a \\\n  b", ["a b"]],
    ["a $(b; c) `d` ${e:-f g}", ["a $(b; c) `d` ${e:-f g}"]],
    ["$CMD a; b", ["b"]],
    ["a; cat <<END\nb\nEND\nc", ["a", "cat"]],
    ["a; case b in c) d;; esac; e", ["a"]],
    ["f() { a; }; b", ["f"]],
    ["a 'never closed; b", ["a never closed; b"]],
    ["", []],
  ])("reads %j", (text, commands) => {
    expect(read(text)).toEqual(commands);
  });

  test("gives the place of each word, and ends for any text", () => {
    const part = fc.constantFrom(
      ..."a|b |'|\"|\\|$|(|)|{|}|`|;|&|\n|#|<|<<|>| |=|if|fi|case|sudo -u|||${".split("|"),
      "|",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
        const text = parts.join("");
        let end = 0;
        for (const { words } of shellCommands(text)) {
          for (const word of words) {
            expect(word.start).toBeGreaterThanOrEqual(end);
            expect(word.end).toBeGreaterThan(word.start);
            end = word.end;
          }
        }
        expect(end).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 2000 },
    );
  });

  test("reads a text of megabytes", () => {
    for (const part of ["a ", "<a ", "\\\n", "$(", "'", "a;", "#\n", "if ", "A=1 ", "sudo ", "sudo -u "]) {
      expect(() => shellCommands(part.repeat(100_000))).not.toThrow();
    }
  });
});
