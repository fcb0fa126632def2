import { type GuestUser, type ImageCheck, ObError, type RunTask, type SecretMount, sha256 } from "@ob/core";
import { quoteWords } from "../../ssh/quote/posix.ts";
import { cygwinCommand } from "../../ssh/quote/cygwin.ts";
import { acceptEnvCheck, freeDiskCheck, programCheck } from "../posix/image-checks.ts";
import { environmentArgs } from "../posix/env-args.ts";
import { followWord } from "../posix/read-archive.ts";
import { framedForCygwin } from "../framed.ts";
import type { MountTask } from "../mount-task.ts";
import type { CopyVerification, GuestCommand, GuestLine, GuestProfile } from "../profile.ts";
import {
  checkDriveLetters,
  copySource,
  copyTarget,
  driveOf,
  drivePath,
  junctionPath,
  parentPath,
  unpackedPath,
} from "./paths.ts";
import { encodedPrepareDisks } from "./prepare-disks.ts";
import * as scripts from "./scripts.generated.ts";

/** A script for Cygwin's bash with its arguments. */
function withArguments(script: string, args: readonly string[]): string {
  return args.length === 0 ? script : `set -- ${quoteWords(args)}\n${script}`;
}

function inBash(script: string, args: readonly string[] = []): GuestLine {
  return framedForCygwin(withArguments(script, args));
}

/**
 * The profile of Windows with Cygwin's bash as the `DefaultShell` of its sshd. The login user must be an administrator.
 */
export function windowsGuest(loginUser: string): GuestProfile {
  return {
    os: "windows",
    cacheFileSystem: "ntfs",
    copyTarget,
    copySource,
    rootAccess: "the login user runs Cygwin's bash",
    imageChecks,
    // Windows prints nothing on a serial console. QEMU's pvpanic device reports a crash if the guest has its driver.
    panicPattern: /(?!)/,
    sshReadyPattern: /^obuilder: ready\b/m,
    identity: cygwinCommand(scripts.showIdentity),
    rootShell: undefined,
    prepare: {
      phase: "login",
      purpose: "run Cygwin's bash",
      ...inBash(scripts.checkCygwin),
      failure: "UNSUPPORTED",
      hint: "sshd's DefaultShell must be Cygwin's bash (docs/guests.md says what a Windows image needs).",
    },
    canonicalTarget: (target) => junctionPath(target).toLowerCase(),
    mount: (task) => {
      checkUser(task.user, loginUser);
      return [
        ...mountCaches(task),
        ...task.secrets.map((secret, index) => putSecret(secret, { index, loginUser })),
      ];
    },
    run: (task) => ({
      phase: "run",
      purpose: "run the command",
      ...inBash(scripts.run, [task.workdir, ...programOf(task)]),
      failure: "STEP_FAILED",
    }),
    unpack: { phase: "copy", purpose: "unpack the files", ...inBash(scripts.unpack), failure: "STEP_FAILED" },
    verification,
    killStrayProcesses: (bootInfo) => ({
      phase: "run",
      purpose: "end what the command has left",
      ...inBash(scripts.killStrayProcesses, [initialProcesses(bootInfo), loginUser]),
      failure: "GUEST_LOST",
    }),
    unmount: (task, bootInfo) => unmount(task, [initialProcesses(bootInfo), loginUser]),
    flush: (bootInfo) => ({
      phase: "flush",
      purpose: "flush",
      ...inBash(scripts.flush, [initialProcesses(bootInfo), loginUser]),
      failure: "UNCLEAN_STOP",
      frozen: undefined,
    }),
    shutdown: "acpi",
    readArchive,
    // The login user is an administrator.
    runScript: framedForCygwin,
  };
}

/** Windows' tar cannot exclude names: the host drops them while it reads the archive. */
const readArchive: GuestProfile["readArchive"] = (path, _exclude, options = {}) => ({
  phase: "copy",
  purpose: `read ${path}`,
  ...inBash(scripts.readArchive, [drivePath(path), followWord(options)]),
  failure: "BAD_SOURCE",
});

const imageChecks: readonly ImageCheck[] = [
  {
    what: "has Windows' own tar",
    script: '"$(cygpath -S)/tar.exe" --version',
    required: true,
  },
  programCheck("bash", { required: true }),
  acceptEnvCheck,
  freeDiskCheck("/cygdrive/c"),
];

