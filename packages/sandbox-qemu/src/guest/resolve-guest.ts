import { join, resolve } from "node:path";
import { type GuestArch, type GuestImage, type GuestOs, ObError, type SnapshotPoint } from "@ob/core";
import type { DirectBoot, Hardware } from "@ob/qemu";
import type { GuestProfile } from "./profile.ts";
import { findProfile, type GuestProfiles } from "./registry.ts";

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
  /** See the manifest's field. Without `readyMarker` at most `ready`. */
  readonly snapshotPoints: readonly SnapshotPoint[];
  /** See the manifest's field. Never without `readyMarker`, nor for another type of machine than the usual one. */
  readonly rootShellPort: boolean;
}

/** What the caller says of images; see `SandboxOptions`. */
export interface GuestOptions {
  /** The guest's operating system, for an image without a manifest; it is an error if it contradicts a manifest. */
  readonly guestOs?: GuestOs | undefined;
  /** Guest profiles besides those that come with the sandbox, by the name that `guestOs` gives. */
  readonly profiles?: GuestProfiles | undefined;
  /** As `guestOs`. By default `amd64`. */
  readonly guestArch?: GuestArch | undefined;
  /** Overrides of the guest's hardware; they take precedence over the manifest. */
  readonly hardware?: Hardware | undefined;
}

/** Images without a manifest were built for the original, which logs in as `opam`. */
const originalUser = "opam";

/** @throws ObError `USAGE` if a flag contradicts the manifest; `UNSUPPORTED` for a guest OS without a profile. */
export function resolveGuest({ manifest, manifestDirectory }: GuestImage, flags: GuestOptions): Guest {
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
      rootShellPort: false,
    };
  }
  const name = manifest.name ?? "the base image";
  assertConsistent("--qemu-guest-os", { flag: flags.guestOs, manifest: manifest.guestOs, name });
  assertConsistent("--qemu-guest-arch", { flag: flags.guestArch, manifest: manifest.guestArch, name });
  const { directBoot, sshKey, readyMarker = false } = manifest;
  const machine = hardware.machine ?? manifest.machine;
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
    readyMarker,
    snapshotPoints: (manifest.snapshotPoints ?? []).filter((point) => readyMarker || point === "ready"),
    rootShellPort: readyMarker && machine === undefined && manifest.rootShellPort === true,
    hardware: { ...hardware, diskBus: hardware.diskBus ?? manifest.diskBus, machine },
  };
}

export function guestProfile({ profile }: Guest): GuestProfile {
  return profile;
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
