import { dirname } from "node:path/posix";
import { diffClocks } from "./clocks.ts";
import type { CapturedState, GuestState } from "./guest-state.ts";
import { ownAddresses } from "./kernel-lines.ts";
import type { FileStat } from "./mounts-and-files.ts";

/**
 * The limit for forks since the boot. Process ids wrap around after 32768, so after more forks a process that a step left
 * running could have the id of one of the initial processes.
 */
const maxForks = 30_000;

/** The mount points of in-memory file systems. */
export function mountsInMemory({ mounts }: GuestState): readonly string[] {
  return mounts.filter(({ type }) => type === "tmpfs" || type === "ramfs").map(({ directory }) => directory);
}

/** The mount point of the POSIX message queues, if they are mounted. */
export function queueMount({ mounts }: GuestState): string | undefined {
  return mounts.find(({ type }) => type === "mqueue")?.directory;
}

/** The files on in-memory file systems, with directories. */
export function filesInMemory(state: GuestState): readonly FileStat[] {
  const places = mountsInMemory(state);
  return state.files.filter(({ path }) => places.some((place) => path.startsWith(`${place}/`)));
}

/** The state with its mounts, and its files on in-memory file systems, taken from a later state of a guest. */
export function withFilesInMemory(state: CapturedState, { mounts, files }: GuestState): CapturedState {
  const places = mountsInMemory(state);
  const isInMemory = (path: string): boolean => places.some((place) => isBelow(path, place));
  return { ...state, mounts, files: [...state.files.filter(({ path }) => !isInMemory(path)), ...files] };
}

/** The names of the units of systemd; none in a guest with another init. */
export function unitsOf({ facts }: GuestState): readonly string[] {
  return facts.flatMap((fact) => /^unit: (\S+)/.exec(fact)?.[1] ?? []);
}

/** See `Baseline.hasFilesNewerThan`. Directories are ignored: they change whenever a file in them is created or removed. */
export function hasFilesNewerThan(state: GuestState, since: Date): boolean {
  const seconds = Math.floor(since.getTime() / 1000);
  return filesInMemory(state).some(
    (file) => hasContents(file) && Math.max(file.modified, file.changed) >= seconds,
  );
}

/** The login user's home directory and its parents, of which only themselves are listed. */
export function parentsOf({ home }: CapturedState): readonly string[] {
  return ["/", dirname(home), home];
}

/** True for a directory, and for what is in it. */
export function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** The first difference between a baseline and a later state, for a log message; undefined if there is none. */
export function diffStates(baseline: CapturedState, now: GuestState): string | undefined {
  return (
    (now.forks > maxForks ? "more processes than can be told apart" : undefined) ??
    diffLines(settingLines(baseline), now.settings ? settingLines(now) : undefined) ??
    diffLines(mountLines(baseline), mountLines(now)) ??
    diffFacts(comparedFacts(baseline, now), now.facts) ??
    // A disk may disappear: it is a cache disk that the VM may have been booted with.
    firstNew(baseline.disks, now.disks) ??
    diffFiles(baseline, now) ??
    diffClocks(baseline, now)
  );
}

/** What the service managers know is compared if they have run. */
function comparedFacts({ facts }: CapturedState, { managersUnchanged }: GuestState): readonly string[] {
  return managersUnchanged ? facts.filter((fact) => !/^(?:unit|manager)(?: of \d+)?: /.test(fact)) : facts;
}

/** A network card may get its own address after the baseline was captured; from then on it has to keep it. */
function diffFacts(before: readonly string[], now: readonly string[]): string | undefined {
  const own = ownAddresses(now);
  const isOwn = (fact: string): boolean => own.some((start) => fact.startsWith(start));
  return (
    firstNew(
      before,
      now.filter((fact) => !isOwn(fact)),
    ) ?? firstNew(now, before)
  );
}

function settingLines({ settings }: GuestState): readonly string[] {
  return settings?.lines.map((line) => `/proc/sys/${line}`) ?? [];
}

function mountLines({ mounts }: GuestState): readonly string[] {
  return mounts.map(({ text }) => `/proc/self/mountinfo:${text}`);
}

/** @param now undefined if it is known to be the same. */
function diffLines(before: readonly string[], now: readonly string[] | undefined): string | undefined {
  return now && (firstNew(before, now) ?? firstNew(now, before));
}

function firstNew(before: readonly string[], now: readonly string[]): string | undefined {
  const known = new Set(before);
  return now.find((line) => !known.has(line));
}

/** A path that is listed twice has to be equal in each place. */
function diffFiles(baseline: CapturedState, now: GuestState): string | undefined {
  const inMemory = ["/dev", ...mountsInMemory(baseline)];
  const parents = parentsOf(baseline);
  const diff = (before: FileStat, after: FileStat): string | undefined => {
    const fields = comparedFields(before, { inMemory, parents }).filter(
      (field) => before[field] !== after[field],
    );
    return fields.length === 0 ? undefined : `${after.path} (${fields.join(", ")})`;
  };
  const [old, current] = [byPath(baseline.files), byPath(now.files)];
  for (const file of now.files) {
    const before = old.get(file.path);
    const change = before ? diff(before, file) : `${file.path} (new)`;
    if (change !== undefined) return change;
  }
  for (const file of baseline.files) {
    const after = current.get(file.path);
    if (!after && isDisk(file)) continue;
    const change = after ? diff(file, after) : `${file.path} (removed)`;
    if (change !== undefined) return change;
  }
  return undefined;
}

function byPath(files: readonly FileStat[]): ReadonlyMap<string, FileStat> {
  return new Map(files.map((file) => [file.path, file]));
}

interface Places {
  /** Directories below which a directory's size and times change as files come and go. */
  readonly inMemory: readonly string[];
  /** The login user's home directory and its parents. Their size and times are not compared: a step's files change them. */
  readonly parents: readonly string[];
}

const ownership = ["mode", "uid", "gid", "device"] as const;

function comparedFields(file: FileStat, { inMemory, parents }: Places): readonly (keyof FileStat)[] {
  const { path } = file;
  if (parents.includes(path)) return ownership;
  if (!inMemory.some((place) => isBelow(path, place))) {
    return [...ownership, "size", "inode", "modified", "changed"];
  }
  // A block device has the time when it was written directly: what the kernel has cached of it may then be out of date.
  if (isDisk(file)) return [...ownership, "modified"];
  if (!hasContents(file)) return ownership;
  // When an empty file was made is not kept by it: a boot makes some as it ends, after a snapshot was taken.
  return file.size === 0n ? [...ownership, "size", "inode"] : [...ownership, "size", "inode", "modified"];
}

/** Of the bits of a mode. */
export const fileTypes = {
  ...{ mask: 0xf0_00, directory: 0x40_00, regular: 0x80_00, symbolicLink: 0xa0_00, blockDevice: 0x60_00 },
} as const;

function hasContents({ mode }: FileStat): boolean {
  const type = mode & fileTypes.mask;
  return type === fileTypes.regular || type === fileTypes.symbolicLink;
}

function isDisk({ path, mode }: FileStat): boolean {
  return path.startsWith("/dev/") && (mode & fileTypes.mask) === fileTypes.blockDevice;
}
