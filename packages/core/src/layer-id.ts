import { sha256OfText } from "./digest.ts";
import { ObError } from "./errors.ts";

declare const brand: unique symbol;

/** The id of a layer: 64 lower-case hex digits, the sha256 of all that makes the step what it is. */
export type LayerId = string & { readonly [brand]: "LayerId" };

const pattern = /^[0-9a-f]{64}$/;

export function isLayerId(text: string): text is LayerId {
  return pattern.test(text);
}

/** @throws ObError `USAGE` if `text` is not 64 lower-case hex digits. */
export function layerId(text: string): LayerId {
  if (isLayerId(text)) return text;
  throw new ObError("USAGE", `${JSON.stringify(text)} is not a layer id.`, {
    hint: "An id is 64 lower-case hexadecimal digits, as `---> saved as` prints it.",
  });
}

/** The id of the layer of a base image, as the original has it: of the image's name alone. */
export function baseLayerId(name: string): LayerId {
  return layerId(sha256OfText(name));
}
