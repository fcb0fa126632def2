import { spawn } from "node:child_process";
import { renameSync, rmSync, symlinkSync } from "node:fs";
import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { isObError, sha256 } from "@ob/core";
import { expect, test } from "vitest";
import { sourceArchive } from "../archive/source-archive.ts";
import { makeFifo } from "./fifo.test.helper.ts";
import { generateManifest, type ManifestOptions } from "./manifest.ts";
import type { OwnDirectories } from "./own-directories.ts";

const secret = "what nobody may copy";

/** A source directory with `d/e/file`, and a directory outside it that has `e/file` too. */
async function exchangeable() {
  const temporary = await mkdtempDisposable(join(tmpdir(), "ob-exchange-"));
  const sourceDirectory = join(temporary.path, "source");
  const outside = join(temporary.path, "outside");
  await mkdir(join(sourceDirectory, "d", "e"), { recursive: true });
  await mkdir(join(sourceDirectory, "z"));
  await mkdir(join(outside, "e"), { recursive: true });
  await writeFile(join(sourceDirectory, "d/e/file"), "ours");
  await writeFile(join(outside, "e/file"), secret);
  return { ...temporary, sourceDirectory, outside };
}

/** Calls `then` between the listing of the source directory's contents and the reading of its files. */
function whileListed(then: () => void): OwnDirectories {
  let called = 0;
  const leavesOut = () => {
    called += 1;
    // For d, d/e and z.
    if (called === 3) then();
    return Promise.resolve(false);
  };
  return { has: () => false, leavesOut };
}

async function archiveOf(sourceDirectory: string, options: Partial<ManifestOptions> = {}): Promise<string> {
  const manifest = await generateManifest(".", { sourceDirectory, ...options });
  expect(JSON.stringify(manifest)).not.toContain(sha256(secret));
  const transfer = { sourceDirectory, manifests: [manifest], destination: "/s", user: undefined };
  return (await buffer(sourceArchive(transfer, { owner: { uid: 0, gid: 0 } }))).toString("latin1");
}

const changed = { code: "BAD_SOURCE", message: '"d/e/file" was changed while it was being copied.' };

test.each(["d", "d/e"])("%s is not followed once it has been exchanged for a link", async (path) => {
  await using setting = await exchangeable();
  const { sourceDirectory, outside } = setting;
  const own = whileListed(() => {
    renameSync(join(sourceDirectory, path), join(setting.path, "away"));
    symlinkSync(join(outside, path.slice(2)), join(sourceDirectory, path));
  });
  await expect(archiveOf(sourceDirectory, { own })).rejects.toMatchObject(changed);
});

test.each([
  ["a link", (path: string, outside: string) => symlinkSync(join(outside, "e/file"), path)],
  ["a FIFO", makeFifo],
  ["a device", (path: string) => symlinkSync("/dev/zero", path)],
])("a file is not read once it has been exchanged for %s", async (_, exchange) => {
  await using setting = await exchangeable();
  const file = join(setting.sourceDirectory, "d/e/file");
  const own = whileListed(() => {
    rmSync(file);
    exchange(file, setting.outside);
  });
  await expect(archiveOf(setting.sourceDirectory, { own })).rejects.toMatchObject(changed);
});

test("what was exchanged after it was hashed is not sent, even if its contents are the same", async () => {
  await using setting = await exchangeable();
  const { sourceDirectory, outside } = setting;
  const manifests = [await generateManifest(".", { sourceDirectory })];
  await writeFile(join(outside, "e/file"), "ours");
  renameSync(join(sourceDirectory, "d"), join(setting.path, "away"));
  symlinkSync(outside, join(sourceDirectory, "d"));
  const transfer = { sourceDirectory, manifests, destination: "/s", user: undefined };
  await expect(buffer(sourceArchive(transfer, { owner: undefined }))).rejects.toMatchObject({
    code: "BAD_SOURCE",
  });
});

/** Exchanges the directory of its first argument for the link of its second, and back, until it is ended. */
const exchanger = `
  const { renameSync } = require("node:fs");
  const [directory, link, away] = process.argv.slice(1);
  process.stdout.write("ready");
  for (;;) {
    renameSync(directory, away);
    renameSync(link, directory);
    renameSync(directory, link);
    renameSync(away, directory);
  }
`;

test("nothing from outside is hashed or sent while another process exchanges a directory for a link", async () => {
  await using setting = await exchangeable();
  const { sourceDirectory, outside } = setting;
  const [link, away] = [join(setting.path, "link"), join(setting.path, "away")];
  symlinkSync(outside, link);
  const child = spawn(process.execPath, ["-e", exchanger, join(sourceDirectory, "d"), link, away]);
  try {
    await new Promise((resolve) => {
      child.stdout.once("data", resolve);
    });
    let whole = 0;
    for (let round = 0; round < 1_500; round += 1) {
      try {
        const archive = await archiveOf(sourceDirectory);
        expect(archive).not.toContain(secret);
        whole += 1;
      } catch (error) {
        if (!isObError(error, "BAD_SOURCE")) throw error;
      }
    }
    // Otherwise nothing was tried.
    expect(whole).toBeGreaterThan(0);
  } finally {
    child.kill("SIGKILL");
  }
});
