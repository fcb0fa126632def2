import { type GuestUser, ObError, type RunTask } from "@ob/core";
import { checkText, quoteWords } from "../../ssh/quote/posix.ts";
import { diskSerial } from "../../machine/disk-serial.ts";
import { framable } from "../framed.ts";
import * as copy from "./unpack-disk.ts";
import * as goingOn from "./reuse.ts";
import {
  diffBaseline,
  homeOf,
  mountsOf,
  pathsInMemory,
  settingsOf,
  hasFilesNewerThan,
  updateClock,
} from "./baseline.ts";
import * as scripts from "./scripts.ts";
import type { GuestCommand, GuestProfile } from "../profile.ts";

/** The kernel's limit for one argument is 128 KiB: what is longer goes in as a file. */
const maxArgumentLength = 130_000;

/** Any Linux with a Bourne shell, util-linux and, if the login user is not root, sudo without a password. */
export function linuxGuest(loginUser: string): GuestProfile {
  const asRoot = (script: string, words: readonly string[] = []): string => {
    const shell = ["/bin/sh", "-c", script, "obuilder", ...words];
    return `exec ${quoteWords(loginUser === "root" ? shell : ["sudo", "-n", "--", ...shell])}`;
  };
  /** By the shell that is held open, or else by one of its own. */
  const asRootCommand = (script: string, words: readonly string[] = []) => ({
    ...framable((text) => asRoot(text, words), script),
    script: `set -- ${quoteWords(words)}\n${script}`,
  });
  const userArgs = (user: GuestUser | undefined): string[] => {
    if (user === undefined) return ["name", loginUser, ""];
    return "name" in user ? ["name", user.name, ""] : ["uid", String(user.uid), String(user.gid)];
  };
  const runCommand = (task: RunTask, command: string): string => {
    const words = [task.shell.length === 0 ? "login" : "exec", command, task.workdir];
    const rest = [...environmentWords(task), ...task.shell];
    if (task.user !== undefined) {
      return asRoot(scripts.runAsUser, [...userArgs(task.user), ...words, ...rest]);
    }
    return `exec ${quoteWords(["/bin/sh", "-c", scripts.runAsLoginUser, "obuilder", ...words, ...rest])}`;
  };
  const isLong = (task: RunTask): boolean => !fits(runCommand(task, task.command));

  const ready: GuestCommand = {
    phase: "login",
    purpose: "become root",
    ...asRootCommand(scripts.listProcesses),
    failure: "UNSUPPORTED",
    hint: `The image's login user ${loginUser} needs sudo without a password, or must be root.`,
  };

  return {
    os: "linux",
    panicPattern: /^.*Kernel panic - not syncing.*$/m,
    sshReadyPattern: /^obuilder: ready\b/m,
    identity: `exec ${quoteWords(["/bin/sh", "-c", scripts.showIdentity])}`,
    rootShell: `exec ${quoteWords([...(loginUser === "root" ? [] : ["sudo", "-n", "--"]), "/bin/sh"])}`,
    prepare: ready,
    resumed: (now) => ({
      ...ready,
      purpose: "set its clock",
      ...asRootCommand(scripts.setClock, [(now.getTime() / 1000).toFixed(3)]),
    }),
    disableAslr: {
      kernelArg: "norandmaps",
      command: {
        phase: "login",
        purpose: "stop giving programs addresses at random",
        // A guest that refuses is only slower.
        ...asRootCommand("{ echo 0 >/proc/sys/kernel/randomize_va_space; } 2>/dev/null || :"),
        failure: "GUEST_LOST",
      },
    },
    rngReseededPattern: /crng reseeded due to virtual machine fork/,
    mount: (task) => [
      ...task.caches.map((cache, index): GuestCommand => {
        checkPath(cache.target, "cache");
        const words = [...diskArgs(index + 1), cache.target, cache.formatted ? "yes" : "no"];
        return {
          phase: "mount",
          purpose: `mount the cache ${cache.name} at ${cache.target}`,
          ...asRootCommand(scripts.mountCache, [...words, ...userArgs(task.user)]),
          failure: "CACHE",
        };
      }),
      ...task.secrets.map((secret, index): GuestCommand => {
        checkPath(secret.target, "secret");
        return {
          phase: "mount",
          purpose: `put a secret at ${secret.target}`,
          ...asRootCommand(scripts.putSecret, [String(index), secret.target, ...userArgs(task.user)]),
          input: secret.contents,
          failure: "BAD_SECRET",
        };
      }),
      ...(isLong(task) ? [putCommand(task, asRootCommand(scripts.putCommand))] : []),
    ],
    run: (task) => {
      const command = isLong(task) ? `. ${scripts.memoryDirectory}/command` : task.command;
      const line = runCommand(task, command);
      if (!fits(line)) throw tooLong();
      return { phase: "run", purpose: "run the command", command: line, failure: "STEP_FAILED" };
    },
    killStrayProcesses: (baseline) => ({
      phase: "run",
      purpose: "end what the command has left",
      ...asRootCommand(scripts.endLeftoversNow, [processesIn(baseline)]),
      failure: "GUEST_LOST",
    }),
    unpack: {
      phase: "copy",
      purpose: "unpack the files",
      ...framable(asRoot, copy.unpack),
      failure: "STEP_FAILED",
    },
    unpackDisk: (serial, directories) => ({
      phase: "copy",
      purpose: "unpack the files",
      ...asRootCommand(copy.unpackDisk, [serial]),
      input: directories,
      failure: "STEP_FAILED",
    }),
    findOwner: (name) => ({
      phase: "copy",
      purpose: `find the user ${name}, whose the files are to be`,
      ...asRootCommand(copy.findOwner, [name]),
      failure: "STEP_FAILED",
    }),
    unmount: (task, baseline) => {
      const { secrets, caches } = task;
      if (secrets.length === 0 && caches.length === 0 && !isLong(task)) return [];
      const targets = [...secrets, ...caches.toReversed()].map(({ target }) => target);
      return [
        {
          phase: "mount",
          purpose: "unmount the step's caches and secrets",
          ...asRootCommand(scripts.unmountAll, [processesIn(baseline), String(secrets.length), ...targets]),
          failure: "CACHE",
        },
      ];
    },
    flush: (baseline) => ({
      phase: "flush",
      purpose: "put everything on the disk",
      ...asRootCommand(scripts.flush, [processesIn(baseline)]),
      failure: "UNCLEAN_STOP",
      frozen: scripts.frozenMarker,
    }),
    vmReuse: {
      captureBaseline: (baseline) => ({
        phase: "login",
        purpose: "note what its boot has made",
        ...asRootCommand(goingOn.captureBaseline, [
          goingOn.captureInBootShell,
          loginUser,
          programsIn(baseline),
        ]),
        failure: "GUEST_LOST",
      }),
      resetAndFlush: (baseline, noted) => {
        const { ids, devices, inMemory, queues = "" } = mountsOf(noted);
        const { files, digest } = settingsOf(noted);
        const words = [
          processesIn(baseline),
          ...[ids, devices, inMemory].map((list) => list.join(" ")),
          ...[queues, homeOf(noted), files.join(" "), digest, programsIn(baseline)],
          pathsInMemory(noted).join("\n"),
        ];
        return {
          phase: "flush",
          purpose: "put everything on the disk",
          ...asRootCommand(goingOn.resetAndFlush, [goingOn.resetInBootShell, ...words]),
          failure: "UNCLEAN_STOP",
          frozen: scripts.frozenMarker,
        };
      },
      thaw: (now) => ({
        phase: "login",
        purpose: "go on",
        ...asRootCommand(goingOn.thaw, [(now.getTime() / 1000).toFixed(3)]),
        failure: "GUEST_LOST",
      }),
      diffBaseline,
      updateClock,
      hasFilesNewerThan,
    },
    shutdown: {
      phase: "stop",
      purpose: "switch the guest off",
      ...asRootCommand(scripts.powerOff),
      failure: "UNCLEAN_STOP",
    },
  };
}

