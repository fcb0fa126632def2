import { expect, test } from "vitest";
import { xzPayload } from "./bzimage.ts";

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

test("the payload is found behind the setup code, without the size at its end", () => {
  expect(xzPayload(bzImage(xz, { setupSectors: 39 }))).toEqual(xz);
});

test("no setup sectors means four", () => {
  expect(xzPayload(bzImage(xz, { setupSectors: 0 }))).toEqual(xz);
});

test("a kernel that is packed differently is refused, and so is what is no kernel", () => {
  expect(() => xzPayload(bzImage(Buffer.from("\x02\x21LZ4 kernel"), { setupSectors: 4 }))).toThrow(
    /not packed with xz/,
  );
  expect(() => xzPayload(Buffer.alloc(4096))).toThrow(/no bzImage/);
  expect(() => xzPayload(Buffer.alloc(10))).toThrow(/no bzImage/);
});
