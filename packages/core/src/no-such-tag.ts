import { ObError } from "./errors.ts";
import { quotedName } from "./quoted-name.ts";
import { didYouMean } from "./suggest.ts";

/** The error of `(from obuilder:NAME)` for a tag that no layer has. @param names the tags that there are. */
export function noSuchTag(name: string, names: readonly string[]): ObError {
  const all = `The tags are ${names.slice(0, 8).join(", ")}${names.length > 8 ? ", …" : ""}.`;
  return new ObError("BASE_IMAGE", `No layer in the store has the tag ${quotedName(name)}.`, {
    hint: didYouMean(name, names) ?? (names.length > 0 ? all : "No layer has a tag yet."),
  });
}
