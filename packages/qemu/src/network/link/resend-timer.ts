/**
 * How long the guest has to acknowledge something before it is sent again, in milliseconds: the link loses nothing, but a guest that
 * starts does, and one that stands still answers late. Each time it is twice as long.
 */
const time = { first: 250, longest: 4_000 };

/** Calls again and again, until it is stopped. */
export class ResendTimer {
  readonly #sendAgain: () => void;
  #timer: NodeJS.Timeout | undefined;
  #attempts = 0;

  constructor(sendAgain: () => void) {
    this.#sendAgain = sendAgain;
  }

  /** Does nothing if it runs. */
  start(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.#attempts += 1;
        this.#sendAgain();
        this.start();
      },
      Math.min(time.longest, time.first * 2 ** this.#attempts),
    ).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#attempts = 0;
  }
}
