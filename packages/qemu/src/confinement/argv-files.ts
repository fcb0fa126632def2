import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { isInSystem } from "./bwrap-args.ts";
import type { VisibleFile } from "./file-view.ts";

/** A file that QEMU's command line names. */
export interface NamedFile extends VisibleFile {
  /** True if it may be a qcow2 disk, which names the files below it. */
  readonly mayHaveBacking: boolean;
}

/** Options of disks, which QEMU writes to unless they say otherwise. */
const diskOption = /^--?(?:drive|blockdev|hd[a-d])$/;
const readOnly = /"?(?:readonly|read-only)"?\s*[=:]\s*(?:on|true)\b|\bmedia=cdrom\b/;
const isRaw = /"?(?:format|driver)"?\s*[=:]\s*"?raw\b/;

/** The files of the host that QEMU opens by its command line, except for those of the system, and devices. */
export function filesInArgv(argv: readonly string[]): readonly NamedFile[] {
  return argv.flatMap((argument, index): readonly NamedFile[] => {
    const option = argv[index - 1] ?? "";
    // The guest's kernel gets it, with paths of the guest.
    if (/^--?append$/.test(option)) return [];
    const isDisk = diskOption.test(option);
    const access = isDisk && !readOnly.test(argument) ? "write" : "read";
    const mayHaveBacking = isDisk && !isRaw.test(argument);
    return pathsIn(argument)
      .filter(({ path }) => existsSync(path) && !isInSystem(path))
      .flatMap(({ path, isTree }) => (isTree ? filesBelow(path) : [path]))
      .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
      .map((path) => ({ path, access, borrowed: true, mayHaveBacking }));
  });
}

/** Whether QEMU opens /dev/kvm. */
export function usesKvm(argv: readonly string[]): boolean {
  return argv.some(
    (argument, index) =>
      /^--?enable-kvm$/.test(argument) ||
      (/^--?(?:accel|machine|M)$/.test(argv[index - 1] ?? "") && /(?:^|[=,:])kvm(?:[,:]|$)/.test(argument)),
  );
}

interface NamedPath {
  readonly path: string;
  /** True for a directory whose files QEMU opens. */
  readonly isTree: boolean;
}

/** Absolute paths in an option, such as that of `if=virtio,file=/a,,b.qcow2`, which has a comma. */
function pathsIn(argument: string): readonly NamedPath[] {
  if (argument.startsWith("{")) {
    const texts = [...argument.matchAll(/"filename"\s*:\s*("\/(?:[^"\\]|\\.)*")/g)];
    return texts.map(([, text = '""']) => ({ path: String(JSON.parse(text)), isTree: false }));
  }
  const values = argument.match(/(?:,,|[^,])+/g) ?? [];
  return values.flatMap((value) => {
    const [, name, path] = /^(?:([\w.-]+)=)?(\/.*)$/s.exec(value) ?? [];
    return path === undefined ? [] : [{ path: path.replaceAll(",,", ","), isTree: name === "tftp" }];
  });
}

/** What is in a directory. */
function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).map((name) => join(directory, name));
}
