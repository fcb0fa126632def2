import { describe, expect, test } from "vitest";

import { parseSpec } from "./parse.ts";
import { SpecError } from "./spec-error.ts";

function errorOf(text: string | Uint8Array): SpecError {
  try {
    parseSpec(text, { file: "test.spec" });
  } catch (error) {
    if (error instanceof SpecError) return error;
    throw error;
  }
  throw new Error("the spec was accepted");
}

function message(text: string | Uint8Array): string {
  return errorOf(text).message;
}

test("the malformed spec of the original's documentation", () => {
  const spec = String.raw`(
 (from windows-server-2022-amd64-ocaml-4.14.2)
 (run
  (run (cache (opam-archives (target "c:\\Users\\opam\\AppData\\local\\opam\\download-cache")))
  (shell "opam install tar")
 )
)
`;
  expect(message(spec)).toMatchInlineSnapshot(`
    "test.spec:1:1: this list is never closed: expected a ')' before the end of the file on line 7
      1 | (
        | ^
      note: test.spec:5:3: its indentation says that a ')' is missing somewhere before this
      5 |   (shell "opam install tar")
        |   ^
      note: test.spec:4:3: as it is written, it belongs to this list
      4 |   (run (cache (opam-archives (target "c:\\\\Users\\\\opam\\\\AppData…
        |   ^

    test.spec:4:4: unknown field "run" in (run ...): expected cache, network, secrets, restart or shell
      4 |   (run (cache (opam-archives (target "c:\\\\Users\\\\opam\\\\AppData\\…
        |    ^^^
      hint: is there one "(run" too many, or is a ')' missing before this?"
  `);
});

test("an error has a code, positions that count from 1, and hints", () => {
  const error = errorOf("((from base)\n (rum x)\n (env A))");
  expect(error.code).toBe("BAD_SPEC");
  expect(error.hint).toBeUndefined();
  expect(error.diagnostics).toStrictEqual([
    {
      position: { line: 2, column: 3 },
      message: 'unknown op "rum": expected comment, workdir, shell, run, copy, user, env or arg',
      hint: 'did you mean "run"?',
    },
    {
      position: { line: 3, column: 2 },
      message: "(env ...) takes a key and a value, found 1",
      hint: "write (env KEY VALUE)",
    },
  ]);
});

