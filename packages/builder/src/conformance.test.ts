import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ObEvent, StepInfo } from "@ob/core";
import { MemoryStore } from "@ob/core/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bench, spec } from "./builds.test.helper.ts";
import { planBuild } from "./plan.ts";

interface RecordedStep {
  readonly base: string | null;
  readonly id: string;
}

interface Recorded {
  readonly name: string;
  readonly spec: string;
  readonly steps?: readonly RecordedStep[];
  readonly buildError?: string;
}

interface Tree {
  readonly files: Readonly<Record<string, string>>;
  readonly symlinks: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
}

const testData = join(import.meta.dirname, "..", "test-data");
const records = readFileSync(join(testData, "specs.jsonl"), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line): Recorded => JSON.parse(line))
  .filter(({ steps }) => steps !== undefined);

let sourceDirectory = "";
let secrets: ReadonlyMap<string, Uint8Array> = new Map();
beforeAll(async () => {
  const tree: Tree = JSON.parse(await readFile(join(testData, "tree.json"), "utf8"));
  sourceDirectory = await mkdtemp(join(tmpdir(), "ob-conformance-"));
  for (const [path, contents] of Object.entries(tree.files)) {
    await mkdir(dirname(join(sourceDirectory, path)), { recursive: true });
    await writeFile(join(sourceDirectory, path), contents);
  }
  for (const [path, target] of Object.entries(tree.symlinks))
    await symlink(target, join(sourceDirectory, path));
  secrets = new Map(Object.entries(tree.secrets).map(([id, value]) => [id, Buffer.from(value)]));
});
afterAll(async () => {
  await rm(sourceDirectory, { recursive: true });
});

const images = [
  "base",
  "busybox@sha256:d366",
  "ubuntu-noble-amd64-ocaml-5.2.0",
  "windows-server-2022-x86_64-ocaml-4.14",
];

const built = records.filter(({ buildError }) => buildError === undefined);
const refused = records.filter(({ buildError }) => buildError !== undefined);

describe("the original's ids", () => {
  test.each(built)("$name", async ({ spec: text, steps }) => {
    const request = { spec: spec(text), sourceDirectory, secrets };
    await using setting = bench({ store: new MemoryStore({ images }) });
    await setting.builder.build(request);
    expect(madeOnce(saved(setting.events))).toEqual(steps);
    expect(madeOnce(await planBuild({ store: new MemoryStore() }, request))).toEqual(steps);
  });

  test.each(refused)(
    "$name, which the original stops at, is refused before its first step",
    async ({ spec: text }) => {
      await using setting = bench({ store: new MemoryStore({ images }) });
      const building = setting.builder.build({ spec: spec(text), sourceDirectory, secrets });
      await expect(building).rejects.toMatchObject({ name: "ObError" });
      expect(saved(setting.events)).toEqual([]);
    },
  );

  test("are compared for every record that has them", () => {
    expect([built.length, refused.length]).toEqual([58, 1]);
  });
});

function saved(events: readonly ObEvent[]): readonly StepInfo[] {
  return events.flatMap((event) =>
    event.type === "step-finished" && event.outcome === "saved" ? [event.step] : [],
  );
}

/** The records name each layer when it is made, which is once; a plan names it wherever it is wanted. */
function madeOnce(
  steps: readonly { readonly id: string; readonly base: string | undefined }[],
): RecordedStep[] {
  return [...new Map(steps.map(({ id, base = null }) => [id, { base, id }])).values()];
}
