/*
 * Frames as QEMU's socket netdev has them: an Ethernet frame after its length, in four bytes. Numbers are in network byte order, and
 * an IPv4 address is a number of 32 bits.
 */

export const lengthBytes = 4;
/** More than QEMU ever sends, in bytes. */
export const maxFrame = 1 << 17;

export const etherTypes = { ipv4: 0x0800, arp: 0x0806 } as const;
export const protocols = { tcp: 6, udp: 17 } as const;

const ethernetBytes = 14;
const ipBytes = 20;

/** The addresses of QEMU's own user-mode network, so that a guest finds the same network with either. */
export const hostAddress = 0x0a_00_02_02;
export const guestAddress = 0x0a_00_02_0f;
export const netmask = 0xff_ff_ff_00;
export const hostMac: Uint8Array = Buffer.from("52550a000202", "hex");
export const broadcastMac: Uint8Array = Buffer.alloc(6, 0xff);
export const broadcastAddress = 0xff_ff_ff_ff;

/** The frames in what arrives in chunks. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @returns undefined if it is not a sequence of frames. */
  read(chunk: Buffer): readonly Buffer[] | undefined {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Buffer[] = [];
    let start = 0;
    while (bytes.length - start >= lengthBytes) {
      const length = bytes.readUInt32BE(start);
      if (length > maxFrame) return undefined;
      const end = start + lengthBytes + length;
      if (end > bytes.length) break;
      frames.push(bytes.subarray(start + lengthBytes, end));
      start = end;
    }
    // A copy: the rest is small, and the chunk need not be kept for it.
    this.#rest = Buffer.from(bytes.subarray(start));
    return frames;
  }
}

export interface ReceivedFrame {
  readonly type: number;
  readonly payload: Buffer;
}

export function readFrame(frame: Buffer): ReceivedFrame | undefined {
  if (frame.length < ethernetBytes) return undefined;
  return { type: frame.readUInt16BE(12), payload: frame.subarray(ethernetBytes) };
}

/** A frame with its length, whose payload is still to be written. */
export function newFrame(
  destination: Uint8Array,
  { type, length }: { readonly type: number; readonly length: number },
): { readonly frame: Buffer; readonly payload: Buffer } {
  const frame = Buffer.alloc(lengthBytes + ethernetBytes + length);
  frame.writeUInt32BE(ethernetBytes + length, 0);
  frame.set(destination, lengthBytes);
  frame.set(hostMac, lengthBytes + 6);
  frame.writeUInt16BE(type, lengthBytes + 12);
  return { frame, payload: frame.subarray(lengthBytes + ethernetBytes) };
}

export interface Packet {
  readonly source: number;
  readonly destination: number;
  readonly protocol: number;
  readonly payload: Buffer;
}

/** @returns undefined for what is not a whole IPv4 packet; fragments are not. */
export function readPacket(bytes: Buffer): Packet | undefined {
  if (bytes.length < ipBytes) return undefined;
  const first = bytes.readUInt8(0);
  const header = (first & 0x0f) * 4;
  const length = bytes.readUInt16BE(2);
  const isFragment = (bytes.readUInt16BE(6) & 0x3f_ff) !== 0;
  if (first >> 4 !== 4 || header < ipBytes || isFragment || length < header || length > bytes.length) {
    return undefined;
  }
  return {
    source: bytes.readUInt32BE(12),
    destination: bytes.readUInt32BE(16),
    protocol: bytes.readUInt8(9),
    payload: bytes.subarray(header, length),
  };
}

export interface NewPacket {
  readonly mac: Uint8Array;
  readonly destination: number;
  readonly protocol: number;
  /** In bytes. */
  readonly length: number;
}

/** A frame with an IPv4 packet from the host, whose payload is still to be written. */
export function newPacket({ mac, destination, protocol, length }: NewPacket): {
  readonly frame: Buffer;
  readonly payload: Buffer;
} {
  const { frame, payload: ip } = newFrame(mac, { type: etherTypes.ipv4, length: ipBytes + length });
  ip.writeUInt8(0x45, 0);
  ip.writeUInt16BE(ipBytes + length, 2);
  ip.writeUInt16BE(0x40_00, 6);
  ip.writeUInt8(64, 8);
  ip.writeUInt8(protocol, 9);
  ip.writeUInt32BE(hostAddress, 12);
  ip.writeUInt32BE(destination, 16);
  ip.writeUInt16BE(checksum(ip.subarray(0, ipBytes)), 10);
  return { frame, payload: ip.subarray(ipBytes) };
}

/** The Internet checksum (RFC 1071). @param start a sum to begin with, such as that of a pseudo header. */
export function checksum(bytes: Buffer, start = 0): number {
  let sum = start;
  const even = bytes.length & ~1;
  for (let at = 0; at < even; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  if (even < bytes.length) sum += (bytes[even] ?? 0) << 8;
  while (sum > 0xff_ff) sum = (sum & 0xff_ff) + Math.floor(sum / 0x1_00_00);
  return ~sum & 0xff_ff;
}

/** The part of a TCP or UDP checksum that is not in its bytes. */
export function pseudoHeaderSum(destination: number, protocol: number, length: number): number {
  const half = (address: number): number => (address >>> 16) + (address & 0xff_ff);
  return half(hostAddress) + half(destination) + protocol + length;
}
