import {
  broadcastAddress,
  broadcastMac,
  checksum,
  guestAddress,
  hostAddress,
  netmask,
  newPacket,
  protocols,
  pseudoHeaderSum,
} from "./frames.ts";

/*
 * DHCP (RFC 2131), and BOOTP before it: a guest gets its address, and neither a gateway nor a name server, as from QEMU's own
 * user-mode network with restrict=on.
 */

const ports = { client: 68, server: 67 } as const;
const udpBytes = 8;
/** Of a BOOTP message, before its options. */
const headerBytes = 240;
/** Older clients want a message that is as long as BOOTP's, in bytes. */
const messageBytes = 300;
const cookie = 0x63_82_53_63;
/** In seconds. */
const leaseTime = 86_400;

const options = { end: 255, pad: 0, netmask: 1, requested: 50, lease: 51, kind: 53, server: 54 } as const;
const kinds = { discover: 1, offer: 2, request: 3, acknowledge: 5, refuse: 6, inform: 8 } as const;

/** The answer to a UDP packet of a guest; undefined unless it asks for an address. */
export function dhcpAnswer(udp: Buffer): Buffer | undefined {
  if (udp.length < udpBytes + headerBytes || udp.readUInt16BE(2) !== ports.server) return undefined;
  const question = udp.subarray(udpBytes);
  if (question.readUInt8(0) !== 1 || question.readUInt32BE(236) !== cookie) return undefined;
  const asked = optionsOf(question.subarray(headerBytes));
  const kind = asked.get(options.kind)?.[0];
  const answer = answerTo(kind, asked.get(options.requested) ?? question.subarray(12, 16));
  return answer === "none" ? undefined : message(question, answer);
}

/** @returns undefined is an answer to BOOTP, whose messages have no kind. */
function answerTo(kind: number | undefined, requested: Buffer): number | undefined | "none" {
  switch (kind) {
    case undefined:
      return undefined;
    case kinds.discover:
      return kinds.offer;
    case kinds.inform:
      return kinds.acknowledge;
    case kinds.request: {
      const address = requested.length === 4 ? requested.readUInt32BE(0) : 0;
      return address === guestAddress || address === 0 ? kinds.acknowledge : kinds.refuse;
    }
    default:
      return "none";
  }
}

function optionsOf(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length;) {
    const code = bytes.readUInt8(at);
    if (code === options.end) break;
    const length = code === options.pad ? -1 : (bytes[at + 1] ?? 0);
    if (length >= 0) found.set(code, bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return found;
}

function message(question: Buffer, kind: number | undefined): Buffer {
  const length = udpBytes + messageBytes;
  const { frame, payload: udp } = newPacket({
    mac: broadcastMac,
    destination: broadcastAddress,
    protocol: protocols.udp,
    length,
  });
  udp.writeUInt16BE(ports.server, 0);
  udp.writeUInt16BE(ports.client, 2);
  udp.writeUInt16BE(length, 4);
  const body = udp.subarray(udpBytes);
  // The kind of hardware, its addresses and the number of the question are the guest's own.
  body.set(question.subarray(0, 8), 0);
  body.set(question.subarray(28, 44), 28);
  body.writeUInt8(2, 0);
  body.writeUInt8(0, 3);
  body.set(question.subarray(10, 12), 10);
  if (kind !== kinds.refuse) body.writeUInt32BE(guestAddress, 16);
  body.writeUInt32BE(hostAddress, 20);
  body.writeUInt32BE(cookie, 236);
  body.set(answerOptions(kind), headerBytes);
  udp.writeUInt16BE(checksum(udp, pseudoHeaderSum(broadcastAddress, protocols.udp, length)) || 0xff_ff, 6);
  return frame;
}

function answerOptions(kind: number | undefined): Buffer {
  const number = (code: number, value: number): Buffer => {
    const option = Buffer.from([code, 4, 0, 0, 0, 0]);
    option.writeUInt32BE(value, 2);
    return option;
  };
  const refuses = kind === kinds.refuse;
  return Buffer.concat([
    ...(kind === undefined
      ? []
      : [Buffer.from([options.kind, 1, kind]), number(options.server, hostAddress)]),
    ...(refuses ? [] : [number(options.lease, leaseTime), number(options.netmask, netmask)]),
    Buffer.from([options.end]),
  ]);
}
