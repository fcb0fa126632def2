import type { Descriptor } from "../reference/descriptor.ts";
import { quotedName } from "@ob/core";
import * as v from "valibot";
import { type Manifest, manifestTypes } from "../client/manifests.ts";
import { registryError } from "../errors.ts";
import { parseJson } from "../http/json.ts";
import { type Digest, isDigest } from "../reference/digest.ts";

/** An image manifest of OCI, which any artefact has. */
export interface Artefact {
  /** Absent in manifests from before OCI 1.1. */
  readonly artifactType: string | undefined;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** The longest chain of disks, and with it the most blobs of a manifest. */
export const maxLayers = 1_000;
const maxAnnotations = 100;

const digest = v.custom<Digest>(isDigest, "is not a sha256 digest");
const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const mediaType = v.pipe(v.string(), v.regex(/^[\w.+/-]{1,255}$/, "is not a media type"));
const annotations = v.pipe(
  v.record(v.string(), v.string()),
  v.check(
    (record) => Object.keys(record).length <= maxAnnotations,
    `has more than ${maxAnnotations} entries`,
  ),
);
const descriptor = v.object({ mediaType, digest, size, annotations: v.optional(annotations) });
const schema = v.object({
  schemaVersion: v.literal(2),
  mediaType: v.optional(v.literal(manifestTypes.image)),
  artifactType: v.optional(mediaType),
  config: descriptor,
  layers: v.pipe(v.array(descriptor), v.maxLength(maxLayers + 10)),
  annotations: v.optional(annotations, {}),
});

/**
 * Reads a manifest of a registry. Unknown fields are ignored, as OCI demands.
 *
 * @param what the manifest, for the message.
 * @throws ObError `REGISTRY` that names what is wrong.
 */
export function parseArtefact({ bytes, mediaType: type }: Manifest, what: string): Artefact {
  if (type !== manifestTypes.image) {
    throw registryError(`${what} is not an artefact: its media type is ${quotedName(type)}.`);
  }
  const { artifactType, config, layers, annotations: notes } = parseJson(bytes, { what, schema });
  return { artifactType, config, layers, annotations: notes };
}

/** The bytes of a manifest: the same for the same artefact. */
export function encodeArtefact({ artifactType, config, layers, annotations: notes }: Artefact): Buffer {
  const plain = (each: Descriptor): Descriptor => ({
    mediaType: each.mediaType,
    digest: each.digest,
    size: each.size,
    ...(each.annotations && { annotations: sorted(each.annotations) }),
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestTypes.image,
    ...(artifactType !== undefined && { artifactType }),
    config: plain(config),
    layers: layers.map(plain),
    ...(Object.keys(notes).length > 0 && { annotations: sorted(notes) }),
  };
  return Buffer.from(JSON.stringify(manifest));
}

function sorted(record: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
