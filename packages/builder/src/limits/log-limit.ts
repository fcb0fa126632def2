import type { OnOutput } from "../sharing/step-log.ts";
import { sizeText } from "./size-text.ts";

/**
 * Passes output on until it is as long as the limit, then one line that says so, and no more. The step continues: as in
 * BuildKit, a step that prints much is no failure.
 *
 * @param limit in bytes; 0 for none.
 */
export function clipOutput(onOutput: OnOutput, limit: number): OnOutput {
  if (limit === 0) return onOutput;
  let left = limit;
  return (bytes) => {
    if (left < 0) return;
    if (bytes.length <= left) {
      left -= bytes.length;
      onOutput(bytes);
      return;
    }
    onOutput(Buffer.concat([bytes.subarray(0, left), Buffer.from(clipped(limit))]));
    left = -1;
  };
}

function clipped(limit: number): string {
  return `\n[output clipped, log limit ${sizeText(limit)} reached]\n`;
}
