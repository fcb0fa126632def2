import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { LoopbackFilter } from "./loopback-filter.ts";

const address4 = (text4: string): Buffer => Buffer.from(text4.split(".").map(Number));
/** @param hex the address without colons. */
const address6 = (hex: string): Buffer => Buffer.from(hex, "hex");

function ethernet(type: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(14, 0xff);
  header.writeUInt16BE(type, 12);
  return Buffer.concat([header, payload]);
}

function ipv4(destination: string, source = "10.0.2.15"): Buffer {
  return ethernet(0x0800, Buffer.concat([Buffer.alloc(12, 0x45), address4(source), address4(destination)]));
}

function ipv6(destination: string, source = `fe80${"0".repeat(27)}1`): Buffer {
  return ethernet(0x86dd, Buffer.concat([Buffer.alloc(8, 0x60), address6(source), address6(destination)]));
}

function framed(frame: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(frame.length);
  return Buffer.concat([length, frame]);
}

/** The bytes that pass, in hexadecimal, of bytes that come in chunks. */
async function filter(bytes: Buffer, chunk = bytes.length): Promise<string> {
  const through = new LoopbackFilter();
  for (let at = 0; at < bytes.length; at += chunk) through.write(bytes.subarray(at, at + chunk));
  through.end();
  return await text(through.setEncoding("hex"));
}

const zeros = (count: number): string => "0".repeat(count);
const dropped = {
  "127.0.0.1": ipv4("127.0.0.1"),
  "any address in 127.0.0.0/8": ipv4("127.200.3.4"),
  "0.0.0.0": ipv4("0.0.0.0"),
  "an answer from 127.0.0.1": ipv4("192.0.2.1", "127.0.0.1"),
  "::1": ipv6(`${zeros(31)}1`),
  "::": ipv6(zeros(32)),
  "::ffff:127.0.0.1": ipv6(`${zeros(20)}ffff7f000001`),
  "::127.0.0.1": ipv6(`${zeros(24)}7f000001`),
  "an answer from ::1": ipv6(`fd${zeros(29)}1`, `${zeros(31)}1`),
  "a VLAN": ethernet(0x8100, Buffer.concat([Buffer.from([0, 1, 8, 0]), ipv4("127.0.0.1").subarray(14)])),
  "half an IPv4 header": ipv4("192.0.2.1").subarray(0, 30),
  "half an IPv6 header": ipv6(`fd${zeros(29)}1`).subarray(0, 50),
  "half an Ethernet header": Buffer.alloc(13),
  nothing: Buffer.alloc(0),
} as const;
const passed = {
  "an outward address": ipv4("192.0.2.1"),
  "a request for an address": ipv4("255.255.255.255", "0.0.0.0"),
  "an outward IPv6 address": ipv6(`fd${zeros(29)}1`),
  "a router solicitation": ipv6(`ff02${zeros(27)}2`, zeros(32)),
  ARP: ethernet(0x0806, Buffer.alloc(28)),
} as const;

describe("the filter between a guest and passt", () => {
  it.each(Object.entries(dropped))("drops %s", async (_, frame) => {
    await expect(filter(framed(frame))).resolves.toBe("");
  });

  it.each(Object.entries(passed))("passes %s on", async (_, frame) => {
    await expect(filter(framed(frame))).resolves.toBe(framed(frame).toString("hex"));
  });

  it.each([1, 7, 64, 1000])("finds the frames in chunks of %i bytes", async (chunk) => {
    const [good, bad] = [Object.values(passed).map(framed), Object.values(dropped).map(framed)];
    const mixed = good.flatMap((frame, index) => [...bad.slice(index), frame, ...bad]);
    const expected = Buffer.concat(good).toString("hex");
    await expect(filter(Buffer.concat(mixed), chunk)).resolves.toBe(expected);
  });

  it("does not wait for a frame of an absurd length", async () => {
    await expect(filter(Buffer.from("ffffffff00", "hex"))).rejects.toMatchObject({ code: "GUEST_LOST" });
  });
});
