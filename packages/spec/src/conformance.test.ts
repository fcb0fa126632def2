import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { toBytes } from "./byte-text.ts";
import { toDockerfile } from "./dockerfile.ts";
import { parseSpec } from "./parse.ts";
import { SpecError } from "./spec-error.ts";
import { formatSpec, printMachine } from "./spec-print.ts";

interface Recorded {
  readonly name?: string;
  readonly spec?: string;
  /** Takes the place of `spec` for a text that is not UTF-8. */
  readonly base64?: string;
  readonly ok: boolean;
  readonly mach?: string;
  readonly dockerfile?: Readonly<Record<string, string>>;
  readonly human?: string;
}

// `specs.jsonl` was recorded with the original; `edge-cases.jsonl` was recorded in the same way (see
// test-data/README.md).
const recorded = ["specs.jsonl", "edge-cases.jsonl"].map((file) => ({ file, records: read(file) }));

function read(file: string): readonly Recorded[] {
  return readFileSync(new URL(`../test-data/${file}`, import.meta.url), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

function bytesOf(record: Recorded): Uint8Array {
  return record.spec === undefined ? Buffer.from(record.base64 ?? "", "base64") : Buffer.from(record.spec);
}

/** Dockerfiles are compared without newlines at their end. */
function trimmed(text: string): string {
  return text.replace(/\n+$/, "");
}

describe.each(recorded)("$file", ({ records }) => {
  test("has records of both kinds", () => {
    expect(records.filter((record) => record.ok).length).toBeGreaterThan(50);
    expect(records.filter((record) => !record.ok).length).toBeGreaterThan(30);
  });

  const accepted = records.filter((record) => record.ok).map((record) => [titleOf(record), record] as const);
  const refused = records.filter((record) => !record.ok).map((record) => [titleOf(record), record] as const);

  test.each(refused)("rejects %s", (_, record) => {
    expect(() => parseSpec(bytesOf(record), { file: "x.spec" })).toThrow(SpecError);
  });

  test.each(accepted)("parses and prints %s as the original does", (_, record) => {
    const spec = parseSpec(bytesOf(record), { file: "x.spec" });
    expect(printMachine(spec)).toBe(record.mach);
    const printed = {
      unix: trimmed(toDockerfile(spec, { escape: "unix" })),
      buildkit: trimmed(toDockerfile(spec, { escape: "unix", buildkit: true })),
      windows: trimmed(toDockerfile(spec, { escape: "windows" })),
    };
    const forms = Object.entries(record.dockerfile ?? {}).map(([form, text]) => [form, trimmed(text)]);
    expect(printed).toMatchObject(Object.fromEntries(forms));
  });

  const laidOut = accepted.filter(([, record]) => record.human !== undefined);
  test.for(laidOut)("formats %s as the original does", ([, record]) => {
    expect(formatSpec(parseSpec(bytesOf(record), { file: "x.spec" }))).toBe(record.human);
  });

  test.each(accepted)("parses its own human form of %s", (_, record) => {
    const spec = parseSpec(bytesOf(record), { file: "x.spec" });
    const human = formatSpec(spec);
    const again = parseSpec(toBytes(human), { file: "human.spec" });
    expect(again).toStrictEqual(spec);
    expect(formatSpec(again)).toBe(human);
  });
});

function titleOf(record: Recorded): string {
  return record.name ?? JSON.stringify(record.spec ?? record.base64);
}
