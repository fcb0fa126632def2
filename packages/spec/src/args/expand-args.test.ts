import { describe, expect, test } from "vitest";
import { toDockerfile } from "../dockerfile.ts";
import { parseSpec, parseSpecWithSource } from "../parse.ts";
import { formatSpec, printMachine } from "../spec-print.ts";
import { expandArgs } from "./expand-args.ts";

type Values = Readonly<Record<string, string>>;

/** The machine form of the expanded spec, without the parentheses around it. */
function expanded(text: string, values: Values = {}): string {
  const { spec, problems } = expandArgs(parseSpec(text), { values: new Map(Object.entries(values)) });
  expect(problems).toEqual([]);
  return printMachine(spec).slice(1, -1);
}

/** The problems, each with the line and column that it is reported at. */
function problemsOf(text: string, values: Values = {}): readonly string[] {
  const { spec, source } = parseSpecWithSource(text);
  const { problems } = expandArgs(spec, { values: new Map(Object.entries(values)) });
  return problems.map(({ item, part, message }) => {
    const at = source.locate(item, part);
    return `${at?.line}:${at?.column}: ${message}`;
  });
}

test("an arg of a stage becomes a variable of its commands, with the given value or its default", () => {
  const text = '((from base)(arg V 1)(run (shell "echo ${V} $V")))';
  expect(expanded(text)).toBe('(from base)(env V 1)(run(shell"echo ${V} $V"))');
  expect(expanded(text, { V: "2 3" })).toBe('(from base)(env V"2 3")(run(shell"echo ${V} $V"))');
  expect(expanded('((from base)(arg V ""))')).toBe('(from base)(env V"")');
});

test("what a Dockerfile expands is expanded, and nothing else", () => {
  const args = "(arg A x)(arg N 7)";
  const env = "(env A x)(env N 7)";
  const cases = [
    ["(workdir /src/${A})", "(workdir /src/x)"],
    ["(env K a${A}b)", "(env K axb)"],
    ["(env ${A} 1)", "(env ${A} 1)"],
    ["(user (name ${A}))", "(user(name x))"],
    ["(user (uid ${N}) (gid ${N}0))", "(user(uid 7)(gid 70))"],
    ["(user (uid ${N}) (gid 8))", "(user(uid 7)(gid 8))"],
    ["(copy (src ${A} b) (dst /${A}/) (exclude ${A}.o))", "(copy(src x b)(dst /x/)(exclude x.o))"],
    ["(run (cache (c-${A} (target /${A}))) (shell c))", "(run(cache(c-x(target /x)))(shell c))"],
    ["(run (secrets (s-${A} (target /${A}))) (shell c))", "(run(secrets(s-x(target /x)))(shell c))"],
    ["(shell ${A} -c)", "(shell ${A} -c)"],
    ["(comment ${A})", "(comment ${A})"],
    ["(env K $A)", "(env K $A)"],
  ] as const;
  for (const [written, meant] of cases) {
    expect(expanded(`((from base)${args}${written})`), written).toBe(`(from base)${env}${meant}`);
  }
});

test("a spec without args keeps its texts and is returned as it is", () => {
  const spec = parseSpec('((from ${B})(env K ${V})(workdir "\\\\${V}"))');
  const { spec: same, names } = expandArgs(spec, { values: new Map([["V", "1"]]) });
  expect(same).toBe(spec);
  expect([...names]).toEqual([]);
  expect(() => parseSpec("((from base)(user (uid ${U}) (gid 1)))")).toThrow(
    'expected a whole number as uid, found "${U}"',
  );
});

describe("scopes", () => {
  test("an arg before (from ...) is for it and for nested builds; a stage that declares it has its value", () => {
    const text = "((arg V 12)(build b ((from a-${V})(arg V)))(from base-${V})(arg V)(workdir /${V}))";
    const meant = (v: number) =>
      `(build b((from a-${v})(env V ${v})))(from base-${v})(env V ${v})(workdir /${v})`;
    expect(expanded(text)).toBe(meant(12));
    expect(expanded(text, { V: "13" })).toBe(meant(13));
  });

  test("a stage does not see an arg that it does not declare", () => {
    expect(problemsOf("((arg V 1)\n(from base)\n(workdir /${V}))")).toEqual([
      '3:1: unknown variable "V": neither (arg V) nor (env V ...) comes before this',
    ]);
    expect(problemsOf("((build b ((from a)(arg V 1)))(from base)(workdir /${V}))")).toHaveLength(1);
    expect(problemsOf("((from base)(workdir /${V})(arg V 1))")).toHaveLength(1);
  });

  test("a default of the stage comes before that of an outer arg, and a given value before both", () => {
    const text = "((arg V outer)(from base)(arg V inner))";
    expect(expanded(text)).toBe("(from base)(env V inner)");
    expect(expanded(text, { V: "given" })).toBe("(from base)(env V given)");
  });

  test("a variable that (env ...) sets comes before an arg of its name", () => {
    expect(expanded("((from base)(env V env)(arg V arg)(workdir /${V}))", { V: "given" })).toBe(
      "(from base)(env V env)(workdir /env)",
    );
    expect(expanded("((from base)(arg V arg)(env V x${V})(workdir /${V}))")).toBe(
      "(from base)(env V arg)(env V xarg)(workdir /xarg)",
    );
  });

  test("a default can contain earlier args", () => {
    expect(expanded("((arg A 1)(arg B ${A}2)(from x-${B})(arg A)(arg C ${A}3))")).toBe(
      "(from x-12)(env A 1)(env C 13)",
    );
  });
});

