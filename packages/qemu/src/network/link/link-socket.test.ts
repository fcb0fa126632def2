import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { Duplex } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { findProgram } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  arpOfGuest,
  type GuestSegment,
  scriptedGuest,
  type ScriptedGuest,
  segmentOfGuest,
} from "../../testing/scripted-guest.ts";
import { GuestLink } from "./guest-link.ts";

/** A connection that the guest has accepted. */
interface Connected {
  readonly socket: Duplex;
  /** What the guest expects next of this process. */
  readonly expects: number;
  /** Sends a segment; its number counts from the first byte of the guest. */
  say(segment: Partial<GuestSegment>): Promise<void>;
}

let guest: ScriptedGuest;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  guest = scriptedGuest();
});
afterEach(() => {
  guest[Symbol.dispose]();
  vi.useRealTimers();
});

/** @param options such as the scale of its window. */
async function connected(window = 0xff_ff, options = "020405b4"): Promise<Connected> {
  const socket = guest.link.connect(22);
  socket.on("error", () => undefined);
  await guest.send(arpOfGuest());
  const [syn] = await guest.segments();
  const { source: to = 0, sequence = 0 } = syn ?? {};
  const expects = (sequence + 1) >>> 0;
  await guest.send(
    segmentOfGuest({ to, sequence: 999, acknowledged: expects, flags: "SA", window, options }),
  );
  await expect(guest.segments()).resolves.toMatchObject([{ flags: 16, acknowledged: 1000 }]);
  return {
    socket,
    expects,
    say: async ({ sequence: at = 0, ...segment }) =>
      await guest.send(
        segmentOfGuest({ to, sequence: 1000 + at, acknowledged: expects, flags: "A", window, ...segment }),
      ),
  };
}

const dataOf = (segments: Awaited<ReturnType<ScriptedGuest["segments"]>>): readonly string[] =>
  segments.map(({ data }) => data.toString("latin1")).filter((data) => data !== "");

