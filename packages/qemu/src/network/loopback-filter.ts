import { Transform, type TransformCallback } from "node:stream";
import { ObError } from "@ob/core";

/*
 * passt opens a connection of the host to whatever address a guest's packet names, and a guest with root can send packets to
 * 127.0.0.1: `--no-map-gw` does not prevent that, nor does passt before 2024. So these packets never reach it.
 */

/** QEMU's stream netdev puts the length of each frame before it, in network byte order. */
const lengthBytes = 4;
/** More than QEMU ever sends, in bytes. */
const maxFrame = 1 << 20;

const etherTypeAt = 12;
const headerAt = 14;
const etherTypes = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;

/**
 * Passes on the frames of a guest, as QEMU's stream netdev writes them, except those that lead to a loopback address of
 * the host, and those of other protocols than IP and ARP. The stream fails with an ObError `GUEST_LOST` if it is not a sequence of frames.
 */
export class LoopbackFilter extends Transform {
  #rest: Buffer = Buffer.alloc(0);

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    let end = 0;
    while (bytes.length - end >= lengthBytes) {
      const length = bytes.readUInt32BE(end);
      if (length > maxFrame) {
        done(new ObError("GUEST_LOST", `QEMU sent a frame of ${length} bytes to the network.`));
        return;
      }
      const next = end + lengthBytes + length;
      if (next > bytes.length) break;
      if (!mayPass(bytes.subarray(end + lengthBytes, next))) {
        if (end > start) this.push(bytes.subarray(start, end));
        start = next;
      }
      end = next;
    }
    if (end > start) this.push(bytes.subarray(start, end));
    // A copy: the rest is small, and the chunk need not be kept for it.
    this.#rest = Buffer.from(bytes.subarray(end));
    done();
  }
}

/** @param frame an Ethernet frame. */
export function mayPass(frame: Buffer): boolean {
  if (frame.length < headerAt) return false;
  switch (frame.readUInt16BE(etherTypeAt)) {
    case etherTypes.arp:
      return true;
    case etherTypes.ipv4:
      return frame.length >= headerAt + 20 && mayPassIpv4(frame.subarray(headerAt));
    case etherTypes.ipv6:
      return frame.length >= headerAt + 40 && mayPassIpv6(frame.subarray(headerAt));
    default:
      return false;
  }
}

/** The host takes 0.0.0.0/8 as itself, too. A guest without an address sends from 0.0.0.0. */
function mayPassIpv4(header: Buffer): boolean {
  const source = header.readUInt8(12);
  const destination = header.readUInt8(16);
  return source !== 127 && destination !== 127 && destination !== 0;
}

/** Neither `::`, `::1` and the like, nor IPv4 addresses in IPv6 form. A guest without an address sends from `::`. */
function mayPassIpv6(header: Buffer): boolean {
  const source = header.subarray(8, 24);
  const destination = header.subarray(24, 40);
  const isUnspecified = source.every((byte) => byte === 0);
  return !hasHostPrefix(destination) && (isUnspecified || !hasHostPrefix(source));
}

/** True for `::/96` and `::ffff:0:0/96`. */
function hasHostPrefix(address: Buffer): boolean {
  if (address.subarray(0, 10).some((byte) => byte !== 0)) return false;
  const mapped = address.readUInt16BE(10);
  return mapped === 0 || mapped === 0xffff;
}
