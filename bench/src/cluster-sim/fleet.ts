import { type Job, JobQueue } from "./job-queue.ts";
import type { Parameters } from "./parameters.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";
import { Worker } from "./worker.ts";

export interface FleetOptions<Work extends Job> {
  readonly parameters: Parameters;
  readonly timeline: Timeline;
  readonly random: Random;
  /** How many workers each pool has. */
  readonly workers: readonly number[];
  readonly isFair: boolean;
  readonly begin: (job: Work, worker: Worker) => void;
}

interface Pool<Work extends Job> {
  readonly queue: JobQueue<Work>;
  /** Slots that are free, each by its worker and the life in which it became free. */
  readonly free: { readonly worker: Worker; readonly life: number }[];
}

/** The workers, the jobs that wait for them, and the workers' deaths. */
export class Fleet<Work extends Job> {
  deaths = 0;
  readonly #options: FleetOptions<Work>;
  readonly #workers: readonly Worker[];
  readonly #pools: readonly Pool<Work>[];

  constructor(options: FleetOptions<Work>) {
    this.#options = options;
    const { parameters, workers, isFair } = options;
    this.#pools = workers.map(() => ({ queue: new JobQueue<Work>({ isFair }), free: [] }));
    this.#workers = workers.flatMap((count, pool) =>
      Array.from({ length: count }, () => new Worker(pool, parameters)),
    );
    for (const worker of this.#workers) this.#start(worker);
    this.#planFailure();
  }

  queue(pool: number): JobQueue<Work> {
    return this.#pool(pool).queue;
  }

  add(job: Work): void {
    this.queue(job.pool).add(job);
    this.#dispatch(job.pool);
  }

  /** A slot is free, if its worker has not died meanwhile. */
  release(worker: Worker, life: number): void {
    if (worker.life !== life) return;
    this.#pool(worker.pool).free.push({ worker, life });
    this.#dispatch(worker.pool);
  }

  #pool(index: number): Pool<Work> {
    const pool = this.#pools[index];
    if (!pool) throw new RangeError(`there is no pool ${index}`);
    return pool;
  }

  #dispatch(index: number): void {
    const { queue, free } = this.#pool(index);
    while (free.length > 0) {
      const slot = this.#options.random.index(free.length);
      const chosen = free[slot];
      if (chosen?.worker.life === chosen?.life && chosen !== undefined) {
        const job = queue.take();
        if (!job) return;
        remove(free, slot);
        this.#options.begin(job, chosen.worker);
      } else remove(free, slot);
    }
  }

  #start(worker: Worker): void {
    worker.isUp = true;
    const { free } = this.#pool(worker.pool);
    for (let slot = 0; slot < this.#options.parameters.workers.slots; slot++) {
      free.push({ worker, life: worker.life });
    }
  }

  #planFailure(): void {
    const { parameters, random, timeline } = this.#options;
    const { meanTimeToFailure } = parameters.workers;
    if (!Number.isFinite(meanTimeToFailure)) return;
    timeline.after(random.exponential(meanTimeToFailure / this.#workers.length), () => {
      const worker = this.#workers[random.index(this.#workers.length)];
      if (worker?.isUp) this.#fail(worker);
      this.#planFailure();
    });
  }

  /** A worker dies, or freezes: then all that it does is refused when it comes back. */
  #fail(worker: Worker): void {
    const { parameters, random, timeline } = this.#options;
    const { frozenShare, frozen, restart } = parameters.workers;
    this.deaths++;
    worker.isUp = false;
    worker.life++;
    const lost = [...worker.running];
    worker.running.clear();
    for (const { onLost } of lost) onLost();
    timeline.after(random.uniform() < frozenShare ? frozen : restart, () => {
      this.#start(worker);
      this.#dispatch(worker.pool);
    });
  }
}

/** Removes an element; the last takes its place. */
function remove(list: unknown[], index: number): void {
  const last = list.pop();
  if (last !== undefined && index < list.length) list[index] = last;
}
