import { once } from "node:events";
import path from "node:path";
import { Worker } from "node:worker_threads";
import type { CrashPoint } from "./crash-points.ts";
import type { SavedRun } from "./recorded-run.ts";
import type { TryCrashOptions } from "./try-crash.ts";

/** What a thread is started with: all that can be sent. */
export interface CrashThreadData extends Pick<TryCrashOptions, "seed" | "directory"> {
  readonly reference: Omit<TryCrashOptions["reference"], typeof Symbol.asyncDispose>;
}

export interface CrashRequest {
  readonly saved: SavedRun;
  readonly point: CrashPoint;
}

/** A thread that looks at one crash after the other. */
export interface CrashThread extends AsyncDisposable {
  /** As the function of that name. */
  tryCrash(saved: SavedRun, point: CrashPoint): Promise<readonly string[]>;
}

export function openCrashThread({ reference, seed, directory }: TryCrashOptions): CrashThread {
  const { [Symbol.asyncDispose]: _, ...sent } = reference;
  const workerData: CrashThreadData = { reference: sent, seed, directory };
  const worker = new Worker(path.join(import.meta.dirname, "crash-thread-main.ts"), { workerData });
  return {
    tryCrash: async (saved, point) => {
      const answer = once(worker, "message");
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is of windows.
      worker.postMessage({ saved, point } satisfies CrashRequest);
      const [faults]: readonly (readonly string[])[] = await answer;
      return faults ?? [];
    },
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  };
}