describe("parentheses, strings and comments", () => {
  test("a list that is never closed shows its start, its end, and where a parenthesis may be missing", () => {
    expect(message("((from base)\n (run (shell x)\n (workdir /src)\n (run (shell y)))\n\n"))
      .toMatchInlineSnapshot(`
      "test.spec:1:1: this list is never closed: expected a ')' before the end of the file on line 4
        1 | ((from base)
          | ^
        note: test.spec:3:2: its indentation says that a ')' is missing somewhere before this
        3 |  (workdir /src)
          |  ^
        note: test.spec:2:2: as it is written, it belongs to this list
        2 |  (run (shell x)
          |  ^

      test.spec:3:3: unknown field "workdir" in (run ...): expected cache, network, secrets, restart or shell
        3 |  (workdir /src)
          |   ^^^^^^^
        hint: (workdir ...) is an operation of its own: is a ')' missing before it?"
    `);
  });

  test("a truncated file shows its open lists, and reports nothing as missing", () => {
    expect(message("((build dev ((from b)\n  (run (cache (c (target /c")).toMatchInlineSnapshot(`
      "test.spec:2:18: this list is never closed: expected 7 ')' before the end of the file on line 2
        2 |   (run (cache (c (target /c
          |                  ^
        note: test.spec:2:15: nor is this one
        2 |   (run (cache (c (target /c
          |               ^
        note: test.spec:2:8: nor is this one
        2 |   (run (cache (c (target /c
          |        ^
        note: test.spec:2:3: nor is this one
        2 |   (run (cache (c (target /c
          |   ^"
    `);
  });

  test("a ')' too many at the end", () => {
    expect(message("((from base)))\n")).toMatchInlineSnapshot(`
      "test.spec:1:14: this ')' closes nothing
        1 | ((from base)))
          |              ^
        note: test.spec:1:13: the spec ends here already
        1 | ((from base)))
          |             ^"
    `);
  });

  test("a ')' too many in the middle", () => {
    expect(message("((from base)\n (run (shell x))) \n (run (shell y)))")).toMatchInlineSnapshot(`
      "test.spec:3:2: a file holds one spec, and this comes after its end
        3 |  (run (shell y)))
          |  ^
        hint: is there a ')' too many before it?
        note: test.spec:2:17: the spec ends here
        2 |  (run (shell x))) 
          |                 ^"
    `);
  });

  test("two specs", () => {
    expect(message("((from a))\n((from b))")).toMatchInlineSnapshot(`
      "test.spec:2:1: a file holds one spec, and this comes after its end
        2 | ((from b))
          | ^
        note: test.spec:1:10: the spec ends here
        1 | ((from a))
          |          ^"
    `);
  });

  test("a string that is never closed, with the string whose quote is missing", () => {
    expect(message('((from base)\n (frob x)\n (run (shell "hello))\n (run (shell "world")))'))
      .toMatchInlineSnapshot(`
        "test.spec:2:3: unknown op "frob": expected comment, workdir, shell, run, copy, user, env or arg
          2 |  (frob x)
            |   ^^^^

        test.spec:4:20: this string is never closed: expected a '"' before the end of the file
          4 |  (run (shell "world")))
            |                    ^
          note: test.spec:3:14: this string runs over the end of its line: is its '"' missing?
          3 |  (run (shell "hello))
            |              ^"
      `);
  });

  test("a comment that is never closed", () => {
    expect(message("((from base)\n #| a #| b |#\n (env A))")).toMatchInlineSnapshot(`
      "test.spec:2:2: this comment is never closed: expected a '|#' before the end of the file
        2 |  #| a #| b |#
          |  ^^
        hint: block comments nest: each '#|' needs a '|#' of its own"
    `);
  });

  test("all broken escapes", () => {
    expect(message(String.raw`((from base) (run (shell "C:\300 \x4g \9")))`)).toMatchInlineSnapshot(`
      "test.spec:1:29: \\300 is not a byte: expected a decimal number from \\000 to \\255
        1 | ((from base) (run (shell "C:\\300 \\x4g \\9")))
          |                             ^^^^
        hint: for a backslash itself write \\\\

      test.spec:1:34: an escape that is cut short: expected two hexadecimal digits after \\x
        1 | ((from base) (run (shell "C:\\300 \\x4g \\9")))
          |                                  ^^^
        hint: for a backslash itself write \\\\

      test.spec:1:39: an escape that is cut short: expected three decimal digits after \\
        1 | ((from base) (run (shell "C:\\300 \\x4g \\9")))
          |                                       ^^
        hint: for a backslash itself write \\\\"
    `);
  });
});

describe("files that hold no spec", () => {
  test.each([
    ["empty", ""],
    ["blank", " \n\n"],
    ["comments", "; (from base)\n"],
    ["a Dockerfile", "FROM debian\nRUN make\n"],
    ["no outer parentheses", "(from base)\n(run (shell make))\n"],
    ["a byte order mark", "\uFEFF((from base))"],
    ["UTF-16", Buffer.from("\uFEFF((from base))", "utf16le")],
    ["something else", Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0)],
  ])("%s", (name, text) => {
    expect(message(text)).toMatchSnapshot(name);
  });
});

