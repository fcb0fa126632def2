import { describe, expect, it } from "vitest";
import { linuxGuest } from "../linux/profile.ts";
import { openbsdGuest } from "../openbsd/profile.ts";
import {
  copySource,
  copyTarget,
  driveOf,
  drivePath,
  junctionPath,
  parentPath,
  unpackedPath,
} from "./paths.ts";

const refusal = expect.objectContaining({ code: "UNSUPPORTED" });

describe("the target of a cache", () => {
  it.each([
    [String.raw`C:\Users\opam\AppData\Local\opam\download-cache`],
    ["c:/Users/opam/AppData/Local/opam/download-cache"],
    ["/cygdrive/c/Users/opam/AppData/Local/opam/download-cache"],
    ["//cygdrive/C/Users/opam/AppData/Local/opam/download-cache"],
    [String.raw`C:\\Users\opam/AppData\Local\opam\download-cache\\`],
  ])("can be written as %s", (target) => {
    expect(junctionPath(target)).toBe(String.raw`C:\Users\opam\AppData\Local\opam\download-cache`);
  });

  it.each(["C:/with blank/x", "D:/ünïcode/漢字", "C:/a_b.c+d@e~f$g#h{i}[j]-k"])(
    "can contain the characters of %s",
    (target) => {
      expect(junctionPath(target)).toBe(target.replaceAll("/", "\\"));
    },
  );

  it.each("&%^()!|<>\"'`;,=*?:\n\t\u0000".split(""))(
    "must not contain %j, and the error names it",
    (character) => {
      expect(() => junctionPath(`C:\\cache\\a${character}b`)).toThrow(refusal);
      expect(() => junctionPath(`C:\\cache\\a${character}b`)).toThrow(JSON.stringify(character));
    },
  );

  it.each(["/home/opam/.opam", "cache", "", String.raw`\\server\share`, "C:cache"])(
    "must have a drive: %j",
    (target) => {
      expect(() => junctionPath(target)).toThrow(/it has no drive/);
    },
  );

  it.each(["C:/", "C:\\", "c:/windows", "C:/Windows/System32/x", "C:/Users", "C:/cygwin64/"])(
    "must not be a directory that the guest needs: %j",
    (target) => {
      expect(() => junctionPath(target)).toThrow(/the guest needs what is there/);
    },
  );

  it.each(["C:/a./b", "C:/a /b", "C:/ a", "C:/a/..", "C:/./a"])(
    "must not be a path that Windows changes: %j",
    (target) => {
      expect(() => junctionPath(target)).toThrow(refusal);
    },
  );

  it("has a parent, unless it is directly on the drive", () => {
    expect(parentPath(String.raw`C:\a\b`)).toBe(String.raw`C:\a`);
    expect(parentPath(String.raw`C:\a`)).toBeUndefined();
  });
});

describe("a path from the root", () => {
  it.each([
    ["/Users/opam", "C:/Users/opam"],
    [String.raw`/C:\Users\opam`, "C:/Users/opam"],
    ["/d:/x/", "D:/x/"],
    ["C:/x", "C:/x"],
    ["/cygdrive/c/x", "C:/x"],
    ["/cygdrive/e", "E:/"],
    ["/", "C:/"],
    ["/a:b", "C:/a:b"],
  ])("%s is %s", (path, drive) => {
    expect(drivePath(path)).toBe(drive);
  });
});

it("the drives of caches are d: to z:", () => {
  expect([driveOf(0), driveOf(1), driveOf(22)]).toEqual(["d:", "e:", "z:"]);
  expect(() => driveOf(23)).toThrow(refusal);
});

describe("an entry of an archive", () => {
  it("is unpacked below the root of the system drive", () => {
    expect(["src/a", "/src/a", "C:/src/a", String.raw`c:\src\a`].map(unpackedPath)).toEqual(
      Array.from({ length: 4 }, () => "src/a"),
    );
  });

  it("cannot go to another drive", () => {
    expect(() => unpackedPath("D:/src/a")).toThrow(refusal);
  });

  it.each(Array.from('*?"<>|:\n\u0001', (character) => `src/a${character}b/c`))(
    "cannot have a name that tar.exe or Windows changes: %j",
    (entry) => {
      expect(() => unpackedPath(entry)).toThrow(refusal);
      expect(() => unpackedPath(`C:/${entry}`)).toThrow(JSON.stringify(entry.split("/")[1]));
    },
  );

  it.each(["a./b", "a ", "src/NUL", "con.txt", "x/Lpt1"])(
    "cannot have a name that Windows keeps or shortens: %j",
    (entry) => {
      expect(() => unpackedPath(entry)).toThrow(refusal);
    },
  );

  it.each(["./a", "a/../b", "src/", ".git/con-fig", "nullable", "com10x", "a&b (1)%^.txt"])(
    "has any other name: %j",
    (entry) => {
      expect(unpackedPath(entry)).toBe(entry);
    },
  );
});

describe("a copy's destination", () => {
  it.each([
    String.raw`/C:\srv\in`,
    "/C:/srv/in",
    "C:/Users/opam/C:/srv/in",
    String.raw`C:\Users\opam/C:\srv\in`,
    "/cygdrive/C/srv/in",
    "//cygdrive/C/srv/in",
  ])("is a path on drive C: %s", (destination) => {
    expect(copyTarget(destination)).toBe("C:/srv/in");
  });

  it.each([
    ["/C:\\srv\\in\\", "C:/srv/in/"],
    ["/cygdrive/d", "d:"],
    ["/home/opam/cygdrive/c", "/home/opam/cygdrive/c"],
    ["/src/abc:/x", "/src/abc:/x"],
    ["/srv/in/", "/srv/in/"],
    ["C:/Users/opam/src", "C:/Users/opam/src"],
  ])("%s is %s", (destination, target) => {
    expect(copyTarget(destination)).toBe(target);
  });
});

it("the name of a copy's source follows the last slash or backslash", () => {
  expect(copySource(String.raw`/C:\tool\bin`)).toBe("/C:/tool/bin");
});

it.each([linuxGuest, openbsdGuest])(
  "on other systems a backslash and a colon are ordinary characters",
  (guest) => {
    const { copyTarget: target, copySource: source } = guest("opam");
    expect(target(String.raw`/srv/C:\x`)).toBe(String.raw`/srv/C:\x`);
    expect(source(String.raw`/srv/C:\x`)).toBe(String.raw`/srv/C:\x`);
  },
);
