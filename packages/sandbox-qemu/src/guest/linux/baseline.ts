import { createHash } from "node:crypto";

/*
 * A note is what a Linux guest prints of itself: lines of `/proc` and `/sys` with their paths before them, and lines with
 * a word of ours. This file says what of it counts.
 */

/** How far a guest's clock may have gone from its other one, in seconds, before somebody has set it. */
const clockTolerance = 2;

/**
 * More forks than this since the boot, and a process that a step left could have the number of one that was there
 * before. Numbers come round after 32768.
 */
const maxForks = 30_000;

const settingsRoot = "/proc/sys/";

/** Values that change by themselves. */
const volatileSettings = new RegExp(
  `^/proc/sys/(?:${[
    "fs/(?:aio-nr|dentry-state|file-nr|inode-nr|inode-state)",
    "fs/quota/(?:allocated_dquots|cache_hits|drops|free_dquots|lookups|reads|syncs|writes)",
    "kernel/(?:ns_last_pid|pty/nr|random/.*|sched_domain/.*)",
    "net/ipv6/(?:conf|neigh)/[^/]*/(?:base_reachable_time.*|hop_limit|mtu|retrans_time.*)",
    "net/netfilter/nf_conntrack_count",
  ].join("|")}):`,
);

/** The mounts of a note. */
export interface BaselineMounts {
  readonly ids: readonly string[];
  /** As `major:minor`. */
  readonly devices: readonly string[];
  /** Where those in memory are. */
  readonly inMemory: readonly string[];
  /** Where the message queues are, if they are mounted. */
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

/** All paths of a note that are in memory. */
export function pathsInMemory(noted: string): readonly string[] {
  return statsInMemory(noted).map(({ path }) => path);
}

/** See `GoingOn.tellsOfNew`. Directories change with what comes and goes. */
export function hasFilesNewerThan(noted: string, since: Date): boolean {
  const seconds = Math.floor(since.getTime() / 1000);
  return statsInMemory(noted).some(
    ({ words: [mode = "", , , , , , modified, changed] }) =>
      isFile(mode) && Math.max(Number(modified), Number(changed)) >= seconds,
  );
}

interface Stat {
  readonly path: string;
  /** As `report` prints them: mode, user, group, device, size, inode, times of the contents and of the status. */
  readonly words: readonly string[];
}

function statsInMemory(noted: string): readonly Stat[] {
  const places = mountsOf(noted).inMemory;
  return after(noted, "stat: ")
    .map((line) => line.split(" "))
    .map((words) => ({ words, path: words.slice(8).join(" ") }))
    .filter(({ path }) => places.some((place) => path.startsWith(`${place}/`)));
}

/** True for the mode, in hexadecimal digits, of a file with contents or a symbolic link. */
function isFile(mode: string): boolean {
  return /^[8a]/.test(mode);
}

/** What of /proc/sys does not change by itself. */
export interface BaselineSettings {
  /** The files: relative paths. */
  readonly files: readonly string[];
  /** The MD5 digest of what they say, as `grep -H` prints it. */
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

/** The login user's directory. */
export function homeOf(noted: string): string {
  return after(noted, "home: ")[0] ?? "";
}

/**
 * What tells two notes of one guest apart, for a person: a line that only one of them has. Undefined if they agree.
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

/** A note with a line of `anew` in the place of the one about the same. */
export function updateClock(noted: string, anew: string): string {
  const [clock = ""] = after(anew, "clock: ");
  return `${noted.replaceAll(/^clock: .*\n?/gm, "")}\nclock: ${clock}`;
}

/** What a guest says instead of its settings. */
const settingsUnchanged = "settings as noted";

/** A disk that has gone was a cache's: the machine can have been booted with it. */
function isDisk(line: string): boolean {
  return line.startsWith("/proc/partitions:") || /^\/dev\/[^ ]+ 6/.test(line);
}

interface Essence {
  readonly lines: readonly string[];
  readonly set: ReadonlySet<string>;
  /** By how much it is ahead of the time since the boot, in seconds; NaN if it is missing, and then it agrees with none. */
  readonly clock: number;
}

interface Places {
  /** Here a directory's size and times change with what comes and goes. */
  readonly inMemory: readonly string[];
  /** The directories that the login user's is in, and this one: what is in them is the disk's. */
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
    // An address that somebody has set stays for good; the kernel's own are being tried out at first.
    case "/proc/net/if_inet6:":
      return /^(?:80|c0)$/.test(words[4] ?? "") ? [path, ...words.slice(0, 4)].join(" ") : undefined;
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
  return isFile(mode) ? `${head} ${size} ${inode} ${modified}` : head;
}

function parse(line: string): { readonly path: string; readonly words: readonly string[] } {
  const end = line.indexOf(":") + 1;
  return { path: line.slice(0, end), words: line.slice(end).trim().split(/\s+/) };
}

/** What comes after `start`, of each line that has it. */
function after(note: string, start: string): readonly string[] {
  return note.split("\n").flatMap((line) => (line.startsWith(start) ? [line.slice(start.length)] : []));
}
