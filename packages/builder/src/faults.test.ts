import { ObError } from "@ob/core";
import { MemoryCache, MemoryStore } from "@ob/core/testing";
import { describe, expect, test } from "vitest";
import { bench, request, until } from "./builds.test.helper.ts";

const text = `((build n ((from other) (run (shell n)))) (from base)
  (run (cache (c (target /c)) (d (target /d) (buildkit_options ((sharing locked))))) (shell one)) (run (shell two))
  (copy (from (build n)) (src x) (dst /y)))`;

type Act = (place: string) => void | Promise<void>;

/** A bench that calls `act` at every point where a build waits for one of its ports. */
function watched(act: Act) {
  const at = async (operation: string, subject: string) => await act(`${operation} ${subject}`);
  const store = new MemoryStore({ images: ["base", "other"], before: at });
  const caches = new MemoryCache({ before: at });
  const run = async ({ task, output }: { task: { command: string }; output: (text: string) => void }) => {
    output(`${task.command}\n`);
    await act(`run ${task.command}`);
  };
  const readArchive = async function* () {
    await act("readArchive");
    yield Buffer.alloc(1024);
  };
  return bench({ store, caches, run, ephemeralGuest: { readArchive } });
}

/** All the points of an undisturbed build, and of one from the cache. */
async function allPlaces(): Promise<number> {
  let count = 0;
  await using setting = watched(() => void count++);
  await setting.builder.build(request(text));
  await setting.builder.build(request(text));
  return count;
}

function nothingHeld({ store, caches, sandbox }: ReturnType<typeof watched>): void {
  const { openWriters: writers, openScratchDisks: scratchDisks } = store;
  const { running, openGuests: guests } = sandbox;
  expect({ writers, scratchDisks, leases: caches.openLeases, running, guests }).toEqual({
    writers: 0,
    scratchDisks: 0,
    leases: 0,
    running: 0,
    guests: 0,
  });
}

describe("wherever a port fails", () => {
  test("everything is released, the error is thrown, and the next build succeeds", async () => {
    const places = await allPlaces();
    expect(places).toBeGreaterThan(40);
    for (let chosen = 0; chosen < places; chosen++) {
      let passed = 0;
      let failed = "";
      await using setting = watched((place) => {
        if (passed++ !== chosen) return;
        failed = place;
        throw new ObError("STORE", `broken at ${place}`);
      });
      const twice = async () => {
        await setting.builder.build(request(text));
        await setting.builder.build(request(text));
      };
      // A cache that cannot be published does not fail the build.
      const end = await twice().then(() => "done", String);
      expect(end).toBe(failed.startsWith("release ") ? "done" : `ObError: broken at ${failed}`);
      nothingHeld(setting);
      await setting.builder.build(request(text));
      nothingHeld(setting);
    }
  });
});

describe("wherever a build is cancelled", () => {
  test("everything is released, and the next build succeeds", async () => {
    const places = await allPlaces();
    for (let chosen = 0; chosen < places; chosen++) {
      let passed = 0;
      const controller = new AbortController();
      await using setting = watched(() => {
        if (passed++ === chosen) controller.abort();
      });
      const { signal } = controller;
      const twice = async () => {
        await setting.builder.build(request(text), { signal });
        await setting.builder.build(request(text), { signal });
      };
      await expect(twice()).rejects.toMatchObject({ code: "CANCELLED" });
      nothingHeld(setting);
      await setting.builder.build(request(text));
      nothingHeld(setting);
    }
  });

  test("a step that waits forever ends, and is reported as cancelled", async () => {
    const controller = new AbortController();
    await using setting = bench({ run: () => new Promise<void>(() => undefined) });
    const building = setting.builder.build(request(text), { signal: controller.signal });
    await until(() => setting.sandbox.running === 1);
    controller.abort();
    await expect(building).rejects.toMatchObject({ code: "CANCELLED" });
    nothingHeld(setting);
    expect(setting.events.at(-1)).toMatchObject({ type: "step-finished", outcome: "cancelled" });
  });
});

describe("wherever layers are deleted", () => {
  test.each([1, 2])("a build that needs them makes them again (jobs: %i)", async (jobs) => {
    let places = Infinity;
    for (let chosen = 0; chosen < places; chosen++) {
      let passed = 0;
      await using setting = watched(async () => {
        if (passed++ === chosen) await deleteAll(setting.store);
      });
      // The second finds what is left.
      await setting.builder.build(request(text), { jobs, tags: ["first"] });
      await setting.builder.build(request(text), { jobs, tags: ["second"] });
      places = passed;
      nothingHeld(setting);
      const tags = setting.store.tags().map(({ name }) => name);
      expect({ chosen, tags }).toMatchObject({ tags: expect.arrayContaining(["second"]) });
    }
    expect(places).toBeGreaterThan(40);
  });

  test("a tagged layer that a build starts from cannot be made again, and the build says so", async () => {
    let isOver = false;
    await using setting = watched(async (place) => {
      if (isOver && place.startsWith("createDisk ")) await deleteAll(setting.store);
    });
    const id = await setting.builder.build(request("((from base) (run (shell one)))"), { tags: ["x"] });
    isOver = true;
    const building = setting.builder.build(request("((from obuilder:x) (run (shell two)))"));
    await expect(building).rejects.toMatchObject({ code: "NO_SUCH_LAYER", data: { layer: id } });
    nothingHeld(setting);
  });
});

/** Deletes all layers that nothing uses, as another process would. */
async function deleteAll(store: ReturnType<typeof watched>["store"]): Promise<void> {
  await store.prune({ before: new Date(Date.now() + 60_000), tagged: true });
}

test("a log that cannot be written fails the step", async () => {
  const store = new MemoryStore({ images: ["base"] });
  const tryBegin = store.tryBegin.bind(store);
  store.tryBegin = async (id) => {
    const writer = await tryBegin(id);
    if (!writer) return undefined;
    return Object.assign(writer, { appendLog: diskFull });
  };
  await using setting = bench({
    store,
    run: async ({ output }) => {
      // As from a stream's handler, where an error of the receiver is not caught.
      setImmediate(() => output("x"));
      await new Promise<void>(() => undefined);
    },
  });
  await expect(setting.builder.build(request("((from base) (run (shell x)))"))).rejects.toMatchObject({
    code: "NO_SPACE",
  });
  expect(store.openWriters).toBe(0);
});

test("a layer that cannot be saved fails with the reason, although its log has ended", async () => {
  const store = new MemoryStore({ images: ["base"] });
  const tryBegin = store.tryBegin.bind(store);
  store.tryBegin = async (id) => {
    const writer = await tryBegin(id);
    if (!writer) return undefined;
    const commit = () => {
      const appendLog = () => {
        throw new TypeError("the writer has ended");
      };
      Object.assign(writer, { appendLog });
      return Promise.resolve().then(diskFull);
    };
    return Object.assign(writer, { commit });
  };
  await using setting = bench({ store });
  await expect(setting.builder.build(request("((from base) (run (shell x)))"))).rejects.toMatchObject({
    code: "NO_SPACE",
  });
});

test("a failure counts, not that of disposing after it", async () => {
  await using setting = bench({
    run: () => {
      throw new SuppressedError(new TypeError("second"), new ObError("NO_SPACE", "first"));
    },
  });
  const building = setting.builder.build(request("((from base) (run (shell x)))"));
  await expect(building).rejects.toMatchObject({ code: "NO_SPACE", message: "first" });
});

function diskFull(): never {
  throw new ObError("NO_SPACE", "The disk is full.");
}
