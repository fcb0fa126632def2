import * as fc from "fast-check";

/** A number in the header of a qcow2 file (docs/interop/qcow2.txt of QEMU). */
interface Field {
  readonly at: number;
  readonly bytes: 1 | 4 | 8;
}

const fields: readonly Field[] = [
  ...[4, 16, 20, 32, 36, 56, 60, 96, 100].map((at) => ({ at, bytes: 4 as const })),
  ...[8, 24, 40, 48, 64, 72, 80, 88].map((at) => ({ at, bytes: 8 as const })),
  { at: 104, bytes: 1 },
];

/** Sizes of clusters and tables, the limits of formats and programs, and what is beside them. */
const near = fc
  .tuple(fc.integer({ min: 0, max: 63 }), fc.constantFrom(-512n, -8n, -1n, 0n, 1n, 8n, 512n))
  .map(([power, more]) => BigInt.asUintN(64, (1n << BigInt(power)) + more));
const value = fc.oneof(
  fc.bigInt({ min: 0n, max: 24n }),
  near,
  // Clusters of 4 KiB, where tables begin, and of 64 KiB.
  fc
    .tuple(fc.bigInt({ min: 0n, max: 8n }), fc.constantFrom(12n, 16n))
    .map(([clusters, bits]) => clusters << bits),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);

/** Kinds of header extensions: the end, backing format, names of features, bitmaps, encryption, data file, and one that there is not. */
const extensions = [0, 0xe2792aca, 0x6803f857, 0x23852875, 0x0537be77, 0x44415441, 0x12345678];
const names = [
  "base.qcow2",
  "/etc/hostname",
  "json:{}",
  "nbd://h/x",
  "../x",
  "raw",
  "qcow2",
  "x".repeat(1023),
  "x".repeat(1024),
];

type Edit = (disk: Buffer) => void;

function writeNumber(disk: Buffer, { at, bytes }: Field, number: bigint): void {
  if (at + bytes > disk.length) return;
  if (bytes === 8) disk.writeBigUInt64BE(number, at);
  else if (bytes === 4) disk.writeUInt32BE(Number(BigInt.asUintN(32, number)), at);
  else disk.writeUInt8(Number(BigInt.asUintN(8, number)), at);
}

const fieldEdit: fc.Arbitrary<Edit> = fc.tuple(fc.constantFrom(...fields), value).map(
  ([field, number]) =>
    (disk) =>
      writeNumber(disk, field, number),
);

/** A name, and its length and place in the header. */
const backingEdit: fc.Arbitrary<Edit> = fc
  .tuple(fc.constantFrom(...names), fc.constantFrom(104, 112, 400, 4_000, 4_096))
  .map(([name, at]) => (disk) => {
    disk.write(name, at, "latin1");
    writeNumber(disk, { at: 8, bytes: 8 }, BigInt(at));
    writeNumber(disk, { at: 16, bytes: 4 }, BigInt(name.length));
  });

const extensionEdit: fc.Arbitrary<Edit> = fc
  .array(fc.tuple(fc.constantFrom(...extensions), fc.constantFrom(...names), fc.option(value)), {
    maxLength: 3,
  })
  .map((chosen) => (disk) => {
    let at = disk.length > 104 ? disk.readUInt32BE(100) : 0;
    for (const [kind, text, length] of chosen) {
      if (at + 8 > disk.length) return;
      disk.writeUInt32BE(kind, at);
      writeNumber(disk, { at: at + 4, bytes: 4 }, length ?? BigInt(text.length));
      disk.write(text, at + 8, "latin1");
      at += 8 + Math.ceil(text.length / 8) * 8;
    }
  });

/** Entries of tables, with flags of QEMU's. */
const tableEdit: fc.Arbitrary<Edit> = fc
  .tuple(fc.nat({ max: 2_047 }), value, fc.constantFrom(0n, 1n << 63n, 1n << 62n))
  .map(
    ([entry, number, flags]) =>
      (disk) =>
        writeNumber(disk, { at: 4_096 + entry * 8, bytes: 8 }, BigInt.asUintN(64, number | flags)),
  );

/** Disks that differ from one of the examples in fields of the header: numbers that are as well aligned as those of valid disks. */
export function editedHeaders(examples: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const edit = fc.oneof(
    { weight: 6, arbitrary: fieldEdit },
    { weight: 2, arbitrary: backingEdit },
    { weight: 2, arbitrary: extensionEdit },
    { weight: 1, arbitrary: tableEdit },
  );
  return fc.tuple(fc.constantFrom(...examples), fc.array(edit, { maxLength: 4 })).map(([example, edits]) => {
    const disk = Buffer.from(example);
    for (const change of edits) change(disk);
    return disk;
  });
}
