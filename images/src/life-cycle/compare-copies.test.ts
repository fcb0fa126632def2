import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack } from "tar-stream";
import { afterEach, beforeEach, expect, it } from "vitest";
import { differences, treeOfArchive, treeOfDirectory } from "./compare-copies.ts";
import { copiedNames, makeSourceTree } from "./source-tree.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "compare-"));
  await makeSourceTree(directory);
});
afterEach(() => rm(directory, { recursive: true }));

/** An archive of a tree that a guest has changed. */
async function* archive(): AsyncGenerator<Uint8Array> {
  const packing = pack();
  packing.entry({ name: "./small/", type: "directory" });
  packing.entry({ name: `./small/${copiedNames.plain}` }, "another file\n");
  packing.entry({ name: "small/additional" }, "");
  packing.finalize();
  for await (const chunk of packing) if (chunk instanceof Uint8Array) yield chunk;
}

it("names what differs, is missing or is there besides", async () => {
  const expected = await treeOfDirectory(directory);
  const found = await treeOfArchive(archive());
  const wrong = differences(expected, found, { mayLackLinks: true });
  expect(wrong).toContainEqual(expect.stringMatching(/^"small\/plain" should be a file with the sha256 /));
  expect(wrong).toContainEqual(expect.stringMatching(/^"large\/random" should be .* is not there$/));
  expect(wrong).toContain('"small/additional" was not copied');
  expect(wrong.join("\n")).not.toContain(copiedNames.link);
  expect(differences(expected, found, { mayLackLinks: false }).join("\n")).toContain(copiedNames.link);
  expect(differences(expected, expected, { mayLackLinks: false })).toEqual([]);
});

it("refuses an archive of more files than were copied, and ends its source", async () => {
  let ended = false;
  const many = async function* (): AsyncGenerator<Uint8Array> {
    const packing = pack();
    for (let i = 0; i < 1_500; i++) packing.entry({ name: `file-${i}` }, "");
    packing.finalize();
    try {
      for await (const chunk of packing) if (chunk instanceof Uint8Array) yield chunk;
      // A guest that goes on.
      for (;;) yield Buffer.alloc(1 << 16);
    } finally {
      ended = true;
    }
  };
  await expect(treeOfArchive(many())).rejects.toThrow("more files than were copied");
  expect(ended).toBe(true);
});
