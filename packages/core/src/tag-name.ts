import { ObError } from "./errors.ts";
import { quotedName } from "./quoted-name.ts";

/** What a `(from NAME)` begins with that names a tag in place of a base image. */
const basePrefix = "obuilder:";

const component = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
/** A repository's name as the OCI distribution specification has it, with an optional tag. */
const pattern = new RegExp(`^(${component}(?:/${component})*)(?::(\\w[\\w.-]{0,127}))?$`);
/** As that specification bounds a name. */
const maxLength = 255;
/** What a prefix of an id looks like. */
const looksLikeId = /^[0-9a-f]{4,64}$/;

/** True for a name that a tag can have. */
export function isTagName(text: string): boolean {
  return text.length <= maxLength && pattern.test(text) && !looksLikeId.test(text);
}

/**
 * The name of a tag, as OCI references are written: `tools`, `team/tools`, `tools:1.2`. `:latest` is left out: it is the same as no
 * tag. A name cannot look like an id or a prefix of one.
 *
 * @throws ObError `USAGE`.
 */
export function parseTagName(text: string): string {
  const name = text.length > ":latest".length && text.endsWith(":latest") ? text.slice(0, -7) : text;
  if (isTagName(name)) return name;
  if (looksLikeId.test(name)) {
    throw new ObError(
      "USAGE",
      `${quotedName(text)} cannot be a tag: it could be the beginning of a layer's id.`,
      {
        hint: "Add something that is not a hexadecimal digit, for example `:1`.",
      },
    );
  }
  throw new ObError("USAGE", `${quotedName(text)} cannot be a tag.`, {
    hint: "A tag is a name of lower-case letters, digits and single `.`, `_`, `-` and `/` between them, with an optional version after a colon: `tools`, `team/tools`, `tools:1.2`.",
  });
}

/** What stands in `(from BASE)` to start from the layer with a tag. */
export function baseOfTag(name: string): string {
  return `${basePrefix}${name}`;
}

/** The name of the tag that `(from BASE)` starts from; undefined if BASE is a base image. */
export function taggedBase(base: string): string | undefined {
  return base.startsWith(basePrefix) ? base.slice(basePrefix.length) : undefined;
}
