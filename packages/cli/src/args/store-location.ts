import path from "node:path";
import { ObError } from "@ob/core";

/** Where a store is: so far always a directory of qcow2 layers. */
export interface StoreLocation {
  readonly kind: "qemu";
  /** Absolute. */
  readonly directory: string;
}

/** The original's other kinds; each builds in containers or jails. */
const containerKinds = ["btrfs", "docker", "hcs", "overlayfs", "rsync", "xfs", "zfs"];

/**
 * Reads `qemu:PATH`, the value of `--store`.
 *
 * @param text undefined where neither the flag nor OBUILDER_STORE is given.
 * @throws ObError `USAGE`.
 */
export function parseStoreLocation(text: string | undefined): StoreLocation {
  if (text === undefined || text === "") {
    throw new ObError("USAGE", "No store is given: where the layers of a build are kept.", {
      hint: "Add --store=qemu:DIR, or set OBUILDER_STORE=qemu:DIR. `npm run quickstart` makes one in .obuilder/store.",
    });
  }
  const [, kind, directory] = /^([^:/\\]*):(.*)$/s.exec(text) ?? [];
  if (kind === "qemu" && directory !== undefined && directory !== "") {
    return { kind, directory: path.resolve(directory) };
  }
  throw new ObError("USAGE", describe(text, kind), { hint: hint(text, kind, directory) });
}

function describe(text: string, kind: string | undefined): string {
  if (kind === undefined) return `The store ${JSON.stringify(text)} does not say of what kind it is.`;
  if (kind === "qemu") return "The store qemu: names no directory.";
  return containerKinds.includes(kind)
    ? `A ${kind} store holds the layers of a container backend, and this obuilder builds in virtual machines.`
    : `There is no store of the kind ${JSON.stringify(kind)}.`;
}

function hint(text: string, kind: string | undefined, directory: string | undefined): string {
  if (kind === undefined) return `Write --store=qemu:${text}`;
  return directory === undefined || directory === "" || containerKinds.includes(kind)
    ? "The one kind that is supported is qemu: write --store=qemu:DIR."
    : `The one kind that is supported is qemu: write --store=qemu:${directory}`;
}
