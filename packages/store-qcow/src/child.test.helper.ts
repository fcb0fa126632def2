import { fileURLToPath } from "node:url";
import { startTestProcess, type TestProcess } from "@ob/core/testing";

/** Runs a command of process.test.helper.ts in a second process. */
export function startChild(command: string, ...args: readonly string[]): TestProcess {
  const script = fileURLToPath(new URL("process.test.helper.ts", import.meta.url));
  return startTestProcess(script, [command, ...args]);
}
