import { abortable, cancelledError, errorMessage } from "@ob/core";

export interface WarmPoolOptions<Point, Warm extends AsyncDisposable> {
  /** At most how many VMs are kept ready. */
  readonly count: number;
  /** How many VMs there may be at a time, those that run steps included. */
  readonly limit: number;
  /** After how long a VM that nobody takes is ended, in milliseconds. */
  readonly idleMs: number;
  /** Points with the same key are the same. */
  readonly keyOf: (point: Point) => string;
  readonly start: (point: Point, signal: AbortSignal) => Promise<Warm>;
  /** Fires when a VM has ended by itself. */
  readonly endOf: (warm: Warm) => AbortSignal;
  readonly log: (text: string) => void;
}

/** The right to run one VM. Disposing gives it back; the VM that comes with it is its user's to dispose of. */
export interface VmLease<Warm> extends Disposable {
  /** A VM that was kept ready for this point; undefined if there is none. */
  readonly vm: Warm | undefined;
}

interface Entry<Point, Warm> {
  readonly point: Point;
  /** Undefined if it could not be started. Never rejects. */
  readonly vm: Promise<Warm | undefined>;
  /** Ends its start. */
  readonly stop: AbortController;
  /** What is to be undone when it is taken, or ended. */
  readonly watch: DisposableStack;
}

/**
 * VMs that are kept ready. They are for what the last steps that needed a new VM have started from, as many of the last of these as
 * there is room for: a VM that runs a step comes first.
 */
export class WarmPool<Point, Warm extends AsyncDisposable> implements AsyncDisposable {
  readonly #options: WarmPoolOptions<Point, Warm>;
  /** What the last steps have started from, the last one at the end. */
  readonly #recent: Point[] = [];
  readonly #entries = new Set<Entry<Point, Warm>>();
  readonly #endings = new Set<Promise<void>>();
  #used = 0;
  #closed = false;

  constructor(options: WarmPoolOptions<Point, Warm>) {
    this.#options = options;
  }

  /** How many VMs are ready, or being started. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Makes room for a VM: as many as there are too many are ended before this resolves.
   *
   * @param point what it starts from; undefined if no VM can be ready for that.
   * @throws the signal's reason.
   */
  async admit(point: Point | undefined, signal: AbortSignal): Promise<VmLease<Warm>> {
    this.#used++;
    const entry = point === undefined ? undefined : this.#take(point);
    if (point !== undefined) this.#remember(point);
    this.#balance();
    let isFree = false;
    const release = (): void => {
      if (isFree) return;
      isFree = true;
      this.#used--;
      this.#balance();
    };
    try {
      await abortable(this.#ended(), signal);
      // One that is being started is there sooner than another one.
      const vm = entry && (await abortable(entry.vm, signal));
      return { vm, [Symbol.dispose]: release };
    } catch (error) {
      if (entry) this.#end(entry);
      release();
      throw error;
    }
  }

  /** Ends all VMs that are ready, and keeps none from now on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#balance();
    await this.#ended();
  }

  #take(point: Point): Entry<Point, Warm> | undefined {
    const { keyOf } = this.#options;
    const key = keyOf(point);
    const entry = [...this.#entries].find((each) => keyOf(each.point) === key);
    if (entry) this.#remove(entry);
    return entry;
  }

  #remember(point: Point): void {
    this.#recent.push(point);
    if (this.#recent.length > this.#options.count) this.#recent.shift();
  }

  /** No VM is kept for a point until a step starts from it again. */
  #forget(point: Point): void {
    const { keyOf } = this.#options;
    const kept = this.#recent.filter((each) => keyOf(each) !== keyOf(point));
    this.#recent.splice(0, this.#recent.length, ...kept);
  }

  /** Starts the VMs that are missing, and ends those that are too many. */
  #balance(): void {
    const { keyOf, limit } = this.#options;
    const room = this.#closed ? 0 : Math.max(0, limit - this.#used);
    const wanted = room === 0 ? [] : this.#recent.slice(-room);
    const surplus = new Set(this.#entries);
    const missing = wanted.filter((point) => {
      const found = [...surplus].find((entry) => keyOf(entry.point) === keyOf(point));
      if (found) surplus.delete(found);
      return !found;
    });
    for (const entry of surplus) this.#end(entry);
    for (const point of missing) this.#start(point);
  }

  #start(point: Point): void {
    const stop = new AbortController();
    const watch = new DisposableStack();
    const entry = { point, stop, watch, vm: this.#tryStart(point, stop.signal) };
    this.#entries.add(entry);
    void this.#watch(entry);
  }

  async #tryStart(point: Point, signal: AbortSignal): Promise<Warm | undefined> {
    const { start, log } = this.#options;
    try {
      // A VM that is ended now has its memory until then.
      await this.#ended();
      return await start(point, signal);
    } catch (error) {
      if (!signal.aborted) log(`no VM is kept ready: ${errorMessage(error)}`);
      return undefined;
    }
  }

  async #watch(entry: Entry<Point, Warm>): Promise<void> {
    const { endOf, idleMs, log } = this.#options;
    const vm = await entry.vm;
    if (!this.#entries.has(entry)) return;
    const drop = (): void => {
      if (!this.#entries.has(entry)) return;
      this.#forget(entry.point);
      this.#end(entry);
    };
    if (!vm) return drop();
    log("a VM is kept ready");
    endOf(vm).addEventListener("abort", drop, { once: true });
    const idle = setTimeout(drop, idleMs);
    idle.unref();
    entry.watch.defer(() => clearTimeout(idle));
  }

  #remove(entry: Entry<Point, Warm>): void {
    this.#entries.delete(entry);
    entry.watch.dispose();
  }

  #end(entry: Entry<Point, Warm>): void {
    this.#remove(entry);
    entry.stop.abort(cancelledError());
    const ending = (async () => {
      const vm = await entry.vm;
      await vm?.[Symbol.asyncDispose]();
    })();
    const settled = ending.catch((error: unknown) => this.#options.log(errorMessage(error)));
    this.#endings.add(settled);
    void settled.then(() => this.#endings.delete(settled));
  }

  async #ended(): Promise<void> {
    await Promise.all(this.#endings);
  }
}
