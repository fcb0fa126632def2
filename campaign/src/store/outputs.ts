import { archiveEnd, entryBlocks, type FakeGuest, file, root } from "@ob/core/testing";

/** The outputs of a build, and their names in the store's directory. */
export const outputNames = {
  local: "output",
  tar: "output.tar",
  qcow2: "output.qcow2",
  oci: "output-oci.tar",
} as const;

/** The files of a scripted guest. */
export const archiveOfGuest: NonNullable<FakeGuest["readArchive"]> = () => [
  ...[root, file("one"), file("two")].map(entryBlocks),
  archiveEnd,
];
