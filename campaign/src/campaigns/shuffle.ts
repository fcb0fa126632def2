import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { Random } from "../campaign.ts";

/** The same items in a random order: a campaign that is cut short has looked everywhere a little. */
export function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  const rest = [...items];
  const order: T[] = [];
  while (rest.length > 0) order.push(...rest.splice(uniformInt(random, 0, rest.length - 1), 1));
  return order;
}
