import { isLayerId, type LayerId, layerId, ObError, type Store } from "@ob/core";
import type { Services } from "../services.ts";
import type { StoreLocation } from "./store-location.ts";

/** A shorter prefix would often match more than one layer. */
const minDigits = 4;

/**
 * The layer that an argument names: by its id, or by a prefix that only one layer of the store has.
 *
 * @throws ObError `USAGE` if it is not an id or matches several layers, `NO_SUCH_LAYER` if it matches none.
 */
export function findLayer(store: Store, given: string | undefined): LayerId {
  return findAmong(given, () => [...store.list()].map(({ id }) => id));
}

/** As `findLayer`, among the steps that have failed or run now, too: what has a log. */
export async function findLog(store: Store, given: string | undefined): Promise<LayerId> {
  const unfinished = await store.unfinished();
  return findAmong(given, () => [...new Set([...[...store.list()].map(({ id }) => id), ...unfinished])]);
}

function findAmong(given: string | undefined, all: () => readonly LayerId[]): LayerId {
  if (given === undefined) {
    throw new ObError("USAGE", "No layer id is given.", {
      hint: "`obuilder plan` shows the ids of a spec's layers.",
    });
  }
  const digits = given.toLowerCase();
  if (isLayerId(digits)) return digits;
  if (!/^[0-9a-f]*$/.test(digits) || digits.length < minDigits || digits.length > 64) return layerId(given);
  const matches = all().filter((id) => id.startsWith(digits));
  const [only] = matches;
  if (only !== undefined && matches.length === 1) return only;
  if (matches.length > 1) {
    throw new ObError("USAGE", `${matches.length} layers match ${given}:\n${matches.join("\n")}`, {
      hint: "Give more digits.",
    });
  }
  throw new ObError("NO_SUCH_LAYER", `No layer in the store matches ${given}.`, {
    hint: "`obuilder plan` shows the ids of a spec's layers.",
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

/** `1 layer`, `2 layers`. */
export function layerCount(count: number): string {
  return count === 1 ? "1 layer" : `${count} layers`;
}
