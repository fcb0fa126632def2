import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { run } from "@ob/core";
import { readQcowHeader } from "@ob/qcow2";
import { testTime } from "@ob/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openCaches } from "./cache-store.ts";
import {
  hasPattern,
  request,
  type TemporaryCaches,
  temporaryCaches,
  writePattern,
} from "./temporary-caches.test.helper.ts";

let fixture: TemporaryCaches;

beforeEach(async () => {
  fixture = await temporaryCaches();
});

afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
});

async function step(fill: number, megabyte: number): Promise<boolean> {
  await using lease = await fixture.caches.acquire(request("x"));
  await writePattern(lease.disk, { fill, megabyte });
  return await lease.release();
}

const versions = (): Promise<string[]> => readdir(join(fixture.directory, "cache/c-x/ext4"));

describe("a step's changes to a cache", () => {
  it("are seen by the next step", async () => {
    await step(1, 3000);
    await step(2, 3001);
    await using lease = await fixture.caches.acquire(request("x"));
    expect(await hasPattern(lease.disk, { fill: 1, megabyte: 3000 })).toBe(true);
    expect(await hasPattern(lease.disk, { fill: 2, megabyte: 3001 })).toBe(true);
  });

  it("are not seen by a step that began before", async () => {
    await step(1, 3000);
    await using early = await fixture.caches.acquire(request("x"));
    await step(2, 3000);
    expect(await hasPattern(early.disk, { fill: 1, megabyte: 3000 })).toBe(true);
  });

  it("are published by one rename, whatever their size", async () => {
    await using lease = await fixture.caches.acquire(request("x"));
    const { ino } = await stat(lease.disk);
    await lease.release();
    expect((await stat(join(fixture.directory, "cache/c-x/ext4/2.qcow2"))).ino).toBe(ino);
    expect(await readdir(join(fixture.directory, "cache-tmp"))).toEqual([]);
  });

  it("stay valid when the store is moved", async () => {
    await step(1, 3000);
    const header = await readQcowHeader(join(fixture.directory, "cache/c-x/ext4/2.qcow2"));
    expect(header?.backing).toBe("../../../cache/c-x/ext4/1.qcow2");
  });
});

describe("old versions", () => {
  it(
    "are flattened into one after some steps, and are kept while a step depends on them",
    async () => {
      const steps = 34;
      await step(1, 3001);
      await using early = await fixture.caches.acquire(request("x"));
      for (let n = 2; n <= steps; n += 1) expect(await step(n, 3000 + n)).toBe(true);
      expect((await versions()).length).toBeLessThan(steps);
      await using late = await fixture.caches.acquire(request("x"));
      for (let n = 1; n <= steps; n += 1) {
        expect(await hasPattern(late.disk, { fill: n, megabyte: 3000 + n })).toBe(true);
      }
      expect(await hasPattern(early.disk, { fill: 1, megabyte: 3001 })).toBe(true);
      expect(await hasPattern(early.disk, { fill: 0, megabyte: 3002 })).toBe(true);
    },
    testTime(120_000),
  );
});

describe("the backing chain of a step's copy", () => {
  it(
    "is kept until the step ends, also if it was flattened in the meantime",
    async () => {
      for (let n = 1; n <= 3; n += 1) await step(n, 3000 + n);
      const standing = await versions();
      expect(standing).toHaveLength(4);
      {
        await using early = await fixture.caches.acquire(request("x"));
        for (let n = 4; n <= 36; n += 1) await step(n, 3000 + n);
        expect(await versions()).toEqual(expect.arrayContaining(standing));
        expect(await hasPattern(early.disk, { fill: 3, megabyte: 3003 })).toBe(true);
      }
      expect(await versions()).not.toEqual(expect.arrayContaining(standing));
    },
    testTime(120_000),
  );
});

