import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  arpOfGuest,
  guestMac,
  packetOfGuest,
  scriptedGuest,
  type ScriptedGuest,
  segmentOfGuest,
} from "../../testing/scripted-guest.ts";
import { dhcpAnswer } from "./dhcp.ts";
import { checksum, pseudoHeaderSum, readFrame, readPacket } from "./frames.ts";

let guest: ScriptedGuest;
beforeEach(() => {
  guest = scriptedGuest();
});
afterEach(() => guest[Symbol.dispose]());

/** A DHCP message of a guest, in its UDP packet. @param options in hexadecimal. */
function dhcp(options: string): Buffer {
  const message = Buffer.alloc(240);
  message.set([1, 1, 6, 0, 0xca, 0xfe, 0xba, 0xbe]);
  message.set(guestMac, 28);
  message.writeUInt32BE(0x63_82_53_63, 236);
  const body = Buffer.concat([message, Buffer.from(options, "hex")]);
  const header = Buffer.alloc(8);
  header.writeUInt16BE(68, 0);
  header.writeUInt16BE(67, 2);
  header.writeUInt16BE(8 + body.length, 4);
  return Buffer.concat([header, body]);
}

/** What an answer offers: its address, and its options in hexadecimal. */
function offered(answer: Buffer | undefined) {
  const packet = readPacket(readFrame((answer ?? Buffer.alloc(0)).subarray(4))?.payload ?? Buffer.alloc(0));
  const message = packet?.payload.subarray(8);
  return {
    number: message?.subarray(4, 8).toString("hex"),
    address: message && [...message.subarray(16, 20)].join("."),
    options: message?.subarray(240).toString("hex").replace(/ff0*$/, ""),
  };
}

describe("the network of a guest and this process", () => {
  it("looks for the guest, and asks for connections when it answers: not for those that were given up", async () => {
    const [given, kept] = [guest.link.connect(22), guest.link.connect(22)];
    const [question] = await guest.arrived();
    expect(question?.toString("hex")).toMatch(/^ffffffffffff52550a000202080600010800060400010{0}/);
    expect(question?.subarray(38).toString("hex")).toBe("0a00020f");
    given.destroy();
    await guest.send(arpOfGuest());
    const asked = await guest.segments();
    expect(asked).toMatchObject([{ destination: 22, flags: 2, maxSegment: 1460 }]);
    kept.destroy();
  });

  it("answers who asks for its address, and nothing else that the guest sends by itself", async () => {
    await guest.send(arpOfGuest(1));
    const [answer, ...more] = await guest.arrived();
    expect(more).toEqual([]);
    expect(answer?.toString("hex")).toContain("000252550a0002020a0002025254001234560a00020f");
    const echo = packetOfGuest(1, Buffer.from("0800f7ff00000000", "hex"));
    const name = packetOfGuest(17, Buffer.from("c0000035000c00004f420100", "hex"), "0a000203");
    const syn = segmentOfGuest({ to: 111, sequence: 1, flags: "S" });
    const away = packetOfGuest(6, Buffer.alloc(20), "01010101");
    await guest.send(echo, name, syn, away);
    await expect(guest.arrived()).resolves.toEqual([]);
  });

  it("ends connections that it does not know, such as those of an earlier link", async () => {
    await guest.send(arpOfGuest(), segmentOfGuest({ to: 50_000, sequence: 5, acknowledged: 77, flags: "A" }));
    await expect(guest.segments()).resolves.toMatchObject([{ flags: 4, sequence: 77, source: 50_000 }]);
    await guest.send(segmentOfGuest({ to: 50_000, sequence: 5, flags: "RA" }));
    await expect(guest.segments()).resolves.toEqual([]);
  });

  it("answers a few of many questions that come at once", async () => {
    await guest.send(...Array.from({ length: 5_000 }, () => arpOfGuest(1)));
    expect((await guest.arrived()).length).toBeLessThan(40);
  });

  it("ends with its netdev, and all connections with it", async () => {
    const socket = guest.link.connect(22);
    const failed = once(socket, "error");
    guest.netdev.destroy();
    await expect(failed).resolves.toMatchObject([{ code: "ECONNRESET" }]);
  });

  it("fails by what is not a frame", async () => {
    await guest.send(Buffer.alloc(1 << 18));
    await expect(guest.link.failed).resolves.toMatchObject({ code: "GUEST_LOST" });
  });

  it("survives any frames, and answers with whole ones", async () => {
    const socket = guest.link.connect(22);
    socket.on("error", () => undefined);
    await guest.send(arpOfGuest());
    const [syn] = await guest.segments();
    const to = syn?.source ?? 0;
    const any = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes));
    const cut = fc
      .tuple(fc.constantFrom(arpOfGuest(1), packetOfGuest(17, dhcp("350101ff"))), fc.nat(320))
      .map(([frame, length]) => frame.subarray(0, length));
    const segment = fc.tuple(any, fc.nat(31), fc.nat(15)).map(([bytes, flags, header]) => {
      const head = Buffer.alloc(20);
      head.writeUInt16BE(22, 0);
      head.writeUInt16BE(to, 2);
      head.set([header << 4, flags], 12);
      return packetOfGuest(6, Buffer.concat([head, bytes]));
    });
    const frames = fc.array(fc.oneof(any, cut, segment), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(frames, async (sent) => {
        await guest.send(...sent);
        for (const frame of await guest.arrived()) expect(readFrame(frame)).toBeDefined();
      }),
    );
  });
});

