import { type GuestUser, ObError, type RunTask, sha256 } from "@ob/core";
import { cygwinCommand } from "../../ssh/quote/cygwin.ts";
import { acceptEnvCheck, freeDiskCheck, programCheck } from "../posix/image-checks.ts";
import { environmentArgs } from "../posix/env-args.ts";
import { framedForCygwin } from "../framed.ts";
import type { OrderedCache } from "../mount-task.ts";
import type { GuestCommand, GuestProfile } from "../profile.ts";
import { checkDriveLetters, copySource, copyTarget, junctionPath, unpackedPath } from "./paths.ts";
import * as scripts from "./scripts.ts";

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
    imageChecks: [
      {
        what: "has Windows' own tar",
        script: '"$(cygpath -S)/tar.exe" --version',
        needed: true,
      },
      programCheck("bash", { needed: true }),
      acceptEnvCheck,
      freeDiskCheck("/cygdrive/c"),
    ],
    // Windows prints nothing on a serial console. QEMU's pvpanic device reports a crash if the guest has its driver.
    panicPattern: /(?!)/,
    sshReadyPattern: /^obuilder: ready\b/m,
    identity: cygwinCommand(scripts.showIdentity),
    rootShell: undefined,
    prepare: {
      phase: "login",
      purpose: "run Cygwin's bash",
      ...framedForCygwin(scripts.ready),
      failure: "UNSUPPORTED",
      hint: "sshd's DefaultShell must be Cygwin's bash (docs/guests.md says what a Windows image needs).",
    },
    canonicalTarget: (target) => junctionPath(target).toLowerCase(),
    mount: ({ caches, secrets, user }) => {
      checkUser(user, loginUser);
      checkDriveLetters(caches.length);
      const junctions = caches.map(({ name, target, index }): GuestCommand => {
        const path = junctionPath(target);
        return {
          phase: "mount",
          purpose: `mount the cache ${name} at ${path}`,
          ...framedForCygwin(scripts.makeJunction(path, index)),
          failure: "CACHE",
        };
      });
      const disks: GuestCommand = {
        phase: "mount",
        purpose: "prepare the disks of the step's caches",
        ...framedForCygwin(scripts.prepareCacheDisks(inDiskOrder(caches).map(({ formatted }) => formatted))),
        failure: "CACHE",
      };
      return [
        ...(caches.length === 0 ? [] : [disks]),
        ...junctions,
        ...secrets.map(({ target, contents }, index): GuestCommand => {
          checkSecretTarget(target);
          const size = contents.length;
          return {
            phase: "mount",
            purpose: `put a secret at ${target}`,
            ...framedForCygwin(scripts.putSecret({ target, size, index }, loginUser)),
            input: Buffer.from(`${Buffer.from(contents).toString("base64")}\n${sha256(contents)}\n`),
            failure: "BAD_SECRET",
          };
        }),
      ];
    },
    run: (task) => ({
      phase: "run",
      purpose: "run the command",
      command: cygwinCommand(scripts.run(task.workdir, programOf(task))),
      failure: "STEP_FAILED",
    }),
    unpack: {
      phase: "copy",
      purpose: "unpack the files",
      ...framedForCygwin(scripts.unpack),
      failure: "STEP_FAILED",
    },
    verification: {
      dropsSymlinks: true,
      unpackedPath,
      unpackIso: (files) => ({
        phase: "copy",
        purpose: "unpack the files on the disc",
        ...framedForCygwin(scripts.unpackDisc(files)),
        failure: "STEP_FAILED",
      }),
      check: (list, digest) => ({
        phase: "copy",
        purpose: "find the copied files as they were sent",
        ...framedForCygwin(scripts.checkCopy(list, digest)),
        failure: "STEP_FAILED",
      }),
    },
    unmount: ({ secrets, caches }) => {
      if (secrets.length === 0 && caches.length === 0) return [];
      const parts = [
        ...secrets.map(({ target }, index) => scripts.removeSecret(target, index)).toReversed(),
        ...caches.toReversed().map(({ target }) => scripts.removeJunction(junctionPath(target))),
      ];
      return [
        {
          phase: "mount",
          purpose: "remove the step's secrets and the junctions to its caches",
          ...framedForCygwin(scripts.unmountAll(parts)),
          failure: "CACHE",
        },
      ];
    },
    // sshd's job object kills the processes that the step left behind, together with the step's shell.
    flush: () => ({
      phase: "flush",
      purpose: "put everything on the disk",
      ...framedForCygwin(scripts.flush),
      failure: "UNCLEAN_STOP",
      frozen: undefined,
    }),
    shutdown: "acpi",
    // Windows' tar cannot exclude names: the host drops them while it reads the archive.
    readArchive: (path, _exclude, options) => ({
      phase: "copy",
      purpose: `read ${path}`,
      ...framedForCygwin(scripts.readArchive(path, options)),
      failure: "BAD_SOURCE",
    }),
    // The login user is an administrator.
    runScript: framedForCygwin,
  };
}

function inDiskOrder(caches: readonly OrderedCache[]): readonly OrderedCache[] {
  return caches.toSorted((a, b) => a.index - b.index);
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
