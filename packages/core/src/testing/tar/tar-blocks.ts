/** An entry of a tar archive as raw fields: nothing is checked. Numbers are written in octal digits, texts as they are. */
export interface RawEntry {
  readonly name: string;
  /** The type flag; by default `0`, a file. */
  readonly flag?: string | undefined;
  readonly linkname?: string | undefined;
  readonly mode?: number | undefined;
  /** By default that of `body`. */
  readonly size?: number | Buffer | undefined;
  readonly body?: string | Buffer | undefined;
  /** Written over the header, before its checksum is computed. */
  readonly patch?: ((header: Buffer) => void) | undefined;
  /** Written over the header afterwards. */
  readonly damage?: ((header: Buffer) => void) | undefined;
}

const blockSize = 512;
export const archiveEnd = Buffer.alloc(2 * blockSize);

/** A tar archive, complete with its end. Names are latin1. */
export function tarOf(...entries: readonly RawEntry[]): Buffer {
  return Buffer.concat([...entries.map(entryBlocks), archiveEnd]);
}

/** The blocks of one entry. */
export function entryBlocks({ name, body = "", ...entry }: RawEntry): Buffer {
  const contents = Buffer.from(body);
  const header = Buffer.alloc(blockSize);
  const octal = (value: number, at: number, length: number): number =>
    header.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
  header.write(name, 0, 100, "latin1");
  octal(entry.mode ?? 0o644, 100, 8);
  for (const at of [108, 116]) octal(0, at, 8);
  const size = entry.size ?? contents.length;
  if (typeof size === "number") octal(size, 124, 12);
  else header.set(size, 124);
  octal(0, 136, 12);
  header.write(`        ${entry.flag ?? "0"}`, 148, "latin1");
  header.write(entry.linkname ?? "", 157, 100, "latin1");
  header.write("ustar\x0000", 257, "latin1");
  entry.patch?.(header);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  entry.damage?.(header);
  return Buffer.concat([header, contents, Buffer.alloc(-contents.length & (blockSize - 1))]);
}

/** A pax header for the next entry. */
export function paxEntry(records: readonly (readonly [string, string | Buffer])[]): RawEntry {
  return {
    name: "PaxHeaders/x",
    flag: "x",
    body: Buffer.concat(records.map(([key, value]) => recordOf(key, value))),
  };
}

function recordOf(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, "latin1"), Buffer.from(value), Buffer.from("\n")]);
  let length = rest.length;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}
