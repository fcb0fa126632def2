import { constants } from "node:fs";
import { copyFile, link, readdir, stat, statfs, writeFile } from "node:fs/promises";
import path from "node:path";
import { getuid } from "node:process";
import { errnoCode, errorMessage, makeTemporaryDirectory, storeLayout } from "@ob/core";
import { formatSize } from "../args/units.ts";
import type { Check } from "./check.ts";

/** Below this a build may not have room for its layers, in bytes. */
const minFree = 10 * 2 ** 30;

/** The checks of a store and of the file system that it is on. A trial file is created in it and removed. */
export async function storeChecks(directory: string): Promise<readonly Check[]> {
  const found = await stat(directory).catch(() => undefined);
  const name = "store";
  if (!found?.isDirectory()) {
    const text = `there is none at ${directory}`;
    const help = "`obuilder image build NAME` creates a store with a base image.";
    return [{ name, state: "warning", text, help }];
  }
  return [
    accessCheck(directory, found),
    await imagesCheck(directory),
    await keyCheck(directory),
    await spaceCheck(directory),
    await fileSystemCheck(directory),
  ];
}

function accessCheck(directory: string, { mode, uid }: { mode: number; uid: number }): Check {
  const name = "store";
  const bits = (mode & 0o777).toString(8);
  const mine = getuid?.() ?? uid;
  if (uid !== mine) {
    const text = `${directory} belongs to the user ${uid}, and you are ${mine}`;
    return { name, state: "warning", text, help: `chown -R ${mine} ${directory}` };
  }
  if ((mode & 0o077) === 0) return { name, state: "ok", text: `${directory} (mode ${bits})` };
  const help = `chmod -R go= ${directory}; the next build does so, too.`;
  return { name, state: "warning", text: `others on this host can open ${directory} (mode ${bits})`, help };
}

async function imagesCheck(directory: string): Promise<Check> {
  const name = "base images";
  const files = await readdir(storeLayout(directory).baseImages).catch(() => []);
  const images = files.filter((file) => file.endsWith(".qcow2") && !file.startsWith("."));
  if (images.length > 0)
    return { name, state: "ok", text: images.map((file) => file.slice(0, -".qcow2".length)).join(", ") };
  return { name, state: "warning", text: "none", help: "`obuilder image build NAME` builds one." };
}

async function keyCheck(directory: string): Promise<Check> {
  const name = "SSH key";
  const file = path.join(directory, "state", "ssh", "id_ed25519");
  const found = await stat(file).catch(() => undefined);
  if (!found) return { name, state: "ok", text: "none yet: the first image that is built creates it" };
  if ((found.mode & 0o077) === 0) return { name, state: "ok", text: file };
  return { name, state: "warning", text: `others can read ${file}`, help: `chmod 600 ${file}` };
}

async function spaceCheck(directory: string): Promise<Check> {
  const { bavail, bsize, blocks } = await statfs(directory);
  const free = bavail * bsize;
  const text = `${formatSize(free)} of ${formatSize(blocks * bsize)} free`;
  if (free >= minFree) return { name: "disk space", state: "ok", text };
  return { name: "disk space", state: "warning", text, help: "`obuilder prune` removes old layers." };
}

/** Whether files can be written, linked, and copied without copying their contents. */
async function fileSystemCheck(directory: string): Promise<Check> {
  const name = "file system";
  try {
    await using trial = await makeTemporaryDirectory("doctor", directory);
    const file = path.join(trial.path, "file");
    await writeFile(file, "x".repeat(4096));
    await link(file, path.join(trial.path, "link"));
    const reflink = await copyFile(
      file,
      path.join(trial.path, "copy"),
      constants.COPYFILE_FICLONE_FORCE,
    ).then(
      () => true,
      () => false,
    );
    if (reflink) return { name, state: "ok", text: "hard links and reflinks" };
    const text = "hard links, no reflinks: base images and copies of caches are copied whole";
    return { name, state: "ok", text, help: "XFS and Btrfs have reflinks." };
  } catch (error) {
    const text = `files cannot be created in ${directory}: ${errnoCode(error) ?? errorMessage(error)}`;
    return {
      name,
      state: "failure",
      text,
      help: "Check the permissions, and whether it is mounted read-only.",
    };
  }
}
