import { describe, expect, it } from "vitest";
import { EntryGuard } from "./entry-guard.ts";

const broken = (why: string) => `The guest's tar wrote a broken archive: ${why}.`;

/** A guard of an archive for `d`. */
function guardOf(): EntryGuard {
  const guard = new EntryGuard();
  guard.add("d", "directory");
  return guard;
}

describe("an entry", () => {
  it("has to be in a directory that came before", () => {
    const guard = guardOf();
    guard.check("d/a", "file");
    expect(() => guard.check("d/e/f", "file")).toThrow(broken('"d/e/f" is in no directory that it has'));
    guard.check("d/e", "directory");
    guard.check("d/e/f", "file");
    expect(() => guard.check("d/a/x", "file")).toThrow("is in no directory");
    expect(() => guard.check("x", "file")).toThrow("is in no directory");
  });

  it("of the root of an archive is in the root", () => {
    const guard = new EntryGuard();
    expect(() => guard.check("x", "file")).toThrow("is in no directory");
    guard.add("", "directory");
    guard.check("x", "file");
  });

  it("may be a hard link to what is in such a directory, too", () => {
    const guard = guardOf();
    guard.check("d/l", "link", "d/a");
    expect(() => guard.check("d/l", "link", "e/a")).toThrow(broken('"e/a" is in no directory that it has'));
  });
});

describe("a name", () => {
  it.each(["link", "symlink"] as const)("is not that of a directory and a %s", (type) => {
    const guard = guardOf();
    guard.check("d/x", type, "d/a");
    expect(() => guard.check("d/x", "directory")).toThrow(broken('"d/x" is both a link and a directory'));
    guard.check("d/y", "directory");
    expect(() => guard.check("d/y", type, "d/a")).toThrow(broken('"d/y" is both a link and a directory'));
  });

  it.each(["file", "fifo", undefined] as const)("of a directory is not that of a %s afterwards", (type) => {
    const guard = guardOf();
    guard.check("d/x", "directory");
    expect(() => guard.check("d/x", type)).toThrow(broken('"d/x" is both a file and a directory'));
    guard.check("d/x/y", "file");
  });

  it("can come twice if it is no other kind", () => {
    const guard = guardOf();
    for (const type of ["directory", "directory"] as const) guard.check("d/x", type);
    for (const type of ["link", "symlink", "file", "fifo"] as const) guard.check("d/y", type, "d/a");
  });
});

describe("what is remembered", () => {
  it("is a number of directories and links, and no files", () => {
    const guard = new EntryGuard({ names: 3, characters: 1_000 });
    guard.add("d", "directory");
    for (const name of ["d/x", "d/y", "d/z"]) guard.check(name, "file");
    guard.check("d/e", "directory");
    guard.check("d/l", "symlink");
    expect(() => guard.check("d/more", "directory")).toThrow(
      broken("it has more than 3 directories and links"),
    );
  });

  it("is a number of their characters", () => {
    const guard = new EntryGuard({ names: 10, characters: 10 });
    guard.add("d", "directory");
    guard.check("d/a-long-name-of-a-file", "file");
    guard.check("d/34567", "link", "d/x");
    guard.add("d2", "directory");
    expect(() => guard.add("x", "symlink")).toThrow(
      broken("the names of its directories and links are longer than 10 characters"),
    );
  });

  it("is two million names of 64 MiB by default", () => {
    const guard = guardOf();
    guard.check(`d/${"x".repeat(64 * 2 ** 20 - 3)}`, "directory");
    expect(() => guard.add("x", "directory")).toThrow("longer than 67108864 characters");
  });
});
