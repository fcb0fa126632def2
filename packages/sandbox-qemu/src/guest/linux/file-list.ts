import { basename, dirname } from "node:path/posix";
import { fileTypes, isBelow, mountsInMemory, parentsOf } from "./baseline.ts";
import type { CapturedState } from "./guest-state.ts";
import type { FileStat } from "./mounts-and-files.ts";

/** How reset-in-boot-shell.sh names the files of a baseline: the shell lists the known directories, and nothing has to search. */
export interface FileList {
  /** Patterns of the shell, with blanks between them, for the directories on the disk and in /dev. */
  readonly patterns: string;
  /** The same for those on in-memory file systems. */
  readonly inMemory: string;
  /** What the shell makes of `inMemory` while nothing has changed. */
  readonly names: string;
}

/**
 * A file that is new in a known directory is among what its patterns match, and one that is new below is in a directory that is. On the disk
 * a hidden file only shows by the times of its directory: in memory they are not compared.
 *
 * @returns undefined if a name is one that the shell would read in another way.
 */
export function fileListOf(state: CapturedState): FileList | undefined {
  const { files } = state;
  const places = mountsInMemory(state);
  const starts = [...places, "/dev"];
  const mounts = new Set(state.mounts.map(({ directory }) => directory));
  const parents = parentsOf(state);
  const directories = files
    .filter((file) => isDirectory(file) && !parents.includes(file.path))
    .map(({ path }) => path)
    .filter((path) => starts.includes(path) || !mounts.has(path));
  const isInMemory = (path: string): boolean => places.some((place) => isBelow(path, place));
  const [inMemory, others] = [
    directories.filter(isInMemory),
    directories.filter((path) => !isInMemory(path)),
  ];
  const hidden = files
    .map(({ path }) => path)
    .filter((path) => basename(path).startsWith(".") && !isBelow(path, "/dev") && !isInMemory(path));
  if (inMemory.length === 0 || ![...directories, ...hidden].every((path) => plainPath.test(path)))
    return undefined;
  const known = Map.groupBy(files, ({ path }) => dirname(path));
  return {
    patterns: [
      ...others.flatMap((path) => (isBelow(path, "/dev") ? patternsOf(path) : [`${path}/*`])),
      ...hidden,
    ].join(" "),
    inMemory: inMemory.flatMap(patternsOf).join(" "),
    names: inMemory.flatMap((path) => matchesIn(path, known.get(path) ?? [])).join(" "),
  };
}

/** A path that the shell takes as it is, also where it looks for patterns. */
const plainPath = /^[\w./:@%+,=-]+$/;

function isDirectory({ mode }: FileStat): boolean {
  return (mode & fileTypes.mask) === fileTypes.directory;
}

/** What is matched by the patterns of a directory, and the patterns. */
const matchers = [
  ["*", /^[^.]/],
  [".[!.]*", /^\.[^.]/],
  ["..?*", /^\.\../s],
] as const;

function patternsOf(directory: string): readonly string[] {
  return matchers.map(([pattern]) => `${directory}/${pattern}`);
}

/** As the shell expands the patterns: sorted by bytes, and as they are where nothing matches. */
function matchesIn(directory: string, files: readonly FileStat[]): readonly string[] {
  const names = files.map(({ path }) => basename(path));
  return matchers.flatMap(([pattern, expression]) => {
    const matches = names.filter((name) => expression.test(name));
    const sorted = matches.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
    return (sorted.length === 0 ? [pattern] : sorted).map((name) => `${directory}/${name}`);
  });
}
