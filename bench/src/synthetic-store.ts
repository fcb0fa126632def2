import { copyFile, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sha256 } from "@ob/core";
import { execa } from "execa";
import type { Bench } from "./bench.ts";
import { binary } from "./obuilder.ts";

export interface SyntheticOptions {
  /** Number of layers of the spec, including its base. */
  readonly chain: number;
  /** Number of layers in the store; by default those of the spec. */
  readonly layers?: number;
}

/**
 * Creates a store without a build: the layers of a spec, and others on the same base, with small disks and short
 * logs.
 */
export async function syntheticStore(
  bench: Bench,
  { chain, layers = chain }: SyntheticOptions,
): Promise<{ readonly store: string; readonly spec: string }> {
  const store = path.join(bench.directory, `synthetic-${crypto.randomUUID().slice(0, 8)}`);
  const image = path.join(store, "base-image/base.qcow2");
  await mkdir(path.dirname(image), { recursive: true });
  await mkdir(path.join(store, "result"));
  await execa("qemu-img", ["create", "-q", "-f", "qcow2", image, "1M"]);
  const steps = Array.from(
    { length: chain - 1 },
    (_, step) => ` (run (shell "echo ${step}; make target-${step}"))`,
  );
  const spec = path.join(store, "test.spec");
  await writeFile(spec, `((from base)\n${steps.join("\n")})`);
  const planned = await execa(process.execPath, [
    binary,
    "plan",
    "--json",
    `--store=qemu:${store}`,
    "-f",
    spec,
    store,
  ]);
  const wanted = planned.stdout
    .split("\n")
    .map((line): { id: string; base: string | null } => JSON.parse(line));
  const base = wanted[0]?.id ?? "";
  const others = Array.from({ length: layers - chain }, (_, n) => ({ id: sha256(`layer ${n}`), base }));

  const database = new DatabaseSync(path.join(store, "state/db/db.sqlite"));
  database.exec("BEGIN");
  const enter = database.prepare("INSERT INTO builds (id, created, used, rc, parent) VALUES (?, ?, ?, 0, ?)");
  let empty: string | undefined;
  for (const { id, base: parent } of [...wanted, ...others]) {
    const directory = path.join(store, "result", id);
    const disk = path.join(directory, "rootfs/image.qcow2");
    await mkdir(path.dirname(disk), { recursive: true });
    const isOther = parent === base && wanted.every((each) => each.id !== id);
    if (parent === null) {
      await copyFile(image, disk);
      await writeFile(path.join(directory, "env"), "((env ()))\n");
    } else if (isOther && empty !== undefined) {
      await copyFile(empty, disk);
    } else {
      // -u: the backing chain has a hundred files, more than a build leaves, and no process opens it here.
      const backing = `../../../result/${parent}/rootfs/image.qcow2`;
      await execa("qemu-img", [
        "create",
        "-q",
        "-u",
        "-f",
        "qcow2",
        "-F",
        "qcow2",
        "-b",
        backing,
        disk,
        "1M",
      ]);
      if (isOther) empty = disk;
    }
    await writeFile(path.join(directory, "log"), "output\n");
    enter.run(id, "2026-01-01 00:00:00", "2026-01-01 00:00:00", parent);
  }
  database.exec("COMMIT");
  database.close();
  return { store, spec };
}
