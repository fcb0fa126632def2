import { randomInt } from "node:crypto";
import type { Duplex } from "node:stream";
import { ObError } from "@ob/core";
import { type Arp, arpAnswer, arpRequest, readArp } from "./arp.ts";
import { dhcpAnswer } from "./dhcp.ts";
import {
  etherTypes,
  FrameReader,
  guestAddress,
  hostAddress,
  type Packet,
  protocols,
  readFrame,
  readPacket,
} from "./frames.ts";
import { LinkSocket } from "./link-socket.ts";
import { advance, flags, type NewSegment, readSegment, type Segment, writeSegment } from "./tcp-segment.ts";

/** The ports from which this process connects. */
const localPorts = { first: 49_152, end: 65_536 } as const;

/** How often the guest is looked for until it answers, in milliseconds. The longer it takes, the longer is the interval. */
const search = { every: 250, slower: 0.05, longest: 2_000 };

/** More is not kept for a guest that does not take it, in bytes. */
const maxWaiting = 1 << 20;

/** How many frames of the guest are answered of those that arrive together, apart from those of connections. */
const maxAnswers = 16;

/**
 * A network of one guest and this process, by QEMU's end of a socket netdev. Only this process can connect, and only to the guest: the guest
 * gets an address by DHCP, and everything else that it sends is dropped. Neither QEMU nor the host has anything of the host's network for that.
 */
export class GuestLink implements Disposable {
  /** Settles with what went wrong when QEMU sends what are not frames. Pending as long as it works. */
  readonly failed: Promise<ObError>;
  readonly #netdev: Duplex;
  readonly #reader = new FrameReader();
  /** By local port. */
  readonly #sockets = new Map<number, { readonly guestPort: number; readonly socket: LinkSocket }>();
  readonly #onFailed: (error: ObError) => void;
  #guestMac: Uint8Array | undefined;
  #search: NodeJS.Timeout | undefined;
  #searchedSince = 0;
  #answers = 0;

  constructor(netdev: Duplex) {
    const { promise, resolve } = Promise.withResolvers<ObError>();
    this.failed = promise;
    this.#onFailed = resolve;
    this.#netdev = netdev;
    netdev.on("data", (chunk: Buffer) => this.#take(chunk));
    netdev.on("drain", () => {
      for (const { socket } of this.#sockets.values()) socket.proceed();
    });
    netdev.once("close", () => this[Symbol.dispose]());
    netdev.on("error", () => undefined);
  }

  /** A connection to a TCP port of the guest: asked for as soon as the guest is there. */
  connect(guestPort: number): Duplex {
    const port = this.#freePort();
    const link = this.#netdev;
    const socket = new LinkSocket({
      get isFull() {
        return link.writableNeedDrain;
      },
      send: (segment) => this.#sendSegment({ ...segment, source: port, destination: guestPort }),
      closed: () => void this.#sockets.delete(port),
    });
    this.#sockets.set(port, { guestPort, socket });
    if (this.#guestMac) socket.open();
    else this.#startSearch();
    return socket;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#search);
    const error = Object.assign(new Error("the guest's network is gone"), { code: "ECONNRESET" });
    for (const { socket } of [...this.#sockets.values()]) socket.lose(error);
  }

  #take(chunk: Buffer): void {
    const frames = this.#reader.read(chunk);
    if (!frames) {
      this.#onFailed(new ObError("GUEST_LOST", "QEMU sent what is not a frame to the network."));
      this.#netdev.destroy();
      return;
    }
    this.#answers = 0;
    const touched = new Set<LinkSocket>();
    for (const bytes of frames) {
      const frame = readFrame(bytes);
      if (frame?.type === etherTypes.arp) this.#takeArp(readArp(frame.payload));
      else if (frame?.type === etherTypes.ipv4) {
        const socket = this.#takePacket(readPacket(frame.payload));
        if (socket) touched.add(socket);
      }
    }
    for (const socket of touched) socket.settle();
    // A guest that sends something may have its address now.
    if (this.#search && this.#answers === 0) this.#send(arpRequest());
  }

  #takeArp(arp: Arp | undefined): void {
    if (!arp) return;
    if (arp.address === guestAddress) this.#found(arp.mac);
    if (arp.asksForHost) this.#answer(arpAnswer(arp));
  }

  #found(mac: Uint8Array): void {
    this.#guestMac = mac;
    clearTimeout(this.#search);
    this.#search = undefined;
    for (const { socket } of [...this.#sockets.values()]) socket.open();
  }

  /** @returns the socket that it is for. */
  #takePacket(packet: Packet | undefined): LinkSocket | undefined {
    if (packet?.protocol === protocols.udp) {
      const answer = dhcpAnswer(packet.payload);
      if (answer) this.#answer(answer);
      return undefined;
    }
    if (packet?.protocol !== protocols.tcp || packet.destination !== hostAddress) return undefined;
    const segment = readSegment(packet.payload);
    if (!segment) return undefined;
    const known = this.#sockets.get(segment.destination);
    if (known?.guestPort !== segment.source) {
      this.#refuse(segment);
      return undefined;
    }
    known.socket.accept(segment);
    return known.socket;
  }

  /** A connection that is over; what the guest asks for itself is dropped. */
  #refuse(segment: Segment): void {
    if ((segment.flags & flags.ack) === 0 || (segment.flags & flags.reset) !== 0 || !this.#guestMac) return;
    this.#answer(
      writeSegment(this.#guestMac, {
        ...{ source: segment.destination, destination: segment.source, sequence: segment.acknowledged },
        ...{ acknowledged: advance(segment.sequence, 0), flags: flags.reset, window: 0 },
      }),
    );
  }

  #sendSegment(segment: NewSegment): void {
    if (this.#guestMac) this.#send(writeSegment(this.#guestMac, segment));
  }

  #answer(frame: Buffer): void {
    this.#answers += 1;
    if (this.#answers <= maxAnswers) this.#send(frame);
  }

  /** What a guest does not take is lost, as on any network. */
  #send(frame: Buffer): void {
    const netdev = this.#netdev;
    if (!netdev.writable || netdev.writableLength >= maxWaiting) return;
    if (netdev.writableCorked === 0) {
      // The frames of a turn are written together.
      netdev.cork();
      process.nextTick(() => netdev.uncork());
    }
    netdev.write(frame);
  }

  #startSearch(): void {
    if (this.#search) return;
    this.#searchedSince = performance.now();
    const ask = (): void => {
      this.#send(arpRequest());
      const time = search.every + search.slower * (performance.now() - this.#searchedSince);
      this.#search = setTimeout(ask, Math.min(search.longest, time)).unref();
    };
    ask();
  }

  #freePort(): number {
    for (;;) {
      const port = randomInt(localPorts.first, localPorts.end);
      if (!this.#sockets.has(port)) return port;
    }
  }
}
