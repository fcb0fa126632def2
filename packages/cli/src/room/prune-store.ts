import { ObError, type Store } from "@ob/core";
import type { OptionTable } from "../args/flags.ts";
import type { Arguments } from "../args/options.ts";
import type { Session } from "../commands/session.ts";
import { confirmRemoval, isAsked } from "../layers/confirm-removal.ts";
import { jsonDocument } from "../output/printable.ts";
import { momentAfter, planPrune, type PruneRules } from "./plan-prune.ts";
import { collectItems, type PruneItem, type PrunePorts } from "./prune-item.ts";
import { countItems, itemName, removalFields, removeItems } from "./remove-items.ts";

/** The options of `prune` and `clean` besides what selects. */
export const removalOptions: OptionTable = {
  "dry-run": { kind: "flag", describe: "Only print what would be deleted", group: "Filters:" },
  json: {
    kind: "flag",
    describe:
      'One object: {"dryRun", "bytes", "builds", "removed": [{"type", "id", "description", "bytes", "lastUsed"}]}',
    group: "Output:",
  },
};

/** Reads the rules; those of space depend on the disk. */
export interface PruneRequest {
  readonly rules: PruneRules;
  /** What can be removed at all. */
  readonly isCandidate: (item: PruneItem) => boolean;
  /** Also removes the records of builds that had ended then; by default none. */
  readonly buildsUntil?: Date | undefined;
}

/** Removes from a store what the rules say, prints it, and asks before on a terminal. What was not shown is not removed. */
export async function pruneStore(
  args: Arguments,
  session: Session,
  { rules, isCandidate, buildsUntil }: PruneRequest,
): Promise<void> {
  const { services, io, location, emit } = session;
  const isJson = args["json"] === true;
  const asks = args["force"] !== true && isAsked(io);
  const dryRun = args["dry-run"] === true;
  if (isJson && asks && !dryRun) {
    throw new ObError("USAGE", "--json does not ask: on a terminal it needs --force or --dry-run.");
  }
  await using store = await services.openStore({ location });
  await using caches = await services.openCaches({ location });
  const ports = { store, caches, services, location };
  const limited = {
    ...rules,
    matches: (item: PruneItem) => isCandidate(item) && rules.matches?.(item) !== false,
  };
  const say = (text: string): void => {
    if (!isJson) io.stdout.write(text);
  };
  const planning = { rules: limited, measures: isJson || asks || hasSpaceRule(rules) };
  const planned = await planNow(ports, planning);
  const before = rules.before ?? momentAfter(planned);
  const builds = endedBuilds(store, buildsUntil);
  if (dryRun) {
    say(planned.map((item) => `Would remove ${itemName(item)}\n`).join(""));
    say(`Would remove ${countItems(planned, builds.length)}\n`);
    if (isJson) io.stdout.write(jsonDocument(removalFields(planned, { dryRun, builds: builds.length })));
    return;
  }
  const confirmed = !asks || (await confirmRemoval(planned, io));
  const removal = {
    ...{ before, tagged: rules.tagged, signal: io.signal, emit },
    onRemove: (item: PruneItem) => say(`Removing ${itemName(item)}\n`),
  };
  const removed = await removeItems(confirmed ? planned : [], ports, removal);
  await services.pruneSnapshots({ location });
  const forgotten = confirmed ? store.builds.remove(builds) : 0;
  say(`Removed ${countItems(removed, forgotten)}\n`);
  if (isJson) io.stdout.write(jsonDocument(removalFields(removed, { dryRun, builds: forgotten })));
}

/** The ids of the builds that had ended at a time. */
function endedBuilds(store: Store, until: Date | undefined): readonly string[] {
  if (until === undefined) return [];
  return store.builds.list().flatMap(({ id, finished }) => (finished <= until ? id : []));
}

/** Plans with what is in the store, and free on its disk, now. */
export async function planNow(
  ports: PrunePorts,
  { rules, measures }: { readonly rules: PruneRules; readonly measures: boolean },
): Promise<readonly PruneItem[]> {
  const items = await collectItems(ports, { measures });
  const { free } = await ports.services.diskSpace({ location: ports.location });
  return planPrune(items, rules, free);
}

function hasSpaceRule({ maxUsedSpace, minFreeSpace, reservedSpace }: PruneRules): boolean {
  return [maxUsedSpace, minFreeSpace, reservedSpace].some((rule) => rule !== undefined);
}
