import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { EphemeralGuest } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { layerArchive } from "./layer-archive.ts";
import { ownership } from "./tar-header.ts";

let top = "";
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "ob-times-"));
  mkdirSync(join(top, "from"));
  mkdirSync(join(top, "to"));
});
afterEach(() => rmSync(top, { recursive: true }));

/** Seconds since 1970: before it, at its edges, at those of 32 bits, and where a tar header needs more than octal digits. */
const times = [-(2 ** 31), -1, 0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 33 - 1, 2 ** 33];

function guestWith(archive: Buffer): EphemeralGuest {
  return {
    async *readArchive() {
      yield archive;
    },
    execInteractive: async () => 0,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Writes files with these times, has them rewritten as a copy does, and unpacks that. @returns their times, in seconds. */
async function throughCopy(format: string): Promise<readonly number[]> {
  for (const [index, time] of times.entries()) {
    const file = join(top, "from", String(index));
    writeFileSync(file, "");
    // As a number, Node takes a time before 1970 for now.
    utimesSync(file, new Date(time * 1000), new Date(time * 1000));
  }
  const archive = execFileSync("tar", ["-cf", "-", `--format=${format}`, "."], {
    cwd: join(top, "from"),
    stdio: ["ignore", "pipe", "ignore"],
  });
  const items = [{ path: "/x", archivePath: () => "" }];
  const copied = await buffer(
    layerArchive(async () => guestWith(archive), { items, owner: { kind: "reader" }, skipDevices: true }),
  );
  execFileSync("tar", ["-xf", "-", "--no-same-owner"], {
    cwd: join(top, "to"),
    input: copied,
    stdio: ["pipe", "ignore", "ignore"],
  });
  return times.map((_, index) => lstatSync(join(top, "to", String(index))).mtimeMs / 1000);
}

describe("the time of a file", () => {
  it.each(["gnu", "posix"])(
    "is kept by a copy, before 1970 and after 2038, from an archive in the %s format",
    async (format) => {
      expect(await throughCopy(format)).toEqual(times);
    },
  );

  it("is in the header as far as it fits there, and whole in the extended one", () => {
    const owner = { uid: 0, gid: 0 };
    const inHeaders = (seconds: number) => {
      const { mtime, extended } = ownership(owner, seconds);
      return [mtime.getTime() / 1000, extended.get("mtime")];
    };
    expect(inHeaders(-1.5)).toEqual([0, "-2"]);
    expect(inHeaders(1.5)).toEqual([1, undefined]);
    expect(inHeaders(2 ** 31)).toEqual([2 ** 31 - 1, "2147483648"]);
    expect(inHeaders(1e22)).toEqual([2 ** 31 - 1, "10000000000000000000000"]);
  });
});
