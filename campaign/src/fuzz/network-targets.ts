import * as fc from "fast-check";
import { readArp } from "../../../packages/qemu/src/network/link/arp.ts";
import { dhcpAnswer } from "../../../packages/qemu/src/network/link/dhcp.ts";
import {
  FrameReader,
  maxFrame,
  readFrame,
  readPacket,
} from "../../../packages/qemu/src/network/link/frames.ts";
import { Receiver } from "../../../packages/qemu/src/network/link/receiver.ts";
import { readSegment, writeSegment } from "../../../packages/qemu/src/network/link/tcp-segment.ts";
import { cuts, mutated, pieces } from "./mutated.ts";
import { type Target, target } from "./target.ts";

const mac = Buffer.from("525400123456", "hex");
const common = { source: 22, destination: 50_000, sequence: 2 ** 32 - 3, acknowledged: 7, window: 1000 };
const frames = [
  writeSegment(mac, { ...common, flags: 18, options: { maxSegment: 1460, windowScale: 7 } }),
  writeSegment(mac, { ...common, flags: 24, data: [Buffer.from("SSH-2.0-OpenSSH\r\n")] }),
];
const discover = Buffer.concat([
  Buffer.from("00440043010a0000", "hex"),
  Buffer.from("0101060012345678", "hex"),
  Buffer.alloc(228),
  Buffer.from("63825363", "hex"),
  Buffer.from("350101320400000000ff", "hex"),
]);
const asks = Buffer.concat([
  Buffer.from("0001080006040001", "hex"),
  mac,
  Buffer.from("0a00020f", "hex"),
  Buffer.alloc(6),
  Buffer.from("0a000202", "hex"),
]);

/** What a guest sends to the network that it has with this process. */
export const networkTargets: readonly Target[] = [
  target("frames of guests", fc.tuple(mutated([Buffer.concat(frames), ...frames]), cuts), ([all, at]) => {
    const through = (chunks: readonly Buffer[]): string => {
      const reader = new FrameReader();
      const found = chunks.map((chunk) => reader.read(chunk));
      // The rest of a stream with a wrong length is not read.
      const end = found.indexOf(undefined);
      const read = found.slice(0, end === -1 ? undefined : end).flatMap((each) => each ?? []);
      return end === -1 ? read.map((frame) => frame.toString("hex")).join(" ") : "wrong";
    };
    const [whole, cut] = [through([all]), through(pieces(all, at))];
    if (whole !== cut) throw new Error(`the frames ${whole} are read as ${cut}`);
    if (whole.length > 2 * maxFrame + 2 * all.length) throw new Error("there are more bytes than were sent");
    return whole !== "wrong" && whole !== "";
  }),
  target("packets of guests", mutated(frames.map((frame) => frame.subarray(4))), (bytes) => {
    const packet = readPacket(readFrame(bytes)?.payload ?? Buffer.alloc(0));
    const segment = packet && readSegment(packet.payload);
    if (segment === undefined) return false;
    const receiver = new Receiver();
    receiver.accept(segment, { ends: (segment.flags & 1) !== 0, room: 1 << 16 });
    if (receiver.take().length > bytes.length) throw new Error("there are more bytes than were sent");
    return true;
  }),
  target("questions for an address", mutated([discover]), (bytes) => {
    const answer = dhcpAnswer(bytes);
    if (answer !== undefined && answer.length > 512) throw new Error(`the answer has ${answer.length} bytes`);
    return answer !== undefined;
  }),
  target("questions for the host", mutated([asks]), (bytes) => readArp(bytes) !== undefined),
];
