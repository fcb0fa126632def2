import { cp, link, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type LayerId, run } from "@ob/core";
import { checkAfter } from "./check-real.ts";
import { argumentsOf, type CommandPlace, type RealCommand } from "./real-command.ts";
import { type Ended, endOf, startCommand } from "./run-command.ts";

const repository = path.resolve(import.meta.dirname, "../../..");
/** What is built on. */
export const imageName = "debian-12-amd64";

/** Two disks with their login keys, for imports that replace each other. */
const versions = [0, 1] as const;

/** Its first step is new for each number, so that a build costs no other boot than its own. */
const specOf = (build: number): string => `((from ${imageName})
 (run (shell "echo ${build} > ~/one && sync"))
 (run (cache (c (target /home/opam/cache))) (shell "seq 2000 > ~/two; echo ${build} > ~/cache/last"))
 (copy (src file) (dst /home/opam/)))`;

/** A store on which the real command works, with real machines. */
export interface RealStore extends AsyncDisposable {
  readonly checkedLayers: number;
  /** Of the store. */
  readonly place: Omit<CommandPlace, "layer">;
  /** From now on builds have other steps than before. */
  renew(): Promise<void>;
  /** Runs a command; kills it after some milliseconds, unless it has ended by then. */
  run(command: RealCommand, killAfter?: number): Promise<Ended>;
  /** Looks at what a command has left that may have been killed, and builds. @returns what is wrong, in words. */
  check(command: RealCommand, ended: Ended): Promise<readonly string[]>;
}

/** @throws Error if there is no base image: `npm run campaign` makes it. */
export async function openRealStore(): Promise<RealStore> {
  const from = process.env["OB_E2E_STORE"] ?? path.join(repository, ".obuilder/store");
  const parent = path.join(repository, ".obuilder/campaign");
  await mkdir(parent, { recursive: true });
  const root = await mkdtemp(path.join(parent, "real-"));
  const at = (...parts: readonly string[]): string => path.join(root, ...parts);
  const directory = at("store");
  await copyImage(directory, from);
  for (const part of ["source", "out"]) await mkdir(at(part));
  await writeFile(at("source/file"), "copied\n");
  for (const version of versions) await makeVersion(at, version);
  const checked = new Set<string>();
  let build = 0;
  let layer: LayerId | undefined;
  // The paths of sockets must be short.
  const temporary = await mkdtemp(path.join(tmpdir(), "obc-"));
  const place = {
    ...{ directory, temporary, spec: at("spec"), source: at("source"), out: at("out") },
    ...{ disk: at("disk.qcow2"), key: at("key") },
  };
  const runOne = async (command: RealCommand, killAfter?: number): Promise<Ended> => {
    const words = await argumentsOf(command, { ...place, layer });
    const ended = await endOf(startCommand(words, { mark: directory, temporary }), killAfter);
    layer = ended.built ?? layer;
    return ended;
  };
  await writeFile(place.spec, specOf(build));
  return {
    get checkedLayers() {
      return checked.size;
    },
    place,
    renew: async () => {
      build += 1;
      layer = undefined;
      await writeFile(place.spec, specOf(build));
      for (const file of ["disk.qcow2", "key"]) await cp(at(`${build % versions.length}-${file}`), at(file));
    },
    run: runOne,
    check: async (command, ended) => await checkAfter({ command, ended, place, checked, run: runOne }),
    [Symbol.asyncDispose]: async () => {
      for (const each of [root, temporary]) await rm(each, { recursive: true, force: true });
    },
  };
}

async function makeVersion(at: (name: string) => string, version: number): Promise<void> {
  const [disk, key] = [at(`${version}-disk.qcow2`), at(`${version}-key`)];
  await run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "16M"]);
  await run(["qemu-io", "-f", "qcow2", "-c", `write -P ${version + 1} 0 4M`, disk]);
  await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]);
  if (version > 0) return;
  await cp(disk, at("disk.qcow2"));
  await cp(key, at("key"));
}

async function copyImage(directory: string, from: string): Promise<void> {
  const images = path.join(directory, "base-image");
  await mkdir(images, { recursive: true, mode: 0o700 });
  const files = await readdir(path.join(from, "base-image"));
  for (const file of files.filter((name) => name.startsWith(`${imageName}.`))) {
    await link(path.join(from, "base-image", file), path.join(images, file));
  }
  await cp(path.join(from, "state/ssh"), path.join(directory, "state/ssh"), { recursive: true });
}
