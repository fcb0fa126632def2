import { createHash } from "node:crypto";

/*
 * A baseline is the state that a Linux guest prints of itself: lines of files in `/proc` and `/sys`, each with the path
 * of the file as its prefix, and lines with a prefix of OBuilder's (`stat:`, `clock:`). This file decides which of them
 * must not change.
 */

/** The tolerance for a change of the clock offset, in seconds. A greater change means that a step has set the clock. */
const clockTolerance = 2;

/**
 * The limit for forks since the boot. Process ids wrap around after 32768, so after more forks a process that a step left
 * running could have the id of one of the initial processes.
 */
const maxForks = 30_000;

const settingsRoot = "/proc/sys/";

/** Values that change without a step's doing. */
const volatileSettings = new RegExp(
  `^/proc/sys/(?:${[
    "fs/(?:aio-nr|dentry-state|file-nr|inode-nr|inode-state)",
    "fs/quota/(?:allocated_dquots|cache_hits|drops|free_dquots|lookups|reads|syncs|writes)",
    "kernel/(?:ns_last_pid|pty/nr|random/.*|sched_domain/.*)",
    "net/ipv6/(?:conf|neigh)/(?!(?:all|default|lo)/)[^/]*/(?:base_reachable_time.*|hop_limit|mtu|retrans_time.*)",
    "net/netfilter/nf_conntrack_count",
  ].join("|")}):`,
);

/** The mounts of a baseline. */
export interface BaselineMounts {
  readonly ids: readonly string[];
  /** As `major:minor`. */
  readonly devices: readonly string[];
  /** The mount points of in-memory file systems. */
  readonly inMemory: readonly string[];
  /** The mount point of the POSIX message queues, if they are mounted. */
  readonly queues: string | undefined;
}

export function mountsOf(noted: string): BaselineMounts {
  const rows = after(noted, "/proc/self/mountinfo:").map((line) => line.split(" "));
  const ofType = (type: RegExp): readonly string[] =>
    rows.filter((row) => type.test(row[row.indexOf("-") + 1] ?? "")).map((row) => row[4] ?? "");
  return {
    ids: rows.map(([id = ""]) => id),
    devices: [...new Set(rows.map((row) => row[2] ?? ""))],
    inMemory: ofType(/^(?:tmpfs|ramfs)$/),
    queues: ofType(/^mqueue$/)[0],
  };
}

/** All paths in a baseline that are on an in-memory file system. */
export function pathsInMemory(noted: string): readonly string[] {
  return statsInMemory(noted).map(({ path }) => path);
}

/**
 * See `VmReuse.hasFilesNewerThan`. Directories are ignored: they change whenever a file in them is created or removed.
 */
export function hasFilesNewerThan(noted: string, since: Date): boolean {
  const seconds = Math.floor(since.getTime() / 1000);
  return statsInMemory(noted).some(
    ({ words: [mode = "", , , , , , modified, changed] }) =>
      isFile(mode) && Math.max(Number(modified), Number(changed)) >= seconds,
  );
}

interface Stat {
  readonly path: string;
  /** As collect_baseline prints them: mode, user, group, device, size, inode, modification time, status change time. */
  readonly words: readonly string[];
}

function statsInMemory(noted: string): readonly Stat[] {
  const places = mountsOf(noted).inMemory;
  return after(noted, "stat: ")
    .map((line) => line.split(" "))
    .map((words) => ({ words, path: words.slice(8).join(" ") }))
    .filter(({ path }) => places.some((place) => path.startsWith(`${place}/`)));
}

/**
 * @param mode in hexadecimal digits.
 * @returns true for a regular file or a symbolic link.
 */
function isFile(mode: string): boolean {
  return /^[8a]/.test(mode);
}

/** The settings under /proc/sys that do not change by themselves. */
export interface BaselineSettings {
  /** The paths of the files, relative to /proc/sys. */
  readonly files: readonly string[];
  /** The MD5 digest of their contents, as `grep -H` prints them. */
  readonly digest: string;
}

export function settingsOf(noted: string): BaselineSettings {
  const changesItself = (line: string): boolean => volatileSettings.test(`${settingsRoot}${line}`);
  const [all = ""] = after(noted, "settings: ");
  const lines = after(noted, settingsRoot).filter((line) => !changesItself(line));
  return {
    files: all.split(" ").filter((file) => !changesItself(`${file}:`)),
    digest: createHash("md5")
      .update(lines.map((line) => `${line}\n`).join(""))
      .digest("hex"),
  };
}

/** The login user's home directory. */
export function homeOf(noted: string): string {
  return after(noted, "home: ")[0] ?? "";
}

/**
 * The first difference between two states of one guest, for a log message: a line that is in only one of them. Undefined
 * if there is none.
 */
export function diffBaseline(noted: string, now: string): string | undefined {
  const home = homeOf(noted);
  const places = {
    inMemory: ["/dev", ...mountsOf(noted).inMemory],
    above: ["/", home.replace(/\/[^/]*$/, ""), home],
  };
  const [before, current] = [essence(noted, places), essence(now, places)];
  const isKnown = (line: string): boolean =>
    current.set.has(settingsUnchanged) && line.startsWith(settingsRoot);
  const changed =
    current.lines.find((line) => line !== settingsUnchanged && !before.set.has(line)) ??
    before.lines.find((line) => !current.set.has(line) && !isKnown(line) && !isDisk(line));
  if (changed !== undefined) return changed;
  if (Math.abs(current.clock - before.clock) <= clockTolerance) return undefined;
  return "its clock was set";
}

