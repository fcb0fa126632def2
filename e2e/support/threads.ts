/**
 * A program for Linux on amd64 whose first thread ends at once, while a second one waits forever: `/proc/PID` then looks like
 * that of a zombie. Written by hand, since the image has no compiler.
 */
export function programWithoutFirstThread(): Buffer {
  const code = Buffer.from(
    // clone(VM | FS | FILES | SIGHAND | THREAD), on the same stack, which neither thread uses.
    "b838000000" +
      "bf000f0100" +
      "31f6" +
      "31d2" +
      "4531d2" +
      "4531c0" +
      "0f05" +
      "85c0" +
      "7409" +
      // The first thread: exit(0).
      "b83c000000" +
      "31ff" +
      "0f05" +
      // The second: pause(), again and again.
      "b822000000" +
      "0f05" +
      "ebf7",
    "hex",
  );
  const [base, headers] = [0x40_00_00, 64 + 56];
  const elf = Buffer.alloc(headers);
  elf.write("\x7fELF\x02\x01\x01", "latin1");
  // An executable for x86-64, version 1, with its entry after the headers.
  elf.writeUInt16LE(2, 16);
  elf.writeUInt16LE(62, 18);
  elf.writeUInt32LE(1, 20);
  elf.writeBigUInt64LE(BigInt(base + headers), 24);
  elf.writeBigUInt64LE(64n, 32);
  elf.writeUInt16LE(64, 52);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(1, 56);
  // One segment, the whole file: loaded, readable and executable.
  elf.writeUInt32LE(1, 64);
  elf.writeUInt32LE(5, 68);
  elf.writeBigUInt64LE(BigInt(base), 80);
  elf.writeBigUInt64LE(BigInt(base), 88);
  elf.writeBigUInt64LE(BigInt(headers + code.length), 96);
  elf.writeBigUInt64LE(BigInt(headers + code.length), 104);
  elf.writeBigUInt64LE(0x10_00n, 112);
  return Buffer.concat([elf, code]);
}
