import { randomInt } from "node:crypto";
import { Duplex } from "node:stream";
import { Receiver } from "./receiver.ts";
import { ResendTimer } from "./resend-timer.ts";
import { SendQueue } from "./send-queue.ts";
import { advance, distance, flags, type NewSegment, type Segment } from "./tcp-segment.ts";
import type { Wire } from "./wire.ts";

/** What Ethernet carries, in bytes. */
const maxSegment = 1460;
/** How much the guest may send before it is read, in bytes, and the scale of the window in which it is told so. */
const receiveLimit = 1 << 18;
const receiveScale = 3;
/** More is not taken from a writer before the guest has acknowledged some, in bytes. */
const sendLimit = 1 << 18;
type State = "new" | "asked" | "open" | "closed";

/**
 * A TCP connection to a guest, as its client (RFC 9293). Behaves as a socket of node:net. What arrives out of order is left to the guest
 * to send again: on a link without losses that does not happen.
 */
export class LinkSocket extends Duplex {
  readonly #wire: Wire;
  readonly #queue = new SendQueue();
  readonly #receiver = new Receiver();
  readonly #timer = new ResendTimer(() => this.#sendAgain());
  #state: State = "new";
  /** The first number that is not acknowledged, and the next to be sent. */
  #unacknowledged = randomInt(2 ** 32 - 1);
  #next = this.#unacknowledged;
  #window = 0;
  #windowScale = 0;
  #segmentSize = maxSegment;
  /** The window that the guest was told last. */
  #offered = receiveLimit;
  #canScale = false;
  #hasSaidEnd = false;
  #end: "open" | "wanted" | "sent" | "acknowledged" = "open";
  #owesAnswer = false;
  #onRoom: (() => void) | undefined;
  #onEnded: (() => void) | undefined;

  constructor(wire: Wire) {
    super({ allowHalfOpen: false, readableHighWaterMark: 65_536, writableHighWaterMark: 65_536 });
    this.#wire = wire;
  }

