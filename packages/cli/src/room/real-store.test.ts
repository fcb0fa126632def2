import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "@ob/core";
import { openStore } from "@ob/store-qcow";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../testing/directory.ts";
import { obuilder } from "../testing/run.ts";

/** Base images of one and two mebibytes. A build of `(from NAME)` needs no machine. */
async function storeWithImages() {
  const directory = await temporaryDirectory();
  const images = path.join(directory.path, "base-image");
  await mkdir(images, { mode: 0o700 });
  for (const [name, size] of [
    ["one", 1],
    ["two", 2],
    ["more", 1],
  ] as const) {
    const raw = path.join(directory.path, "raw");
    await writeFile(raw, Buffer.alloc(size * 2 ** 20, 7));
    await run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path.join(images, `${name}.qcow2`)]);
  }
  const at = `--store=qemu:${directory.path}`;
  const build = async (name: string, ...argv: readonly string[]) => {
    const { code, stdout, stderr } = await obuilder(["build", at, "-f", "-", ...argv, "."], {
      stdin: `((from ${name}))`,
    });
    expect(code, stderr).toBe(0);
    return { id: /Got: "(\w+)"/.exec(stdout)?.[1] ?? "", stderr };
  };
  const listed = async (...argv: readonly string[]): Promise<readonly string[]> => {
    const { removed } = JSON.parse((await obuilder(["prune", at, "--json", ...argv])).stdout);
    return removed.map(({ id }: { id: string }) => id);
  };
  return Object.assign(directory, { at, build, listed });
}

it("prunes and makes room in a store on a disk, and leaves what is in use", async () => {
  await using store = await storeWithImages();
  const { at, build, listed } = store;
  const { id: one } = await build("one");
  const { id: two } = await build("two");
  const measured = ["--filter=type=layer", "--dry-run"];
  expect((await listed("--max-used-space=0", ...measured)).toSorted()).toEqual([one, two].toSorted());
  expect(await listed("--max-used-space=1GB", ...measured)).toEqual([]);
  expect((await listed("--min-free-space=100%", ...measured)).toSorted()).toEqual([one, two].toSorted());
  expect(await listed("--min-free-space=1MB", ...measured)).toEqual([]);
  {
    // As a build that has begun a layer on it.
    await using other = await openStore({ directory: store.path });
    const layer = [...other.list()].find(({ id }) => id === one) ?? expect.fail("no such layer");
    await using scratch = await other.createScratchDisk(layer.id);
    expect(scratch.layer).toBe(one);
    expect(await listed("--filter=inuse", "--dry-run")).toEqual([]);
    expect(await listed("--max-used-space=0")).toEqual([two]);
    // The disk can never be free as a whole.
    const { id, stderr } = await build("more", "--min-free-space=100%", "--metadata-file", "/dev/null", "-v");
    expect(stderr).toContain("less than the");
    expect([...other.list()].map((record) => record.id).toSorted()).toEqual([one, id].toSorted());
  }
  const { stderr } = await build("two", "--min-free-space=100%", "-v");
  expect(stderr).toContain(`Removing layer ${one}`);
  expect((await obuilder(["ls", at, "--json"])).stdout).toContain(two);
});