describe("a connection to a guest", () => {
  it("is asked for again until the guest answers, and refused if it refuses", async () => {
    const socket = guest.link.connect(22);
    const failed = once(socket, "error");
    await guest.send(arpOfGuest());
    const [syn] = await guest.segments();
    vi.advanceTimersByTime(250);
    await expect(guest.segments()).resolves.toMatchObject([{ flags: 2, sequence: syn?.sequence }]);
    const { source: to = 0, sequence = 0 } = syn ?? {};
    await guest.send(segmentOfGuest({ to, sequence: 0, acknowledged: sequence + 1, flags: "RA" }));
    await expect(failed).resolves.toMatchObject([{ code: "ECONNREFUSED" }]);
  });

  it("sends again what the guest does not acknowledge, the first segment only", async () => {
    const { socket, expects, say } = await connected();
    socket.write("x".repeat(3_000));
    expect(dataOf(await guest.segments()).map(({ length }) => length)).toEqual([1460, 1460, 80]);
    vi.advanceTimersByTime(250);
    await expect(guest.segments()).resolves.toMatchObject([{ sequence: expects, data: { length: 1460 } }]);
    vi.advanceTimersByTime(250);
    await expect(guest.segments()).resolves.toEqual([]);
    vi.advanceTimersByTime(250);
    await expect(guest.segments()).resolves.toHaveLength(1);
    await say({ acknowledged: expects + 3_000 });
    vi.advanceTimersByTime(60_000);
    await expect(guest.segments()).resolves.toEqual([]);
  });

  it("sends no more than the guest has room for, in the size and the scale that it asks for", async () => {
    const { socket, expects, say } = await connected(50, "020403e801030301");
    socket.write("x".repeat(2_500));
    // The window of the first segment is not scaled.
    expect(dataOf(await guest.segments()).map(({ length }) => length)).toEqual([50]);
    await say({ acknowledged: expects + 50, window: 750 });
    expect(dataOf(await guest.segments()).map(({ length }) => length)).toEqual([1000]);
    await say({ acknowledged: expects + 1050, window: 1000 });
    expect(dataOf(await guest.segments()).map(({ length }) => length)).toEqual([1000, 450]);
  });

  it("asks a guest without room whether it has some, and goes on when it has", async () => {
    const { socket, expects, say } = await connected(0);
    socket.write("hello");
    expect(dataOf(await guest.segments())).toEqual([]);
    vi.advanceTimersByTime(250);
    expect(dataOf(await guest.segments())).toEqual(["h"]);
    await say({ acknowledged: expects, window: 0 });
    vi.advanceTimersByTime(500);
    expect(dataOf(await guest.segments())).toEqual(["h"]);
    await say({ acknowledged: expects + 1, window: 100 });
    expect(dataOf(await guest.segments())).toEqual(["ello"]);
  });

  it("takes the guest's bytes in order and once, and says what it waits for", async () => {
    const { socket, say } = await connected();
    await say({ sequence: 4, data: "late" });
    await say({ sequence: 8, data: "later" });
    await expect(guest.segments()).resolves.toMatchObject([{ acknowledged: 1000 }, { acknowledged: 1000 }]);
    await say({ data: "abcd" });
    await say({ data: "abcdefgh" });
    await expect(guest.segments()).resolves.toMatchObject([{ acknowledged: 1004 }, { acknowledged: 1008 }]);
    await say({ sequence: 8, flags: "FA" });
    await expect(text(socket)).resolves.toBe("abcdefgh");
  });

  it("keeps a bounded part for a reader that does not read, and tells the guest when it reads again", async () => {
    const { socket, say } = await connected();
    const piece = "x".repeat(1_000);
    for (let at = 0; at < 400; at++) await say({ sequence: at * 1_000, data: piece });
    const seen = await guest.segments();
    const last = seen.at(-1);
    expect(socket.readableLength).toBeLessThanOrEqual(1 << 18);
    expect(last).toMatchObject({ acknowledged: 1000 + socket.readableLength, window: 0 });
    const taken = socket.readableLength;
    socket.read(taken);
    const [again] = await guest.segments();
    expect(again?.window).toBeGreaterThan(8_192);
    await say({ sequence: taken, data: "more" });
    expect(String(socket.read())).toBe("more");
  });

  it("takes no more of its writer than it may keep, until the guest has acknowledged it", async () => {
    const { socket, expects, say } = await connected(0xff_ff);
    let taken = 0;
    for (let count = 0; count < 64; count++) socket.write("x".repeat(16_384), () => (taken += 16_384));
    const first = dataOf(await guest.segments()).join("").length;
    expect(socket.writableNeedDrain).toBe(true);
    expect(taken).toBeLessThan(1 << 20);
    for (let end = first; end < 1 << 20;) {
      await say({ acknowledged: expects + end });
      end += dataOf(await guest.segments()).join("").length;
    }
    expect(taken).toBe(1 << 20);
  });

  it("ends when both sides have said all, whichever is first", async () => {
    const { socket, expects, say } = await connected();
    socket.end("bye");
    await expect(guest.segments()).resolves.toMatchObject([{ data: { length: 3 } }, { flags: 17 }]);
    await say({ acknowledged: expects + 4 });
    await say({ acknowledged: expects + 4, flags: "FA" });
    socket.resume();
    await once(socket, "close");
    const sent = await guest.segments();
    expect(sent.map((segment) => segment.flags)).toEqual([16]);
  });

  it("that is given up is reset, and one that the guest resets is an error", async () => {
    const one = await connected();
    one.socket.destroy();
    await expect(guest.segments()).resolves.toMatchObject([{ flags: 20 }]);
    const other = await connected();
    const failed = once(other.socket, "error");
    await other.say({ sequence: -1, flags: "RA" });
    await other.say({ flags: "RA" });
    await expect(failed).resolves.toMatchObject([{ code: "ECONNRESET" }]);
  });
});

/** QEMU's own TCP, in place of a guest's: it passes connections on to 127.0.0.1. */
const hubOptions = [
  ...["-machine", "none", "-nodefaults", "-display", "none"],
  ...["-netdev", "user,id=a,host=10.0.2.15,dhcpstart=10.0.2.20,dns=10.0.2.3", "-netdev", "socket,id=b,fd=3"],
  ...["-netdev", "hubport,hubid=0,id=c,netdev=a", "-netdev", "hubport,hubid=0,id=d,netdev=b"],
];

describe.skipIf((await findProgram("qemu-system-x86_64")) === undefined)("with another TCP", () => {
  it("what is sent arrives, in both directions at once", async () => {
    vi.useRealTimers();
    const [up, down] = [randomBytes(300_001), randomBytes(300_001)];
    let received: Promise<Buffer> | undefined;
    await using server = createServer({ allowHalfOpen: true }, (socket) => {
      received = buffer(socket);
      socket.end(down);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const qemu = spawn("qemu-system-x86_64", hubOptions, { stdio: ["ignore", "ignore", "ignore", "pipe"] });
    try {
      const netdev = qemu.stdio[3];
      if (!(netdev instanceof Duplex)) throw new TypeError("no netdev");
      using link = new GuestLink(netdev);
      const socket = link.connect((server.address() as AddressInfo).port);
      socket.write(up);
      const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
      expect(digest(await buffer(socket))).toBe(digest(down));
      expect(digest((await received) ?? Buffer.alloc(0))).toBe(digest(up));
    } finally {
      qemu.kill("SIGKILL");
    }
  });
});
