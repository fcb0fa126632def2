import { rm } from "node:fs/promises";
import path from "node:path";
import type { LayerId } from "@ob/core";
import { openStore } from "@ob/store-qcow";

/** What is killed. `output` is a build with `--output`; `prune-all` also removes VM snapshots. */
export const realCommands = [
  "build",
  "output",
  "prune",
  "prune-all",
  "delete",
  "import",
  "shell",
  "cp",
  "export",
] as const;
export type RealCommand = (typeof realCommands)[number];

/** The name that `image import` gives. */
export const importedName = "imported";

/** Flags of the machine; the time for booting is that of a host with much else to do. */
export const machineFlags = ["--qemu-memory", "1", "--qemu-cpus", "2", "--qemu-boot-time", "600"] as const;

/** Where commands work. */
export interface CommandPlace {
  /** Absolute path of the store. */
  readonly directory: string;
  /** Absolute paths: the spec, what is copied into a layer, a disk with its login key, and where outputs go. */
  readonly spec: string;
  readonly source: string;
  readonly disk: string;
  readonly key: string;
  readonly out: string;
  /** Absolute path of the directory for temporary files. */
  readonly temporary: string;
  /** A layer that was built last, for commands that look into one. */
  readonly layer: LayerId | undefined;
}

/** The names that a command leaves in the directory of outputs when it has succeeded. */
export function outputNames(command: RealCommand): readonly string[] {
  if (command === "output") return ["files", "files.tar"];
  if (command === "cp") return ["out"];
  return command === "export" ? ["disk.qcow2"] : [];
}

/** The words of a command line. A command that needs a layer is a build where there is none. */
export async function argumentsOf(command: RealCommand, place: CommandPlace): Promise<readonly string[]> {
  const { directory, spec, source, disk, key, out, layer } = place;
  const store = `--store=qemu:${directory}`;
  const build = ["build", store, "-f", spec, ...machineFlags];
  switch (command) {
    case "build":
      return [...build, source];
    case "output": {
      const local = ["--output", `type=local,src=/home/opam,dest=${path.join(out, "files")}`];
      const tar = ["--output", `type=tar,src=/home/opam,dest=${path.join(out, "files.tar")}`];
      return [...build, ...local, ...tar, source];
    }
    case "prune":
      return ["prune", store, "--older-than=0s", "--force", "--filter", "type=layer"];
    case "prune-all":
      return ["prune", store, "--older-than=0s", "--force"];
    case "delete": {
      const id = await firstStep(directory);
      return id === undefined ? [...build, source] : ["delete", store, id];
    }
    case "import": {
      const guest = ["--guest-os", "linux", "--guest-arch", "amd64", "--user", "opam"];
      const files = ["--ssh-key", key, "--kernel", disk, "--append", "quiet"];
      return ["image", "import", store, disk, "--name", importedName, ...guest, ...files, "--no-check"];
    }
    case "shell":
      return layer === undefined
        ? [...build, source]
        : ["shell", store, ...machineFlags, layer, "--", "sh", "-c", "cat ~/one; sync"];
    case "cp":
      if (layer === undefined) return [...build, source];
      await rm(path.join(out, "out"), { recursive: true, force: true });
      return ["cp", store, ...machineFlags, `${layer}:/home/opam`, path.join(out, "out")];
    case "export":
      return layer === undefined
        ? [...build, source]
        : ["export", store, layer, path.join(out, "disk.qcow2"), "--force"];
  }
}

/** A layer on a base layer: deleting it costs no boot of the next build. */
async function firstStep(directory: string): Promise<LayerId | undefined> {
  await using store = await openStore({ directory });
  const layers = [...store.list()];
  const bases = new Set(layers.filter(({ parent }) => parent === undefined).map(({ id }) => id));
  return layers.find(({ parent }) => parent !== undefined && bases.has(parent))?.id;
}
