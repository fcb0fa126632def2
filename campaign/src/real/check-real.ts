import { readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  diskIn,
  errorMessage,
  exists,
  fileIdentity,
  isLayerId,
  type LayerId,
  parseImageManifest,
  resultDirectory,
  run,
  sha256File,
  storeLayout,
} from "@ob/core";
import { openStore } from "@ob/store-qcow";
import { processesOn } from "../store/processes.ts";
import { type CommandPlace, importedName, outputNames, type RealCommand } from "./real-command.ts";
import type { Ended } from "./run-command.ts";

/** Where the partition with the root file system begins, in bytes. */
const rootOffset = 2 ** 20;

export interface AfterCommand {
  readonly command: RealCommand;
  readonly ended: Ended;
  readonly place: Omit<CommandPlace, "layer">;
  /** The disks whose file system was checked: a layer that is made again has another. */
  readonly checked: Set<string>;
  readonly run: (command: RealCommand) => Promise<Ended>;
}

/** Looks at what a command has left. @returns what is wrong, in words. */
export async function checkAfter(after: AfterCommand): Promise<readonly string[]> {
  const { command, ended, place } = after;
  const { directory, out } = place;
  const faults: string[] = [];
  const left = await processesOn(directory, { patience: 3000 });
  if (left.length > 0) faults.push(`processes are left: ${left.join(", ")}`);
  const ids = await checkLayers(after, faults);
  for (const id of ended.saved) if (!ids.has(id)) faults.push(`${id} was said to be saved, and is lost`);
  const next = await after.run("build");
  if (next.status !== 0) faults.push(`the next build fails: ${next.text}`);
  for (const id of next.saved) if (ids.has(id)) faults.push(`the next build made ${id} again`);
  // Another command of the same kind removes what this one has left beside its output.
  if (outputNames(command).length > 0 || command === "import") {
    const again = await after.run(command);
    if (again.status !== 0) faults.push(`once more it ends with ${again.status}: ${again.text}`);
    faults.push(...(await checkOutputs(out, outputNames(command))));
  }
  faults.push(...(await checkImported(directory)), ...(await leftovers(place)));
  return faults;
}

async function checkLayers(
  { place: { directory }, checked }: AfterCommand,
  faults: string[],
): Promise<ReadonlySet<LayerId>> {
  const layout = storeLayout(directory);
  await using store = await openStore({ directory });
  const ids = new Set([...store.list()].map(({ id }) => id));
  const directories = new Set((await readdir(layout.results)).filter(isLayerId));
  if (!isDeepStrictEqual(directories, ids)) {
    faults.push(`directories ${[...directories].join()}; database ${[...ids].join()}`);
  }
  for (const id of ids) {
    const disk = diskIn(resultDirectory(layout, id));
    if (checked.has(`${id} ${(await fileIdentity(disk)).id}`)) continue;
    faults.push(...(await problemsOf(["qemu-img", "check", "-q", disk])));
    faults.push(...(await checkFileSystem(disk)));
    checked.add(`${id} ${(await fileIdentity(disk)).id}`);
  }
  return ids;
}

/** A layer is committed from a guest that has flushed all: its journal has nothing to do. */
async function checkFileSystem(disk: string): Promise<readonly string[]> {
  const raw = `${disk}.raw`;
  try {
    await run(["qemu-img", "convert", "-O", "raw", disk, raw]);
    return await problemsOf(["e2fsck", "-fn", `${raw}?offset=${rootOffset}`]);
  } finally {
    await rm(raw, { force: true });
  }
}

/** Nothing but what the command was told to write, and that for it is complete. */
async function checkOutputs(out: string, names: readonly string[]): Promise<readonly string[]> {
  const faults: string[] = [];
  const found = await readdir(out);
  if (!isDeepStrictEqual(found.toSorted(), [...names])) faults.push(`outputs: ${found.join(", ")}`);
  if (names.includes("disk.qcow2"))
    faults.push(...(await problemsOf(["qemu-img", "check", "-q", path.join(out, "disk.qcow2")])));
  if (names.includes("files.tar"))
    faults.push(...(await problemsOf(["tar", "-tf", path.join(out, "files.tar")])));
  for (const name of found) await rm(path.join(out, name), { recursive: true, force: true });
  return faults;
}

/** An imported image is whole: its disk, its kernel and its key belong together, and nothing else is there. */
async function checkImported(directory: string): Promise<readonly string[]> {
  const images = path.join(directory, "base-image");
  const at = (name: string): string => path.join(images, name);
  const disk = at(`${importedName}.qcow2`);
  if (!(await exists(disk))) return [];
  const manifest = parseImageManifest(await readFile(at(`${importedName}.json`), "utf8"));
  const { directBoot, sshKey = "" } = manifest;
  const kernel = directBoot?.kernel ?? "";
  const faults = [...(await problemsOf(["qemu-img", "check", "-q", disk]))];
  if ((await sha256File(disk)) !== manifest.sha256) faults.push("the imported image has another's manifest");
  const own = (await readdir(images)).filter((name) => name.startsWith(importedName));
  const expected = [`${importedName}.json`, `${importedName}.qcow2`, kernel, sshKey].toSorted();
  if (!isDeepStrictEqual(own.toSorted(), expected)) faults.push(`the imported image has ${own.join(", ")}`);
  return faults;
}

/** What no command has cleared. */
async function leftovers({ directory, temporary }: AfterCommand["place"]): Promise<readonly string[]> {
  const layout = storeLayout(directory);
  const runs = await namesIn(path.join(layout.qemu, "run"));
  const making = (await namesIn(layout.baseImages)).filter((name) => name.startsWith("."));
  const unfinished: string[] = [];
  for (const name of await namesIn(layout.temporary)) {
    const entries = await namesIn(path.join(layout.temporary, name));
    if (!isDeepStrictEqual(entries, ["log"])) unfinished.push(`result-tmp/${name}`);
  }
  const all = {
    ...{ runs, making, unfinished, locks: await namesIn(layout.locks) },
    ...{ caches: await namesIn(layout.temporaryCaches), temporary: await namesIn(temporary) },
  };
  return Object.entries(all).flatMap(([what, names]) =>
    names.length > 0 ? [`${what} are left: ${names.join(", ")}`] : [],
  );
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return await readdir(directory).catch(() => []);
}

async function problemsOf(argv: readonly [string, ...string[]]): Promise<readonly string[]> {
  return await run(argv).then(
    () => [],
    (error: unknown) => [errorMessage(error)],
  );
}
