import TinyQueue from "tinyqueue";

/** Something that a slot can begin. */
export interface Job {
  readonly pool: number;
  /** Its fair start: the lowest goes first. */
  start: number;
  isBegun: boolean;
}

interface Entry<Work> {
  readonly start: number;
  readonly order: number;
  readonly job: Work;
}

/**
 * The jobs of one pool. Each client has a clock, which its jobs advance: one that asks for a thousand layers at once waits
 * behind one that asks for two.
 */
export class JobQueue<Work extends Job> {
  readonly #isFair: boolean;
  readonly #clients = new Map<number, number>();
  readonly #entries = new TinyQueue<Entry<Work>>([], (a, b) => a.start - b.start || a.order - b.order);
  #clock = 0;
  #order = 0;

  constructor({ isFair }: { readonly isFair: boolean }) {
    this.#isFair = isFair;
  }

  /** When a job of a client should start that makes so many layers. */
  fairStart(client: number, layers: number): number {
    if (!this.#isFair) return this.#order;
    const start = Math.max(this.#clock, this.#clients.get(client) ?? 0);
    this.#clients.set(client, start + layers);
    return start;
  }

  add(job: Work): void {
    this.#entries.push({ start: job.start, order: this.#order++, job });
  }

  /** Moves a job that waits forward. */
  hasten(job: Work, start: number): void {
    if (job.isBegun || start >= job.start) return;
    job.start = start;
    this.add(job);
  }

  /** The next job; undefined if none waits. */
  take(): Work | undefined {
    for (;;) {
      const job = this.#entries.pop()?.job;
      if (!job) return undefined;
      if (job.isBegun) continue;
      job.isBegun = true;
      this.#clock = Math.max(this.#clock, job.start);
      return job;
    }
  }
}
