import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { opNames } from "../../decode-op.ts";
import { parseSpec } from "../../parse.ts";
import { keywordDocs, keywordsIn } from "./keyword-docs.ts";
import { openDocument } from "./spec-document.ts";

/** A text with `|` where the cursor is. */
function at(marked: string) {
  const offset = marked.indexOf("|");
  return { document: openDocument(marked.replace("|", "")), offset };
}

function labels(marked: string, baseImages: readonly string[] = []): readonly string[] {
  const { document, offset } = at(marked);
  return document.completions(offset, { baseImages }).map(({ label }) => label);
}

/** The text after the first suggestion was taken. */
function completed(marked: string, label: string): string {
  const { document, offset } = at(marked);
  const found = document.completions(offset, { baseImages: ["a b"] }).find((each) => each.label === label);
  if (found === undefined) throw new Error(`no ${label}`);
  return document.text.slice(0, found.at.start) + found.text + document.text.slice(found.at.end);
}

function hover(marked: string): string | undefined {
  const { document, offset } = at(marked);
  return document.hover(offset)?.text;
}

const steps = [...opNames].toSorted();

describe("the words of editors", () => {
  test("are those of the parser", () => {
    expect([...keywordsIn("")].toSorted()).toEqual(["build", "from", ...opNames].toSorted());
    const expected = (text: string): readonly string[] => {
      try {
        parseSpec(text);
        return [];
      } catch (error) {
        const [, names = ""] = /: expected ([^\n]*)/.exec(String(error)) ?? [];
        return names.split(/, | or /).toSorted();
      }
    };
    expect([...keywordsIn("run")].toSorted()).toEqual(expected("((from a) (run (x)))"));
    expect([...keywordsIn("copy")].toSorted()).toEqual(expected("((from a) (copy (x)))"));
    const mount = expected("((from a) (run (cache (b (x)))))");
    for (const field of ["cache", "secrets"])
      expect([...keywordsIn(`run.${field}.*`)].toSorted()).toEqual(mount);
  });

  test("have forms and snippets that parse", () => {
    for (const [role, { snippet }] of Object.entries(keywordDocs)) {
      const word = `(${role.split(".").at(-1)}${snippet.replaceAll(/\$\d/g, role === "arg" ? "A1" : "1")})`;
      const texts: Readonly<Record<string, string>> = {
        from: `(${word})`,
        build: `(${word} (from a))`,
        user: `((from a) (user ${role === "user.gid" ? "(uid 1)" : ""} ${word} ${role === "user.uid" ? "(gid 1)" : ""}))`,
        run: role === "run" || role === "run.shell" ? "" : `((from a) (run ${word} (shell b)))`,
        copy: "",
      };
      const [owner = ""] = role.split(".");
      const text =
        role.includes(".") || owner === "from" || owner === "build" ? texts[owner] : `((from a) ${word})`;
      if (text !== undefined && text !== "" && !role.includes("*"))
        expect(() => parseSpec(text), role).not.toThrow();
    }
  });
});

describe("completion", () => {
  test("offers what a spec can have at the place", () => {
    expect(labels("(|")).toEqual(["from", "build"]);
    expect(labels("((|")).toEqual(["from", "build"]);
    expect(labels("((fr|om a))")).toEqual(["from", "build"]);
    expect([...labels("((from a) (|))")].toSorted()).toEqual(steps);
    expect([...labels("((from a)\n |\n)")].toSorted()).toEqual(steps);
    expect([...labels("((build b ((from a) (|)))")].toSorted()).toEqual(steps);
    expect(labels("((from a) (run (network host) (|)))")).toEqual(["shell", "cache", "secrets", "restart"]);
    expect(labels("((from a) (Run ((|))))")).toContain("network");
    expect(labels("((from a) (copy (|) (dst b)))")).toEqual(["from", "src", "exclude"]);
    expect(labels("((from a) (user (|)))")).toEqual(["uid", "gid", "name"]);
    expect(labels("((from a) (run (cache (c (|)))))")).toEqual(["target", "buildkit_options"]);
    expect(labels("((from a) (run (network |)))")).toEqual(["host"]);
  });

  test("offers base images, builds in scope, and the names of secrets and caches", () => {
    expect(labels("((build x ((from b))) (from |))", ["debian"])).toEqual(["debian", "b"]);
    expect(labels("((from d|e))", ["debian"])).toEqual(["debian"]);
    const scope =
      "((build a ((from x))) (build b ((from y) (copy (from (build |))))) (build c ((from z))) (from w))";
    expect(labels(scope)).toEqual(["a"]);
    expect(labels("((build a ((from x))) (build c ((from z))) (from w) (copy (from (build |))))")).toEqual([
      "a",
      "c",
    ]);
    expect(labels("((from a) (run (secrets (s (target /s))) (shell x)) (run (secrets (|))))")).toEqual(["s"]);
    expect(labels("((from a) (run (cache (s (target /s))) (shell x)) (run (cache (|))))")).toEqual(["s"]);
  });

  test("offers nothing in comments, in texts and for what is not known", () => {
    for (const text of [
      "((from a) ; (|\n)",
      "#| (| |# ((from a))",
      "((from a) (env |))",
      "((from a) (x (y (|))))",
      "|",
    ]) {
      expect(labels(text)).toEqual([]);
    }
  });

  test("replaces the word at the cursor, and quotes what needs it", () => {
    expect(completed("((fr|o a))", "from")).toBe("((from a))");
    expect(completed("((from a)\n |)", "run")).toBe("((from a)\n (run))");
    expect(completed("((from |))", "a b")).toBe('((from "a b"))');
  });
});

