import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { CacheRequest, LayerId, PruneOptions } from "@ob/core";
import type { FakeSandboxOptions } from "@ob/core/testing";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../testing/directory.ts";
import { fakeServices, obuilder } from "../testing/run.ts";
import { inputOf } from "../testing/terminal.ts";

const at = "--store=qemu:/nowhere";
const mebibyte = 2 ** 20;
/** A snapshot that was used before all else, and takes a mebibyte. */
const snapshot = { name: "5a5a5a", bytes: mebibyte, lastUsed: new Date(0) };

/**
 * Services whose layers each have a file of a mebibyte, with two builds in the store: `old` and `new` on one base. What is
 * removed is free afterwards.
 */
async function setting(script: FakeSandboxOptions = {}) {
  const directory = await temporaryDirectory();
  const services = fakeServices(script, [snapshot]);
  const { store, caches, disk } = services;
  const find = store.find.bind(store);
  store.find = async (id: LayerId) => {
    const layer = await find(id);
    const own = path.join(directory.path, id);
    if (!layer) return undefined;
    await mkdir(own, { recursive: true });
    await writeFile(path.join(own, "disk"), Buffer.alloc(mebibyte, 1));
    return { ...layer, directory: own };
  };
  const prune = store.prune.bind(store);
  store.prune = async (options: PruneOptions) => {
    const gone = await prune(options);
    disk.free += gone.length * mebibyte;
    return gone;
  };
  const { removeSnapshots } = services;
  services.removeSnapshots = async (names, options) => {
    await removeSnapshots(names, options);
    disk.free += names.length * mebibyte;
  };
  const build = async (command: string, ...argv: readonly string[]) =>
    await obuilder(["build", at, "-f", "-", ...argv, "."], {
      services,
      stdin: `((from debian-12) (run (cache (used (target /c))) (shell "${command}")))`,
    });
  const idIn = (stdout: string): string => /Got: "(\w+)"/.exec(stdout)?.[1] ?? "";
  const ids = { old: idIn((await build("old")).stdout), new: idIn((await build("new")).stdout) };
  await using lease = await caches.acquire({
    name: "own",
    fileSystem: "ext4",
    sharing: "shared",
  } satisfies CacheRequest);
  await lease.release();
  const prune1 = async (...argv: readonly string[]) => await obuilder(["prune", at, ...argv], { services });
  const left = (): readonly string[] => [...store.list()].map(({ id }) => id);
  return Object.assign(directory, { services, build, ids, left, prune: prune1 });
}

describe("prune", () => {
  it("removes what was not used for longest until all is as small as asked", async () => {
    await using places = await setting();
    const { prune, ids, left } = places;
    const dry = await prune("--max-used-space=3MB", "--dry-run");
    // Each layer's directory takes some bytes, too: of four of them one has to go besides the snapshot.
    expect(dry.stdout).toBe(
      `Would remove snapshot 5a5a5a\nWould remove ${ids.old}\nWould remove 1 layer, 1 snapshot\n`,
    );
    expect((await prune("--max-used-space=3MB")).stdout).toBe(
      `Removing ${ids.old}\nRemoving snapshot 5a5a5a\nRemoved 1 layer, 1 snapshot\n`,
    );
    expect(left()).toHaveLength(2);
    expect((await prune("--max-used-space=3MB")).stdout).toBe("Removed 0 layers\n");
  });

  it("removes caches and snapshots where a filter says so, and layers only with --keep and --limit", async () => {
    await using places = await setting();
    const { prune, left, services } = places;
    expect((await prune("--filter=type==cache")).stdout).toBe(
      "Removing cache used\nRemoving cache own\nRemoved 0 layers, 2 caches\n",
    );
    expect(await services.caches.list()).toEqual([]);
    expect((await prune("--limit=1", "--filter=type!=layer")).stdout).toBe("Removed 0 layers\n");
    expect((await prune("--keep=2")).stdout).toMatch(/^Removing \w{64}\nRemoved 1 layer\n$/);
    expect((await prune("--filter=type=snapshot,until=1h")).stdout).toBe(
      "Removing snapshot 5a5a5a\nRemoved 0 layers, 1 snapshot\n",
    );
    expect(left()).toHaveLength(2);
  });

  it("leaves what is in use and what has a tag, and is not content with what is left", async () => {
    await using places = await setting();
    const { prune, ids, left, services } = places;
    await obuilder(["tag", at, ids.new, "kept"], { services });
    await using lease = await services.caches.acquire({ name: "own", fileSystem: "ext4", sharing: "shared" });
    expect((await prune("--max-used-space=0")).stdout).toMatch(/Removed 1 layer, 1 cache, 1 snapshot\n$/);
    expect([left().length, lease.name, (await services.caches.list()).length]).toEqual([2, "own", 1]);
  });

  it("prints what it removes as JSON", async () => {
    await using places = await setting();
    const { prune, ids } = places;
    const filters = ["--filter", "description~=old|5a", "--json"];
    const expected = {
      bytes: expect.any(Number),
      removed: [
        {
          type: "snapshot",
          id: "5a5a5a",
          description: "5a5a5a",
          bytes: mebibyte,
          lastUsed: "1970-01-01T00:00:00.000Z",
        },
        {
          type: "layer",
          id: ids.old,
          description: expect.stringContaining("(shell old)"),
          bytes: expect.any(Number),
          lastUsed: expect.any(String),
        },
      ],
    };
    const dry = JSON.parse((await prune(...filters, "--dry-run")).stdout);
    expect(dry).toMatchObject({
      dryRun: true,
      ...expected,
      removed: expect.arrayContaining(expected.removed),
    });
    expect(dry.bytes).toBeGreaterThan(2 * mebibyte);
    expect(JSON.parse((await prune(...filters)).stdout)).toMatchObject({
      dryRun: false,
      removed: expect.arrayContaining(expected.removed),
    });
    expect(JSON.parse((await prune(...filters)).stdout)).toEqual({
      builds: 0,
      dryRun: false,
      bytes: 0,
      removed: [],
    });
  });

  it("shows what it would remove on a terminal, and its kind where there are several", async () => {
    await using places = await setting();
    const { services, left } = places;
    const stdin = () => Object.assign(inputOf("n\n"), { isTTY: true });
    const asking = ["prune", at, "--filter=id~=."];
    const { stdout } = await obuilder(asking, { services, stdin: stdin(), terminal: true });
    expect(stdout).toMatch(/^TYPE +ID +SIZE +USED +STEP\nsnapshot +5a5a5a +1\.0 MiB /);
    expect(stdout).toMatch(
      /\nDelete 3 layers, 2 caches, 1 snapshot, 4\.\d MiB\? \[y\/N\] Removed 0 layers\n$/,
    );
    const json = await obuilder([...asking, "--json"], { services, stdin: stdin(), terminal: true });
    expect([json.code, left().length]).toEqual([2, 3]);
  });

  it("refuses sizes, filters and spans that are wrong", async () => {
    for (const argv of [
      "--max-used-space=10",
      "--min-free-space=110%",
      "--filter=size=3",
      "--older-than=soon",
    ])
      expect((await obuilder(["prune", at, argv], { services: fakeServices() })).code).toBe(2);
  });
});

