import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { listSnapshots, removeSnapshots } from "./list-snapshots.ts";
import { recordName } from "./snapshot-record.ts";

async function stateDirectory() {
  const path = await mkdtemp(join(tmpdir(), "snapshots-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test("snapshots are listed with their size and last use, and removed by their names", async () => {
  await using state = await stateDirectory();
  const options = { stateDirectory: state.path };
  expect(await listSnapshots(options)).toEqual([]);
  await removeSnapshots(["a"], options);
  for (const name of ["b", "a"]) {
    const directory = join(state.path, "snapshots", name);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, "memory"), Buffer.alloc(100_000, 1));
    await writeFile(join(directory, recordName), "{}");
    await utimes(join(directory, recordName), 1_000, name === "a" ? 2_000 : 3_000);
  }
  const found = await listSnapshots(options);
  expect(found.map(({ name, lastUsed }) => [name, lastUsed.getTime()])).toEqual([
    ["a", 2_000_000],
    ["b", 3_000_000],
  ]);
  for (const { bytes } of found) expect(bytes).toBeGreaterThanOrEqual(100_000);
  await writeFile(join(state.path, "kept"), "");
  await removeSnapshots(["a", "../kept", "c"], options);
  expect((await listSnapshots(options)).map(({ name }) => name)).toEqual(["b"]);
  await removeSnapshots(["b"], options);
  expect(await listSnapshots(options)).toEqual([]);
});