describe("a large version", () => {
  it(
    "is not copied when those above it are flattened",
    async () => {
      {
        await using lease = await fixture.caches.acquire(request("x"));
        await run(["qemu-io", "-f", "qcow2", "-c", "write -P 77 2000M 64M", lease.disk]);
        await lease.release();
      }
      const large = join(fixture.directory, "cache/c-x/ext4/2.qcow2");
      const { ino, blocks } = await stat(large);
      const steps = 33;
      for (let n = 1; n <= steps; n += 1) expect(await step(n, 3000 + n)).toBe(true);
      expect((await stat(large)).ino).toBe(ino);
      const left = await versions();
      expect(left.length).toBeLessThan(steps);
      for (const file of left.filter((name) => name !== "2.qcow2")) {
        expect((await stat(join(fixture.directory, "cache/c-x/ext4", file))).blocks).toBeLessThan(blocks / 4);
      }
      await using late = await fixture.caches.acquire(request("x"));
      for (let n = 1; n <= steps; n += 1) {
        expect(await hasPattern(late.disk, { fill: n, megabyte: 3000 + n })).toBe(true);
      }
      expect(await hasPattern(late.disk, { fill: 77, megabyte: 2063 })).toBe(true);
    },
    testTime(120_000),
  );
});

describe("between processes", () => {
  it("the first step to finish publishes", async () => {
    await using other = await otherProcess("shared");
    expect(await step(1, 3000)).toBe(true);
    expect(await other.giveBack()).toBe("false");
  });

  it("a step that waits for a locked cache reports it", async () => {
    const said: string[] = [];
    await using other = await otherProcess("locked");
    await using caches = await openCaches({
      directory: fixture.directory,
      emit: (event) => void (event.type === "log" && said.push(event.text)),
    });
    const waiting = caches.acquire(request("x", { sharing: "locked" }));
    await expect.poll(() => said).toEqual(["Waiting for the cache x, which another step has locked"]);
    await other.kill();
    await using lease = await waiting;
    expect(await lease.release()).toBe(true);
  });

  it("a locked cache has one user, and is released when that process is killed", async () => {
    await using other = await otherProcess("locked");
    const stop = new AbortController();
    const waiting = fixture.caches.acquire(request("x", { sharing: "locked" }), stop.signal);
    expect(await Promise.race([waiting, Promise.resolve("waits")])).toBe("waits");
    await other.kill();
    await using lease = await waiting;
    expect(await lease.release()).toBe(true);
  });

  it("the copy of a killed process is swept, that of a running one is not", async () => {
    await using dead = await otherProcess("shared");
    await using alive = await otherProcess("shared");
    await dead.kill();
    await (await openCaches({ directory: fixture.directory }))[Symbol.asyncDispose]();
    await expect(access(dead.disk)).rejects.toThrow("ENOENT");
    await expect(access(alive.disk)).resolves.toBeUndefined();
    expect(await alive.giveBack()).toBe("true");
  });

  it("a cache that another process uses is not removed", async () => {
    await step(1, 3000);
    await using other = await otherProcess("shared");
    await expect(fixture.caches.remove("x")).rejects.toMatchObject({ code: "CACHE" });
    expect(await other.giveBack()).toBe("true");
    expect(await fixture.caches.remove("x")).toBe(true);
    expect(await readdir(join(fixture.directory, "cache"))).toEqual([]);
  });
});

it("can be lost completely: the next step starts with a new cache", async () => {
  await step(1, 3000);
  await rm(join(fixture.directory, "cache"), { recursive: true });
  expect(await step(2, 3000)).toBe(true);
});

async function otherProcess(sharing: "shared" | "locked") {
  const script = fileURLToPath(new URL("process.test.helper.ts", import.meta.url));
  const child = spawn(
    process.execPath,
    [
      "--conditions=@ob/source",
      "--experimental-strip-types",
      "--no-warnings",
      script,
      fixture.directory,
      "x",
      sharing,
    ],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exit = once(child, "exit");
  const kill = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await exit;
  };
  const first = await lines.next();
  return {
    disk: String(first.value),
    kill,
    giveBack: async (): Promise<string> => {
      child.stdin.write("\n");
      return String((await lines.next()).value);
    },
    [Symbol.asyncDispose]: kill,
  };
}
