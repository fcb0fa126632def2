import { once } from "node:events";
import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { type GuestImage, layerId, type ObEvent, type RunTask, sha256 } from "@ob/core";
import { createSandbox } from "@ob/sandbox-qemu";
import { afterAll, beforeAll, expect, it } from "vitest";
import { filesOn } from "../support/file-system.ts";
import { imageName } from "../support/store.ts";
import { cacheDisk, machinesOf, openRaw, runTask, type Harness, openHarness } from "./harness.ts";

let bench: Harness;
let image: GuestImage;
let base: string;
beforeAll(async () => {
  bench = await openHarness();
  const manifestDirectory = path.join(bench.directory, "image");
  const { manifest, manifestDirectory: from } = bench.image;
  const sshKey = manifest?.sshKey && path.relative(manifestDirectory, path.resolve(from, manifest.sshKey));
  image = { manifest: manifest && { ...manifest, sshKey }, manifestDirectory };
  base = path.join(manifestDirectory, `${imageName}.qcow2`);
  await importImage();
});
afterAll(async () => await bench[Symbol.asyncDispose]());

/** Copies the image, as a store does that imports it as a layer. */
async function importImage(): Promise<void> {
  const { manifestDirectory: from } = bench.image;
  const { manifestDirectory: to } = image;
  await rm(to, { recursive: true, force: true });
  await mkdir(to);
  for (const name of await readdir(from)) {
    if (name.startsWith(`${imageName}.`)) await copyFile(path.join(from, name), path.join(to, name));
  }
}

const createDisk = async (parent = base): Promise<string> => await bench.createDisk(parent);

const runStep = async (disk: string, task: Parameters<Harness["runStep"]>[1]) =>
  await bench.runStep(disk, task, { image });

/** What a VM could have in common with others that were resumed from the same snapshot. */
const chance = "cat /proc/sys/kernel/random/uuid; head -c 16 /dev/urandom | od -An -tx1; date +%s";
const change = `mkdir -p a/b; echo text > a/b/file; ln -s b a/link; sudo sh -c 'echo more >> /etc/motd; rm /etc/issue'`;

/** How the VM of a step was started. */
function startOf(events: readonly ObEvent[]): "booted" | "saved" | "resumed" {
  const argvs = events.flatMap((event) => (event.type === "exec" ? [event.argv.join(" ")] : []));
  const qemu = argvs.findLast((argv) => argv.startsWith("qemu-system") && argv.includes("-blockdev")) ?? "";
  if (qemu.includes("-incoming")) return "resumed";
  return qemu.includes("memfd") ? "saved" : "booted";
}

/** Runs a step in a guest that is booted without snapshots. */
async function runBooted(disk: string, task: RunTask): Promise<void> {
  const options = { memoryMib: 512, cpus: 2, bootTimeSeconds: 120, accelerator: "auto" } as const;
  const stateDirectory = path.join(bench.directory, "plain");
  await using sandbox = await createSandbox({ ...options, stateDirectory, snapshotCacheSize: 0 });
  const seen: ObEvent[] = [];
  const emit = (event: ObEvent): void => void seen.push(event);
  await sandbox.run({ layer: layerId(sha256(disk)), disk, image, task }, { emit });
  expect(startOf(seen)).toBe("booted");
}

/** Runs `chance`, and checks the guest's clock. */
async function random(disk: string, more: Parameters<typeof runTask>[1] & { also?: string } = {}) {
  const { also = "true", ...task } = more;
  const before = Date.now() / 1000;
  const { output, events } = await runStep(disk, runTask(`${chance}; ${also}`, task));
  const [uuid = "", bytes = "", time = "", ...rest] = output.trim().split("\n");
  expect(Number(time)).toBeGreaterThan(before - 2);
  expect(Number(time)).toBeLessThan(Date.now() / 1000 + 2);
  return { start: startOf(events), chance: [uuid, bytes], rest };
}

