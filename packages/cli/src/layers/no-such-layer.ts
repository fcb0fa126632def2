import { type LayerId, ObError } from "@ob/core";

/** The error for a whole id that the store does not have. */
export function noSuchLayer(id: LayerId): ObError {
  return new ObError("NO_SUCH_LAYER", `The store has no layer ${id}.`, {
    hint: "`obuilder ls` shows the layers.",
  });
}
