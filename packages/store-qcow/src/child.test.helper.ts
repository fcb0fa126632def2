import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A second process that does one thing to a store, for tests of what holds between processes. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** The next line that it prints. */
  readLine(): Promise<string>;
  /** Lets it go on from a point where it waits. */
  goOn(): void;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Waits for its end. */
  ended(): Promise<void>;
}

/** Runs one of the commands of process.test.helper.ts. */
export function startChild(command: string, ...args: readonly string[]): Child {
  const script = fileURLToPath(new URL("process.test.helper.ts", import.meta.url));
  const child = spawn(
    process.execPath,
    ["--conditions=@ob/source", "--experimental-strip-types", "--no-warnings", script, command, ...args],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exit = once(child, "exit");
  return {
    pid: child.pid ?? 0,
    readLine: async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error(`the child (${command}) ended without a word`);
      return value;
    },
    goOn: () => void child.stdin.write("\n"),
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
