import { broadcastMac, etherTypes, guestAddress, hostAddress, hostMac, newFrame } from "./frames.ts";

/* The address resolution protocol, for IPv4 on Ethernet (RFC 826). */

const bytes = 28;
const kind = Buffer.from("000108000604", "hex");
const operations = { request: 1, answer: 2 } as const;

export interface Arp {
  /** True if it asks for the host's address. */
  readonly asksForHost: boolean;
  /** The sender's. */
  readonly mac: Buffer;
  readonly address: number;
}

export function readArp(payload: Buffer): Arp | undefined {
  if (payload.length < bytes || !payload.subarray(0, 6).equals(kind)) return undefined;
  const isRequest = payload.readUInt16BE(6) === operations.request;
  return {
    asksForHost: isRequest && payload.readUInt32BE(24) === hostAddress,
    mac: Buffer.from(payload.subarray(8, 14)),
    address: payload.readUInt32BE(14),
  };
}

/** Asks where the guest is. */
export function arpRequest(): Buffer {
  return arp(broadcastMac, { operation: operations.request, target: Buffer.alloc(6), address: guestAddress });
}

/** Says where the host is. */
export function arpAnswer({ mac, address }: Arp): Buffer {
  return arp(mac, { operation: operations.answer, target: mac, address });
}

interface ArpFields {
  readonly operation: number;
  readonly target: Uint8Array;
  readonly address: number;
}

function arp(destination: Uint8Array, { operation, target, address }: ArpFields): Buffer {
  const { frame, payload } = newFrame(destination, { type: etherTypes.arp, length: bytes });
  payload.set(kind, 0);
  payload.writeUInt16BE(operation, 6);
  payload.set(hostMac, 8);
  payload.writeUInt32BE(hostAddress, 14);
  payload.set(target, 18);
  payload.writeUInt32BE(address, 24);
  return frame;
}
