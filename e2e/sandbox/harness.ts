import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { PassThrough, type Readable } from "node:stream";
import {
  type CopyTask,
  type GuestImage,
  layerId,
  type ObEvent,
  parseImageManifest,
  run,
  type RunTask,
  type SandboxRunOptions,
  sha256,
} from "@ob/core";
import { createSandbox, type SandboxOptions, type VmSandbox } from "@ob/sandbox-qemu";
import { qemusOf } from "../support/host-processes.ts";
import { defaultStore, imageName } from "../support/store.ts";

const repository = path.resolve(import.meta.dirname, "../..");
const images = path.join(defaultStore, "base-image");

export interface Outcome {
  readonly output: string;
  readonly events: readonly ObEvent[];
}

/** A sandbox, disks on the default image, and access to their contents. */
export interface Harness extends AsyncDisposable {
  readonly sandbox: VmSandbox;
  /** Of `sandbox`. */
  readonly options: SandboxOptions;
  readonly image: GuestImage;
  readonly directory: string;
  readonly stateDirectory: string;
  /** A new disk on the default image, or on another disk. */
  createDisk(parent?: string): Promise<string>;
  runStep(
    disk: string,
    task: RunTask | CopyTask,
    options?: SandboxRunOptions & { image?: GuestImage },
  ): Promise<Outcome>;
}

export async function openHarness(options: Partial<SandboxOptions> = {}): Promise<Harness> {
  const parent = path.join(repository, ".obuilder/e2e");
  await mkdir(parent, { recursive: true });
  const directory = await mkdtemp(path.join(parent, "sandbox-"));
  const stateDirectory = path.join(directory, "state");
  const manifestFile = path.join(images, `${imageName}.json`);
  const manifest = parseImageManifest(await readFile(manifestFile, "utf8"), manifestFile);
  const image: GuestImage = { manifest, manifestDirectory: images };
  const sandboxOptions: SandboxOptions = {
    memoryMib: 512,
    cpus: 2,
    bootTimeSeconds: 120,
    accelerator: "auto",
    // The tests listen there.
    allowHostLoopback: true,
    stateDirectory,
    ...options,
  };
  const sandbox = await createSandbox(sandboxOptions);
  return {
    sandbox,
    options: sandboxOptions,
    image,
    directory,
    stateDirectory,
    createDisk: async (base = path.join(images, `${imageName}.qcow2`)) => {
      const disk = path.join(directory, `${crypto.randomUUID()}.qcow2`);
      await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", disk]);
      return disk;
    },
    runStep: async (disk, task, { image: other = image, ...runOptions } = {}) => {
      const chunks: Uint8Array[] = [];
      const events: ObEvent[] = [];
      const listeners: SandboxRunOptions = {
        onOutput: (bytes) => void chunks.push(bytes),
        emit: (event) => void events.push(event),
      };
      const step = { layer: layerId(sha256(disk)), disk, image: other, task };
      await sandbox.run(step, { ...listeners, ...runOptions });
      return { output: Buffer.concat(chunks).toString(), events };
    },
    [Symbol.asyncDispose]: async () => {
      await sandbox[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A task with only a command. */
export function runTask(command: string, more: Partial<RunTask> = {}): RunTask {
  const empty = { shell: [], user: undefined, environment: [], caches: [], secrets: [] };
  return { kind: "run", command, workdir: "/home/opam", network: "none", ...empty, ...more };
}

/** A tar archive of a directory's entries, owned by root. */
export function archiveOf(directory: string): Readable {
  // Without an entry for the directory itself, which would be the guest's root.
  const names = readdirSync(directory);
  const tar = spawn("tar", ["--owner=0", "--group=0", "-C", directory, "-cf", "-", ...names], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  // Node discards the output of a child that ends before it is read.
  return tar.stdout.pipe(new PassThrough());
}

/** A disk of one partition, with an ext4 file system or none. */
export async function cacheDisk(directory: string, formatted: boolean): Promise<string> {
  const raw = path.join(directory, `${crypto.randomUUID()}.raw`);
  const disk = raw.replace(/raw$/, "qcow2");
  await run(["truncate", "-s", "128M", raw]);
  await run(["sfdisk", "-q", raw], { input: "start=2048, type=83\n" });
  if (formatted) await run(["mke2fs", "-q", "-t", "ext4", "-E", "offset=1048576", raw, "120M"]);
  await run(["qemu-img", "convert", "-O", "qcow2", raw, disk]);
  await rm(raw);
  return disk;
}

/** Access to a disk that no guest has open. */
export interface RawDisk extends AsyncDisposable {
  /** Fails unless its file system is consistent, with an empty journal. */
  check(): Promise<void>;
  /** What debugfs prints. */
  debugfs(command: string): Promise<string>;
  /** True if the step wrote these bytes, to a file or elsewhere: the disk's own clusters are searched. */
  contains(text: string): Promise<boolean>;
}

export async function openRaw(disk: string): Promise<RawDisk> {
  const raw = `${disk}.raw`;
  await run(["qemu-img", "convert", "-O", "raw", disk, raw]);
  const partition = `${raw}?offset=1048576`;
  return {
    check: async () => {
      await run(["e2fsck", "-fn", partition]);
      const { stdout } = await run(["debugfs", "-R", "show_super_stats -h", partition]);
      if (/needs_recovery/.test(stdout) || !/state:\s+clean\n/.test(stdout)) throw new Error(stdout);
    },
    debugfs: async (command) => (await run(["debugfs", "-R", command, partition])).stdout,
    contains: async (text) => {
      const { stdout } = await run(["sh", "-c", 'grep -aFc -e "$1" "$2" || true', "sh", text, disk]);
      return stdout !== "0";
    },
    [Symbol.asyncDispose]: async () => await rm(raw, { force: true }),
  };
}

/** Process ids of the QEMUs of a harness: their arguments contain its state directory. */
export async function machinesOf(stateDirectory: string): Promise<readonly number[]> {
  return await qemusOf(stateDirectory);
}

/** Writes files into a new directory and resolves with it. */
export async function sourceTree(parent: string, files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(path.join(parent, "source-"));
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(directory, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return directory;
}
