export interface BlockNode {
  /** Its node name in QEMU. */
  readonly node: string;
  /** Absolute path. */
  readonly file: string;
  readonly format: "qcow2" | "raw";
  /** By default false. */
  readonly readOnly?: boolean | undefined;
}

/**
 * A block node for `-blockdev` and `blockdev-add`. The guest's flushes are not passed on to the host's disk: who
 * keeps the file must wait until QEMU has closed it, and then fsync it.
 */
export function blockNode({
  node,
  file,
  format,
  readOnly = false,
}: BlockNode): Readonly<Record<string, unknown>> {
  const common = {
    discard: "unmap",
    cache: { "no-flush": true },
    ...(readOnly && { "read-only": true }),
  };
  return {
    driver: format,
    "node-name": node,
    ...common,
    file: { driver: "file", filename: file, ...common },
  };
}
