import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { generateManifest } from "../source/manifest.ts";
import { entriesOf } from "./reader/read-tar.test.helper.ts";
import { sourceArchive, type Transfer } from "./source-archive.ts";

let sourceDirectory = "";
beforeEach(() => {
  sourceDirectory = mkdtempSync(join(tmpdir(), "ob-changed-"));
});
afterEach(() => rmSync(sourceDirectory, { recursive: true }));

const at = (name: string): string => join(sourceDirectory, name);

async function transfer(): Promise<Transfer> {
  const manifests = [await generateManifest(".", { sourceDirectory })];
  return { sourceDirectory, manifests, destination: "/d", user: undefined };
}

/** What is sent of an archive until it ends, or fails. */
async function sentOf(from: Transfer): Promise<{ readonly sent: Buffer; readonly error: unknown }> {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of sourceArchive(from, { owner: undefined }) as AsyncIterable<Uint8Array>)
      pieces.push(piece);
    return { sent: Buffer.concat(pieces), error: undefined };
  } catch (error) {
    return { sent: Buffer.concat(pieces), error };
  }
}

const wasChanged = (name: string) => ({
  code: "BAD_SOURCE",
  message: `"${name}" was changed while it was being copied.`,
});

type Change = readonly [before: () => void, after: () => void];

describe("a source that was hashed", () => {
  it.each<readonly [string, Change]>([
    [
      "an empty file must not be a pipe",
      [() => writeFileSync(at("x"), ""), () => execFileSync("mkfifo", [at("x")])],
    ],
    ["a file must not be a directory", [() => writeFileSync(at("x"), "1"), () => mkdirSync(at("x"))]],
    ["a directory must not be a file", [() => mkdirSync(at("x")), () => writeFileSync(at("x"), "")]],
    ["a directory must not be a link to one", [() => mkdirSync(at("x")), () => symlinkSync(".", at("x"))]],
    ["a link must not be a file", [() => symlinkSync("to", at("x")), () => writeFileSync(at("x"), "to")]],
    ["a link must not be a directory", [() => symlinkSync("to", at("x")), () => mkdirSync(at("x"))]],
  ])("as %s now", async (_, [before, after]) => {
    before();
    const from = await transfer();
    if (statSync(at("x"), { throwIfNoEntry: false })?.isDirectory() === true) rmdirSync(at("x"));
    else unlinkSync(at("x"));
    after();
    const { error } = await sentOf(from);
    expect(error).toMatchObject(wasChanged("x"));
  });

  it("and is gone gives no time to the directories above", async () => {
    writeFileSync(at("x"), "");
    const manifests = [await generateManifest("x", { sourceDirectory })];
    rmSync(at("x"));
    const from = { sourceDirectory, manifests, destination: "/above/x", user: undefined };
    const reading = buffer(sourceArchive(from, { owner: { uid: 1, gid: 2 } }));
    await expect(reading).rejects.toMatchObject(wasChanged("x"));
  });

  it("is not sent in part if it has 1 MiB at most", async () => {
    writeFileSync(at("x"), Buffer.alloc(1 << 20, "a"));
    const from = await transfer();
    writeFileSync(at("x"), Buffer.alloc(1 << 20, "b"));
    const { sent, error } = await sentOf(from);
    expect(error).toMatchObject(wasChanged("x"));
    expect(error).not.toHaveProperty("cause");
    expect(sent.toString("latin1")).not.toContain("d/x");
  });

  it.each([
    ["small", 1000],
    ["large", 2 << 20],
  ])("and is a %s file is closed once it is sent", async (_, size) => {
    writeFileSync(at("x"), Buffer.alloc(size, "a"));
    const from = await transfer();
    await buffer(sourceArchive(from, { owner: undefined }));
    const { ino } = statSync(at("x"));
    const open = readdirSync("/proc/self/fd").map(
      (name) => statSync(`/proc/self/fd/${name}`, { throwIfNoEntry: false })?.ino,
    );
    expect(open).not.toContain(ino);
  });
});

it("the archive of no sources is empty", async () => {
  const archive = sourceArchive(
    { sourceDirectory, manifests: [], destination: "/d", user: undefined },
    { owner: { uid: 1, gid: 2 } },
  );
  expect(await entriesOf(await buffer(archive))).toEqual([]);
});

it.each([
  ["whenever it has had none for long", 11, true],
  ["no more often than that", 0, false],
])("other work gets its turn while many files are sent, %s", async (_, step, expected) => {
  for (let index = 0; index < 20; index++) mkdirSync(at(String(index)));
  const from = await transfer();
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => (now += step));
  try {
    let turns = 0;
    let ended = false;
    const count = (): void => {
      turns++;
      if (!ended) setImmediate(count);
    };
    setImmediate(count);
    await buffer(sourceArchive(from, { owner: undefined }));
    ended = true;
    // There are twenty directories, and the one above.
    expect(turns > 20).toBe(expected);
  } finally {
    clock.mockRestore();
  }
});
