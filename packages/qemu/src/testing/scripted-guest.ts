import { type Duplex, duplexPair } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { GuestLink } from "../network/link/guest-link.ts";
import { FrameReader, readFrame, readPacket } from "../network/link/frames.ts";
import { readSegment, type Segment } from "../network/link/tcp-segment.ts";

export const guestMac: Uint8Array = Buffer.from("525400123456", "hex");
const macs = "52550a000202525400123456";

export interface GuestSegment {
  readonly to: number;
  readonly sequence: number;
  readonly acknowledged?: number;
  /** Such as `SA`. */
  readonly flags: string;
  readonly window?: number;
  /** In hexadecimal. */
  readonly options?: string;
  readonly data?: string;
}

/** A guest that does only what a test says, and what the link has sent it. */
export interface ScriptedGuest extends Disposable {
  readonly link: GuestLink;
  readonly netdev: Duplex;
  /** Sends frames together. */
  send(...frames: readonly Buffer[]): Promise<void>;
  /** What has arrived since it was asked last. */
  arrived(): Promise<readonly Buffer[]>;
  /** The TCP segments among what has arrived. */
  segments(): Promise<readonly Segment[]>;
}

export function scriptedGuest(): ScriptedGuest {
  const [netdev, far] = duplexPair({ highWaterMark: 1 << 20 });
  const link = new GuestLink(netdev);
  const reader = new FrameReader();
  let frames: Buffer[] = [];
  far.on("data", (chunk: Buffer) => frames.push(...(reader.read(chunk) ?? [])));
  const arrived = async (): Promise<readonly Buffer[]> => {
    // A pair of streams in one process passes bytes on within a few turns.
    for (let turn = 0; turn < 8; turn++) await nextTurn();
    const taken = frames;
    frames = [];
    return taken;
  };
  return {
    link,
    netdev,
    send: async (...sent) => {
      far.write(Buffer.concat(sent.map(framed)));
      for (let turn = 0; turn < 8; turn++) await nextTurn();
    },
    arrived,
    segments: async () =>
      (await arrived()).flatMap((frame) => {
        const packet = readPacket(readFrame(frame)?.payload ?? Buffer.alloc(0));
        return (packet?.protocol === 6 && readSegment(packet.payload)) || [];
      }),
    [Symbol.dispose]: () => {
      link[Symbol.dispose]();
      netdev.destroy();
      far.destroy();
    },
  };
}

function framed(frame: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(frame.length);
  return Buffer.concat([length, frame]);
}

/** The guest's answer to the question where it is. */
export function arpOfGuest(operation = 2): Buffer {
  const from = `${Buffer.from(guestMac).toString("hex")}0a00020f`;
  return Buffer.from(
    `${macs}08060001080006040${"0".repeat(2)}${operation}${from}52550a0002020a000202`,
    "hex",
  );
}

/** An IPv4 packet from 10.0.2.15, with a header of its own making. */
export function packetOfGuest(protocol: number, payload: Buffer, destination = "0a000202"): Buffer {
  const length = (20 + payload.length).toString(16).padStart(4, "0");
  const kind = protocol.toString(16).padStart(2, "0");
  const header = `${macs}08004500${length}0007400040${kind}00000a00020f${destination}`;
  return Buffer.concat([Buffer.from(header, "hex"), payload]);
}

/** From port 22 of the guest. */
export function segmentOfGuest(segment: GuestSegment): Buffer {
  const { to, sequence, acknowledged = 0, flags, window = 0xff_ff, options = "", data = "" } = segment;
  const bits = { F: 1, S: 2, R: 4, P: 8, A: 16 } as Readonly<Record<string, number>>;
  const header = Buffer.alloc(20);
  header.writeUInt16BE(22, 0);
  header.writeUInt16BE(to, 2);
  header.writeUInt32BE(sequence >>> 0, 4);
  header.writeUInt32BE(acknowledged >>> 0, 8);
  header.writeUInt8((5 + options.length / 8) << 4, 12);
  header.writeUInt8(
    flags.split("").reduce((sum, flag) => sum | (bits[flag] ?? 0), 0),
    13,
  );
  header.writeUInt16BE(window, 14);
  return packetOfGuest(6, Buffer.concat([header, Buffer.from(options, "hex"), Buffer.from(data, "latin1")]));
}