describe("slips in ops and fields", () => {
  test.each([
    ["a field's name", "(run (shel x))"],
    ["a field too many", "(run (shell x) (timeout 5))"],
    ["a field twice", "(run (shell x) (shell y))"],
    ["no shell", "(run (network host))"],
    ["no fields", "(run make test)"],
    ["a command without quotes", "(run (shell make test))"],
    ["an op in capitals", "(RUN (shell x))"],
    ["a capital op", "(Run (shell x))"],
    ["an op inside of another", "(run (shell x) (env A B))"],
    ["copy like a shell's", "(copy . /src/)"],
    ["copy without dst", "(copy (src a))"],
    ["copy from a name", "(copy (from dev) (src a) (dst b))"],
    ["copy from a build, closed too late", "(copy (from (build dev) (src a) (dst b)))"],
    ["an unknown build", "(copy (from (build dev)) (src a) (dst b))"],
    ["a cache without a path", "(run (cache c) (shell x))"],
    ["a cache without a name", "(run (cache (target /c)) (shell x))"],
    ["a cache with a bare path", "(run (cache (c /c)) (shell x))"],
    [
      "options that are not pairs",
      "(run (cache (c (target /c) (buildkit_options (sharing locked)))) (shell x))",
    ],
    ["a secret without a path", "(run (secrets tok) (shell x))"],
    ["a restart that is not allowed", "(run (restart yes) (shell x))"],
    ["an empty restart", "(run (restart) (shell x))"],
    ["a cache beside a restart", "(run (cache (c (target /c))) (restart allowed) (shell x))"],
    ["secrets beside a restart", "(run (restart allowed) (secrets (s (target /s))) (shell x))"],
    ["a network in parentheses", "(run (network (host)) (shell x))"],
    ["a user's fields swapped", "(user (gid 1) (uid 1))"],
    ["a user by bare name", "(user opam)"],
    ["a user by bare number", "(user 1000)"],
    ["a user without a group", "(user (uid 1000))"],
    ["a uid that is not a number", "(user (uid root) (gid 0))"],
    ["env like a shell's", "(env A=B)"],
    ["env in parentheses", "(env (A B))"],
    ["env with too many words", "(env A b c)"],
    ["workdir with a blank", "(workdir /my project)"],
    ["a second from", "(from other)"],
    ["a build after from", "(build dev ((from b)))"],
    ["an atom on its own", "make"],
    ["an empty list", "()"],
  ])("%s", (name, op) => {
    expect(message(`((from base)\n ${op})`)).toMatchSnapshot(name);
  });

  test.each([
    ["from is not first", "((run (shell x))\n (from base))"],
    ["from is missing", "((run (shell x)))"],
    ["from is mistyped", "((form base))"],
    ["from with too many words", "((from debian 12))"],
    ["from in parentheses", "((from (debian)))"],
    ["a build without a spec", "((build dev) (from base))"],
    ["a build with ops and no spec", "((build dev (from b) (run (shell x))) (from base))"],
    ["a near build", "((build tools ((from b)))\n (from base)\n (copy (from (build tool)) (src a) (dst b)))"],
  ])("%s", (name, text) => {
    expect(message(text)).toMatchSnapshot(name);
  });
});

/** The characters of the source line above the caret. */
function aboveCaret(text: string, length: number): string {
  const [, line = "", caret = ""] = message(text).split("\n");
  const start = caret.indexOf("^");
  return line.slice(start, start + length);
}

describe("the line with the caret", () => {
  test("points to the right column after a tab", () => {
    expect(aboveCaret("((from base)\n\t\t(rum x))", 3)).toBe("rum");
  });

  test("counts a wide character as two columns on the terminal, and as one in the position", () => {
    const error = errorOf('((from base) (env A "日本") (rum x))');
    expect(error.diagnostics[0]?.position).toStrictEqual({ line: 1, column: 28 });
    const [, line = "", caret = ""] = error.message.split("\n");
    // Two wide characters precede it: two more columns than characters.
    expect(caret.indexOf("^")).toBe(line.indexOf("rum") + 2);
  });

  test("counts a character outside of the basic plane, and a byte that is not UTF-8, as one", () => {
    const text = Buffer.concat([Buffer.from('((from "🙂'), Buffer.of(0xff), Buffer.from('") (rum x))')]);
    expect(errorOf(text).diagnostics[0]?.position).toStrictEqual({ line: 1, column: 15 });
  });

  test("shows a part of a long line", () => {
    const text = `((from base)${' (env A "some value")'.repeat(100)} (rum x)${' (env A "some value")'.repeat(100)})`;
    expect(aboveCaret(text, 3)).toBe("rum");
    for (const line of message(text).split("\n")) expect(line.length).toBeLessThan(125);
    expect(errorOf(text).diagnostics[0]?.position.column).toBe(2115);
  });

  test("shows no control characters", () => {
    expect(message('((from base) (rum "\u001B[31m"))')).not.toContain("\u001B");
  });

  test("shows at most 20 problems", () => {
    const error = errorOf(`((from base)${"\n (rum x)".repeat(50)})`);
    expect(error.diagnostics).toHaveLength(20);
    expect(error.message).toMatch(/There is more that is wrong; it is not shown\.$/);
  });
});
