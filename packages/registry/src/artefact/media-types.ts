/** Kinds of artefacts: the `artifactType` of a manifest. */
export const artefactTypes = {
  layer: "application/vnd.obuilder.layer.v1",
  image: "application/vnd.obuilder.image.v1",
  context: "application/vnd.obuilder.context.v1",
} as const;

/** What a blob is: the `mediaType` of its descriptor. */
export const mediaTypes = {
  /** The configuration of an artefact that has none: `{}`. */
  empty: "application/vnd.oci.empty.v1+json",
  /** A disk as it is, which can be read by ranges. */
  disk: "application/vnd.obuilder.disk.v1.qcow2",
  compressedDisk: "application/vnd.obuilder.disk.v1.qcow2+zstd",
  log: "application/vnd.obuilder.log.v1+zstd",
  imageManifest: "application/vnd.obuilder.image.manifest.v1+json",
  imageFile: "application/vnd.obuilder.image.file.v1",
  context: "application/vnd.obuilder.context.v1.tar+zstd",
} as const;

export const annotations = {
  layerId: "org.obuilder.layer.id",
  environment: "org.obuilder.layer.env",
  /** Digest and size of what a compressed blob holds: compressors may differ, so these are its identity. */
  digest: "org.obuilder.content.digest",
  size: "org.obuilder.content.size",
  title: "org.opencontainers.image.title",
} as const;

/** The bytes of an empty configuration. */
export const emptyConfig = Buffer.from("{}");
