import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { Random } from "../campaign.ts";

/**
 * Every number from 1 on in a random order that spreads: a campaign that is cut short has looked everywhere a little.
 *
 * @param count how many.
 */
export function shuffledPoints(count: number, random: Random): readonly number[] {
  const points = Array.from({ length: count }, (_, index) => index + 1);
  for (let last = points.length - 1; last > 0; last -= 1) {
    const other = uniformInt(random, 0, last);
    [points[last], points[other]] = [points[other] ?? 0, points[last] ?? 0];
  }
  return points;
}
