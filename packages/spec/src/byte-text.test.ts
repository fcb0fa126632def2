import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { byteText, fromBytes, normalizeBytes, toBytes } from "./byte-text.ts";

describe("fromBytes and toBytes", () => {
  test("are inverse for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect([...toBytes(fromBytes(bytes))]).toStrictEqual([...bytes]);
      }),
    );
  });

  test("are inverse for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(fromBytes(toBytes(text))).toBe(text);
      }),
    );
  });

  test("decode UTF-8", () => {
    expect(fromBytes(Buffer.from("é 日本 🙂 \uFEFF"))).toBe("é 日本 🙂 \uFEFF");
  });

  test.each([
    ["a byte that never occurs", [0xff]],
    ["a continuation alone", [0x80]],
    ["a character that is cut off", [0xe6, 0x97]],
    ["an overlong form", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["a character beyond Unicode", [0xf4, 0x90, 0x80, 0x80]],
  ])("represent %s by lone surrogates", (_, bytes) => {
    const text = fromBytes(Uint8Array.from([0x61, ...bytes, 0x62]));
    expect(text).toBe(`a${bytes.map(byteText).join("")}b`);
    expect(
      Array.from(text)
        .slice(1, -1)
        .every((character) => /[\uDC80-\uDCFF]/.test(character)),
    ).toBe(true);
  });

  test("write U+FFFD for a surrogate that is not an escaped byte", () => {
    expect([...toBytes("\uD800")]).toStrictEqual([0xef, 0xbf, 0xbd]);
  });
});

test("normalizeBytes decodes adjacent escaped bytes to a character", () => {
  expect(normalizeBytes([0xe6, 0x97, 0xa5].map(byteText).join(""))).toBe("日");
});
