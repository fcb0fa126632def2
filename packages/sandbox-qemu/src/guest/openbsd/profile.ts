import { ObError, type RunTask } from "@ob/core";
import { checkTarget } from "../posix/check-target.ts";
import { posixDefaults } from "../posix/defaults.ts";
import { environmentArgs } from "../posix/env-args.ts";
import { identityCommand } from "../posix/identity.ts";
import { acceptEnvCheck, freeDiskCheck, programCheck } from "../posix/image-checks.ts";
import { loginCheck } from "../posix/login-check.ts";
import { rejectedNetworks } from "../posix/rejected-networks.ts";
import { rootAccess, type RootAccess, runLine } from "../posix/root.ts";
import { userArgs } from "../posix/user-args.ts";
import { tarScript } from "../posix/read-archive.ts";
import { maxCommandBytes } from "../../ssh/command.ts";
import * as posixScripts from "../posix/scripts.generated.ts";
import * as scripts from "./scripts.generated.ts";
import { openbsdVmReuse } from "./vm-reuse.ts";
import type { GuestCommand, GuestLine, GuestProfile } from "../profile.ts";

/** In bytes. SSH's limit is below that of OpenBSD's arguments (512 KiB); the rest is for the frame. */
const maxCommandLength = maxCommandBytes - 2_000;

/** The profile of OpenBSD with the package gtar. If the login user is not root, doas.conf needs `permit nopass`. */
export function openbsdGuest(loginUser: string): GuestProfile {
  // openbsd/src usr.bin/doas/doas.c 1.89 main: -n fails instead of asking; the command's status is its own, a refusal's is 1.
  const root = rootAccess(loginUser, ["/usr/bin/doas", "-n", "--"]);
  const access = { loginUser, root };

  return {
    ...posixDefaults,
    os: "openbsd",
    cacheFileSystem: "ffs",
    rootAccess: loginUser === "root" ? "the login user is root" : "doas needs no password",
    imageChecks: [
      programCheck("gtar", { required: true }),
      programCheck("bash", { required: false }),
      acceptEnvCheck,
      freeDiskCheck("/"),
    ],
    panicPattern: /^panic: .*$/m,
    // The serial number of the machine, which the kernel reads from SMBIOS (sys/arch/amd64/amd64/bios.c).
    identity: identityCommand("exec /sbin/sysctl -n hw.serialno"),
    prepare: {
      phase: "login",
      purpose: "become root",
      ...root.command(scripts.listProcesses),
      failure: "UNSUPPORTED",
      hint: `The image's /etc/doas.conf needs a line such as \`permit nopass ${loginUser}\`.`,
    },
    rejectConnections: {
      phase: "login",
      purpose: "reject connections",
      ...root.command(scripts.rejectConnections, rejectedNetworks),
      failure: "GUEST_LOST",
    },
    ...mountCommands(access),
    ...copyCommands(root),
    run: (task) => ({
      phase: "run",
      purpose: "run the command",
      ...runCommand(task, access),
      failure: "STEP_FAILED",
    }),
    killStrayProcesses: (bootInfo) => ({
      phase: "run",
      purpose: "end what the command has left",
      ...root.command(scripts.killStrayProcesses, [oneLine(bootInfo)]),
      failure: "GUEST_LOST",
    }),
    loginCheck: loginCheck(loginUser, root),
    flush: (bootInfo) => ({
      phase: "flush",
      purpose: "flush",
      ...root.command(scripts.flush, [oneLine(bootInfo)]),
      failure: "UNCLEAN_STOP",
      frozen: undefined,
    }),
    vmReuse: openbsdVmReuse(root, oneLine),
    shutdown: "acpi",
    runScript: root.runScript,
  };
}

interface OpenbsdAccess {
  readonly loginUser: string;
  readonly root: RootAccess;
}

/** Commands that mount caches and write secrets, and undo that. */
function mountCommands({
  loginUser,
  root,
}: OpenbsdAccess): Pick<GuestProfile, "realTargets" | "mount" | "unmount"> {
  return {
    realTargets: (targets) => ({
      phase: "mount",
      purpose: "find the targets of the caches",
      ...root.command(posixScripts.realTargets, targets),
      failure: "CACHE",
    }),
    mount: ({ caches, secrets, user }) => [
      ...caches.map((cache): GuestCommand => {
        checkTarget(cache.target, "cache");
        // The root disk is sd0.
        const words = [String(1 + cache.index), cache.target, cache.formatted ? "yes" : "no"];
        return {
          phase: "mount",
          purpose: `mount the cache ${cache.name} at ${cache.target}`,
          ...root.command(scripts.mountCache, [...words, ...userArgs(user, loginUser)]),
          failure: "CACHE",
        };
      }),
      ...secrets.map((secret, index): GuestCommand => {
        checkTarget(secret.target, "secret");
        return {
          phase: "mount",
          purpose: `put a secret at ${secret.target}`,
          ...root.command(scripts.putSecret, [String(index), secret.target, ...userArgs(user, loginUser)]),
          input: secret.contents,
          failure: "BAD_SECRET",
        };
      }),
    ],
    unmount: ({ secrets, caches }, bootInfo) => {
      if (secrets.length === 0 && caches.length === 0) return [];
      const targets = [...secrets.toReversed(), ...caches.toReversed()].map(({ target }) => target);
      return [
        {
          phase: "mount",
          purpose: "unmount the step's caches and secrets",
          ...root.command(scripts.unmountAll, [oneLine(bootInfo), String(secrets.length), ...targets]),
          failure: "CACHE",
        },
      ];
    },
  };
}

function copyCommands(root: RootAccess): Pick<GuestProfile, "unpack" | "findOwner" | "readArchive"> {
  return {
    unpack: {
      phase: "copy",
      purpose: "unpack the files",
      ...root.command(scripts.unpack),
      failure: "STEP_FAILED",
    },
    findOwner: (name) => ({
      phase: "copy",
      purpose: `find the user ${name}, who is to own the copied files`,
      ...root.command(scripts.findOwner, [name]),
      failure: "STEP_FAILED",
    }),
    // GNU tar from the package: OpenBSD's own tar supports neither long names nor excluded names.
    readArchive: (path, exclude, options) => ({
      phase: "copy",
      purpose: `read ${path}`,
      ...root.command(tarScript("/usr/local/bin/gtar", options), [path, ...exclude]),
      failure: "BAD_SOURCE",
    }),
  };
}

function runCommand(task: RunTask, { root, loginUser }: OpenbsdAccess): GuestLine {
  const mode = task.shell.length === 0 ? "login" : "exec";
  const rest = [mode, task.command, task.workdir, ...environmentArgs(task.environment), ...task.shell];
  const line =
    task.user === undefined
      ? runLine(scripts.runAsLoginUser, rest)
      : root.command(scripts.runAsUser, [...userArgs(task.user, loginUser), ...rest]);
  checkLength(line.command);
  return line;
}

/** ps prints one process per line, and pads short numbers with blanks. */
function oneLine(bootInfo: string): string {
  return bootInfo.trim().split(/\s+/).join(" ");
}

function checkLength(command: string): void {
  if (Buffer.byteLength(command) < maxCommandLength) return;
  throw new ObError(
    "UNSUPPORTED",
    `The command and its environment are longer than an SSH server accepts (${maxCommandBytes} bytes).`,
    { hint: "Copy a script into the image and run that." },
  );
}
