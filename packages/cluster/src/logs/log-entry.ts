/** How an attempt to make a layer has ended. */
export type LogEnd = "made" | "failed" | "released";

/** An entry of a log's stream. */
export type LogEntry =
  /** `at` is the offset of its first byte. */
  | { readonly key: string; readonly at: number; readonly bytes: Buffer }
  | { readonly key: string; readonly at: number; readonly end: LogEnd };

/** What Redis returns for a stream: keys, each with its fields and values. */
export type RawEntries = readonly (readonly [key: Buffer, fields: readonly Buffer[]])[];

/** The entries that have the form of a log's. */
export function toEntries(raw: RawEntries): readonly LogEntry[] {
  return raw.flatMap(([key, [, at, field, value]]): readonly LogEntry[] => {
    const place = { key: key.toString(), at: Number(at?.toString()) };
    if (!Number.isSafeInteger(place.at) || value === undefined) return [];
    const end = value.toString("latin1", 0, 20);
    if (field?.toString() === "bytes") return [{ ...place, bytes: value }];
    return isEnd(end) ? [{ ...place, end }] : [];
  });
}

function isEnd(text: string): text is LogEnd {
  return ["made", "failed", "released"].includes(text);
}
