import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { digestOf, type Left, leftOf } from "./crashed.ts";
import type { Survives } from "./nodes.ts";
import type { RecordedRun } from "./recorded-run.ts";

/** What of the changes that were not flushed survives a crash of the host. */
export const losses = [
  "all is lost",
  "only names survive",
  "only names and sizes survive",
  "only contents survive",
  "half survives",
] as const;

export type Loss = (typeof losses)[number];

/** A crash of the host after so many changes. */
export interface CrashPoint {
  readonly after: number;
  readonly loss: Loss;
}

/**
 * Where a crash can leave something that it does not leave elsewhere: before something is flushed, when most can be lost; after the
 * process has said something, which must be true then; and at the end. Points that leave the same are named once.
 *
 * @param seed of the choice of what survives.
 */
export function crashPoints({ changes, begin }: RecordedRun, seed: number): readonly CrashPoint[] {
  const disk = begin();
  const points: CrashPoint[] = [];
  const known = new Set<string>();
  const look = (after: number): void => {
    for (const loss of losses) {
      const left = leftOf(disk.root, survivors({ after, loss }, seed));
      // What was said before counts, too.
      const said = changes.slice(0, after).filter(({ kind }) => kind === "say").length;
      const key = `${said} ${digestOf(left)}`;
      if (!known.has(key)) points.push({ after, loss });
      known.add(key);
    }
  };
  for (const [index, change] of changes.entries()) {
    if (change.kind === "sync") look(index);
    disk.apply(change);
    if (change.kind === "say") look(index + 1);
  }
  look(changes.length);
  return points;
}

/** What such a crash leaves. */
export function crashedAt({ changes, begin }: RecordedRun, point: CrashPoint, seed: number): Left {
  const disk = begin();
  for (const change of changes.slice(0, point.after)) disk.apply(change);
  return leftOf(disk.root, survivors(point, seed));
}

function survivors({ after, loss }: CrashPoint, seed: number): Survives {
  switch (loss) {
    case "all is lost":
      return () => false;
    case "only names survive":
      return ({ of }) => of === "entries";
    case "only names and sizes survive":
      return ({ of }) => (of === "entries" ? true : "size");
    case "only contents survive":
      return ({ of }) => of === "contents";
    case "half survives": {
      const random = xoroshiro128plus(seed + after);
      return () => uniformInt(random, 0, 1) === 1;
    }
  }
}
