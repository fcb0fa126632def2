import { isAttributeLine, isUdevWorker, processAttributes } from "./kernel-lines.ts";

/** A line of a file in `/proc/PID`. */
export interface ProcessLine {
  readonly process: string;
  readonly text: string;
}

/**
 * What must not change about the processes of the boot, each with its program and its user: what one of them has is not what
 * another had. Their ids are left out: they differ between VMs resumed from one snapshot.
 */
export function processFacts(lines: readonly ProcessLine[]): readonly string[] {
  const processes = Map.groupBy(lines, ({ process }) => process);
  return [...processes.values()].flatMap((all) => factsOf(all.map(({ text }) => text)));
}

function factsOf(texts: readonly string[]): readonly string[] {
  const words = texts.map((text) => text.trim().split(/\s+/));
  const statistics = words.find(([id, name]) => /^\d+$/.test(id ?? "") && name?.startsWith("(") === true);
  // Those of one that has ended while they were read; and one that ends by itself.
  if (!statistics || isUdevWorker(statistics)) return [];
  const [name, ...attributes] = processAttributes(statistics);
  const user = words.find(([key]) => key === "Uid:")?.[1] ?? "";
  const others = words.filter((each, index) => each !== statistics && isAttributeLine(texts[index] ?? ""));
  return [attributes, ...others].map((each) => `process:${name} of ${user}: ${each.join(" ")}`);
}
