import * as v from "valibot";

/** An event, as far as it is used here. */
export interface QmpEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** One line from QEMU. */
export type QmpMessage =
  | { readonly kind: "greeting"; readonly version: string }
  | { readonly kind: "event"; readonly event: QmpEvent }
  | { readonly kind: "return"; readonly id: number; readonly value: unknown }
  | { readonly kind: "error"; readonly id: number | undefined; readonly description: string };

const schema = v.union([
  v.object({
    QMP: v.object({
      version: v.object({ qemu: v.object({ major: v.number(), minor: v.number(), micro: v.number() }) }),
    }),
  }),
  v.object({ event: v.string(), data: v.optional(v.record(v.string(), v.unknown()), {}) }),
  v.object({ error: v.object({ desc: v.string() }), id: v.optional(v.number()) }),
  v.object({ return: v.unknown(), id: v.number() }),
]);

/** Parses one line. Undefined if it is not a message for a client. Source: QEMU's docs/interop/qmp-spec. */
export function parseQmpMessage(line: string): QmpMessage | undefined {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), line);
  if (!result.success) return undefined;
  const message = result.output;
  if ("QMP" in message) {
    const { major, minor, micro } = message.QMP.version.qemu;
    return { kind: "greeting", version: `${major}.${minor}.${micro}` };
  }
  if ("event" in message) return { kind: "event", event: { name: message.event, data: message.data } };
  if ("error" in message) return { kind: "error", id: message.id, description: message.error.desc };
  return { kind: "return", id: message.id, value: message.return };
}
