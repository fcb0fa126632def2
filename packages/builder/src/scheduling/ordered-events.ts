import type { Emit } from "@ob/core";
import type { EventQueue, HeldEvent } from "./event-queue.ts";
import type { OutputTaken } from "./scheduler.ts";

/**
 * Emits the events of parallel builds as if they ran one after the other, and holds back those that come before their
 * turn. It is a branch's turn when all earlier branches have ended; the events of the enclosing build come last.
 */
export class OrderedEvents {
  readonly #out: EventQueue;
  readonly #held: HeldEvent[] = [];
  readonly #branches: OrderedEvents[] = [];
  #turn: boolean;
  #ended = false;
  /** How much output the step has had, in bytes. */
  #outputBytes = 0;

  constructor(out: EventQueue, turn = true) {
    this.#out = out;
    this.#turn = turn;
  }

  readonly emit: Emit = (event) => {
    if (event.type === "step-started") this.#outputBytes = 0;
    if (this.#isDue()) this.#out.emit(event);
    else this.#out.hold(this.#held, event, this.#outputBytes);
    if (event.type === "step-output") this.#outputBytes += event.bytes.length;
  };

  /** A branch whose turn has not come never waits: an earlier one may wait for its step, or for its slot. */
  readonly outputTaken: OutputTaken = () => (this.#isDue() ? this.#out.outputTaken() : undefined);

  /** The events of a nested build, which come before those that are emitted here from now on. */
  branch(): OrderedEvents {
    const branch = new OrderedEvents(this.#out, this.#isDue());
    this.#branches.push(branch);
    return branch;
  }

  /** Tells that a branch has no more events. */
  end(branch: OrderedEvents): void {
    branch.#ended = true;
    if (this.#turn) this.#advance();
  }

  /** Emits all that is held back, the events of the failed branch last. */
  flush(failed: OrderedEvents | undefined): void {
    this.#turn = true;
    const last = this.#branches.filter((branch) => branch.#holds(failed));
    const first = this.#branches.filter((branch) => !last.includes(branch));
    this.#branches.length = 0;
    for (const branch of first) branch.flush(failed);
    this.#out.release(this.#held);
    for (const branch of last) branch.flush(failed);
  }

  #isDue(): boolean {
    return this.#turn && this.#branches.length === 0;
  }

  #holds(branch: OrderedEvents | undefined): boolean {
    return branch !== undefined && (this === branch || this.#branches.some((each) => each.#holds(branch)));
  }

  #advance(): void {
    for (let front = this.#branches[0]; front; front = this.#branches[0]) {
      front.#turn = true;
      front.#advance();
      if (!front.#ended || front.#branches.length > 0) return;
      this.#branches.shift();
    }
    this.#out.release(this.#held);
  }
}
