import { mkdir, mkdtemp, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { MemoryStore } from "@ob/core/testing";
import type { Op, Spec } from "@ob/spec";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bench, request } from "./builds.test.helper.ts";
import { planBuild } from "./plan.ts";
import { openDigestCache } from "./source/digest-cache.ts";

let sourceDirectory = "";
beforeAll(async () => {
  sourceDirectory = await mkdtemp(join(tmpdir(), "ob-plan-"));
  await mkdir(join(sourceDirectory, "d", "empty"), { recursive: true });
  await writeFile(join(sourceDirectory, "d", "ü b"), "1");
  await writeFile(join(sourceDirectory, "file"), "2");
  await symlink("d", join(sourceDirectory, "link"));
});
afterAll(async () => {
  await rm(sourceDirectory, { recursive: true });
});

test("a plan has every step with its base, its heading and its build", async () => {
  const store = new MemoryStore({ images: ["base"] });
  const steps = await planBuild(
    { store },
    request("((build dev ((from base))) (from base) (workdir /w) (run (shell x)))"),
  );
  const [nested, from, run] = steps;
  expect(steps).toEqual([
    { op: "from", id: nested?.id, base: undefined, cached: false, heading: "(from base)", build: ["dev"] },
    { op: "from", id: nested?.id, base: undefined, cached: false, heading: "(from base)", build: [] },
    { op: "run", id: run?.id, base: from?.id, cached: false, heading: "/w: (run (shell x))", build: [] },
  ]);
});

test("steps are reported between the notes, in the order of the build", async () => {
  const seen: string[] = [];
  const store = new MemoryStore({ images: ["base"] });
  await planBuild(
    { store, emit: (event) => void (event.type === "note" && seen.push(event.text)) },
    request("((build dev ((from base))) (from base) (workdir /w) (run (shell x)))"),
    { onStep: ({ heading }) => void seen.push(heading) },
  );
  expect(seen).toEqual([
    ...['(build "dev" …)', "(from base)", '--> finished "dev"'],
    ...["(from base)", "/: (workdir /w)", "/w: (run (shell x))"],
  ]);
});

test("planning builds nothing, and needs no base image", async () => {
  const store = new MemoryStore();
  const [from] = await planBuild({ store }, request("((from none) (run (shell x)))"));
  expect(from?.missingImage).toBe("none");
  expect(store.timesBegun.size).toBe(0);
  expect([...store.list()]).toEqual([]);
});

test("a layer in the store is cached, even if the image is gone", async () => {
  await using setting = bench();
  await setting.builder.build(request("((from base) (run (shell x)))"));
  setting.store.removeImage("base");
  const steps = await setting.builder.plan(request("((from base) (run (shell x)) (run (shell y)))"));
  expect(steps.map(({ cached }) => cached)).toEqual([true, true, false]);
  expect(steps[0]).not.toHaveProperty("missingImage");
});

test("the base image's environment is part of the ids, once it is known", async () => {
  await using setting = bench({
    store: new MemoryStore({ images: { base: { environment: [["PATH", "/bin"]] } } }),
  });
  const id = await setting.builder.build(request("((from base) (run (shell x)))"));
  const steps = await setting.builder.plan(request("((from base) (run (shell x)))"));
  expect(steps.at(-1)).toMatchObject({ id, cached: true });
});

test("a spec that cannot be built cannot be planned, for the same reason", async () => {
  const store = new MemoryStore({ images: ["base"] });
  const plan = async (text: string) => await planBuild({ store }, request(text));
  await expect(plan("((from base) (run (secrets (s (target /s))) (shell x)))")).rejects.toMatchObject({
    code: "BAD_SECRET",
  });
  await expect(plan("((from base) (copy (src) (dst a/)))")).rejects.toMatchObject({ code: "BAD_SPEC" });
  await expect(
    plan("((build b ((from base))) (from base) (copy (from (build b)) (src ../a) (dst b)))"),
  ).rejects.toMatchObject({ code: "BAD_SOURCE" });
});

