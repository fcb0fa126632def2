import { type GuestUser, ObError, type RunTask } from "@ob/core";
import { quoteWords } from "../../ssh/quote/posix.ts";
import { environmentArgs } from "../env-vars.ts";
import { framable } from "../framed.ts";
import * as scripts from "./scripts.ts";
import type { GuestCommand, GuestProfile } from "../profile.ts";

/** OpenBSD's limit for all arguments and the environment of a program is 512 KiB; some is for what sshd adds. */
const maxCommandLength = 480_000;

/** OpenBSD with the package gtar and, if the login user is not root, `permit nopass` in doas.conf. */
export function openbsdGuest(loginUser: string): GuestProfile {
  const asRoot = (script: string, words: readonly string[] = []): string => {
    const shell = ["/bin/sh", "-c", script, "obuilder", ...words];
    const doas = loginUser === "root" ? [] : ["/usr/bin/doas", "-n", "--"];
    return `exec ${quoteWords([...doas, ...shell])}`;
  };
  const ours = (script: string, words: readonly string[] = []) =>
    framable((text) => asRoot(text, words), script);
  const userArgs = (user: GuestUser | undefined): string[] => {
    if (user === undefined) return ["name", loginUser, ""];
    return "name" in user ? ["name", user.name, ""] : ["uid", String(user.uid), String(user.gid)];
  };

  return {
    os: "openbsd",
    panicPattern: /^panic: .*$/m,
    sshReadyPattern: /^obuilder: ready\b/m,
    // The serial number of the machine, from SMBIOS (sys/arch/amd64/amd64/bios.c).
    identity: "exec /sbin/sysctl -n hw.serialno",
    rootShell: undefined,
    prepare: {
      phase: "login",
      purpose: "become root",
      ...ours(scripts.listProcesses),
      failure: "UNSUPPORTED",
      hint: `The image's /etc/doas.conf needs a line such as \`permit nopass ${loginUser}\`.`,
    },
    mount: ({ caches, secrets, user }) => [
      ...caches.map((cache, index): GuestCommand => {
        checkPath(cache.target, "cache");
        // The root disk is sd0.
        const words = [String(1 + index), cache.target, cache.formatted ? "yes" : "no"];
        return {
          phase: "mount",
          purpose: `mount the cache ${cache.name} at ${cache.target}`,
          ...ours(scripts.mountCache, [...words, ...userArgs(user)]),
          failure: "CACHE",
        };
      }),
      ...secrets.map((secret, index): GuestCommand => {
        checkPath(secret.target, "secret");
        return {
          phase: "mount",
          purpose: `put a secret at ${secret.target}`,
          ...ours(scripts.putSecret, [String(index), secret.target, ...userArgs(user)]),
          input: secret.contents,
          failure: "BAD_SECRET",
        };
      }),
    ],
    run: (task) => ({
      phase: "run",
      purpose: "run the command",
      command: checkLength(runLine(task, { asRoot, userWords: userArgs })),
      failure: "STEP_FAILED",
    }),
    killStrayProcesses: (baseline) => ({
      phase: "run",
      purpose: "end what the command has left",
      ...ours(scripts.endLeftoversNow, [oneLine(baseline)]),
      failure: "GUEST_LOST",
    }),
    unpack: {
      phase: "copy",
      purpose: "unpack the files",
      ...ours(scripts.unpack),
      failure: "STEP_FAILED",
    },
    findOwner: (name) => ({
      phase: "copy",
      purpose: `find the user ${name}, whose the files are to be`,
      ...ours(scripts.findOwner, [name]),
      failure: "STEP_FAILED",
    }),
    unmount: ({ secrets, caches }, baseline) => {
      if (secrets.length === 0 && caches.length === 0) return [];
      const targets = [...secrets, ...caches.toReversed()].map(({ target }) => target);
      return [
        {
          phase: "mount",
          purpose: "unmount the step's caches and secrets",
          ...ours(scripts.unmountAll, [oneLine(baseline), String(secrets.length), ...targets]),
          failure: "CACHE",
        },
      ];
    },
    flush: (baseline) => ({
      phase: "flush",
      purpose: "put everything on the disk",
      ...ours(scripts.flush, [oneLine(baseline)]),
      failure: "UNCLEAN_STOP",
      frozen: undefined,
    }),
    shutdown: "acpi",
  };
}

interface Words {
  readonly asRoot: (script: string, words: readonly string[]) => string;
  readonly userWords: (user: GuestUser) => string[];
}

function runLine(task: RunTask, { asRoot, userWords }: Words): string {
  const mode = task.shell.length === 0 ? "login" : "exec";
  const rest = [mode, task.command, task.workdir, ...environmentArgs(task.environment), ...task.shell];
  if (task.user !== undefined) return asRoot(scripts.runAsUser, [...userWords(task.user), ...rest]);
  return `exec ${quoteWords(["/bin/sh", "-c", scripts.runAsLoginUser, "obuilder", ...rest])}`;
}

/** ps writes a process a line, with blanks before short numbers. */
function oneLine(baseline: string): string {
  return baseline.trim().split(/\s+/).join(" ");
}

function checkPath(path: string, what: string): void {
  if (path.startsWith("/") && !path.endsWith("/")) return;
  throw new ObError(
    "UNSUPPORTED",
    `The target of a ${what} must be an absolute path: ${JSON.stringify(path)}`,
  );
}

function checkLength(command: string): string {
  if (Buffer.byteLength(command) < maxCommandLength) return command;
  throw new ObError(
    "UNSUPPORTED",
    "The command and its environment are longer than OpenBSD's arguments can be (512 KiB).",
    { hint: "Copy a script into the image and run that." },
  );
}
