import { setTimeout as sleep } from "node:timers/promises";
import { errnoCode, errorMessage } from "@ob/core";
import { exitCodes, interruptCode } from "./exit-codes.ts";
import { main, type MainOptions } from "./main.ts";
import { canBeHeld, HeldOutput } from "./output/held-output.ts";
import type { Output, ProcessIo } from "./process-io.ts";
import { type Interrupts, listenForInterrupts } from "./signals.ts";

/** Runs the command line of this process, and ends the process with its exit code. */
export async function start(options: MainOptions = {}): Promise<void> {
  const { argv, env } = process;
  const umask = process.umask(0o077);
  using interrupts = listenForInterrupts(process, (interrupt) => process.exit(interruptCode(interrupt)));
  const streams = new StandardStreams(interrupts);
  const io: ProcessIo = {
    // Few commands read it, and the streams of files are loaded for it.
    get stdin() {
      return process.stdin;
    },
    stdout: streams.stdout,
    stderr: streams.stderr,
    env,
    signal: interrupts.signal,
    restoreUmask: () => void process.umask(umask),
    outliveReader: () => streams.outliveReader(),
    interruptedBy: interrupts.cause,
  };
  const code = await main(argv.slice(2), io, options);
  // What a library left open must not keep a finished command alive, but the output must be flushed first. Whoever cancels a
  // command does not wait for a reader that has stopped reading.
  const isCancelled = interrupts.cause() !== undefined;
  // A signal ends the process while it waits for the reader of what was held.
  if (!isCancelled) interrupts[Symbol.dispose]();
  const flushing = streams.flush();
  await (isCancelled ? Promise.race([flushing, sleep(flushTime)]) : flushing);
  process.exit(interrupts.cause() === "SIGPIPE" ? interruptCode("SIGPIPE") : code);
}

/** How long a cancelled command waits for the reader of its output, in milliseconds. */
const flushTime = 300;

/** Standard output and error of this process. What is no terminal is opened when it is used. */
class StandardStreams {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly #interrupts: Interrupts;
  #heldStdout: HeldOutput | undefined;
  readonly #opened: Output[] = [];
  #outlivesReader = false;

  constructor(interrupts: Interrupts) {
    this.#interrupts = interrupts;
    if (canBeHeld(1)) this.#heldStdout = new HeldOutput({ fd: 1, open: () => this.#openStdout() });
    this.stdout = this.#heldStdout?.stream ?? this.#openStdout();
    const openAfterStdout = () => {
      // Both may be one file: what was written first comes first.
      this.#heldStdout?.open();
      return this.#openStderr();
    };
    const isLazy = canBeHeld(2);
    this.stderr = isLazy
      ? new HeldOutput({ fd: 2, open: openAfterStdout, maxHeld: 0 }).stream
      : this.#openStderr();
  }

  outliveReader(): void {
    this.#outlivesReader = true;
  }

  async flush(): Promise<void> {
    try {
      this.#heldStdout?.finish();
    } catch (error) {
      this.#refused(error);
    }
    await Promise.all(this.#opened.map(flushed));
  }

  #openStdout(): Output {
    const { stdout } = process;
    stdout.on("error", (error) => this.#refused(error));
    this.#opened.push(stdout);
    return stdout;
  }

  #openStderr(): Output {
    const { stderr } = process;
    // An error that cannot be printed cannot be reported.
    stderr.on("error", () => {});
    this.#opened.push(stderr);
    return stderr;
  }

  #refused(error: unknown): void {
    const isUnread = errnoCode(error) === "EPIPE";
    // What is written later is lost, too.
    if (isUnread && this.#outlivesReader) return;
    if (isUnread) this.#interrupts.interrupt("SIGPIPE");
    // Later writes fail too.
    if (this.#interrupts.cause() === "SIGPIPE") return;
    process.stderr.write(`obuilder: Standard output cannot be written: ${errorMessage(error)}\n`);
    process.exit(exitCodes.failure);
  }
}

function flushed(stream: Output): Promise<void> {
  return new Promise((resolve) => {
    stream.write("", () => resolve());
  });
}
