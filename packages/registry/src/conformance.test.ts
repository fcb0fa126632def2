import { randomBytes } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { contentOf, openRegistry } from "./index.ts";
import { FakeRegistry } from "./testing/fake-registry.ts";
import { hasDockerRegistry, startDockerRegistry } from "./testing/docker-registry.ts";
import { idOf, scratch } from "./testing/scratch.ts";

interface Host extends AsyncDisposable {
  readonly host: string;
}

/** `OB_TEST_REGISTRY=HOST/PATH` names one more, which takes what anybody pushes. */
const other = process.env["OB_TEST_REGISTRY"];
const registries: Readonly<Record<string, { readonly start: () => Promise<Host>; readonly skip: boolean }>> =
  {
    "the fake registry": { start: async () => await FakeRegistry.start(), skip: false },
    "Debian's docker-registry": {
      start: async () => await startDockerRegistry(),
      skip: !(await hasDockerRegistry()),
    },
    "the registry of OB_TEST_REGISTRY": {
      start: async () => ({
        host: `${other}/${randomBytes(6).toString("hex")}`,
        [Symbol.asyncDispose]: async () => undefined,
      }),
      skip: other === undefined,
    },
  };

for (const [name, { start, skip }] of Object.entries(registries)) {
  describe.skipIf(skip)(name, () => {
    test("a layer is pushed, found, and pulled byte for byte, with holes where its disks have zeros", async () => {
      await using host = await start();
      await using files = await scratch();
      await using registry = openRegistry({ ref: `${host.host}/ob/layers` });
      const chain = await files.chain("base", "a", "b");
      const log = await files.file("log", "line\n".repeat(1_000));
      await registry.ping();
      expect(await registry.findLayer(idOf("b"))).toBeUndefined();
      expect(await registry.listTags()).toEqual([]);

      const environment = [["PATH", "/bin"]] as const;
      const pushed = await registry.pushLayer({ id: idOf("b"), chain, log, environment });
      expect(pushed.outcome).toBe("pushed");

      const layer = await registry.findLayer(idOf("b"));
      expect(layer).toEqual(pushed.layer);
      expect(layer?.environment).toEqual(environment);
      expect(layer?.chain.map(({ id }) => id)).toEqual(["base", "a", "b"].map(idOf));
      expect(layer?.chain.map(({ blob, content }) => blob.size < content.size)).toEqual([false, true, true]);
      expect(await registry.listTags()).toEqual([idOf("b")]);

      const disk = (_: unknown, index: number): string => files.path(`disk-${index}`);
      expect(layer && (await registry.pullLayer(layer, { disk, log: files.path("pulled.log") }))).toBe(true);
      for (const [index, { file }] of chain.entries()) {
        expect(await readFile(files.path(`disk-${index}`)), file).toEqual(await readFile(file));
      }
      expect(await readFile(files.path("pulled.log"), "utf8")).toBe("line\n".repeat(1_000));
      const { size, blocks } = await stat(files.path("disk-2"));
      expect(blocks * 512).toBeLessThan(size / 2);
    });

    test("only what the registry lacks is sent", async () => {
      await using host = await start();
      await using files = await scratch();
      const moved: string[] = [];
      await using registry = openRegistry({
        ref: `${host.host}/ob`,
        onProgress: ({ digest, bytes, total }) => bytes === total && moved.push(digest),
      });
      const [base, a, b] = await files.chain("base", "a", "b");
      if (!base || !a || !b) throw new Error("three disks");
      const first = await registry.pushLayer({ id: a.id, chain: [base, a] });
      expect(moved.splice(0)).toHaveLength(3);
      const second = await registry.pushLayer({ id: b.id, chain: [base, a, b] });
      expect(second.layer.chain.slice(0, 2)).toEqual(first.layer.chain);
      expect(moved.splice(0)).toEqual([second.layer.chain[2]?.blob.digest]);
      const again = await registry.pushLayer({ id: b.id, chain: [base, a, b] });
      expect([again.outcome, again.layer]).toEqual(["present", second.layer]);
      expect(moved).toEqual([]);
    });

    test("of two layers with one id the first stays, unless told otherwise", async () => {
      await using host = await start();
      await using files = await scratch();
      await using registry = openRegistry({ ref: `${host.host}/ob` });
      const [base] = await files.chain("base");
      const [one] = await files.chain("a");
      if (!base || !one) throw new Error("two disks");
      const first = await registry.pushLayer({ id: one.id, chain: [base, one] });
      // Another run of the step: the same id, other bytes.
      const chain = [base, ...(await files.chain("a"))];
      expect(await registry.pushLayer({ id: one.id, chain })).toEqual({
        outcome: "different",
        layer: first.layer,
      });
      expect(await registry.findLayer(one.id)).toEqual(first.layer);
      const replaced = await registry.pushLayer({ id: one.id, chain, overwrite: true });
      expect(replaced.outcome).toBe("pushed");
      expect(await registry.findLayer(one.id)).toEqual(replaced.layer);
    });

    test("a long blob goes in chunks, and is pulled again with what an earlier attempt left", async () => {
      await using host = await start();
      await using files = await scratch();
      const bytes = randomBytes(300_001);
      const file = await files.file("base", bytes);
      await using registry = openRegistry({ ref: `${host.host}/ob`, chunkBytes: 65_536 });
      await registry.pushLayer({ id: idOf("base"), chain: [{ id: idOf("base"), file }] });
      const content = await contentOf(file);
      await files.file("to.partial", bytes.subarray(0, 200_000));
      expect(await registry.pullBlob(content, files.path("to"), { keepPartial: true })).toBe(true);
      expect(await readFile(files.path("to"))).toEqual(bytes);
    });

    test("a blob is mounted from another repository", async () => {
      await using host = await start();
      await using files = await scratch();
      await using from = openRegistry({ ref: `${host.host}/from` });
      let moved = 0;
      await using to = openRegistry({ ref: `${host.host}/to`, onProgress: () => moved++ });
      const chain = await files.chain("base", "a");
      const { layer } = await from.pushLayer({ id: idOf("a"), chain });
      const pushed = await to.pushLayer({ id: idOf("a"), chain, mountFrom: from.reference.repository });
      expect([pushed.outcome, moved]).toEqual(["pushed", 0]);
      expect(pushed.layer).toEqual(layer);
    });

    test("what was removed is a miss", async () => {
      await using host = await start();
      await using files = await scratch();
      await using registry = openRegistry({ ref: `${host.host}/ob` });
      const { layer } = await registry.pushLayer({ id: idOf("a"), chain: await files.chain("a") });
      expect(await registry.removeLayer(idOf("a"))).toBe(true);
      expect(await registry.removeLayer(idOf("a"))).toBe(false);
      expect(await registry.findLayer(idOf("a"))).toBeUndefined();
      const gone = await contentOf(await files.file("never-pushed", "x"));
      expect(await registry.hasBlob(gone)).toBe(false);
      expect(await registry.pullBlob(gone, files.path("to"))).toBe(false);
      const damaged = {
        ...layer,
        chain: [{ ...layer.chain[0]!, blob: { ...layer.chain[0]!.blob, ...gone }, content: gone }],
      };
      expect(await registry.pullLayer(damaged, { disk: () => files.path("disk") })).toBe(false);
    });
  });
}
