import {
  didYouMean,
  isLayerId,
  isTagName,
  type LayerId,
  ObError,
  parseTagName,
  quotedName,
  type Store,
} from "@ob/core";
import type { Services } from "../services.ts";
import type { StoreLocation } from "./store-location.ts";

/** How many ids an error lists. */
const listed = 10;

const idHint = "`obuilder ls` shows the layers, `obuilder plan` the ids of a spec's.";

/**
 * The layer that an argument names: by a tag, by its id, or by a prefix that only one layer of the store has.
 *
 * @throws ObError `USAGE` if it can be neither an id nor a tag, or matches several layers; `NO_SUCH_LAYER` if it matches none.
 */
export function findLayer(store: Store, given: string | undefined): LayerId {
  return findAmong(store, given, () => idsOf(store));
}

/** As `findLayer`, among the steps that have failed or run now, too: what has a log. */
export async function findLog(store: Store, given: string | undefined): Promise<LayerId> {
  const unfinished = await store.unfinished();
  return findAmong(store, given, () => [...new Set([...idsOf(store), ...unfinished])]);
}

function idsOf(store: Store): readonly LayerId[] {
  return [...store.list()].map(({ id }) => id);
}

function findAmong(store: Store, given: string | undefined, all: () => readonly LayerId[]): LayerId {
  if (given === undefined) throw new ObError("USAGE", "No layer is given.", { hint: idHint });
  const digits = given.toLowerCase();
  if (isLayerId(digits)) return digits;
  // No tag looks like that.
  if (!/^[0-9a-f]{4,64}$/.test(digits)) return findTagged(store, given);
  const matches = all().filter((id) => id.startsWith(digits));
  const [only] = matches;
  if (only !== undefined && matches.length === 1) return only;
  if (matches.length > 1) {
    const shown = matches.slice(0, listed).join("\n") + (matches.length > listed ? "\n…" : "");
    throw new ObError("USAGE", `${matches.length} layers match ${given}:\n${shown}`, {
      hint: "Give more digits.",
    });
  }
  throw new ObError("NO_SUCH_LAYER", `No layer in the store matches ${given}.`, { hint: idHint });
}

function findTagged(store: Store, given: string): LayerId {
  const isName = (text: string) => isTagName(text) || text.endsWith(":latest");
  if (!isName(given)) {
    throw new ObError("USAGE", `${quotedName(given)} is neither a layer id nor a tag.`, {
      hint: "An id is given by at least four of its hexadecimal digits. `obuilder ls` shows ids and tags.",
    });
  }
  const name = parseTagName(given);
  const tags = store.tags();
  const found = tags.find((tag) => tag.name === name);
  if (found) return found.id;
  const near = didYouMean(
    name,
    tags.map((tag) => tag.name),
  );
  throw new ObError("NO_SUCH_LAYER", `No layer in the store has the tag ${quotedName(name)}.`, {
    hint: near ?? idHint,
  });
}

/** `findLayer` for a command that does not need the store itself. */
export async function resolveLayer(
  given: string | undefined,
  { services, location }: { readonly services: Services; readonly location: StoreLocation },
): Promise<LayerId> {
  await using store = await services.openStore({ location });
  return findLayer(store, given);
}

/** The layer in an argument's help. */
export const layerArgument = {
  name: "ID",
  describe: "The layer: a tag, its id, or a prefix that no other layer has",
  complete: "layer",
} as const;

/** `1 layer`, `2 layers`. */
export function layerCount(count: number): string {
  return count === 1 ? "1 layer" : `${count} layers`;
}
