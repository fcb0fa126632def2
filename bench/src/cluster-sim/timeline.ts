import TinyQueue from "tinyqueue";

interface Event {
  readonly time: number;
  readonly order: number;
  readonly run: () => void;
}

/** Simulated time in seconds, and what is to happen in it. What is at the same time happens in the order of its planning. */
export class Timeline {
  readonly #events = new TinyQueue<Event>([], (a, b) => a.time - b.time || a.order - b.order);
  #now = 0;
  #order = 0;

  get now(): number {
    return this.#now;
  }

  at(time: number, run: () => void): void {
    this.#events.push({ time: Math.max(time, this.#now), order: this.#order++, run });
  }

  after(delay: number, run: () => void): void {
    this.at(this.#now + delay, run);
  }

  /** Until nothing is left, or `isOver`. */
  run(isOver: () => boolean): void {
    while (!isOver()) {
      const event = this.#events.pop();
      if (!event) return;
      this.#now = event.time;
      event.run();
    }
  }
}

/** Something that serves one request after the other: a network interface, a registry, a Redis server. */
export class Server {
  #free = 0;

  /** @returns when a request of `seconds` that arrives `now` is served. */
  serve(now: number, seconds: number): number {
    this.#free = Math.max(now, this.#free) + seconds;
    return this.#free;
  }
}
