import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Op, Spec } from "./ast.ts";
import { fromBytes, toBytes } from "./byte-text.ts";
import { toDockerfile } from "./dockerfile.ts";
import { encodeSpec } from "./encode.ts";
import { parseSpec } from "./parse.ts";
import type { Problem } from "./problem.ts";
import type { Sexp } from "./sexp.ts";
import { parseExpressions } from "./sexp-parser.ts";
import { sexpToMachine } from "./sexp-print.ts";
import { toSexp } from "./sexp-tree.ts";
import { SpecError } from "./spec-error.ts";
import { formatSpec, printMachine } from "./spec-print.ts";

/** Any bytes, and texts with a special meaning. */
const atom = fc.oneof(
  fc.uint8Array({ maxLength: 12 }).map(fromBytes),
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc
    .array(fc.constantFrom("#", "|", ";", '"', "\\", "(", ")", " ", "\n", "\r", "x", "1"), { maxLength: 8 })
    .map((parts) => parts.join("")),
);

const { sexp } = fc.letrec<{ sexp: Sexp }>((tie) => ({
  sexp: fc.oneof({ depthSize: "small" }, atom, fc.array(tie("sexp"), { maxLength: 5 })),
}));

const options = fc.array(fc.tuple(atom, atom), { maxLength: 2 });
const atoms = fc.array(atom, { maxLength: 3 });

const op = (scope: readonly string[]): fc.Arbitrary<Op> =>
  fc.oneof(
    fc.record({ op: fc.constant("comment" as const), text: atom }),
    fc.record({ op: fc.constant("workdir" as const), directory: atom }),
    fc.record({ op: fc.constant("shell" as const), arguments: atoms }),
    fc.record({ op: fc.constant("env" as const), key: atom, value: atom }),
    fc.record(
      { op: fc.constant("arg" as const), name: fc.stringMatching(/^[A-Za-z_]\w{0,5}$/), default: atom },
      { requiredKeys: ["op", "name"] },
    ),
    fc.record({
      op: fc.constant("user" as const),
      user: fc.oneof(
        fc.record({ name: atom }),
        fc.record({ uid: fc.maxSafeInteger(), gid: fc.maxSafeInteger() }),
      ),
    }),
    fc.record({
      op: fc.constant("run" as const),
      caches: fc.constant([]),
      network: atoms,
      secrets: fc.constant([]),
      mayRestart: fc.boolean(),
      command: atom,
    }),
    fc.record({
      op: fc.constant("run" as const),
      caches: fc.array(fc.record({ name: atom, target: atom, buildkitOptions: options }), { maxLength: 2 }),
      network: atoms,
      secrets: fc.array(fc.record({ id: atom, target: atom, buildkitOptions: options }), { maxLength: 2 }),
      command: atom,
    }),
    fc.record({
      op: fc.constant("copy" as const),
      from: fc.oneof(
        fc.constant({ kind: "context" as const }),
        ...scope.map((name) => fc.constant({ kind: "build" as const, name })),
      ),
      sources: atoms,
      destination: atom,
      exclude: atoms,
    }),
  );

function spec(depth: number, scope: readonly string[] = []): fc.Arbitrary<Spec> {
  const names = depth === 0 ? fc.constant([]) : fc.array(atom, { maxLength: 2 });
  return names.chain((found) =>
    fc.record({
      builds: fc.tuple(
        ...found.map((name, index) =>
          fc.record({ name: fc.constant(name), spec: spec(depth - 1, [...scope, ...found.slice(0, index)]) }),
        ),
      ),
      from: atom,
      ops: fc.array(op([...scope, ...found]), { maxLength: 4 }),
    }),
  );
}

/** The spec, or undefined if it is rejected. Any other error fails the test. */
function parse(text: string | Uint8Array): Spec | undefined {
  try {
    return parseSpec(text, { file: "test.spec" });
  } catch (error) {
    if (error instanceof SpecError) return undefined;
    throw error;
  }
}

describe("printing and parsing", () => {
  test("are inverse for any expression in the machine form", () => {
    fc.assert(
      fc.property(sexp, (value) => {
        const problems: Problem[] = [];
        const { nodes } = parseExpressions(sexpToMachine(value), (problem) => problems.push(problem));
        expect(problems).toStrictEqual([]);
        expect(nodes.map(toSexp)).toStrictEqual([normal(value)]);
      }),
    );
  });

  test("are inverse for any spec, in the machine form and in the human form", () => {
    fc.assert(
      fc.property(spec(2), (value) => {
        const machine = printMachine(value);
        expect(machine).toMatch(/^[ -~]*$/);
        const read = parse(machine);
        expect(read && printMachine(read)).toBe(machine);
        expect(read && encodeSpec(read)).toStrictEqual(normal(encodeSpec(value)));
        const human = formatSpec(value);
        expect(parse(human)).toStrictEqual(read);
        expect(read && formatSpec(read)).toBe(human);
      }),
    );
  });
});

describe("no input crashes the parser", () => {
  const fragments = [
    ["(", ")", "(", ")", " ", ";", "#", "|", "#;", "#|", "|#", '"', "\\", "\r", "\n", "\r\n", "\t"],
    ["\\x4", "\\065", "\uFEFF", "\uD800", "\u0000", "é", "🙂", "((from base)", "(run (shell x))"],
    [
      "run",
      "shell",
      "restart",
      "allowed",
      "(restart allowed)",
      "from",
      "build",
      "base",
      "copy",
      "src",
      "dst",
    ],
  ];
  const fragment = fc.constantFrom(...fragments.flat());

  test("bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(() => parse(bytes)).not.toThrow();
      }),
    );
  });

  test("fragments of specs, which are accepted only if they are complete", () => {
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 40 }), (found) => {
        const text = found.join("");
        const read = parse(text);
        if (read === undefined) return;
        // Nothing may be lost: the spec must have everything that is in the text.
        const { nodes } = parseExpressions(text, () => expect.unreachable());
        const [root] = nodes.map(toSexp);
        expect(encodeSpec(read)).toHaveLength(root?.length ?? -1);
        toDockerfile(read, { escape: "unix", buildkit: true });
      }),
      { numRuns: 2000 },
    );
  });

  test("a spec with a part cut out", () => {
    fc.assert(
      fc.property(spec(1), fc.nat(), fc.integer({ min: 1, max: 4 }), (value, at, length) => {
        const text = formatSpec(value);
        const start = at % text.length;
        const cut = text.slice(0, start) + text.slice(start + length);
        const read = parse(cut);
        if (read === undefined) return;
        expect(printMachine(parse(printMachine(read)) ?? read)).toBe(printMachine(read));
      }),
      { numRuns: 500 },
    );
  });
});

/** The canonical text of every atom. */
function normal(value: Sexp): Sexp {
  return typeof value === "string" ? fromBytes(toBytes(value)) : value.map(normal);
}
