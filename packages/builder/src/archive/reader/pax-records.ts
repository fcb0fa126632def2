import { brokenArchive } from "./broken-archive.ts";

/** One record of a pax header. Its value is bytes. */
export interface PaxRecord {
  readonly key: string;
  readonly value: Buffer;
}

/** The records of a pax header, in its order. @throws ObError `BAD_SOURCE`. */
export function paxRecords(body: Buffer): readonly PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let at = 0; at < body.length;) {
    const digits = /^\d{1,8} /.exec(body.toString("latin1", at, at + 9))?.[0];
    const length = Number(digits);
    const record = body.subarray(at, at + length);
    const equals = record.indexOf("=");
    if (digits === undefined || record.length !== length || record.at(-1) !== newline) throw broken();
    if (equals <= digits.length) throw broken();
    records.push({
      key: record.toString("latin1", digits.length, equals),
      value: record.subarray(equals + 1, -1),
    });
    at += length;
  }
  return records;
}

const newline = 0x0a;

function broken(): Error {
  return brokenArchive("an extended header is damaged");
}
