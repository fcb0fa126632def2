import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { run, sha256 } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { obuilder } from "./support/obuilder.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "original-store-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** The published example: its ids are in the original's own documentation. */
const image = "windows-server-2022-x86_64-ocaml-4.14";
const baseId = "dce4336e183de81da7537728ed710f2906e9f75431694d9de80b95a9d9ff1101";
const runId = "8a897f21e54db877fc971c757ef7ffc2e1293e191dc60c3a18f24f0d3f0926f3";
const spec = `((from ${image})
  (shell /usr/bin/env bash -c)
  (run (cache (opam-archives (target "C:\\\\Users\\\\opam\\\\AppData\\\\Local\\\\opam\\\\download-cache")))
       (shell "opam install tar")))`;

/** Creates a store as the original writes it: absolute backing paths, its database, no manifest. */
async function originalStore(): Promise<string> {
  const store = path.join(root, "store");
  const disk = (id: string) => path.join(store, "result", id, "rootfs/image.qcow2");
  const base = path.join(store, `base-image/${image}.qcow2`);
  for (const directory of ["base-image", "result-tmp", "state/db", "cache", "cache-tmp"]) {
    await mkdir(path.join(store, directory), { recursive: true });
  }
  await run(["qemu-img", "create", "-q", "-f", "qcow2", base, "1G"]);
  for (const [id, backing, size] of [
    [baseId, base, []],
    [runId, disk(baseId), ["40G"]],
  ] as const) {
    await mkdir(path.dirname(disk(id)), { recursive: true });
    await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", backing, "-F", "qcow2", disk(id), ...size]);
  }
  await writeFile(path.join(store, "result", baseId, "env"), "((env ()))");
  await writeFile(path.join(store, "result", baseId, "log"), "");
  await writeFile(path.join(store, "result", runId, "log"), "-> installed tar.3.1.2\n");
  const database = new DatabaseSync(path.join(store, "state/db/db.sqlite"));
  database.exec(`CREATE TABLE builds (id TEXT PRIMARY KEY, created DATETIME NOT NULL, used DATETIME NOT NULL,
      rc INTEGER NOT NULL, parent TEXT, FOREIGN KEY (parent) REFERENCES builds (id) ON DELETE RESTRICT);
    CREATE INDEX lru ON builds (rc, used);
    INSERT INTO builds VALUES ('${baseId}', '2024-06-01 10:00:00', '2024-06-01 10:00:00', 1, NULL);
    INSERT INTO builds VALUES ('${runId}', '2024-06-01 10:05:00', '2024-06-01 10:05:00', 0, '${baseId}');`);
  database.close();
  return store;
}

describe("a store of the original", () => {
  it("is used without QEMU if all layers exist", async () => {
    const store = await originalStore();
    const file = path.join(root, "test.spec");
    await writeFile(file, spec);
    const flags = ["--qemu-memory", "16", "--qemu-cpus", "8", "--qemu-guest-os", "windows"];
    const result = await obuilder(["build", `--store=qemu:${store}`, "-v", "-f", file, ...flags, root], {
      env: { PATH: "/nonexistent" },
    });
    expect(result.exitCode, result.all).toBe(0);
    expect(result.all).toContain(`---> using "${runId}" from cache`);
    expect(result.all).toContain("-> installed tar.3.1.2\n");
    expect(result.all).toContain(`Got: "${runId}"`);
  });

  it("keeps its files unchanged", async () => {
    const store = await originalStore();
    const file = path.join(root, "test.spec");
    await writeFile(file, spec);
    const digest = async () =>
      Promise.all(
        [baseId, runId].map(async (id) =>
          sha256(await readFile(path.join(store, "result", id, "rootfs/image.qcow2"))),
        ),
      );
    const before = await digest();
    const result = await obuilder(["build", `--store=qemu:${store}`, "-f", file, root]);
    expect(result.exitCode, result.all).toBe(0);
    expect(await digest()).toEqual(before);
  });
});
