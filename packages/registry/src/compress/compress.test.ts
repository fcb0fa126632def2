import { randomBytes } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { contentOf } from "../reference/digest.ts";
import { scratch } from "../testing/scratch.ts";
import { compressTo } from "./files.ts";
import { SparseFile } from "./sparse-file.ts";
import { zstdDecompressor } from "./zstd.ts";

/** Bytes that compress by half. */
function halfRandom(size: number): Buffer {
  return Buffer.from(randomBytes(size).toString("hex").slice(0, size));
}

test("the same bytes give the same bytes, in whatever pieces they come", async () => {
  await using files = await scratch();
  const bytes = halfRandom(1_000_000);
  const whole = await compressTo(await files.file("plain", bytes), files.path("whole"));
  for (const size of [7, 1_000, 65_537, 262_144, 1_000_000]) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    );
    expect(await compressTo(Readable.from(pieces), files.path(`by-${size}`)), String(size)).toEqual(whole);
  }
  expect(bytes.equals(zstdDecompressSync(await readFile(files.path("whole"))))).toBe(true);
  expect(whole.content).toEqual(await contentOf(files.path("whole")));
  expect(whole.uncompressed).toEqual(await contentOf(files.path("plain")));
});

test("a stream that fails, and a file that exists, end the compression with their error", async () => {
  await using files = await scratch();
  const failing = Readable.from(
    (async function* () {
      yield Buffer.alloc(1_000_000);
      throw new Error("of the source");
    })(),
  );
  await expect(compressTo(failing, files.path("a"))).rejects.toThrow("of the source");
  await expect(compressTo(files.path("missing"), files.path("b"))).rejects.toThrow("ENOENT");
  await expect(compressTo(endlessly(), await files.file("there", "x"))).rejects.toThrow("EEXIST");
  const controller = new AbortController();
  const compressing = compressTo(endlessly(), files.path("c"), controller.signal);
  controller.abort();
  await expect(compressing).rejects.toThrow("aborted");
});

function endlessly(): Readable {
  return new Readable({
    read() {
      this.push(randomBytes(10_000));
    },
  });
}

test("a frame whose window is larger than 8 MiB is refused", async () => {
  const params = { [constants.ZSTD_c_windowLog]: 24, [constants.ZSTD_c_contentSizeFlag]: 0 };
  const frame = zstdCompressSync(Buffer.alloc(40 << 20), { params });
  const drain = async (): Promise<void> => {
    for await (const _ of Readable.from([frame]).pipe(zstdDecompressor())) void _;
  };
  await expect(drain()).rejects.toThrow(/too much memory/i);
});

test("a file keeps its holes, and all of its bytes", async () => {
  await using files = await scratch();
  const hole = Buffer.alloc(1 << 20);
  const parts = [randomBytes(70_000), hole, randomBytes(5), hole, randomBytes(65_536), hole];
  {
    await using file = await SparseFile.create(files.path("sparse"));
    const all = Buffer.concat(parts);
    for (let at = 0; at < all.length; at += 33_333) await file.write(all.subarray(at, at + 33_333));
    await file.finish();
  }
  expect(Buffer.concat(parts).equals(await readFile(files.path("sparse")))).toBe(true);
  const { size, blocks } = await stat(files.path("sparse"));
  expect(blocks * 512).toBeLessThan(size / 4);
});
