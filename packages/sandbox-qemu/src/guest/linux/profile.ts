import type { RunTask } from "@ob/core";
import { checkTarget } from "../posix/check-target.ts";
import { posixDefaults } from "../posix/defaults.ts";
import { identityCommand } from "../posix/identity.ts";
import { acceptEnvCheck, freeDiskCheck, programCheck } from "../posix/image-checks.ts";
import { loginCheck } from "../posix/login-check.ts";
import { rejectedNetworks } from "../posix/rejected-networks.ts";
import { userArgs } from "../posix/user-args.ts";
import { tarScript } from "../posix/read-archive.ts";
import { type LinuxAccess, linuxAccess } from "./access.ts";
import { diskArgs } from "./disk-args.ts";
import { commandFile } from "./long-command.ts";
import { processesIn } from "./boot-info.ts";
import { frozenMarker } from "./markers.ts";
import { isLong, runCommand } from "./run-command.ts";
import * as posixScripts from "../posix/scripts.generated.ts";
import * as scripts from "./scripts.generated.ts";
import { tuneKernel } from "./tune-kernel.ts";
import { linuxVmReuse } from "./vm-reuse.ts";
import type { GuestCommand, GuestProfile } from "../profile.ts";

/**
 * The profile of a Linux with a Bourne shell and util-linux. If the login user is not root, it also needs sudo without a
 * password.
 */
export function linuxGuest(loginUser: string): GuestProfile {
  const access = linuxAccess(loginUser);
  const { root, asRootCommand } = access;

  return {
    ...posixDefaults,
    os: "linux",
    cacheFileSystem: "ext4",
    rootAccess: loginUser === "root" ? "the login user is root" : "sudo needs no password",
    imageChecks: [
      {
        what: "tar is GNU tar",
        script: "tar --version | head -n 1; tar --version | grep -q GNU",
        required: true,
      },
      programCheck("bash", { required: true }),
      acceptEnvCheck,
      freeDiskCheck("/"),
    ],
    panicPattern: /^.*Kernel panic - not syncing.*$/m,
    identity: identityCommand(scripts.showIdentity),
    needsKeyboard: false,
    rootShell: root.shell,
    ...bootCommands(access),
    tuneKernel: tuneKernel(access),
    rngReseededPattern: /crng reseeded due to virtual machine fork/,
    ...mountCommands(access),
    run: (task) => ({
      phase: "run",
      purpose: "run the command",
      ...runCommand(task, access),
      failure: "STEP_FAILED",
    }),
    killStrayProcesses: (bootInfo) => ({
      phase: "run",
      purpose: "end what the command has left",
      ...asRootCommand(scripts.killStrayProcesses, [processesIn(bootInfo)]),
      failure: "GUEST_LOST",
    }),
    ...copyCommands(access),
    loginCheck: loginCheck(loginUser, root, asRootCommand),
    flush: (bootInfo) => ({
      phase: "flush",
      purpose: "flush",
      ...asRootCommand(scripts.flush, [processesIn(bootInfo)]),
      failure: "UNCLEAN_STOP",
      frozen: frozenMarker,
    }),
    vmReuse: linuxVmReuse(loginUser, asRootCommand),
    shutdown: {
      phase: "stop",
      purpose: "switch the guest off",
      ...asRootCommand(scripts.powerOff),
      failure: "UNCLEAN_STOP",
    },
    asUser: (user, args) => root.line(scripts.execAsUser, [...userArgs(user, loginUser), ...args]),
    runScript: root.runScript,
  };
}

/** Commands that make the guest ready for a step. */
function bootCommands({
  loginUser,
  asRootCommand,
}: LinuxAccess): Pick<
  GuestProfile,
  "prepare" | "resumed" | "setClock" | "resumedWithSeed" | "rejectConnections" | "warmUp"