describe("clean --json", () => {
  it("lists the layers that it deletes", async () => {
    await using places = await setting();
    const { services, left } = places;
    const clean = async (...argv: readonly string[]) =>
      JSON.parse((await obuilder(["clean", at, "--json", ...argv], { services })).stdout);
    expect((await clean("--dry-run")).removed.map(({ type }: { type: string }) => type)).toEqual([
      "layer",
      "layer",
      "layer",
    ]);
    expect(left()).toHaveLength(3);
    expect((await clean()).removed).toHaveLength(3);
    expect(left()).toEqual([]);
  });
});

describe("build --min-free-space", () => {
  it("deletes nothing while there is space, nor where all layers are in the store", async () => {
    await using places = await setting();
    const { build, left, services } = places;
    expect((await build("third", "--min-free-space=1GB")).code).toBe(0);
    expect(left()).toHaveLength(4);
    services.disk.free = 0;
    expect((await build("third", "--min-free-space=1GB")).code).toBe(0);
    expect(left()).toHaveLength(4);
  });

  it("makes room before a step, of what the build does not use and nobody has named", async () => {
    await using places = await setting();
    const { build, ids, left, services } = places;
    const kept = /Got: "(\w+)"/.exec((await build("kept", "-t", "kept")).stdout)?.[1] ?? "";
    services.disk.free = 0;
    const { code, stderr } = await build("third", "--min-free-space=900GB", "-v");
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining("Removed 2 layers, 1 cache, 1 snapshot: only 0 B were free"),
    ]);
    expect(left()).not.toContain(ids.old);
    expect(left()).not.toContain(ids.new);
    expect(left()).toContain(kept);
    // Its own cache stays.
    expect((await services.caches.list()).map(({ name }) => name)).toEqual(["used"]);
  });

  it("keeps the layers of its own stages, in whatever order they are built", async () => {
    await using places = await setting();
    const { services } = places;
    const spec = `((build tools ((from debian-12) (run (shell old-tools)))) (from debian-12) (run (shell first))
      (copy (from (build tools)) (src /a) (dst /b)))`;
    services.disk.free = 0;
    const argv = ["build", at, "-f", "-", "--min-free-space=900GB", "."];
    const { code, stderr, stdout } = await obuilder(argv, { services, stdin: spec });
    expect([code, [...stdout.matchAll(/saved as/g)].length]).toEqual([0, 3]);
    // Once, however many steps there are.
    expect(stderr.match(/Nothing more can be removed/g)).toHaveLength(1);
    expect(stderr).toContain("less than the 900 GiB of --min-free-space");
  });

  it("makes room while a step runs", async () => {
    const removed = Promise.withResolvers<void>();
    let fill = (): void => undefined;
    await using places = await setting({
      run: async ({ task, output }) => {
        output(`${task.command}\n`);
        if (task.command !== "third") return;
        fill();
        // The step goes on when there is room again.
        await removed.promise;
      },
    });
    const { build, ids, services, left } = places;
    fill = () => {
      services.disk.free = 0;
    };
    const { prune } = services.store;
    services.store.prune = async (options) => {
      const gone = await prune(options);
      removed.resolve();
      return gone;
    };
    expect((await build("third", "--min-free-space=2MB")).code).toBe(0);
    // The snapshot and the oldest layer are enough.
    expect([left().length, left().includes(ids.old)]).toEqual([3, false]);
  });

  it("builds although no room can be made, with a warning", async () => {
    await using places = await setting();
    const { build, services } = places;
    services.disk.free = 0;
    services.store.prune = async () => {
      throw new TypeError("broken");
    };
    const { code, stderr } = await build("third", "--min-free-space=1GB");
    expect([code, stderr]).toEqual([0, expect.stringContaining("No room could be made: broken")]);
    expect((await build("fourth", "--min-free-space=much")).code).toBe(2);
  });
});