describe("words", () => {
  const word = (text: string, values: Values = {}) => {
    const quoted = JSON.stringify(text);
    const { spec, problems } = expandArgs(parseSpec(`((from base)(arg A)(arg E "")(env K ${quoted}))`), {
      values: new Map(Object.entries({ A: "a", ...values })),
    });
    const [last] = spec.ops.slice(-1);
    return problems[0]?.message ?? (last?.op === "env" ? last.value : undefined);
  };

  test.each([
    ["${A:-d}", "a"],
    ["${E:-d}", "d"],
    ["${E-d}", ""],
    ["${X-d}", "d"],
    ["${X:-${A}b${E:-c}}", "abc"],
    ["${A:+yes}", "yes"],
    ["${E:+yes}", ""],
    ["${E+yes}", "yes"],
    ["${X:+${Y}}", ""],
    ["${A:?why}", "a"],
    ["${E:?why}", "why"],
    ["${X?}", "the variable X has no value"],
    ["${X:-a\\}b}", "a}b"],
    ["x}y", "x}y"],
    ["$A $ $$", "$A $ $$"],
    ["\\${A}", "${A}"],
    ["\\\\${A}", "\\a"],
    ["\\\\\\${A}", "\\${A}"],
    ["C:\\dir\\$A\\", "C:\\dir\\$A\\"],
    ["${A}${A}é", "aaé"],
  ])("%s is %s", (text, meant) => {
    expect(word(text)).toBe(meant);
  });

  test.each(["${", "${}", "${A", "${1}", "${A#x}", "${A:-b", "${A b}"])("%s is an error", (text) => {
    expect(word(text)).toMatch(/expected \$\{NAME\}|is never closed/);
  });

  test("a value is not expanded again", () => {
    expect(word("${A}", { A: "${E} \\${E} $(id)" })).toBe("${E} \\${E} $(id)");
  });

  test("args that double each other end with an error, and not with the memory", () => {
    const doubling = Array.from(
      { length: 60 },
      (_, index) => `(arg A${index + 1} \${A${index}}\${A${index}})`,
    );
    expect(problemsOf(`((from base)(arg A0 aaaa)${doubling.join("")})`)[0]).toContain(
      "is longer than 131072",
    );
  });

  test("deep nesting and long runs of backslashes are read in time that grows with their length", () => {
    expect(word("${A:-".repeat(5_000))).toContain("nested more than 20 deep");
    expect(word("\\".repeat(100_000))).toHaveLength(100_000);
  });
});

test("each arg without a value is reported at its line", () => {
  const text = "((arg B)\n(from ${B})\n(arg V)\n(arg W 1)\n(user (uid ${W}) (gid x${W})))";
  expect(problemsOf(text)).toEqual([
    '1:2: the arg "B" has no value: none was given, and it has no default',
    '3:1: the arg "V" has no value: none was given, and it has no default',
    '5:23: expected a whole number as gid, found "x1" for "x${W}"',
  ]);
});

test("what is wrong with an (arg ...) is said with what to write", () => {
  const error = (text: string) => {
    try {
      parseSpec(text);
    } catch (thrown) {
      return String(thrown);
    }
    return "";
  };
  expect(error("((from base)(arg))")).toContain(
    "(arg ...) takes a name, and a default if it has one, found none",
  );
  expect(error("((from base)(arg A b c))")).toContain("found 3");
  expect(error("((from base)(arg A=b))")).toContain("hint: write (arg A b)");
  expect(error("((from base)(arg 1A))")).toContain("begins with no digit");
  expect(error("((from base)(arg (A)))")).toContain("expected a string in (arg ...)");
  expect(error("((build b ((from x)))(arg A 1)(from base))")).toContain(
    "the args before (from ...) come first",
  );
});

test("args are printed as they are written, in every form", () => {
  const text = '((arg B x)(build b((arg C)(from ${C})))(from ${B})(arg V"a b")(user(uid ${V})(gid 1)))';
  const spec = parseSpec(text);
  expect(printMachine(spec)).toBe(text);
  expect(parseSpec(formatSpec(spec))).toEqual(spec);
  expect(parseSpec("((Arg B x)(from base))")).toEqual(parseSpec("((arg B x)(from base))"));
});

test("a Dockerfile has the args, and the escapes of its own escape character", () => {
  const spec = parseSpec(
    [
      "((arg B x)(build b((arg C 1)(from ${B}-${C})))(from ${B})",
      '(arg V "a\\"b")(env K "\\\\${V} c:\\\\d\\\\\\\\${V}")(user (uid ${V}) (gid 2)))',
    ].join(""),
  );
  expect(toDockerfile(spec).split("\n")).toEqual([
    'ARG B="x"',
    'ARG C="1"',
    "FROM ${B}-${C} as b",
    "",
    "FROM ${B}",
    'ARG V="a\\"b"',
    'ENV K="\\${V} c:\\\\d\\\\${V}"',
    "USER ${V}:2",
    "",
  ]);
  expect(toDockerfile(spec, { escape: "windows" })).toContain('ENV K="`${V} c:\\d\\${V}"');
});
