import type { Output } from "../process-io.ts";
import type { PacedTerminal } from "./paced-terminal.ts";

/** What writes to an output that is a terminal; undefined for others. It is loaded where it is needed, since it loads the streams of Node.js. */
export async function pacedTerminal(output: Output): Promise<PacedTerminal | undefined> {
  if (output.isTTY !== true) return undefined;
  const { PacedTerminal } = await import("./paced-terminal.ts");
  return new PacedTerminal(output);
}
