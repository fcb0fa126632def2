import { type BuildRecord, ObError, quotedName } from "@ob/core";

const hint = "`obuilder builds ls` shows the builds.";

/**
 * The build that an argument names, by its id or a prefix that no other has.
 *
 * @param records newest first; without `given` the first is taken.
 * @throws ObError `USAGE`
 */
export function findBuild(records: readonly BuildRecord[], given: string | undefined): BuildRecord {
  const matches =
    given === undefined
      ? records.slice(0, 1)
      : records.filter(({ id }) => id.startsWith(given.toLowerCase()));
  const [only, ...more] = given === "" ? [] : matches;
  if (only && more.length === 0) return only;
  if (given === undefined) throw new ObError("USAGE", "The store has no record of a build.", { hint });
  if (!only) throw new ObError("USAGE", `The store has no build ${quotedName(given)}.`, { hint });
  throw new ObError("USAGE", `${matches.length} builds match ${quotedName(given)}.`, {
    hint: "Give more digits.",
  });
}
