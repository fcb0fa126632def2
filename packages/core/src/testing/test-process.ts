import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A second process, for tests of locks and crashes. */
export interface TestProcess extends AsyncDisposable {
  readonly pid: number;
  /** The next line of its output. Rejects if the process has ended. */
  readLine(): Promise<string>;
  /** Sends it a line: it continues from where it waits for one. */
  resume(): void;
  /** Kills it, as a crash would. */
  kill(): Promise<void>;
  /** Resolves when it has ended. */
  ended(): Promise<void>;
}

/**
 * Runs a TypeScript file as a process that uses the packages' sources.
 *
 * @param script absolute path.
 * @param through a program that runs it in its own place, with its first arguments: `ip netns exec NAME`.
 */
export function startTestProcess(
  script: string,
  args: readonly string[],
  through: readonly string[] = [],
): TestProcess {
  const node = ["--conditions=@ob/source", "--experimental-strip-types", "--no-warnings"];
  const [program, ...before] = [...through, process.execPath];
  const child = spawn(program, [...before, ...node, script, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exit = once(child, "exit");
  return {
    pid: child.pid ?? 0,
    readLine: async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error(`the process ended without a line: ${[script, ...args].join(" ")}`);
      return value;
    },
    resume: () => void child.stdin.write("\n"),
    kill: async () => kill(child, exit),
    ended: async () => {
      await exit;
    },
    [Symbol.asyncDispose]: async () => kill(child, exit),
  };
}

async function kill(child: ChildProcess, exit: Promise<unknown>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  await exit;
}