it("the second guest on a base layer is resumed, also if the layer was imported again, with the right time, its own random numbers and its own network", async () => {
  const server = createServer((socket) => socket.end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const reach = `timeout 5 bash -c '</dev/tcp/10.0.2.2/${port}' 2>/dev/null && echo reached || echo unreachable`;

  const first = await random(await createDisk());
  expect(first.start).toBe("saved");
  // The snapshot belongs to the bytes of the layer.
  await importImage();
  const closed = await random(await createDisk(), { also: reach });
  const open = await random(await createDisk(), { also: reach, network: "host" });
  server.close();
  expect(closed).toMatchObject({ start: "resumed", rest: ["unreachable"] });
  expect(open).toMatchObject({ start: "resumed", rest: ["reached"] });
  const all = [first, closed, open].flatMap(({ chance: drawn }) => drawn);
  expect(new Set(all).size).toBe(all.length);
  await expect(machinesOf(bench.stateDirectory)).resolves.toEqual([]);
});

it("a layer of a resumed guest is clean, and the same as that of a booted guest, also on a layer of which a stage's first step took a snapshot", async () => {
  const resumed = await createDisk();
  const { events } = await runStep(resumed, runTask(change));
  expect(startOf(events)).toBe("resumed");
  {
    await using raw = await openRaw(resumed);
    await raw.check();
  }
  const booted = await createDisk();
  await runBooted(booted, runTask(change));
  const [one, other] = [await filesOn(resumed), await filesOn(booted)];
  expect(one.length).toBeGreaterThan(1_000);
  expect(one).toEqual(other);

  for (const start of [
    { point: "initrd", saved: true },
    { point: "ready", saved: false },
  ]) {
    const disk = await createDisk(resumed);
    await expect(runFirst(disk, runTask("cp a/b/file next"))).resolves.toEqual(start);
    const files = await filesOn(disk);
    expect(files.filter((line) => !line.startsWith("home/opam/next: "))).toEqual(other);
    expect(files.length).toBe(other.length + 1);
    await using raw = await openRaw(disk);
    await raw.check();
  }
});

/** Runs a step as the first of a stage. @returns where its guest was resumed, and whether its layer got a snapshot. */
async function runFirst(disk: string, task: RunTask) {
  const seen: ObEvent[] = [];
  await using session = bench.sandbox.openSession();
  const step = { layer: layerId(sha256(disk)), disk, image, task };
  await session.run(step, { emit: (event) => void seen.push(event) });
  const log = JSON.stringify(seen.filter(({ type }) => type === "log"));
  const point = /resumed from snapshot \((\w+)\)/.exec(log)?.[1];
  return { point, saved: log.includes("took a VM snapshot (ready)") };
}

it("on any other layer the guest is resumed in its initrd, and its caches are hot-plugged", async () => {
  const parent = await createDisk();
  await runStep(parent, runTask("echo parent > parent"));
  const cache = await cacheDisk(bench.directory, true);
  const caches = [{ name: "c", disk: cache, formatted: true, target: "/cache" }];
  const one = await random(await createDisk(parent), {
    also: "cat parent; echo kept > /cache/file",
    caches,
  });
  const disk = await createDisk(parent);
  const other = await random(disk, { also: "cat parent", user: { uid: 0, gid: 0 } });
  expect([one, other]).toMatchObject([
    { start: "resumed", rest: ["parent"] },
    { start: "resumed", rest: ["parent"] },
  ]);
  const all = [one, other].flatMap(({ chance: drawn }) => drawn);
  expect(new Set(all).size).toBe(all.length);
  await using kept = await openRaw(cache);
  await kept.check();
  await expect(kept.debugfs("cat /file")).resolves.toBe("kept");
  await using raw = await openRaw(disk);
  await raw.check();
});

it("a snapshot that cannot be resumed is removed, and the step has a booted guest", async () => {
  const snapshots = path.join(bench.stateDirectory, "snapshots");
  const before = await readdir(snapshots);
  expect(before.length).toBe(3);
  for (const name of before) await spoil(path.join(snapshots, name));
  const disk = await createDisk();
  const { output, events } = await runStep(disk, runTask("echo done"));
  expect(output).toBe("done\n");
  expect(startOf(events)).toBe("booted");
  const said = events.filter((event) => event.type === "log" && event.level === "info");
  expect(JSON.stringify(said)).toMatch(/snapshot restore failed.*snapshot restore failed/);
  // That of another layer was not tried.
  await expect(readdir(snapshots)).resolves.toHaveLength(1);
  await using raw = await openRaw(disk);
  await raw.check();
});

/** Writes a state that QEMU cannot load, and a record that matches it. */
async function spoil(directory: string): Promise<void> {
  const [state, record] = [path.join(directory, "state"), path.join(directory, "snapshot.json")];
  await writeFile(state, Buffer.alloc((await stat(state)).size, 1));
  const { dev, ino, size, mtimeNs } = await stat(state, { bigint: true });
  const text = JSON.parse(await readFile(record, "utf8")) as { parts: Record<string, string> };
  text.parts["state"] = [dev, ino, size, mtimeNs].join(" ");
  await writeFile(record, JSON.stringify(text));
}
