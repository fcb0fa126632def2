import { setImmediate as nextTurn } from "node:timers/promises";
import type { EphemeralGuest } from "@ob/core";
import {
  archiveEnd,
  directory,
  entryBlocks,
  file,
  measureFlood,
  pax,
  root,
  testTime,
} from "@ob/core/testing";
import { expect, it } from "vitest";
import { layerArchive } from "./layer-archive.ts";

const mebibyte = 2 ** 20;

/** A guest that sends these blocks, as a connection would pass them on. */
function guestThatSends(blocks: () => Generator<Uint8Array>): EphemeralGuest {
  return {
    async *readArchive() {
      for (const block of blocks()) {
        for (let at = 0; at < block.length; at += 65_536) {
          yield block.subarray(at, at + 65_536);
          await nextTurn();
        }
      }
    },
    execInteractive: async () => 0,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function read(blocks: () => Generator<Uint8Array>): Promise<number> {
  let length = 0;
  const items = [{ path: "/x", archivePath: () => "d" }];
  const archive = layerArchive(async () => guestThatSends(blocks), { items, owner: { kind: "reader" } });
  for await (const bytes of archive as AsyncIterable<Uint8Array>) length += bytes.length;
  return length;
}

it("a file in hundreds of thousands of pieces stalls nothing", { timeout: testTime(60_000) }, async () => {
  const pieces = 240_000;
  const lines = Array.from({ length: pieces }, (_, index) => `${index * 1024}\n0\n`);
  const map = Buffer.from(`${pieces}\n${lines.join("")}`);
  const body = Buffer.concat([map, Buffer.alloc(-map.length & 511)]);
  const sparse = [
    pax(
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.name", "./x"],
      ["GNU.sparse.realsize", String(pieces * 1024)],
    ),
    { ...file("x"), body },
  ].map(entryBlocks);
  const { stall, allowed } = await measureFlood(async () => {
    await read(function* () {
      yield* [entryBlocks(root), ...sparse, ...sparse, archiveEnd];
    });
  });
  expect(stall).toBeLessThan(allowed);
});

it(
  "long names of directories without end do not fill the memory",
  { timeout: testTime(60_000) },
  async () => {
    const names = ["path", `./${"x".repeat(60_000)}`] as const;
    const long = [pax(names), directory("x")].map(entryBlocks);
    let sent = 0;
    const { growth } = await measureFlood(async () => {
      const reading = read(function* () {
        yield entryBlocks(root);
        for (; ; sent++) {
          const [header = Buffer.alloc(0), entry = header] = long;
          const other = Buffer.from(header);
          // Each has a name of its own.
          other.write(String(sent), 600);
          yield Buffer.concat([other, entry]);
        }
      });
      await expect(reading).rejects.toMatchObject({
        code: "BAD_SOURCE",
        message: expect.stringContaining("the names of its directories and links are longer than"),
      });
    });
    expect(sent).toBeLessThan(1_200);
    expect(growth).toBeLessThan(200 * mebibyte);
  },
);