  /** Asks the guest for the connection. */
  open(): void {
    if (this.#state !== "new") return;
    this.#state = "asked";
    this.#next = advance(this.#unacknowledged, 1);
    this.#ask();
    this.#timer.start();
  }

  /** Takes a segment of the guest; `settle` follows after all that have arrived. */
  accept(segment: Segment): void {
    const isSet = (flag: number): boolean => (segment.flags & flag) !== 0;
    if (this.#state === "asked") return this.#takeAnswer(segment);
    if (this.#state !== "open") return;
    if (isSet(flags.reset)) {
      const ahead = distance(this.#receiver.next, segment.sequence);
      if (ahead >= 0 && ahead <= receiveLimit) this.#fail("ECONNRESET", "reset");
      return;
    }
    if (!isSet(flags.ack) || isSet(flags.syn)) {
      this.#owesAnswer = true;
      return;
    }
    this.#acknowledge(segment);
    // At once, and each by itself: from that the guest knows that one is missing.
    if (this.#receiver.misses(segment)) this.#send({ flags: flags.ack });
    const rest = { ends: isSet(flags.fin), room: this.#room() };
    if (this.#receiver.accept(segment, rest)) this.#owesAnswer = true;
  }

  /** Passes on what has arrived, and answers. */
  settle(): void {
    if (this.#receiver.length > 0) this.push(this.#receiver.take());
    if (this.#receiver.hasEnded && !this.#hasSaidEnd) {
      this.#hasSaidEnd = true;
      this.push(null);
    }
    this.proceed();
    if (this.#owesAnswer && this.#state === "open") this.#send({ flags: flags.ack });
  }

  /** Sends what the guest has room for. */
  proceed(): void {
    if (this.#state !== "open") return;
    while (!this.#wire.isFull && this.#end !== "sent") {
      const sent = this.#inFlight();
      const unsent = this.#queue.length - sent;
      const size = Math.min(unsent, this.#window - sent, this.#segmentSize);
      // Rather a full segment later than a small one now, if the guest is about to make room.
      if (size <= 0 || (size < unsent && size < this.#segmentSize && sent > 0)) break;
      this.#sendData(sent, size);
    }
    if (this.#end === "wanted" && this.#inFlight() === this.#queue.length && !this.#wire.isFull) {
      this.#end = "sent";
      this.#send({ flags: flags.ack | flags.fin });
      this.#next = advance(this.#next, 1);
    }
    if (this.#isWaiting()) this.#timer.start();
  }

  /** The connection cannot go on. */
  lose(error: Error): void {
    this.#close();
    this.destroy(error);
  }

  override _read(): void {
    // There is room when what is read now has been taken.
    process.nextTick(() => {
      const wasLittle = this.#offered < receiveLimit / 2;
      if (this.#state === "open" && wasLittle && this.#room() > this.#offered)
        this.#send({ flags: flags.ack });
    });
  }

  override _writev(chunks: { readonly chunk: Uint8Array }[], done: () => void): void {
    for (const { chunk } of chunks) this.#queue.add(chunk);
    this.proceed();
    if (this.#queue.length < sendLimit) done();
    else this.#onRoom = done;
  }

  override _final(done: () => void): void {
    this.#end = "wanted";
    this.#onEnded = done;
    this.proceed();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const isOver = this.#end === "acknowledged" && this.#receiver.hasEnded;
    const isKnown = this.#state === "asked" || this.#state === "open";
    if (isKnown && !isOver) this.#send({ flags: flags.reset | flags.ack });
    this.#close();
    done(error);
  }

  #takeAnswer(segment: Segment): void {
    const isAnswer = segment.acknowledged === this.#next && (segment.flags & flags.ack) !== 0;
    if (!isAnswer) return;
    if ((segment.flags & flags.reset) !== 0) return this.#fail("ECONNREFUSED", "refused");
    if ((segment.flags & flags.syn) === 0) return;
    this.#state = "open";
    this.#unacknowledged = this.#next;
    this.#receiver.next = advance(segment.sequence, 1);
    this.#segmentSize = Math.min(maxSegment, Math.max(1, segment.maxSegment ?? 536));
    this.#windowScale = segment.windowScale ?? 0;
    this.#canScale = segment.windowScale !== undefined;
    this.#window = segment.window;
    this.#owesAnswer = true;
    this.#timer.stop();
    this.emit("connect");
  }

  #acknowledge({ acknowledged, window }: Segment): void {
    const bytes = distance(this.#unacknowledged, acknowledged);
    if (distance(acknowledged, this.#next) < 0) {
      // Of what was never sent.
      this.#owesAnswer = true;
      return;
    }
    this.#window = window << this.#windowScale;
    if (bytes <= 0) return;
    const data = Math.min(bytes, this.#queue.length);
    this.#queue.drop(data);
    this.#unacknowledged = acknowledged;
    this.#timer.stop();
    if (bytes > data) {
      this.#end = "acknowledged";
      this.#onEnded?.();
    }
    if (this.#onRoom && this.#queue.length < sendLimit) {
      const go = this.#onRoom;
      this.#onRoom = undefined;
      go();
    }
  }

  /** How much more the guest may send, in bytes. */
  #room(): number {
    return Math.max(0, receiveLimit - this.readableLength - this.#receiver.length);
  }

  #inFlight(): number {
    return distance(this.#unacknowledged, this.#next);
  }

  /** True if the guest has something to acknowledge, or to make room for. */
  #isWaiting(): boolean {
    return this.#inFlight() > 0 || this.#queue.length > 0 || this.#end === "wanted";
  }

  #ask(): void {
    this.#wire.send({
      ...{ sequence: this.#unacknowledged, acknowledged: 0, flags: flags.syn, window: 0xff_ff },
      options: { maxSegment, windowScale: receiveScale },
    });
  }

  /** Sends bytes of the queue, and counts those that were not sent before. */
  #sendData(offset: number, size: number): void {
    const sequence = advance(this.#unacknowledged, offset);
    this.#send({
      sequence,
      flags: flags.ack | flags.push,
      data: this.#queue.slice(offset, size),
    });
    const end = advance(sequence, size);
    if (distance(this.#next, end) > 0) this.#next = end;
  }

  #send({
    sequence = this.#next,
    ...segment
  }: Pick<NewSegment, "flags" | "data"> & { sequence?: number }): void {
    this.#offered = this.#room();
    this.#owesAnswer = false;
    const scale = this.#canScale ? receiveScale : 0;
    const window = Math.min(0xff_ff, this.#offered >> scale);
    this.#wire.send({ ...segment, sequence, acknowledged: this.#receiver.next, window });
  }

  /** The first that the guest has not acknowledged; a byte for which it has no room asks whether it has. */
  #sendAgain(): void {
    const size = Math.min(this.#segmentSize, this.#queue.length, Math.max(1, this.#window));
    if (this.#wire.isFull) return;
    if (this.#state === "asked") this.#ask();
    else if (size > 0) this.#sendData(0, size);
    else if (this.#end === "sent") {
      this.#send({ sequence: this.#unacknowledged, flags: flags.ack | flags.fin });
    }
  }

  #fail(code: string, what: string): void {
    this.lose(Object.assign(new Error(`the guest ${what} the connection`), { code }));
  }

  #close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#timer.stop();
    this.#wire.closed();
  }
}