describe("DHCP", () => {
  it("offers the guest its address, and neither a gateway nor a name server", () => {
    const { number, address, options } = offered(dhcpAnswer(dhcp("350101ff")));
    expect({ number, address }).toEqual({ number: "cafebabe", address: "10.0.2.15" });
    expect(options).toBe("35010236040a0002023304000151800104ffffff00");
  });

  it.each([
    ["35010332040a00020f", "10.0.2.15", "350105"],
    ["350103", "10.0.2.15", "350105"],
    ["3501033204c0a80001", "0.0.0.0", "350106"],
    ["350108", "10.0.2.15", "350105"],
    ["", "10.0.2.15", "330400015180"],
  ])("answers options %s with %s", (options, address, kind) => {
    const answer = offered(dhcpAnswer(dhcp(`${options}ff`)));
    expect(answer.address).toBe(address);
    expect(answer.options).toMatch(new RegExp(`^${kind}`));
  });

  it.each(["350104ff", "350107ff"])("does not answer options %s", (options) => {
    expect(dhcpAnswer(dhcp(options))).toBeUndefined();
  });

  it("has right checksums", () => {
    const packet = dhcpAnswer(dhcp("350101ff"))?.subarray(4 + 14) ?? Buffer.alloc(0);
    expect(checksum(packet.subarray(0, 20))).toBe(0);
    const udp = packet.subarray(20);
    expect(checksum(udp, pseudoHeaderSum(0xff_ff_ff_ff, 17, udp.length))).toBe(0);
  });
});

describe("the Internet checksum", () => {
  it("is that of RFC 1071's example, of even and odd lengths", () => {
    expect(checksum(Buffer.from("0001f203f4f5f6f7", "hex"))).toBe(~0xdd_f2 & 0xff_ff);
    expect(checksum(Buffer.from("000102", "hex"))).toBe(~0x02_01 & 0xff_ff);
    expect(checksum(Buffer.alloc(1 << 17, 0xff))).toBe(0);
  });
});

it("reads a stream of a connection to its end", async () => {
  const socket = guest.link.connect(22);
  await guest.send(arpOfGuest());
  const [syn] = await guest.segments();
  const { source: to = 0, sequence = 0 } = syn ?? {};
  const acknowledged = sequence + 1;
  await guest.send(segmentOfGuest({ to, sequence: 100, acknowledged, flags: "SA" }));
  await guest.send(
    segmentOfGuest({ to, sequence: 101, acknowledged, flags: "A", data: "one " }),
    segmentOfGuest({ to, sequence: 105, acknowledged, flags: "FPA", data: "two" }),
  );
  expect((await buffer(socket)).toString()).toBe("one two");
});
