import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileIdentity, sha256, toStoreError } from "@ob/core";
import { tryLock } from "@ob/qcow2";
import * as fc from "fast-check";
import { openDigestCache } from "../../../packages/builder/src/source/digest-cache.ts";
import { hostIdentity } from "../../../packages/qemu/src/process/process-identity.ts";
import { sweepRunDirectories } from "../../../packages/qemu/src/vm/run-directory.ts";
import { readRecord, recordName } from "../../../packages/sandbox-qemu/src/snapshot/snapshot-record.ts";
import { snapshotFiles } from "../../../packages/sandbox-qemu/src/snapshot/save.ts";
import { snapshotFormat } from "../../../packages/sandbox-qemu/src/snapshot/snapshot-key.ts";
import { leastUseful } from "../../../packages/sandbox-qemu/src/snapshot/usage.ts";
import { parseEnvironment, printEnvironment } from "../../../packages/store-qcow/src/db/env-file.ts";
import { mutatedJson } from "./mutated-json.ts";
import { mutated } from "./mutated.ts";
import { asyncTarget, type Target, target } from "./target.ts";
import type { OpenTargets } from "./targets.ts";

const environments = ['((env ((PATH /usr/bin) (A "1 \\195\\188\\n\\x41") ("" ""))))'];
const pair = fc.tuple(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.string({ unit: "binary", maxLength: 8 }),
);
const digests = [JSON.stringify(["obuilder digests 1", [["/a", ["1 2 3 4 5", sha256("a")]]]])];
const usages = ['{"costMs": 4000.5, "uses": 3}'];
/** The file of a lock is empty. */
const locks = ["", "SQLite format 3\0\u0010\0\u0001\u0001\0@  \0\0\0\u0001".padEnd(200, "\0")];

/** Files of the store and of the host's state, as a crash or a full disk may leave them. */
export async function openStateTargets(): Promise<OpenTargets> {
  const directory = await mkdtemp(path.join(tmpdir(), "ob-fuzz-"));
  const vm = path.join(directory, "run", "vm-1");
  const sourceDirectory = "/nonexistent";
  const digestFile = path.join(directory, `${sha256(sourceDirectory).slice(0, 32)}.json`);
  const lock = path.join(directory, "lock");
  const owner = { pid: 2 ** 22 + 1, startTime: "1", host: (await hostIdentity()) ?? "" };
  const records = [await exampleRecord(directory)];
  const owners = [JSON.stringify({ owner, qemu: owner, cgroup: "/sys/fs/cgroup/none/vm-1" })];
  const targets: readonly Target[] = [
    target("environments of layers", mutated(environments), (bytes) => {
      parseEnvironment(bytes.toString("utf8"), "env");
    }),
    target("environments that are written", fc.array(pair, { maxLength: 4 }), (environment) => {
      const text = printEnvironment(environment);
      const again = parseEnvironment(text, "env");
      const asWritten = environment.map((each) => each.map((word) => word.toWellFormed()));
      if (JSON.stringify(again) !== JSON.stringify(asWritten))
        throw new Error(`${text} is read as ${JSON.stringify(again)}`);
    }),
    asyncTarget("owners of VMs", mutatedJson(owners), async (bytes) => {
      await mkdir(vm, { recursive: true });
      await writeFile(path.join(vm, "owner.json"), bytes);
      await sweepRunDirectories(directory, () => undefined);
    }),
    asyncTarget("digests of sources", mutatedJson(digests), async (bytes) => {
      await writeFile(digestFile, bytes);
      const cache = openDigestCache({ directory, sourceDirectory });
      await cache.load();
      return cache.knows("/a");
    }),
    asyncTarget("records of snapshots", mutatedJson(records), async (bytes) => {
      await writeFile(path.join(directory, recordName), bytes);
      return (await readRecord(directory)) !== undefined;
    }),
    asyncTarget("uses of snapshots", mutatedJson(usages), async (bytes) => {
      await writeFile(path.join(directory, "usage.json"), bytes);
      const snapshots = [{ name: "one", path: directory }];
      const gone = await leastUseful(snapshots, { space: 0, newest: undefined });
      if (gone.length !== 1) throw new Error("a snapshot stays that is too large");
    }),
    asyncTarget("files of locks", mutated(locks), async (bytes) => {
      await writeFile(lock, bytes);
      const held = await tryLock(lock, "exclusive").catch((error: unknown) => {
        throw toStoreError(error, "lock it");
      });
      held?.release();
      return held !== undefined;
    }),
  ];
  // Most of them write a file for each input.
  const few = targets.map((each) =>
    each.name.startsWith("environments") ? each : { ...each, wanted: 100_000 },
  );
  return { targets: few, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}

/** The record of a snapshot that is there. */
async function exampleRecord(directory: string): Promise<string> {
  const idOf = async (name: string): Promise<string> => {
    const file = path.join(directory, name);
    await writeFile(file, name);
    return (await fileIdentity(file)).id;
  };
  const { state, memory, disk } = snapshotFiles;
  const parts = { state: await idOf(state), memory: await idOf(memory), disk: await idOf(disk) };
  const contents = [{ path: "/kernel", id: "1 2 3", sha256: sha256("kernel") }];
  return JSON.stringify({ format: snapshotFormat, point: "ready", files: [], contents, parts });
}