describe("hover", () => {
  test("explains operations, fields and builds", () => {
    expect(hover("((fr|om a))")).toContain("(from NAME)");
    expect(hover("((from a) (run (|network host) (shell x)))")).toContain("host's network");
    expect(hover("((from a) (run (cache (c (tar|get /x))) (shell x)))")).toContain(
      "Where the cache is mounted",
    );
    expect(hover("((from a) (copy (from (build x)) (src|)))")).toContain("Names, not patterns");
    expect(hover("((build x ((from b))) (from a) (copy (from (build x|)) (src a) (dst b)))")).toContain(
      "(build x ((from b) …))",
    );
  });

  test("says nothing of what a user named, of the names of objects, and between words", () => {
    for (const text of [
      "((from a|))",
      "((from a) | (env A B))",
      "((from a) (constructor| x))",
      "((from a) (run (shell x|)))",
    ]) {
      expect(hover(text)).toBeUndefined();
    }
  });
});

test("the definition of a build is the one in scope: the last of its name before the place", () => {
  const text =
    "((build x ((from a))) (build x ((from b))) (from c) (copy (from (build x|)) (src a) (dst b)))";
  const { document, offset } = at(text);
  expect(document.definition(offset)).toEqual({ start: 29, end: 30 });
  const inner = at(
    "((build x ((from a))) (build y ((build x ((from d))) (from b) (copy (from (build |x))))) (from c))",
  );
  expect(inner.document.definition(inner.offset)?.start).toBe(39);
  const none = at("((from c) (copy (from (build x|)) (src a) (dst b)))");
  expect(none.document.definition(none.offset)).toBeUndefined();
});

test("symbols are the builds and operations, each in its place", () => {
  const text =
    '((build x ((from a))) (from b) (run (shell "make\nall")) (copy (src a b) (dst /c/)) (env A B) (nothing))';
  const [build, ...others] = openDocument(text).symbols();
  expect(build).toMatchObject({ name: "x", kind: "build", children: [{ name: "a", kind: "base" }] });
  expect(others.map(({ detail, name }) => `${detail}: ${name}`)).toEqual([
    ...["from: b", "run: make", "copy: a b → /c/", "env: A B"],
  ]);
  for (const {
    at: { start, end },
    nameAt,
  } of others) {
    expect(start <= nameAt.start && nameAt.end <= end).toBe(true);
  }
});

test("no text and no place makes it fail", () => {
  const part = fc.constantFrom(
    ...[
      "(",
      ")",
      "((from a)",
      "run",
      "copy",
      "(shell",
      '"',
      ";",
      "#|",
      "|#",
      "#;",
      " ",
      "\n",
      "(build",
      "x",
      "(cache (c",
      "\\",
    ],
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 25 }), fc.nat(60), (parts, place) => {
      const document = openDocument(parts.join(""));
      const offset = Math.min(place, document.text.length);
      document.problems();
      document.symbols();
      document.hover(offset);
      document.definition(offset);
      for (const { at: range } of document.completions(offset)) {
        expect(range.start <= offset && offset <= range.end).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});