/** The baseline with the clock offset of `anew`, which is the output of a command that has set the clock. */
export function updateClock(noted: string, anew: string): string {
  const [clock = ""] = after(anew, "clock: ");
  return `${noted.replaceAll(/^clock: .*\n?/gm, "")}\nclock: ${clock}`;
}

/** Printed by the guest in place of its settings if their digest has not changed. */
const settingsUnchanged = "settings as noted";

/** True for the lines of a disk. A disk may disappear: it is a cache disk that the VM may have been booted with. */
function isDisk(line: string): boolean {
  return line.startsWith("/proc/partitions:") || /^\/dev\/[^ ]+ 6/.test(line);
}

interface Essence {
  readonly lines: readonly string[];
  readonly set: ReadonlySet<string>;
  /**
   * The offset of the clock from the time since the boot, in seconds. NaN if it is missing; then it differs from every
   * other.
   */
  readonly clock: number;
}

interface Places {
  /** Directories below which a directory's size and times change as files come and go. */
  readonly inMemory: readonly string[];
  /** The login user's home directory and its parents. Their size and times are not compared: a step's files change them. */
  readonly above: readonly string[];
}

function essence(note: string, places: Places): Essence {
  const lines = note.split("\n").flatMap((line) => {
    const kept = whatCounts(line, places);
    return kept === undefined ? [] : [kept];
  });
  const [clock] = after(note, "clock: ");
  return { lines, set: new Set(lines), clock: Number(clock === "" ? undefined : clock) };
}

function whatCounts(line: string, places: Places): string | undefined {
  if (line === "" || /^(?:clock|home|settings): /.test(line) || volatileSettings.test(line)) return undefined;
  const { path, words } = parse(line);
  switch (path) {
    case "/proc/stat:":
      return words[0] === "processes" && Number(words[1]) > maxForks
        ? "more processes than can be told apart"
        : undefined;
    case "/proc/modules:":
    case "/proc/swaps:":
      return `${path}${words[0]}`;
    case "/proc/net/route:":
      return [path, ...words.slice(0, 4), ...words.slice(6, 8)].join(" ");
    // Permanent addresses only: they were set by a command. The kernel's own are tentative at first.
    case "/proc/net/if_inet6:":
      return /^(?:80|c0)$/.test(words[4] ?? "") ? [path, ...words.slice(0, 4)].join(" ") : undefined;
    case "/proc/net/ipv6_route:":
      return ipv6RouteCounts(words) ? [path, ...words.slice(0, 6), words[9]].join(" ") : undefined;
    // A user's keys, of which root sees only the number.
    case "/proc/key-users:":
      return /^[1-9]/.test(words[3] ?? "") ? [path, words[0], words[3]].join(" ") : undefined;
    case "process:":
      return [path, ...processCounts(words)].join(" ");
    case "/proc/keys:":
      return /^(?:user|logon|big_key)$/.test(words[7] ?? "") ? line : undefined;
    case "stat:":
      return statCounts(words, places);
    default:
      return line;
  }
}

function statCounts(words: readonly string[], { inMemory, above }: Places): string {
  const [mode = "", uid, gid, device, size, inode, modified, changed] = words;
  const path = words.slice(8).join(" ");
  const head = `${path} ${mode} ${uid} ${gid} ${device}`;
  if (above.includes(path)) return head;
  if (!inMemory.some((place) => path === place || path.startsWith(`${place}/`))) {
    return `${head} ${size} ${inode} ${modified} ${changed}`;
  }
  // A block device has the time when it was written directly: what the kernel has cached of it may then be out of date.
  if (isBlockDevice(mode)) return `${head} ${modified}`;
  return isFile(mode) ? `${head} ${size} ${inode} ${modified}` : head;
}

/** @param mode in hexadecimal digits. */
function isBlockDevice(mode: string): boolean {
  return mode.startsWith("6");
}

/** Routes that reject, and through a gateway, unless a router has advertised them: the kernel makes all others by itself. */
function ipv6RouteCounts(words: readonly string[]): boolean {
  const flags = Number.parseInt(words[8] ?? "", 16);
  const [gateway, rejects, advertised] = [0x2, 0x2_00, 0x4_00_00];
  return (flags & (gateway | rejects)) !== 0 && (flags & advertised) === 0;
}

/**
 * Of a line of `/proc/PID/stat` the name with priority, nice value, real-time priority and policy; other lines as they are.
 * The ids of processes are left out: they differ between VMs resumed from one snapshot.
 */
function processCounts(words: readonly string[]): readonly string[] {
  const [, name, rest] = /^\d+ (\(.*\)) [A-Za-z] (.*)$/.exec(words.join(" ")) ?? [];
  if (name === undefined || rest === undefined) return words;
  const fields = rest.split(" ");
  return [name, ...[14, 15, 36, 37].map((index) => fields[index] ?? "")];
}

function parse(line: string): { readonly path: string; readonly words: readonly string[] } {
  const end = line.indexOf(":") + 1;
  return { path: line.slice(0, end), words: line.slice(end).trim().split(/\s+/) };
}

/** The rest of each line that starts with `start`. */
function after(note: string, start: string): readonly string[] {
  return note.split("\n").flatMap((line) => (line.startsWith(start) ? [line.slice(start.length)] : []));
}
