import { layerId } from "@ob/core";
import type { Reference } from "./reference.ts";
import type { Trial } from "./try-fault.ts";

/** The commands that change a store, and where they start from. */
export function trials(reference: Reference): readonly Trial[] {
  const base =
    [...reference.parents].find(([, parent]) => parent === undefined)?.[0] ?? layerId("0".repeat(64));
  return [
    { words: ["build"], from: "empty" },
    { words: ["delete", base], from: "full" },
    { words: ["prune"], from: "full" },
  ];
}
