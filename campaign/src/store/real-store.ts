import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, link, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import { isDeepStrictEqual } from "node:util";
import {
  diskIn,
  errorMessage,
  exists,
  fileIdentity,
  isLayerId,
  type LayerId,
  layerId,
  resultDirectory,
  run,
  storeLayout,
} from "@ob/core";
import { openStore } from "@ob/store-qcow";
import { processesOn } from "./processes.ts";

const repository = path.resolve(import.meta.dirname, "../../..");
const command = path.join(repository, "packages/cli/bin/obuilder.js");
const imageName = "debian-12-amd64";
const importedName = "imported";

/** Where the partition with the root file system begins, in bytes. */
const rootOffset = 2 ** 20;

const spec = `((from ${imageName})
 (run (shell "seq 20000 > ~/one && sync"))
 (run (shell "seq 20000 > ~/two"))
 (copy (src spec) (dst /home/opam/)))`;

/** How the command has ended. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Layers that it said were saved. */
  readonly saved: readonly LayerId[];
  /** What it wrote. */
  readonly text: string;
}

/** A store on which the real command works, with real machines. */
export interface RealStore extends AsyncDisposable {
  readonly checkedLayers: number;
  /** Runs a command; kills it after some milliseconds, unless it has ended by then. */
  run(words: readonly ["build" | "prune" | "delete" | "import"], killAfter?: number): Promise<Ended>;
  /** Looks at what a killed command has left, and builds. @returns what is wrong, in words. */
  check(ended: Ended): Promise<readonly string[]>;
}

/** @throws Error if there is no base image: `npm run campaign` makes it. */
export async function openRealStore(): Promise<RealStore> {
  const from = process.env["OB_E2E_STORE"] ?? path.join(repository, ".obuilder/store");
  const parent = path.join(repository, ".obuilder/campaign");
  await mkdir(parent, { recursive: true });
  const root = await mkdtemp(path.join(parent, "real-"));
  const directory = path.join(root, "store");
  await prepare(directory, from);
  const work = path.join(root, "work");
  await mkdir(work);
  await writeFile(path.join(work, "spec"), spec);
  await run(["qemu-img", "create", "-q", "-f", "qcow2", path.join(work, "disk.qcow2"), "16M"]);
  const checked = new Set<string>();
  const place: Place = { directory, work, checked };
  return {
    get checkedLayers() {
      return checked.size;
    },
    run: async ([word], killAfter) => await runCommand(await argumentsOf(word, place), place, killAfter),
    check: async (ended) => await checkReal(ended, place),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

interface Place {
  readonly directory: string;
  readonly work: string;
  /** The disks whose file system was checked: a layer that is made again has another. */
  readonly checked: Set<string>;
}

async function prepare(directory: string, from: string): Promise<void> {
  const images = path.join(directory, "base-image");
  await mkdir(images, { recursive: true, mode: 0o700 });
  const files = await readdir(path.join(from, "base-image"));
  for (const file of files.filter((name) => name.startsWith(`${imageName}.`))) {
    await link(path.join(from, "base-image", file), path.join(images, file));
  }
  await cp(path.join(from, "state/ssh"), path.join(directory, "state/ssh"), { recursive: true });
}

async function argumentsOf(word: "build" | "prune" | "delete" | "import", { directory, work }: Place) {
  const store = `--store=qemu:${directory}`;
  switch (word) {
    case "build":
      return ["build", store, "-f", path.join(work, "spec"), work];
    case "prune":
      return ["prune", store, "--older-than=0s", "--force"];
    case "delete": {
      await using open = await openStore({ directory });
      const [layer] = [...open.list()].filter(({ parent }) => parent === undefined);
      return layer ? ["delete", store, layer.id] : ["prune", store, "--older-than=0s", "--force"];
    }
    case "import": {
      await rm(path.join(directory, "base-image", `${importedName}.qcow2`), { force: true });
      await rm(path.join(directory, "base-image", `${importedName}.json`), { force: true });
      const words = ["--name", importedName, "--guest-os", "linux", "--guest-arch", "amd64"];
      return ["image", "import", store, path.join(work, "disk.qcow2"), ...words];
    }
  }
}

async function runCommand(words: readonly string[], { work }: Place, killAfter?: number): Promise<Ended> {
  const child = spawn(process.execPath, [command, ...words], {
    cwd: work,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const killing = killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfter);
  const exit: Promise<[number | null, NodeJS.Signals | null]> = once(child, "exit").then(([code, signal]) => [
    code,
    signal,
  ]);
  const [out, err, [status, signal]] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  clearTimeout(killing);
  const said = `${out}${err}`;
  const saved = [...said.matchAll(/^---> saved as "(\w{64})"$/gm)].map(([, id = ""]) => layerId(id));
  return { status, signal, saved, text: said };
}

async function checkReal({ saved }: Ended, place: Place): Promise<readonly string[]> {
  const { directory } = place;
  const faults: string[] = [];
  const left = await processesOn(directory, { patience: 3000 });
  if (left.length > 0) faults.push(`processes are left: ${left.join(", ")}`);
  const ids = await checkLayers(place, faults);
  for (const id of saved) if (!ids.has(id)) faults.push(`${id} was said to be saved, and is lost`);
  const imported = path.join(directory, "base-image", `${importedName}.qcow2`);
  if (await exists(imported)) faults.push(...(await problemsOf(["qemu-img", "check", "-q", imported])));
  const doctor = await runCommand(["doctor", `--store=qemu:${directory}`], place);
  if (doctor.status !== 0) faults.push(`doctor ends with ${doctor.status}: ${doctor.text}`);
  const next = await runCommand(await argumentsOf("build", place), place);
  if (next.status !== 0) faults.push(`the next build fails: ${next.text}`);
  for (const id of next.saved) if (ids.has(id)) faults.push(`the next build made ${id} again`);
  return faults;
}

async function checkLayers({ directory, checked }: Place, faults: string[]): Promise<ReadonlySet<LayerId>> {
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

async function problemsOf(argv: readonly [string, ...string[]]): Promise<readonly string[]> {
  return await run(argv).then(
    () => [],
    (error: unknown) => [errorMessage(error)],
  );
}
