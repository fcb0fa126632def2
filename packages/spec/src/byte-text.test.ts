import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { byteText, fromBytes, normalizeBytes, toBytes } from "./byte-text.ts";

describe("fromBytes and toBytes", () => {
  test("undo each other for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect([...toBytes(fromBytes(bytes))]).toStrictEqual([...bytes]);
      }),
    );
  });

  test("undo each other for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(fromBytes(toBytes(text))).toBe(text);
      }),
    );
  });

  test("read UTF-8 as it is", () => {
    expect(fromBytes(Buffer.from("é 日本 🙂 \uFEFF"))).toBe("é 日本 🙂 \uFEFF");
  });

  test.each([
    ["a byte that never occurs", [0xff]],
    ["a continuation alone", [0x80]],
    ["a character that is cut off", [0xe6, 0x97]],
    ["an overlong form", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["a character beyond Unicode", [0xf4, 0x90, 0x80, 0x80]],
  ])("hold %s as lone surrogates", (_, bytes) => {
    const text = fromBytes(Uint8Array.from([0x61, ...bytes, 0x62]));
    expect(text).toBe(`a${bytes.map(byteText).join("")}b`);
    expect(
      Array.from(text)
        .slice(1, -1)
        .every((character) => /[\uDC80-\uDCFF]/.test(character)),
    ).toBe(true);
  });

  test("write a surrogate that stands for no byte as U+FFFD", () => {
    expect([...toBytes("\uD800")]).toStrictEqual([0xef, 0xbf, 0xbd]);
  });
});

test("normalizeBytes makes a character of the bytes that have come together", () => {
  expect(normalizeBytes([0xe6, 0x97, 0xa5].map(byteText).join(""))).toBe("日");
});
