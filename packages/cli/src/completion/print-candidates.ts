import { printableLine } from "../output/printable.ts";
import type { ProcessIo } from "../process-io.ts";
import type { Services } from "../services.ts";
import { complete } from "./complete.ts";
import { storeNames } from "./store-names.ts";

/**
 * Answers the scripts of `completion`: prints a line for each word that the last one can be, with its description after a tab, and
 * `:files` or `:directories` where paths fit.
 */
export async function printCandidates(
  words: readonly string[],
  { io, services }: { readonly io: ProcessIo; readonly services: Services },
): Promise<void> {
  const { candidates, paths } = await complete(words, storeNames(services, io));
  const lines = candidates.map(({ word, description }) =>
    description === undefined ? word : `${word}\t${printableLine(description)}`,
  );
  if (paths !== undefined) lines.push(`:${paths}`);
  io.stdout.write(lines.map((line) => `${line}\n`).join(""));
}
