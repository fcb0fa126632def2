import { checkFlags, checkLiteral, type DockerInstruction } from "./instruction.ts";
import { Refused } from "./refusal.ts";
import { atom, type Written } from "./spec-text.ts";
import { rootUser, userOp } from "./user-instruction.ts";

/** What is at a path of the source directory; undefined if that is not known. */
export type KindOf = (path: string) => "file" | "directory" | undefined;

export interface CopySetting {
  /** The user of commands, as `userOp` writes it. */
  readonly user: Written;
  /** The name of the build for the name or number of a stage. */
  readonly buildOf: (stage: string) => string;
  readonly kindOf: KindOf;
}

/** `COPY`: what it copies belongs to root, whoever the user is. A directory stands for what is in it. */
export function copyOps(from: DockerInstruction, setting: CopySetting): readonly Written[] {
  checkFlags(from, ["from", "chown", "link"]);
  const paths = from.json ?? from.words;
  checkPaths(from, paths);
  const sources = paths.slice(0, -1);
  const destination = paths.at(-1) ?? "";
  const stage = from.flags.find(({ name }) => name === "from")?.value;
  const build: readonly Written[] =
    stage === undefined ? [] : [["from", ["build", atom(setting.buildOf(stage))]]];
  const copy = (names: readonly string[], to: string): Written => [
    "copy",
    ...build,
    ["src", ...names.map(atom)],
    ["dst", atom(to)],
  ];
  const kindOf: KindOf = (path) =>
    path.endsWith("/") ? "directory" : stage === undefined ? setting.kindOf(path) : undefined;
  return owned(from, setting.user, copiesInto(sources, destination, { copy, kindOf }));
}

interface Copying {
  readonly copy: (names: readonly string[], to: string) => Written;
  readonly kindOf: KindOf;
}

/** One copy for files beside each other, and one for each directory. */
function copiesInto(
  sources: readonly string[],
  destination: string,
  { copy, kindOf }: Copying,
): readonly Written[] {
  const isInto = destination.endsWith("/") || /(?:^|\/)\.{1,2}$/.test(destination) || sources.length > 1;
  if (!isInto) return [copy(sources, destination)];
  const directory = destination.endsWith("/") ? destination : `${destination}/`;
  const copies: Written[] = [];
  let files: string[] = [];
  const flush = (): void => {
    if (files.length > 0) copies.push(copy(files, directory));
    files = [];
  };
  for (const source of sources) {
    const isRoot = source === "." || source === "./";
    const kind = isRoot ? "directory" : kindOf(source);
    if (kind === undefined) {
      throw new Refused(
        `whether ${source} is a file or a directory is not known, and decides what is copied`,
        "end a directory with a /, and the destination of a file with its new name",
      );
    }
    if (kind === "file") files.push(source);
    else {
      flush();
      // Without the slash it is the new name of the directory. The root has no other.
      copies.push(copy([source], /^\/+$/.test(directory) ? "/." : directory.replace(/\/+$/, "")));
    }
  }
  flush();
  return copies;
}

function checkPaths({ text, json, hasHeredoc }: DockerInstruction, paths: readonly string[]): void {
  checkLiteral(text);
  if (hasHeredoc) throw new Refused("a spec has no here-documents for files", "put the file beside the spec");
  if (paths.length < 2) throw new Refused("a source or a destination is missing");
  if (json === undefined && /["'\\]/.test(paths.join(""))) {
    throw new Refused("quotes in paths are not read here", 'write them as COPY ["SOURCE", "DESTINATION"]');
  }
  const pattern = paths.slice(0, -1).find((path) => /[*?[]/.test(path));
  if (pattern !== undefined) throw new Refused(`${pattern} is a pattern, and a copy takes names`);
}

/** Copies as the owner that Docker gives the files, with the user of commands restored. */
function owned({ flags }: DockerInstruction, user: Written, copies: readonly Written[]): readonly Written[] {
  const chown = flags.find(({ name }) => name === "chown")?.value;
  const owner = chown === undefined ? rootUser : userOp(chown);
  return JSON.stringify(owner) === JSON.stringify(user) ? copies : [owner, ...copies, user];
}
