import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { EphemeralGuest, ObError, ObEvent } from "@ob/core";
import { hostileArchives } from "@ob/core/testing";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { layerArchive, type LayerArchiveOptions } from "./layer-archive.ts";

let top = "";
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "hostile-"));
  for (const name of ["outside", "root/d"]) mkdirSync(join(top, name), { recursive: true });
  writeFileSync(join(top, "outside/kept"), "kept");
});
afterEach(() => {
  rmSync(top, { recursive: true });
});

function guestWith(archive: Buffer): EphemeralGuest {
  return {
    async *readArchive() {
      for (let at = 0; at < archive.length; at += 70_000) yield archive.subarray(at, at + 70_000);
    },
    execInteractive: async () => 0,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

const rewritten = async (archive: Buffer, options: Partial<LayerArchiveOptions> = {}): Promise<Buffer> =>
  await buffer(
    layerArchive(async () => guestWith(archive), {
      items: [{ path: "/x", archivePath: () => "d" }],
      owner: { kind: "reader" },
      skipDevices: true,
      ...options,
    }),
  );

const tars = [["tar"], ["busybox", "tar"]].filter(([program = ""]) => existsSync(`/bin/${program}`));

const archives = hostileArchives("/nonexistent/outside");

describe.each(archives.flatMap((each) => ("refused" in each.result ? [{ ...each, ...each.result }] : [])))(
  "an archive with $what",
  ({ archive, refused }) => {
    it("is refused as the guest's fault, in plain text", async () => {
      const error = (await rewritten(archive).catch((reason: unknown) => reason)) as ObError;
      expect(error).toMatchObject({ code: "BAD_SOURCE" });
      expect(error.message).toContain(refused);
      expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    });
  },
);

describe.each(archives.flatMap((each) => ("kept" in each.result ? [{ ...each, ...each.result }] : [])))(
  "an archive with $what",
  ({ archive, kept }) => {
    it("is unpacked below the destination by each tar", async () => {
      const plain = { kind: "new", owner: undefined, plain: true } as const;
      for (const [index, [program = "", ...words]] of tars.entries()) {
        const root = join(top, `root-${index}`);
        mkdirSync(root);
        const input = await rewritten(archive, program === "tar" ? {} : { owner: plain });
        execFileSync(program, [...words, "-x", "-f", "-", "-C", root], { input });
        expect(readdirSync(root)).toEqual(["d"]);
        expect(readdirSync(join(root, "d")).toSorted()).toEqual(kept);
        const sparse = join(root, "d/sparse");
        if (existsSync(sparse)) {
          const whole = Buffer.alloc(1000);
          whole.fill("a", 0, 512);
          whole.write("5678", 700);
          expect(readFileSync(sparse).equals(whole)).toBe(true);
        }
      }
      expect(readdirSync(join(top, "outside"))).toEqual(["kept"]);
    });
  },
);

test("attributes that the host must not have are left out, and named in one warning", async () => {
  const events: ObEvent[] = [];
  const all = hostileArchives("/nonexistent").find(({ what }) => what === "capabilities and attributes");
  const archive = await rewritten(all?.archive ?? Buffer.alloc(0), {
    emit: (event) => void events.push(event),
  });
  expect(archive.toString("latin1")).toContain("SCHILY.xattr.user.a=v\n");
  expect(archive.toString("latin1")).not.toContain("capability");
  expect(events).toMatchObject([
    { level: "warning", text: 'Extended attributes were left out: security.capability of "d/x".' },
  ]);
});

test("an archive that never ends can be cancelled, and needs little memory", async () => {
  const controller = new AbortController();
  const block = Buffer.alloc(1 << 20);
  async function* readArchive() {
    yield (
      hostileArchives("/x")
        .find(({ what }) => what === "a size that is not there")
        ?.archive.subarray(0, 2048) ?? block
    );
    for (let index = 0; ; index++) {
      if (index === 300) controller.abort(new Error("enough"));
      controller.signal.throwIfAborted();
      yield block;
    }
  }
  const before = process.memoryUsage().rss;
  const reading = layerArchive(async () => ({ ...guestWith(block), readArchive }), {
    items: [{ path: "/x", archivePath: () => "d" }],
    owner: { kind: "reader" },
  });
  await expect(
    (async () => {
      for await (const piece of reading) void piece;
    })(),
  ).rejects.toThrow("enough");
  expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20);
});
