import { expect, test } from "vitest";
import { packCpio } from "./cpio.ts";

/** Reads an archive as the kernel's buffer-format.rst describes it. */
function unpack(archive: Buffer): { path: string; mode: number; contents: string }[] {
  const entries = [];
  for (let at = 0; at < archive.length;) {
    expect(archive.toString("latin1", at, at + 6)).toBe("070701");
    const field = (index: number): number =>
      Number.parseInt(archive.toString("latin1", at + 6 + index * 8, at + 14 + index * 8), 16);
    const aligned = (offset: number): number => offset + (-offset & 3);
    const name = at + 110;
    const data = aligned(name + field(11));
    entries.push({
      path: archive.toString("utf8", name, name + field(11) - 1),
      mode: field(1),
      contents: archive.toString("utf8", data, data + field(6)),
    });
    at = aligned(data + field(6));
  }
  return entries;
}

test("directories and files of any length are unpacked unchanged, and a trailer ends the archive", () => {
  const archive = packCpio([
    { path: "bin", kind: "directory" },
    { path: "bin/odd", kind: "file", mode: 0o755, contents: Buffer.from("12345") },
    { path: "empty", kind: "file", mode: 0o600, contents: Buffer.alloc(0) },
    { path: "aligned", kind: "file", mode: 0o644, contents: Buffer.from("12345678") },
  ]);
  expect(unpack(archive)).toEqual([
    { path: "bin", mode: 0o040755, contents: "" },
    { path: "bin/odd", mode: 0o100755, contents: "12345" },
    { path: "empty", mode: 0o100600, contents: "" },
    { path: "aligned", mode: 0o100644, contents: "12345678" },
    { path: "TRAILER!!!", mode: 0, contents: "" },
  ]);
});
