import { join, resolve } from "node:path";
import { type GuestArch, type GuestImage, type GuestOs, ObError, type SnapshotPoint } from "@ob/core";
import type { DirectBoot, Hardware } from "../machine/qemu-argv.ts";
import type { GuestProfile } from "./profile.ts";
import { findProfile } from "./registry.ts";
import { amd64 } from "../machine/amd64.ts";
import { riscv64 } from "../machine/riscv64.ts";
import type { Machine } from "../machine/machine.ts";
import type { SandboxOptions } from "../options.ts";

/** A base image as the sandbox sees it: from its manifest, or from the flags if it has no manifest. */
export interface Guest {
  readonly os: GuestOs;
  readonly profile: GuestProfile;
  readonly arch: GuestArch;
  readonly loginUser: string;
  /** Absolute path. */
  readonly sshKey: string | undefined;
  readonly directBoot: DirectBoot | undefined;
  readonly hardware: Hardware;
  /** See the manifest's field. */
  readonly readyMarker: boolean;
  /** See the manifest's field. Empty without `readyMarker`, which it requires. */
  readonly snapshotPoints: readonly SnapshotPoint[];
}

type Flags = Pick<SandboxOptions, "guestOs" | "guestArch" | "hardware" | "profiles">;

/** Images without a manifest were built for the original, which logs in as `opam`. */
const originalUser = "opam";

/** @throws ObError `USAGE` if a flag contradicts the manifest; `UNSUPPORTED` for a guest OS without a profile. */
export function resolveGuest({ manifest, manifestDirectory }: GuestImage, flags: Flags): Guest {
  const { hardware = {}, profiles } = flags;
  if (!manifest) {
    const { guestOs: os = "linux", guestArch: arch = "amd64" } = flags;
    return {
      os,
      profile: findProfile(os, profiles)(originalUser),
      arch,
      loginUser: originalUser,
      sshKey: undefined,
      directBoot: undefined,
      hardware,
      readyMarker: false,
      snapshotPoints: [],
    };
  }
  const name = manifest.name ?? "the base image";
  assertConsistent("--qemu-guest-os", { flag: flags.guestOs, manifest: manifest.guestOs, name });
  assertConsistent("--qemu-guest-arch", { flag: flags.guestArch, manifest: manifest.guestArch, name });
  const { directBoot, sshKey } = manifest;
  const absoluteInImage = (path: string): string => resolve(join(manifestDirectory, path));
  return {
    os: manifest.guestOs,
    profile: findProfile(manifest.guestOs, profiles)(manifest.loginUser),
    arch: manifest.guestArch,
    loginUser: manifest.loginUser,
    sshKey: sshKey === undefined ? undefined : absoluteInImage(sshKey),
    directBoot: directBoot && {
      kernel: absoluteInImage(directBoot.kernel),
      initrd: directBoot.initrd === undefined ? undefined : absoluteInImage(directBoot.initrd),
      commandLine: directBoot.commandLine,
    },
    readyMarker: manifest.readyMarker ?? false,
    snapshotPoints: manifest.readyMarker ? (manifest.snapshotPoints ?? []) : [],
    hardware: {
      ...hardware,
      diskBus: hardware.diskBus ?? manifest.diskBus,
      machine: hardware.machine ?? manifest.machine,
    },
  };
}

export function guestProfile({ profile }: Guest): GuestProfile {
  return profile;
}

const machines: Readonly<Record<GuestArch, Machine>> = { amd64, riscv64 };

export function machineFor({ arch }: Pick<Guest, "arch">): Machine {
  return machines[arch];
}

function assertConsistent(
  flag: string,
  values: { readonly flag: string | undefined; readonly manifest: string; readonly name: string },
): void {
  if (values.flag === undefined || values.flag === values.manifest) return;
  throw new ObError(
    "USAGE",
    `${flag}=${values.flag} contradicts the manifest of ${values.name}, which says ${values.manifest}.`,
    { hint: `Leave ${flag} out, or name another base image in (from …).` },
  );
}
