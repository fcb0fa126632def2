/** One call that changed the store, as `preload/record.h` records it. Paths are absolute. */
export type Change =
  | { readonly kind: "create" | "mkdir"; readonly inode: number; readonly path: string }
  | { readonly kind: "symlink"; readonly inode: number; readonly path: string; readonly target: string }
  | { readonly kind: "rename" | "exchange" | "link"; readonly path: string; readonly to: string }
  | { readonly kind: "remove"; readonly path: string }
  | { readonly kind: "write"; readonly inode: number; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: "resize"; readonly inode: number; readonly size: number }
  | { readonly kind: "sync"; readonly inode: number }
  /** The process said so to its caller. */
  | { readonly kind: "say"; readonly text: string };

/**
 * Reads a record.
 *
 * @throws Error if it is not whole.
 */
export function parseRecord(record: Buffer): readonly Change[] {
  const changes: Change[] = [];
  let at = 0;
  const word = (): string => {
    const end = record.indexOf(0, at);
    if (end === -1) throw new Error(`the record ends within a change, at ${at}`);
    const text = record.toString("utf8", at, end);
    at = end + 1;
    return text;
  };
  while (at < record.length) {
    const [kind = "", inode, offset, length] = word().split(" ");
    const [path, other] = [word(), word()];
    const bytes = record.subarray(at, at + Number(length));
    at += bytes.length;
    changes.push(toChange(kind, { inode: Number(inode), offset: Number(offset), path, other, bytes }));
  }
  return changes;
}

interface Parts {
  readonly inode: number;
  readonly offset: number;
  readonly path: string;
  readonly other: string;
  readonly bytes: Buffer;
}

function toChange(kind: string, { inode, offset, path, other, bytes }: Parts): Change {
  switch (kind) {
    case "C":
      return { kind: "create", inode, path };
    case "D":
      return { kind: "mkdir", inode, path };
    case "Y":
      return { kind: "symlink", inode, path, target: other };
    case "R":
      return { kind: "rename", path, to: other };
    case "E":
      return { kind: "exchange", path, to: other };
    case "L":
      return { kind: "link", path, to: other };
    case "U":
      return { kind: "remove", path };
    case "W":
      return { kind: "write", inode, offset, bytes };
    case "O":
      return { kind: "resize", inode, size: 0 };
    case "T":
      return { kind: "resize", inode, size: offset };
    case "S":
      return { kind: "sync", inode };
    case "X":
      return { kind: "say", text: bytes.toString() };
    default:
      throw new Error(`the record has a change of an unknown kind: ${kind}`);
  }
}