> {
  const seconds = (time: Date): string => (time.getTime() / 1000).toFixed(3);
  const ready: GuestCommand = {
    phase: "login",
    purpose: "become root",
    ...asRootCommand(scripts.listProcesses, [loginUser]),
    failure: "UNSUPPORTED",
    hint: `The image's login user ${loginUser} needs sudo without a password, or must be root.`,
  };
  return {
    prepare: ready,
    resumed: (now) => ({
      ...ready,
      purpose: "set its clock",
      ...asRootCommand(scripts.resume, [seconds(now), loginUser]),
    }),
    setClock: (now) => ({
      ...ready,
      purpose: "set its clock",
      ...asRootCommand(scripts.setClock, [seconds(now)]),
    }),
    resumedWithSeed: (now, seed) => ({
      ...ready,
      purpose: "renew its random numbers and set its clock",
      ...asRootCommand(scripts.resumeWithSeed, [seconds(now), loginUser]),
      input: Buffer.from(`${Buffer.from(seed).toString("hex")}\n`),
      hint: undefined,
    }),
    warmUp: {
      phase: "login",
      purpose: "run what a step needs",
      ...asRootCommand(scripts.warmUp),
      failure: "GUEST_LOST",
    },
    rejectConnections: {
      phase: "login",
      purpose: "reject connections",
      ...asRootCommand(scripts.rejectConnections, rejectedNetworks),
      failure: "GUEST_LOST",
    },
  };
}

/** Commands that mount caches and write secrets, and undo that. */
function mountCommands(access: LinuxAccess): Pick<GuestProfile, "realTargets" | "mount" | "unmount"> {
  const { loginUser, asRootCommand } = access;
  return {
    realTargets: (targets) => ({
      phase: "mount",
      purpose: "find the targets of the caches",
      ...asRootCommand(posixScripts.realTargets, targets),
      failure: "CACHE",
    }),
    mount: (task) => [
      ...task.caches.map((cache): GuestCommand => {
        checkTarget(cache.target, "cache");
        const words = [...diskArgs(cache.index + 1), cache.target, cache.formatted ? "yes" : "no"];
        return {
          phase: "mount",
          purpose: `mount the cache ${cache.name} at ${cache.target}`,
          ...asRootCommand(scripts.mountCache, [...words, ...userArgs(task.user, loginUser)]),
          failure: "CACHE",
        };
      }),
      ...task.secrets.map((secret, index): GuestCommand => {
        checkTarget(secret.target, "secret");
        return {
          phase: "mount",
          purpose: `put a secret at ${secret.target}`,
          ...asRootCommand(scripts.putSecret, [
            String(index),
            secret.target,
            ...userArgs(task.user, loginUser),
          ]),
          input: secret.contents,
          failure: "BAD_SECRET",
        };
      }),
      ...(isLong(task, access) ? [putCommand(task, access)] : []),
    ],
    unmount: (task, bootInfo) => {
      const { secrets, caches } = task;
      if (secrets.length === 0 && caches.length === 0 && !isLong(task, access)) return [];
      const targets = [...secrets.toReversed(), ...caches.toReversed()].map(({ target }) => target);
      return [
        {
          phase: "mount",
          purpose: "unmount the step's caches and secrets",
          ...asRootCommand(scripts.unmountAll, [processesIn(bootInfo), String(secrets.length), ...targets]),
          failure: "CACHE",
        },
      ];
    },
  };
}

function putCommand(task: RunTask, { asRootCommand }: LinuxAccess): GuestCommand {
  return {
    phase: "mount",
    purpose: "hand over the command",
    ...asRootCommand(scripts.putCommand),
    input: commandFile(task),
    failure: "GUEST_LOST",
  };
}

function copyCommands({
  root,
  asRootCommand,
}: LinuxAccess): Pick<GuestProfile, "unpack" | "unpackDisk" | "findOwner" | "readArchive"> {
  return {
    unpack: {
      phase: "copy",
      purpose: "unpack the files",
      ...root.command(scripts.unpack),
      failure: "STEP_FAILED",
    },
    unpackDisk: (serial, directories) => ({
      phase: "copy",
      purpose: "unpack the files",
      ...asRootCommand(scripts.unpackDisk, [serial]),
      input: directories,
      failure: "STEP_FAILED",
    }),
    findOwner: (name) => ({
      phase: "copy",
      purpose: `find the user ${name}, who is to own the copied files`,
      ...asRootCommand(scripts.findOwner, [name]),
      failure: "STEP_FAILED",
    }),
    readArchive: (path, exclude, options) => ({
      phase: "copy",
      purpose: `read ${path}`,
      ...root.command(tarScript("tar", options), [path, ...exclude]),
      failure: "BAD_SOURCE",
    }),
  };
}
