import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { run } from "@ob/core";
import { expect, test } from "vitest";
import { kernelPayload, unpackKernel } from "./bzimage.ts";

const xz = Buffer.concat([Buffer.from("fd377a585a00", "hex"), Buffer.from("packed kernel")]);

function bzImage(payload: Buffer, { setupSectors }: { setupSectors: number }): Buffer {
  const offset = 0x40;
  const start = ((setupSectors || 4) + 1) * 512 + offset;
  const image = Buffer.alloc(start + payload.length + 4 + 100, 0xff);
  image.writeUInt8(setupSectors, 0x1f1);
  image.write("HdrS", 0x202, "latin1");
  image.writeUInt32LE(offset, 0x248);
  image.writeUInt32LE(payload.length + 4, 0x24c);
  payload.copy(image, start);
  return image;
}

test("the payload starts after the setup code and excludes the trailing size", () => {
  expect(kernelPayload(bzImage(xz, { setupSectors: 39 }))).toEqual({ packing: "xz", bytes: xz });
});

test("a zstd payload is decompressed like an xz payload", async () => {
  const directory = await mkdtemp(join(tmpdir(), "bzimage-"));
  try {
    const kernel = Buffer.from("an ELF file");
    const packed = { xz: (await run(["sh", "-c", "printf 'an ELF file' | xz | base64 -w 0"])).stdout };
    const images = { xz: Buffer.from(packed.xz, "base64"), zstd: zstdCompressSync(kernel) };
    for (const [name, payload] of Object.entries(images)) {
      const file = join(directory, name);
      await unpackKernel(bzImage(payload, { setupSectors: 4 }), { file, signal: undefined });
      expect(await readFile(file)).toEqual(kernel);
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("a setup_sects of zero means four", () => {
  expect(kernelPayload(bzImage(xz, { setupSectors: 0 }))).toEqual({ packing: "xz", bytes: xz });
});

test("other compression formats, and files that are not a kernel, are refused", () => {
  expect(() => kernelPayload(bzImage(Buffer.from("\x02\x21LZ4 kernel"), { setupSectors: 4 }))).toThrow(
    /neither xz nor zstd/,
  );
  expect(() => kernelPayload(Buffer.alloc(4096))).toThrow(/not a bzImage/);
  expect(() => kernelPayload(Buffer.alloc(10))).toThrow(/not a bzImage/);
});
