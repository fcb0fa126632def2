import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ObError } from "@ob/core";
import { MemoryStore } from "@ob/core/testing";
import { parseSpecWithSource } from "@ob/spec";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bench, request } from "./builds.test.helper.ts";
import { planBuild } from "./plan.ts";

let sourceDirectory = "";
beforeEach(async () => {
  sourceDirectory = await mkdtemp(join(tmpdir(), "ob-validate-"));
  await writeFile(join(sourceDirectory, "there"), "");
});
afterEach(async () => {
  await rm(sourceDirectory, { recursive: true });
});

const located = (text: string, secrets = {}) => ({
  ...request(text, secrets),
  ...parseSpecWithSource(text, { file: "a.spec" }),
  sourceDirectory,
});

/** A guest that takes no cache, and no copy to a place that begins with /no. */
const guest = {
  checkRun: ({ caches }: { caches: readonly unknown[] }) => {
    if (caches.length > 0) throw new ObError("UNSUPPORTED", "This guest has no caches.");
  },
  checkCopy: (destination: string) => {
    if (destination.startsWith("/no")) throw new ObError("UNSUPPORTED", "Not there.");
  },
};

test.each([
  ["(run (cache (c (target /c))) (shell x))", "UNSUPPORTED", 1],
  ["(copy (src there) (dst /nowhere/))", "UNSUPPORTED", 1],
  ["(copy (src there missing) (dst /))", "BAD_SOURCE", 18],
  ["(copy (src there/below) (dst /))", "BAD_SOURCE", 12],
])("%s is refused by plan and build before the first step, with its place", async (op, code, column) => {
  await using setting = bench({ guest });
  const wanting = located(`((from base)\n(run (shell first))\n${op})`);
  const error = { code, at: expect.objectContaining({ file: "a.spec", line: 3, column }) };
  await expect(setting.builder.plan(wanting)).rejects.toMatchObject(error);
  await expect(setting.builder.build(wanting)).rejects.toMatchObject(error);
  expect(setting.store.timesBegun.size).toBe(0);
});

test("a base image that is missing is reported before the first step, with similar names", async () => {
  await using setting = bench();
  const wanting = located("((build a ((from base)))\n (from bsae))");
  await expect(setting.builder.build(wanting)).rejects.toMatchObject({
    code: "BASE_IMAGE",
    hint: expect.stringContaining("base"),
    data: { image: "bsae" },
    at: { line: 2, column: 8 },
  });
  expect(setting.store.timesBegun.size).toBe(0);
  const plan = await setting.builder.plan(wanting);
  expect(plan.at(-1)?.missingImage).toBe("bsae");
});

test("a plan without a description of guests leaves them to the build", async () => {
  const wanting = located("((from base) (run (cache (c (target /c))) (shell x)))");
  expect(await planBuild({ store: new MemoryStore({ images: ["base"] }) }, wanting)).toHaveLength(2);
});

test("a secret that no step uses is named once, by build and plan, and nothing is refused", async () => {
  await using setting = bench();
  const given = located("((from base) (run (secrets (a (target /a))) (shell x)))", {
    a: "one-long-enough-value",
    tokn: "another-long-enough-value",
  });
  await setting.builder.build(given);
  await setting.builder.plan(given);
  const warnings = setting.events.flatMap((event) =>
    event.type === "log" && event.level === "warning" ? [event.text] : [],
  );
  expect(warnings).toEqual(Array.from({ length: 2 }, () => 'No step of the spec uses the secret "tokn".'));
});
