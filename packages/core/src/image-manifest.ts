import * as v from "valibot";
import { checkArgument } from "./check-options.ts";
import { ObError } from "./errors.ts";
import { guestArchNames } from "./guest-arch.ts";
import { didYouMean } from "./suggest.ts";

/** Guest operating systems whose profile comes with the sandbox. */
export const guestOsNames = ["linux", "openbsd", "windows"] as const;
export type KnownGuestOs = (typeof guestOsNames)[number];
/** One of `guestOsNames`, or the name of a profile that the sandbox is given besides. */
export type GuestOs = KnownGuestOs | (string & {});

/** True for what can name a guest operating system. */
export function isGuestOsName(name: string): boolean {
  return /^[a-z][a-z0-9._-]*$/.test(name);
}

/** The disk controller of a guest; `ide` where the machine has it. */
export const diskBuses = ["virtio", "sata", "ide"] as const;
export type DiskBus = (typeof diskBuses)[number];

/**
 * Points at which a snapshot of a guest can be taken, to be resumed any number of times. `initrd`: with `obuilder.wait` on
 * its kernel command line the guest waits there, before it has read any disk. `ready`: when its SSH server listens. With
 * `readyMarker` a new VM generation id makes its kernel reseed the random number generator, and report that on the console;
 * without, it is sent a seed after each resume.
 */
export const snapshotPointNames = ["initrd", "ready"] as const;
export type SnapshotPoint = (typeof snapshotPointNames)[number];

const leadsOut = "must not lead out of the manifest's directory";
/** A path may become part of an option of QEMU's, where a comma ends a value. */
const plainPath = v.pipe(
  v.string(),
  v.nonEmpty(),
  v.check((path) => !path.startsWith("/"), "must be relative to the manifest"),
  v.regex(/^[^,\p{Cc}]*$/u, "must have no comma and no control character"),
);
const pathBeside = v.pipe(
  plainPath,
  v.check((path) => !path.split("/").includes(".."), leadsOut),
);
/** Beside the manifest, or the key of the store that the manifest is in. */
const keyPath = v.pipe(
  plainPath,
  v.check((path) => isStoreKey(path) || !path.split("/").includes(".."), leadsOut),
);

/** It becomes an argument of QEMU's; kernels take 2 to 4 KiB. */
const kernelCommandLine = v.pipe(
  v.string(),
  v.maxLength(4_096, "must have at most 4096 characters"),
  v.regex(/^[^\p{Cc}]*$/u, "must have no control character"),
);

/** True for the path of a store's own key, as the manifest of an image or of a layer in that store has it. */
export function isStoreKey(path: string): boolean {
  return /^(?:\.\.\/)+state\/ssh\/[a-z0-9_-][a-z0-9._-]*$/i.test(path);
}

/** The fields that both versions have. */
const commonFields = {
  /** The image's name, as `(from NAME)` has it. */
  name: v.optional(v.string()),
  guestOs: v.pipe(
    v.string(),
    v.check(isGuestOsName, `must be ${guestOsNames.join(", ")}, or the name of another guest profile`),
  ),
  guestArch: v.picklist(guestArchNames),
  /** The user who logs in over SSH. */
  loginUser: v.pipe(v.string(), v.regex(/^[a-z_][a-z0-9_-]*\$?$/i, "must be a user name")),
  /** The private key that the login user accepts, relative to the manifest: beside it, or the store's own. */
  sshKey: v.optional(keyPath),
  /** Set where the guest's kernel can be started without firmware and boot loader; paths are relative to the manifest. */
  directBoot: v.optional(
    v.object({ kernel: pathBeside, initrd: v.optional(pathBeside), commandLine: kernelCommandLine }),
  ),
  /** Set if the guest has no virtio disks. */
  diskBus: v.optional(v.picklist(diskBuses)),
  /** A type of QEMU's `-machine`, for a guest that does not run on the usual one. */
  machine: v.optional(
    v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9._-]*$/i, "must be the type of a machine, without options")),
  ),
  /** The disk's size as the guest sees it, in bytes. */
  virtualSize: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  /** The sha256 of the qcow2 file, in hex. */
  sha256: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hex digits"))),
};

const readyMarker = v.optional(v.boolean());
const snapshotPoints = v.optional(v.array(v.picklist(snapshotPointNames)));

/** Of the fields that version 2 renamed: by the names of version 1. */
const renamedFields = { announcesReady: "readyMarker", resumes: "snapshotPoints" } as const;

const version2Fields = {
  version: v.literal(2),
  ...commonFields,
  /** True if the guest prints `obuilder: ready` on its console when its SSH server listens: no earlier login is tried. */
  readyMarker,
  /** The points at which a snapshot of the guest can be taken; without any, a guest is always booted. */
  snapshotPoints,
  /**
   * True if the guest's init starts a root shell on the virtio-serial port `obuilder.root`, with its standard error on `obuilder.root.errors`,
   * before it prints `obuilder: ready`. Not used without `readyMarker`.
   */
  rootShellPort: v.optional(v.boolean()),
};

const version2 = v.pipe(
  v.strictObject(
    {
      ...version2Fields,
      /** How the image was built; described by what built it. */
      recipe: v.optional(v.unknown()),
    },
    describeIssue,
  ),
  v.object(version2Fields),
);

/** Unknown fields are ignored, as they always were in this version. */
const version1 = v.pipe(
  v.object({
    version: v.literal(1),
    ...commonFields,
    announcesReady: readyMarker,
    resumes: snapshotPoints,
    readyMarker: v.optional(v.never("version 1 calls it announcesReady")),
    snapshotPoints: v.optional(v.never("version 1 calls it resumes")),
  }),
  v.transform(({ announcesReady, resumes, ...common }): ImageManifest => ({
    ...common,
    version: 2,
    ...(announcesReady !== undefined && { readyMarker: announcesReady }),
    ...(resumes !== undefined && { snapshotPoints: resumes }),
  })),
);

/** The message for a field that version 2 does not have; otherwise valibot's. */
function describeIssue(issue: v.StrictObjectIssue): string {
  const field = issue.path?.at(-1)?.key;
  if (issue.expected !== "never" || typeof field !== "string") return issue.message;
  if (isRenamed(field)) return `version 2 calls it ${renamedFields[field]}`;
  const suggestion = didYouMean(field, Object.keys(version2Fields));
  return `is not a field of an image manifest${suggestion === undefined ? "" : `. ${suggestion}`}`;
}

function isRenamed(field: string): field is keyof typeof renamedFields {
  return Object.hasOwn(renamedFields, field);
}

const schema = v.variant("version", [version1, version2], "must be 1 or 2");

/**
 * The image manifest, `base-image/NAME.json`: what a base image contains and how to log in. An image without a manifest
 * is described by the command line's `--qemu-…` flags alone, as in the original.
 */
export type ImageManifest = v.InferOutput<typeof version2>;

/**
 * Reads the text of an image manifest. Version 1 is translated to version 2.
 *
 * @param file where the text comes from, for the error.
 * @throws ObError `BASE_IMAGE` that names the field.
 */
export function parseImageManifest(text: string, file = "the manifest"): ImageManifest {
  checkArgument("parseImageManifest: text", text, "string");
  const hint = "docs/images.md describes an image manifest.";
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ObError("BASE_IMAGE", `The image manifest ${file} is not JSON.`, { cause, hint });
  }
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const issues = result.issues.map((issue) => `  ${v.getDotPath(issue) ?? "(top)"}: ${issue.message}`);
  throw new ObError("BASE_IMAGE", `The image manifest ${file} is invalid:\n${issues.join("\n")}`, { hint });
}
