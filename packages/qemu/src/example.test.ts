import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "@ob/core";
import { testTime } from "@ob/core/testing";
import { expect, test } from "vitest";

test.skipIf((await findProgram("qemu-system-x86_64")) === undefined)(
  "the example of the README prints what the README says",
  { timeout: testTime(90_000) },
  () => {
    const directory = join(import.meta.dirname, "..");
    const readme = readFileSync(join(directory, "README.md"), "utf8");
    const [, example = "", output] = /```ts\n([^]*?)```[^]*?```text\n([^]*?)```/.exec(readme) ?? [];
    const node = ["--conditions=@ob/source", "--input-type=module-typescript", "--eval", example];
    expect(execFileSync(process.execPath, node, { cwd: directory, encoding: "utf8" })).toBe(output);
  },
);