test("a file that an earlier build has read is not read again", async () => {
  const store = new MemoryStore({ images: ["base"] });
  const directory = join(sourceDirectory, "..", `${basename(sourceDirectory)}-digests`);
  const source = join(sourceDirectory, "large");
  await writeFile(source, "x");
  await truncate(source, 5 << 20);
  {
    await using digests = openDigestCache({ directory, sourceDirectory });
    const before = await stat(source, { bigint: true });
    // Not its digest, so that the id shows which one was used.
    digests.set("large", { digest: "0".repeat(64), before, after: before, startedMs: Date.now() + 60_000 });
  }
  const copying = { ...request("((from base) (copy (src large) (dst /large)))"), sourceDirectory };
  const ids = [];
  for (const digestDirectory of [undefined, directory]) {
    ids.push((await planBuild({ store, digestDirectory }, copying)).at(-1)?.id);
  }
  await rm(directory, { recursive: true });
  await rm(source);
  expect(ids[1]).not.toBe(ids[0]);
});

const text = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom("", "/a", "b/", "a b", "ü", "\uDCFF", "C:\\x"),
);
const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ op: fc.constant("comment" as const), text }),
  fc.record({ op: fc.constant("workdir" as const), directory: text }),
  fc.record({ op: fc.constant("shell" as const), arguments: fc.array(text, { maxLength: 2 }) }),
  fc.record({ op: fc.constant("env" as const), key: text, value: text }),
  fc.record({
    op: fc.constant("user" as const),
    user: fc.oneof(fc.record({ uid: fc.nat(2), gid: fc.nat(2) }), fc.record({ name: text })),
  }),
  fc.record({
    op: fc.constant("run" as const),
    caches: fc.array(fc.record({ name: text, target: text, buildkitOptions: fc.constant([]) }), {
      maxLength: 2,
    }),
    network: fc.array(fc.constant("host"), { maxLength: 2 }),
    secrets: fc.array(
      fc.record({ id: fc.constantFrom("s", "t"), target: text, buildkitOptions: fc.constant([]) }),
      { maxLength: 2 },
    ),
    command: text,
  }),
  fc.record({
    op: fc.constant("run" as const),
    caches: fc.constant([]),
    network: fc.constant([]),
    secrets: fc.constant([]),
    mayRestart: fc.boolean(),
    command: text,
  }),
  fc.record({
    op: fc.constant("copy" as const),
    from: fc.constant({ kind: "context" as const }),
    sources: fc.array(fc.constantFrom(".", "d", "file", "link", "d/empty"), { minLength: 1, maxLength: 3 }),
    destination: text.map((path) => `${path}/`),
    exclude: fc.array(fc.constantFrom("file", "ü b"), { maxLength: 1 }),
  }),
);
/** Specs with nested builds, at most so deep. */
function specs(depth: number): fc.Arbitrary<Spec> {
  return fc.record({
    builds:
      depth === 0
        ? fc.constant([])
        : fc.array(fc.record({ name: text, spec: specs(depth - 1) }), { maxLength: 2 }),
    from: fc.constantFrom("base", "other"),
    ops: fc.array(op, { maxLength: 5 }),
  });
}

test("a build has the ids of its plan, and a second build runs nothing", async () => {
  const secrets = new Map([
    ["s", Buffer.from("1")],
    ["t", Buffer.from([0xff, 0])],
  ]);
  await fc.assert(
    fc.asyncProperty(specs(2), async (spec) => {
      await using setting = bench();
      const wanted = { spec, sourceDirectory, secrets };
      const planned = await setting.builder.plan(wanted);
      const last = await setting.builder.build(wanted);
      const built = setting.events.flatMap((event) => (event.type === "step-started" ? [event.step] : []));
      expect(built).toEqual(planned.map(({ cached: _cached, ...step }) => step));
      expect(planned.findLast(({ build }) => build.length === 0)?.id).toBe(last);
      const runs = setting.sandbox.steps.length;
      expect((await setting.builder.plan(wanted)).every(({ cached }) => cached)).toBe(true);
      expect(await setting.builder.build(wanted)).toBe(last);
      expect(setting.sandbox.steps).toHaveLength(runs);
      expect([setting.store.openWriters, setting.caches.openLeases]).toEqual([0, 0]);
    }),
    { numRuns: 100 },
  );
});