/** Those that a guest has told of when it was ready, beside whatever its login shell says. */
function processesIn(baseline: string): string {
  return /^processes: (.*)$/m.exec(baseline)?.[1] ?? "";
}

/** Their maps, where they have any. */
function programsIn(baseline: string): string {
  return /^programs:(.*)$/m.exec(baseline)?.[1] ?? "";
}

/** What the guest finds a disk by: its serial number, or else its place; 0 is the root disk. */
function diskArgs(index: number): readonly [serial: string, letters: string] {
  return [diskSerial(index), diskLetters(index)];
}

/** How the guest's kernel tells disks of one kind apart: `b` in `vdb`. After `vdz` comes `vdaa`. */
export function diskLetters(index: number): string {
  const letters = 26;
  let name = "";
  for (let left = index; left >= 0; left = Math.floor(left / letters) - 1) {
    name = String.fromCodePoint(0x61 + (left % letters)) + name;
  }
  return name;
}

function putCommand(task: RunTask, line: Pick<GuestCommand, "command" | "script">): GuestCommand {
  // Only a shell of Bourne's family can be told to read its command from a file, and the login shell is one.
  if (task.shell.length > 0) throw tooLong();
  checkText(task.command);
  return {
    phase: "mount",
    purpose: "hand over the command",
    ...line,
    input: Buffer.from(task.command),
    failure: "GUEST_LOST",
  };
}

/** `env` takes names that no shell could assign. */
function environmentWords(task: RunTask): string[] {
  // The newest stands first in the task; a program sees each name once, so the order is of no account.
  return task.environment.map(([key, value]) => {
    if (key === "" || key.includes("=")) {
      throw new ObError(
        "UNSUPPORTED",
        `${JSON.stringify(key)} cannot be the name of an environment variable.`,
        {
          hint: 'A name must not be empty or hold a "=".',
        },
      );
    }
    return `${key}=${value}`;
  });
}

function checkPath(path: string, what: string): void {
  if (path.startsWith("/") && !path.endsWith("/")) return;
  throw new ObError(
    "UNSUPPORTED",
    `The target of a ${what} must be an absolute path: ${JSON.stringify(path)}`,
  );
}

function fits(command: string): boolean {
  return Buffer.byteLength(command) < maxArgumentLength;
}

function tooLong(): ObError {
  return new ObError(
    "UNSUPPORTED",
    "The command and its environment are longer than an argument can be (128 KiB).",
    {
      hint: "Copy a script into the image and run that.",
    },
  );
}
