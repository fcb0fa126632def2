import type { Emit, ObEvent } from "@ob/core";

/**
 * Emits the events of parallel builds as if they ran one after the other, and holds back those that come before their
 * turn. It is a branch's turn when all earlier branches have ended; the events of the enclosing build come last.
 */
export class OrderedEvents {
  readonly #out: Emit;
  readonly #held: ObEvent[] = [];
  readonly #branches: OrderedEvents[] = [];
  #turn: boolean;
  #ended = false;

  constructor(out: Emit, turn = true) {
    this.#out = out;
    this.#turn = turn;
  }

  readonly emit: Emit = (event) => {
    if (this.#turn && this.#branches.length === 0) this.#out(event);
    else this.#held.push(event);
  };

  /** The events of a nested build, which come before those that are emitted here from now on. */
  branch(): OrderedEvents {
    const branch = new OrderedEvents(this.#out, this.#turn && this.#branches.length === 0);
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
    for (const event of this.#held.splice(0)) this.#out(event);
    for (const branch of last) branch.flush(failed);
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
    for (const event of this.#held.splice(0)) this.#out(event);
  }
}
