import { describe, expect, test } from "vitest";

import { parseSpec } from "./parse.ts";
import { formatOp, formatSpec } from "./spec-print.ts";

function format(text: string): string {
  return formatSpec(parseSpec(text, { file: "test.spec" }));
}

function heading(op: string, column: number): string {
  const [first] = parseSpec(`((from base) ${op})`, { file: "test.spec" }).ops;
  if (first === undefined) throw new Error("no op");
  return `${" ".repeat(column)}${formatOp(first, { column })}`;
}

function copy(name: string): string {
  return format(`((from base)(copy(src ${"a".repeat(30)} ${name})(dst /src/)))`);
}

describe("formatSpec", () => {
  test("writes one op per line, and the fields of a run below each other", () => {
    expect(
      format(
        '((from base)(workdir /src)(run(cache(c(target /c)))(network host)(shell "make all"))(env A b))',
      ),
    ).toMatchInlineSnapshot(`
      "((from base)
       (workdir /src)
       (run (cache (c (target /c)))
            (network host)
            (shell "make all"))
       (env A b)
      )"
    `);
  });

  test("indents nested builds below their names", () => {
    expect(
      format(
        "((build dev((from b)(run(network n)(shell x))))(from base)(copy(from(build dev))(src /x)(dst /y)))",
      ),
    ).toMatchInlineSnapshot(`
      "((build dev
              ((from b)
               (run (network n)
                    (shell x))))
       (from base)
       (copy (from (build dev)) (src /x) (dst /y))
      )"
    `);
  });

  test("splits a command of several lines", () => {
    expect(format(String.raw`((from base)(run(shell "set -e\n  make\n")))`)).toMatchInlineSnapshot(`
      "((from base)
       (run (shell  "set -e\\
                   \\n  make\\
                   \\n"))
      )"
    `);
  });

  test("breaks a copy that does not fit on the line", () => {
    expect(copy("b".repeat(23)).split("\n")).toHaveLength(3);
    expect(copy("b".repeat(24)).split("\n")).toHaveLength(4);
  });

  test("limits the indentation of deeply nested builds", () => {
    const deep = format(`${"((build a ".repeat(100)}((from b))${")(from b))".repeat(100)}`);
    expect(Math.max(...deep.split("\n").map((line) => line.length))).toBeLessThan(90);
  });
});

describe("formatOp", () => {
  test("aligns the fields of a run with its column", () => {
    expect(heading('(run (cache (c (target "C:\\\\x"))) (shell "opam install tar"))', 3)).toBe(
      '   (run (cache (c (target "C:\\\\x")))\n        (shell "opam install tar"))',
    );
  });

  test("prints other ops on one line", () => {
    expect(heading("(user (uid 1) (gid 2))", 0)).toBe("(user (uid 1) (gid 2))");
    expect(heading('(env A "b c")', 0)).toBe('(env A "b c")');
  });
});
