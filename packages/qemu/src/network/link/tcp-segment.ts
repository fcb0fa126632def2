import { checksum, guestAddress, newPacket, protocols, pseudoHeaderSum } from "./frames.ts";

/* Segments of TCP (RFC 9293), with the options that matter at the start of a connection. */

export const flags = { fin: 1, syn: 2, reset: 4, push: 8, ack: 16 } as const;

const headerBytes = 20;
/** Of the options that a SYN of the host has. */
const optionBytes = 8;
const optionKinds = { end: 0, nothing: 1, maxSegment: 2, windowScale: 3 } as const;
/** RFC 7323 allows no more. */
const maxScale = 14;

/** Numbers of bytes in a sequence are of 32 bits, and start again at 0. */
export function distance(from: number, to: number): number {
  return (to - from) | 0;
}

export function advance(sequence: number, bytes: number): number {
  return (sequence + bytes) >>> 0;
}

export interface Segment {
  /** The guest's port. */
  readonly source: number;
  /** The host's. */
  readonly destination: number;
  readonly sequence: number;
  readonly acknowledged: number;
  /** A sum of `flags`. */
  readonly flags: number;
  /** As it was sent: it is not yet scaled. */
  readonly window: number;
  /** In bytes; undefined if the segment does not say. */
  readonly maxSegment: number | undefined;
  readonly windowScale: number | undefined;
  readonly data: Buffer;
}

/** @returns undefined for what is not a segment. Checksums are not checked: the link has no errors. */
export function readSegment(bytes: Buffer): Segment | undefined {
  if (bytes.length < headerBytes) return undefined;
  const dataAt = (bytes.readUInt8(12) >> 4) * 4;
  if (dataAt < headerBytes || dataAt > bytes.length) return undefined;
  return {
    source: bytes.readUInt16BE(0),
    destination: bytes.readUInt16BE(2),
    sequence: bytes.readUInt32BE(4),
    acknowledged: bytes.readUInt32BE(8),
    flags: bytes.readUInt8(13) & 0x1f,
    window: bytes.readUInt16BE(14),
    ...optionsIn(bytes.subarray(headerBytes, dataAt)),
    data: bytes.subarray(dataAt),
  };
}

function optionsIn(bytes: Buffer): Pick<Segment, "maxSegment" | "windowScale"> {
  let maxSegment: number | undefined;
  let windowScale: number | undefined;
  for (let at = 0; at < bytes.length;) {
    const kind = bytes[at];
    if (kind === optionKinds.end) break;
    const length = kind === optionKinds.nothing ? 1 : (bytes[at + 1] ?? 0);
    if (length < 1 || at + length > bytes.length) break;
    if (kind === optionKinds.maxSegment && length === 4) maxSegment = bytes.readUInt16BE(at + 2);
    if (kind === optionKinds.windowScale && length === 3) {
      windowScale = Math.min(maxScale, bytes.readUInt8(at + 2));
    }
    at += length;
  }
  return { maxSegment, windowScale };
}

export interface NewSegment {
  readonly source: number;
  readonly destination: number;
  readonly sequence: number;
  readonly acknowledged: number;
  readonly flags: number;
  readonly window: number;
  /** Only in a SYN. */
  readonly options?: { readonly maxSegment: number; readonly windowScale: number } | undefined;
  /** By default none. */
  readonly data?: readonly Uint8Array[] | undefined;
}

/** @param mac the guest's. @returns a frame. */
export function writeSegment(mac: Uint8Array, segment: NewSegment): Buffer {
  const { options, data = [] } = segment;
  const header = headerBytes + (options ? optionBytes : 0);
  const length = header + data.reduce((sum, part) => sum + part.length, 0);
  const { frame, payload } = newPacket({ mac, destination: guestAddress, protocol: protocols.tcp, length });
  payload.writeUInt16BE(segment.source, 0);
  payload.writeUInt16BE(segment.destination, 2);
  payload.writeUInt32BE(segment.sequence, 4);
  payload.writeUInt32BE(segment.acknowledged, 8);
  payload.writeUInt8((header / 4) << 4, 12);
  payload.writeUInt8(segment.flags, 13);
  payload.writeUInt16BE(segment.window, 14);
  if (options) {
    payload.set([optionKinds.maxSegment, 4, options.maxSegment >> 8, options.maxSegment & 0xff], headerBytes);
    payload.set([optionKinds.nothing, optionKinds.windowScale, 3, options.windowScale], headerBytes + 4);
  }
  let at = header;
  for (const part of data) {
    payload.set(part, at);
    at += part.length;
  }
  payload.writeUInt16BE(checksum(payload, pseudoHeaderSum(guestAddress, protocols.tcp, length)), 16);
  return frame;
}
