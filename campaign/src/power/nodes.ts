/** How much of a write survives or is lost as one, in bytes. */
const pageBytes = 4096;

/** Something that was done and not flushed: a crash of the host may keep it or lose it. */
export interface Pending {
  readonly of: "entries" | "contents";
  /** The number of the change, and of its part. */
  readonly at: number;
  readonly part: number;
}

/** Whether it is kept. `size`: the file has grown, and has zeros there; for all but written bytes the same as true. */
export type Survives = (pending: Pending) => boolean | "size";

interface ContentChange {
  readonly at: number;
  /** Undefined: the size changes. */
  readonly bytes: Buffer | undefined;
  /** Where the bytes go, or the size. */
  readonly offset: number;
  /** True if the file does not get smaller by it. */
  readonly grows?: boolean;
}

/** A file: what it holds, what of it is on disk for certain, and what has changed since. */
export class FileNode {
  #contents: Buffer | undefined;
  #flushed: Buffer;
  #pending: ContentChange[] = [];

  constructor(contents: Buffer, { flushed }: { readonly flushed: boolean }) {
    this.#flushed = flushed ? contents : Buffer.alloc(0);
    if (!flushed && contents.length > 0) this.#pending.push({ at: 0, offset: 0, bytes: contents });
  }

  /** What programs see. */
  get contents(): Buffer {
    this.#contents ??= changed(this.#flushed, this.#pending);
    return this.#contents;
  }

  write(at: number, offset: number, bytes: Buffer): void {
    this.#change({ at, offset, bytes });
  }

  resize(at: number, size: number): void {
    this.#change({ at, offset: size, bytes: undefined });
  }

  sync(): void {
    this.#flushed = this.contents;
    this.#pending = [];
  }

  /** What a crash leaves. */
  after(survives: Survives): Buffer {
    return changed(this.#flushed, [...this.#surviving(survives)]);
  }

  *#surviving(survives: Survives): Generator<ContentChange> {
    for (const change of this.#pending) {
      const { at, bytes, offset } = change;
      if (bytes === undefined) {
        if (survives({ of: "contents", at, part: 0 }) !== false) yield change;
        continue;
      }
      for (let from = 0; from < bytes.length; from += pageBytes) {
        const kept = survives({ of: "contents", at, part: from / pageBytes });
        const page = bytes.subarray(from, from + pageBytes);
        if (kept === true) yield { at, bytes: page, offset: offset + from };
        else if (kept === "size")
          yield { at, bytes: undefined, offset: offset + from + page.length, grows: true };
      }
    }
  }

  #change(change: ContentChange): void {
    this.#pending.push(change);
    this.#contents = undefined;
  }
}

/** The contents after all changes; those from before if there are none. */
function changed(contents: Buffer, changes: readonly ContentChange[]): Buffer {
  if (changes.length === 0) return contents;
  const ends = changes.map(({ bytes, offset }) => offset + (bytes?.length ?? 0));
  const next = Buffer.alloc(ends.reduce((most, end) => Math.max(most, end), contents.length));
  contents.copy(next);
  let { length } = contents;
  for (const [index, { bytes, offset, grows }] of changes.entries()) {
    const end = ends[index] ?? 0;
    bytes?.copy(next, offset);
    if (bytes !== undefined || grows) length = Math.max(length, end);
    else {
      // What is beyond the end reads as zeros, should the file grow again.
      next.fill(0, Math.min(end, length), length);
      length = end;
    }
  }
  return next.subarray(0, length);
}

export interface LinkNode {
  readonly target: string;
}

export type Node = FileNode | DirectoryNode | LinkNode;

/** A change of names, in one directory or, for a rename, in two at once. */
export interface EntryChange {
  readonly at: number;
  readonly sides: readonly {
    readonly directory: DirectoryNode;
    readonly name: string;
    readonly node: Node | undefined;
  }[];
}

interface Entry {
  readonly at: number;
  readonly node: Node | undefined;
}

/** A directory: its names, which of them are on disk for certain, and what has changed since. */
export class DirectoryNode {
  readonly names = new Map<string, Node>();
  readonly #flushed = new Map<string, Entry>();
  #pending: EntryChange[] = [];

  /** A name that was there from the beginning. */
  begin(name: string, node: Node): void {
    this.names.set(name, node);
    this.#flushed.set(name, { at: 0, node });
  }

  sync(): void {
    for (const change of this.#pending) {
      for (const { directory, name, node } of change.sides) {
        settle(directory.#flushed, name, { at: change.at, node });
        if (directory !== this) directory.#pending = directory.#pending.filter((each) => each !== change);
      }
    }
    this.#pending = [];
  }

  /** What a crash leaves. A rename is there in both directories or in neither. */
  after(survives: Survives): ReadonlyMap<string, Node> {
    const left = new Map(this.#flushed);
    for (const { at, sides } of this.#pending) {
      if (survives({ of: "entries", at, part: 0 }) === false) continue;
      for (const { directory, name, node } of sides) {
        if (directory === this) settle(left, name, { at, node });
      }
    }
    return new Map([...left].flatMap(([name, { node }]) => (node ? [[name, node] as const] : [])));
  }

  static change(change: EntryChange): void {
    for (const directory of new Set(change.sides.map((side) => side.directory))) {
      directory.#pending.push(change);
    }
    for (const { directory, name, node } of change.sides) {
      if (node) directory.names.set(name, node);
      else directory.names.delete(name);
    }
  }
}

/** The latest change of a name counts, in whatever order changes reach the disk. */
function settle(entries: Map<string, Entry>, name: string, entry: Entry): void {
  const known = entries.get(name);
  if (known === undefined || known.at < entry.at) entries.set(name, entry);
}
