import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toBytes } from "../../byte-text.ts";
import { parseSpec } from "../../parse.ts";
import { SpecError } from "../../spec-error.ts";
import { formatSpec, printMachine } from "../../spec-print.ts";
import { scan } from "../../tokens.ts";
import { formatSource } from "./format-source.ts";

/** The valid specs of the conformance tests. */
const corpus = ["specs.jsonl", "edge-cases.jsonl"].flatMap((file) =>
  readFileSync(new URL(`../../../test-data/${file}`, import.meta.url), "utf8")
    .trimEnd()
    .split("\n")
    .map((line): { name?: string; spec?: string; base64?: string; ok: boolean } => JSON.parse(line))
    .filter(({ ok }) => ok)
    .map(({ spec, base64 = "", name }) => ({
      name: name ?? JSON.stringify(spec ?? base64),
      bytes: spec === undefined ? Buffer.from(base64, "base64") : Buffer.from(spec),
    })),
);

/** All that is between the lists and atoms of a text, and what the text means. */
function meaning(text: string): { readonly machine: string; readonly lineComments: readonly string[] } {
  const lineComments: string[] = [];
  scan(text, (kind, { image }) => {
    if (kind === "lineComment") lineComments.push(image.trimEnd());
  });
  return { machine: printMachine(parseSpec(text)), lineComments };
}

function check(text: string): void {
  const formatted = formatSource(text);
  expect(meaning(formatted)).toEqual(meaning(text));
  expect(formatSource(formatted)).toBe(formatted);
  expect(formatted.split("\n").filter((line) => /^[ \t]+$/.test(line) && !text.includes(line))).toEqual([]);
}

describe("formatSource", () => {
  test.each(corpus)("keeps the spec and the comments of $name, and formats it once", ({ bytes }) => {
    const formatted = formatSource(bytes);
    expect(printMachine(parseSpec(toBytes(formatted)))).toBe(printMachine(parseSpec(bytes)));
    expect(formatSource(toBytes(formatted))).toBe(formatted);
  });

  test.each(corpus)("lays out $name as formatSpec does, which knows no comments", ({ bytes }) => {
    const canonical = formatSpec(parseSpec(bytes));
    expect(formatSource(canonical)).toBe(`${canonical}\n`);
  });

  test("keeps comments where they are: above, behind, between, at the ends and in a list", () => {
    expect(
      formatSource(`; the licence

;; what it is   
( ; inside
(build tools ; why
((from a) ; base
)) #| before |# (from b) #| behind |#


  ; about the run

 (run   (network host) ; it downloads
   #;(cache (a (target /a)))
   (shell "apt-get update") ; the command
   ; last
   )
(copy (src a b) ; two
(dst c/)) (env A #| one |# B) ; the end
; really
)
; after`),
    ).toMatchInlineSnapshot(`
      "; the licence

      ;; what it is
      (; inside
       (build tools ; why
              ((from a) ; base
              )) #| before |#
       (from b) #| behind |#

       ; about the run

       (run (network host) ; it downloads
            #;(cache (a (target /a)))
            (shell "apt-get update") ; the command
            ; last
       )
       (copy (src a b) ; two
             (dst c/))
       (env A #| one |# B) ; the end
       ; really
      )
      ; after
      "
    `);
  });

  test("keeps how atoms are written, and moves continued lines with them", () => {
    expect(
      formatSource(`((from "base")
      (run (shell "set -e; \\
                     make é \\
                   install
  raw \\"text\\"\\\\
"))
(run (shell "a\\
     \\n b\\
  \\n c")))`),
    ).toMatchInlineSnapshot(`
      "((from "base")
       (run (shell "set -e; \\
                      make é \\
                    install
        raw \\"text\\"\\\\
      "))
       (run (shell  "a\\
                   \\n b\\
                   \\n c"))
      )
      "
    `);
  });

  test("writes line feeds at the ends of lines, but changes none that are in a string", () => {
    expect(formatSource('((from a)\r\n ; b\r\n #| c\r\n d |#\r\n (env A "x\r\ny"))\r\n')).toBe(
      '((from a)\n ; b\n #| c\n d |#\n (env A "x\r\ny")\n)\n',
    );
  });

  test("moves the lines of a block comment with its first one", () => {
    expect(formatSource("((from a)\n     #| one\n        two\n\n  three |#\n(env A B))")).toBe(
      "((from a)\n #| one\n    two\n\nthree |#\n (env A B)\n)\n",
    );
  });

  test("puts the parenthesis that a comment would hide onto a line of its own", () => {
    expect(formatSource("((from a) (copy (src b ; c\n) (dst d)))")).toBe(
      "((from a)\n (copy (src b ; c\n       )\n       (dst d))\n)\n",
    );
  });

  test("refuses what is not a spec", () => {
    expect(() => formatSource("((from a)", { file: "x.spec" })).toThrow(SpecError);
    expect(() => formatSource("; nothing")).toThrow("holds comments only");
  });

  test("keeps meaning and comments of any comments at any place, and formats them once", () => {
    const gap = fc.constantFrom(
      ...[" ", "\n", "\n\n\n", "\t", "\r\n", " ; c\n", "\n; own line\n", "\n\n ;; x \r\n", "#| b |#"],
      ...[
        "\n#| two\n    lines |#\n",
        "#;x ",
        '#; ; y\n (z "\n")',
        "#;#;a b",
        ' #| "|#" |# ',
        "\n #;(a ; b\n c)\n",
      ],
    );
    const pieces = [
      ..."( ( build n ( ( from a ) ( workdir /w ) ) ) ( from b ) ( run ( network host ) ( shell".split(" "),
      ...['"x \\\n   y"', ...") ) ( copy ( src a b ) ( dst".split(" "), '"c\n d"'],
      ...[...") ) ( env A".split(" "), '"e\\\n\\nf"', ")", ")"],
    ];
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(pieces.length), gap), { maxLength: 12 }), (gaps) => {
        const text = pieces.map((piece, at) => {
          const before = gaps.filter(([place]) => place === at).map(([, found]) => found);
          return `${before.join(" ")} ${piece} `;
        });
        check(text.join("").trimStart());
      }),
      { numRuns: 2000 },
    );
  });

  test("formats texts of a megabyte: comments, atoms and lines on one line or many", () => {
    const repeated = ["#|a|#", "; a\n", "(env A B)", '(comment "a\\\n b")', "#;a "].map((part) =>
      part.repeat(20_000),
    );
    const others = ["#|".repeat(40_000) + "|#".repeat(40_000), "#;".repeat(20_000) + "a ".repeat(20_000)];
    for (const part of [...repeated, ...others]) {
      expect(formatSource(`((from a)${part})`)).toMatch(/^\(\(from a\)/);
    }
  });
});