const verification: CopyVerification = {
  dropsSymlinks: true,
  unpackedPath,
  unpackIso: (files) => ({
    phase: "copy",
    purpose: "unpack the files on the disc",
    ...inBash(scripts.unpackIso, files),
    failure: "STEP_FAILED",
  }),
  check: (list, digest) => ({
    phase: "copy",
    purpose: "find the copied files as they were sent",
    ...inBash(scripts.checkCopy, [list, digest]),
    failure: "STEP_FAILED",
  }),
};

/** The commands that prepare all cache disks, and then make a junction to each. */
function mountCaches({ caches }: MountTask): readonly GuestCommand[] {
  checkDriveLetters(caches.length);
  if (caches.length === 0) return [];
  const inDiskOrder = caches.toSorted((a, b) => a.index - b.index);
  const disks: GuestCommand = {
    phase: "mount",
    purpose: "prepare the disks of the step's caches",
    ...inBash(scripts.repeatPowershell, [encodedPrepareDisks(inDiskOrder.map(({ formatted }) => formatted))]),
    failure: "CACHE",
  };
  const junctions = caches.map(({ name, target, index }): GuestCommand => {
    const path = junctionPath(target);
    return {
      phase: "mount",
      purpose: `mount the cache ${name} at ${path}`,
      ...inBash(scripts.makeJunction, [path, parentPath(path) ?? "", driveOf(index)]),
      failure: "CACHE",
    };
  });
  return [disks, ...junctions];
}

/** The secret is sent in base64 with its sha256, see put-secret.sh. */
function putSecret(
  { target, contents }: SecretMount,
  { index, loginUser }: { readonly index: number; readonly loginUser: string },
): GuestCommand {
  checkSecretTarget(target);
  return {
    phase: "mount",
    purpose: `put a secret at ${target}`,
    ...inBash(scripts.putSecret, [String(index), target, String(contents.length), loginUser]),
    input: Buffer.from(`${Buffer.from(contents).toString("base64")}\n${sha256(contents)}\n`),
    failure: "BAD_SECRET",
  };
}

/** A command line has room for some 3,000. What a guest says too much of is left out, and ended with what a step has left. */
const maxInitialProcesses = 1_000;

function initialProcesses(bootInfo: string): string {
  return (bootInfo.match(/\b\d{1,10}\b/g) ?? []).slice(0, maxInitialProcesses).join(" ");
}

function unmount(
  { secrets, caches }: MountTask,
  processes: readonly [initial: string, loginUser: string],
): readonly GuestCommand[] {
  if (secrets.length === 0 && caches.length === 0) return [];
  const junctions = caches.toReversed().map(({ target }) => junctionPath(target));
  return [
    {
      phase: "mount",
      purpose: "remove the step's secrets and the junctions to its caches",
      ...inBash(scripts.unmountAll, [
        ...processes,
        String(secrets.length),
        ...secrets.toReversed().map(({ target }) => target),
        ...junctions,
      ]),
      failure: "CACHE",
    },
  ];
}

/** The arguments of `env`: the variables, and then the program. */
function programOf({ environment, shell, command }: RunTask): readonly string[] {
  const program = shell.length === 0 ? ["/bin/bash", "-c"] : shell;
  return [...environmentArgs(environment), ...program, command];
}

/**
 * Windows cannot switch to another user without a password. The login user is accepted by its name, or as root: it is an
 * administrator.
 */
function checkUser(user: GuestUser | undefined, loginUser: string): void {
  if (user === undefined) return;
  if ("name" in user && user.name.toLowerCase() === loginUser.toLowerCase()) return;
  if ("uid" in user && user.uid === 0) return;
  const asked = "name" in user ? user.name : `${user.uid}:${user.gid}`;
  throw new ObError("UNSUPPORTED", `A Windows guest runs commands as ${loginUser} only, not as ${asked}.`, {
    hint: `Leave (user …) out, or write (user (name ${loginUser})); (user (uid 0) (gid 0)) is the same here.`,
  });
}

function checkSecretTarget(target: string): void {
  if (/^(?:\/|[a-z]:[\\/])/i.test(target) && !/[\\/]$/.test(target)) return;
  throw new ObError(
    "UNSUPPORTED",
    `The target of a secret must be an absolute path: ${JSON.stringify(target)}`,
  );
}
