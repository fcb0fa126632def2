import { hash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sha256, sha256File, sha256OfText } from "./digest.ts";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ob-digest-"));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

// FIPS 180-2, appendix B.
const ofAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

test("a text counts as its UTF-8 bytes", () => {
  expect(sha256("abc")).toBe(ofAbc);
  expect(sha256("ü")).toBe(sha256(Uint8Array.of(0xc3, 0xbc)));
});

test.each([0, 1, 55, 56, 64, 1_023, 2_047, 2_048, 2_049, 4_096])(
  "%i letters have the digest that OpenSSL gives them",
  (length) => {
    const text = "aü\ud800€😀\n".repeat(length).slice(0, length);
    expect(sha256OfText(text)).toBe(hash("sha256", text, "hex"));
  },
);

test("a file has the digest of its contents, also when it is empty or larger than one read", async () => {
  const path = join(directory, "file");
  await writeFile(path, "abc");
  expect(await sha256File(path)).toBe(ofAbc);
  await writeFile(path, "");
  expect(await sha256File(path)).toBe(sha256(""));
  const large = Buffer.alloc((5 << 20) + 1, "0123456789");
  await writeFile(path, large);
  expect(await sha256File(path)).toBe(sha256(large));
});

test("a file that is not there is Node's own error", async () => {
  await expect(sha256File(join(directory, "none"))).rejects.toMatchObject({ code: "ENOENT" });
});

test("reading stops when the signal fires", async () => {
  const path = join(directory, "stopped");
  await writeFile(path, Buffer.alloc(4 << 20));
  await expect(sha256File(path, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
});
