import path from "node:path";
import { ObError } from "@ob/core";

/** A store: always a directory of qcow2 layers so far. */
export interface StoreLocation {
  readonly kind: "qemu";
  /** Absolute. */
  readonly directory: string;
}

/** The original's other kinds of stores; each builds in containers or jails. */
const containerKinds = ["btrfs", "docker", "hcs", "overlayfs", "rsync", "xfs", "zfs"];

/**
 * Reads `qemu:PATH`, the value of `--store`.
 *
 * @param text undefined where neither the flag nor OBUILDER_STORE is given.
 * @throws ObError `USAGE`.
 */
export function parseStoreLocation(text: string | undefined): StoreLocation {
  if (text === undefined || text === "") {
    throw new ObError("USAGE", "No store is given.", {
      hint: "Add --store=qemu:DIR, or set OBUILDER_STORE=qemu:DIR.",
    });
  }
  const [, kind, directory] = /^([^:/\\]*):(.*)$/s.exec(text) ?? [];
  if (kind === "qemu" && directory !== undefined && directory !== "") {
    return { kind, directory: path.resolve(directory) };
  }
  throw new ObError("USAGE", describe(text, kind), { hint: hint(text, kind, directory) });
}

function describe(text: string, kind: string | undefined): string {
  if (kind === undefined) return `The store ${JSON.stringify(text)} has no kind.`;
  if (kind === "qemu") return "The store qemu: has no directory.";
  return containerKinds.includes(kind)
    ? `A ${kind} store belongs to a container backend; this obuilder builds in virtual machines.`
    : `Unknown kind of store: ${JSON.stringify(kind)}.`;
}

function hint(text: string, kind: string | undefined, directory: string | undefined): string {
  if (kind === undefined) return `Write --store=qemu:${text}`;
  return directory === undefined || directory === "" || containerKinds.includes(kind)
    ? "The supported kind is qemu: write --store=qemu:DIR."
    : `The supported kind is qemu: write --store=qemu:${directory}`;
}
