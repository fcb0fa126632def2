import { brokenArchive } from "./broken-archive.ts";
import type { PaxRecord } from "./pax-records.ts";

/** Extended attributes, by their names with the namespace: `user.mime_type`, `security.capability`. */
export type Xattrs = ReadonlyMap<string, Uint8Array>;

const schily = "SCHILY.xattr.";
const libarchive = "LIBARCHIVE.xattr.";

/** Linux' limits, in bytes. */
const [maxName, maxValue] = [255, 65_536];

/** The extended attributes in a pax header, as GNU tar and libarchive write them. @throws ObError `BAD_SOURCE`. */
export function xattrsIn(records: readonly PaxRecord[]): Xattrs {
  const found = new Map<string, Uint8Array>();
  for (const { key, value } of records) {
    if (key.startsWith(schily)) add(found, unescaped(key.slice(schily.length), /%(3D|25)/g), value);
  }
  for (const { key, value } of records) {
    if (!key.startsWith(libarchive)) continue;
    const name = unescaped(key.slice(libarchive.length), /%([0-9A-Fa-f]{2})/g);
    if (!found.has(name)) add(found, name, Buffer.from(value.toString("latin1"), "base64"));
  }
  return found;
}

/** The key and value of a pax record, as GNU tar reads it. */
export function xattrRecord(name: string, value: Uint8Array): readonly [string, Uint8Array] {
  return [`${schily}${name.replaceAll("%", "%25").replaceAll("=", "%3D")}`, value];
}

function add(found: Map<string, Uint8Array>, name: string, value: Uint8Array): void {
  // oxlint-disable-next-line no-control-regex -- names of attributes are plain text.
  const isName = name.length <= maxName && /^[^\0-\x20./]+\.[^\0-\x1f\x7f]+$/.test(name);
  if (!isName || value.length > maxValue) throw brokenArchive("an extended attribute is wrong");
  found.set(name, value);
}

function unescaped(name: string, pattern: RegExp): string {
  return name.replaceAll(pattern, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
