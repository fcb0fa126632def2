/** An entry of a tar archive. */
export interface TarEntry {
  /** At most 100 bytes. */
  readonly name: string | Buffer;
  /** By default a file. */
  readonly type?: keyof typeof typeFlags | undefined;
  readonly mode?: number | undefined;
  readonly mtime?: Date | undefined;
  /** Of a link of either kind. */
  readonly linkname?: string | undefined;
  readonly text?: string | undefined;
}

const typeFlags = { file: "0", link: "1", symlink: "2", device: "3", directory: "5", pipe: "6" };
const blockSize = 512;

/** A tar archive, hostile ones too: nothing is checked. */
export function tarArchive(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(entryOf), Buffer.alloc(2 * blockSize)]);
}

function entryOf(entry: TarEntry): readonly Buffer[] {
  const { name, type = "file", mode = 0o644, mtime = new Date(0), linkname = "", text = "" } = entry;
  const body = Buffer.from(text);
  const header = Buffer.alloc(blockSize);
  const octal = (value: number, at: number): number =>
    header.write(`${value.toString(8).padStart(at === 124 || at === 136 ? 11 : 7, "0")}\0`, at);
  header.set(Buffer.from(name));
  const numbers = [
    [mode, 100],
    [0, 108],
    [0, 116],
    [body.length, 124],
    [mtime.getTime() / 1000, 136],
  ] as const;
  for (const [value, at] of numbers) octal(value, at);
  header.write(`        ${typeFlags[type]}${linkname}`, 148);
  header.write("ustar\x0000", 257);
  octal(1, 329);
  octal(3, 337);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return [header, body, Buffer.alloc(-body.length & (blockSize - 1))];
}
