import type { Stats } from "node:fs";
import type { GuestOwner } from "@ob/core";
import { toBytes } from "@ob/spec";
import type { Header, Pack } from "tar-stream";
import type { Manifest } from "../source/manifest.ts";

/** An entry's header for tar-stream. */
type PlainHeader = Pick<Header, "name" | "type" | "mode" | "uid" | "gid" | "mtime"> &
  Partial<Pick<Header, "linkname" | "size" | "devmajor" | "devminor">>;

/** An entry's header, with what tar-stream's own header cannot hold. */
export interface TarHeader extends PlainHeader {
  /** Records of a pax header, by their keywords. */
  readonly extended: ReadonlyMap<string, string | Uint8Array>;
}

export interface HeaderOptions {
  readonly owner: GuestOwner;
  readonly stat: Stats;
}

/** The greatest id that a tar header holds, in seven octal digits. */
const maxId = 0o7777777;
/** The greatest time that tar-stream writes correctly, in seconds. */
const maxSeconds = 0x7fffffff;

/** The owner of an entry. */
export interface Owner extends GuestOwner {
  /** Names that GNU tar looks up when it unpacks, and prefers to the numbers; by default none. */
  readonly userName?: string | undefined;
  readonly groupName?: string | undefined;
}

export const root: GuestOwner = { uid: 0, gid: 0 };

/** The owner and the time in a header; values that are too great for it go into the pax header. */
export function ownership(
  { uid, gid, userName = "", groupName = "" }: Owner,
  mtimeSeconds: number,
): Pick<TarHeader, "uid" | "gid" | "mtime" | "extended"> {
  const extended = new Map<string, string>();
  if (uid > maxId) extended.set("uid", String(uid));
  if (gid > maxId) extended.set("gid", String(gid));
  if (userName !== "") extended.set("uname", userName);
  if (groupName !== "") extended.set("gname", groupName);
  const seconds = Math.floor(mtimeSeconds);
  const plain = Math.min(Math.max(seconds, 0), maxSeconds);
  // BigInt: a number as great as a file system's greatest time would get an exponent.
  if (seconds !== plain) extended.set("mtime", String(BigInt(seconds)));
  const mtime = new Date(plain * 1000);
  return { uid: Math.min(uid, maxId), gid: Math.min(gid, maxId), mtime, extended };
}

/** The header of one entry. As in the original, any execute permission makes a file executable for all. */
export function headerFor(
  entry: { readonly source: Manifest; readonly name: string },
  { owner, stat }: HeaderOptions,
): TarHeader {
  const { source, name } = entry;
  const common = ownership(owner, stat.mtimeMs / 1000);
  switch (source.kind) {
    case "file":
      return { ...common, name, type: "file", mode: stat.mode & 0o111 ? 0o755 : 0o644 };
    case "symlink":
      return { ...common, name, type: "symlink", mode: 0o777, linkname: source.target };
    case "directory":
      return directoryHeader(name, common);
  }
}

/** The header of a directory, by its path without a slash at the end. */
export function directoryHeader(name: string, common: ReturnType<typeof ownership>): TarHeader {
  return { ...common, name: `${name}/`, type: "directory", mode: 0o755 };
}

/**
 * The header for tar-stream, which makes a pax header itself for a long or a UTF-8 name. It would damage a name that is
 * not UTF-8, and an entry may have one pax header only: then all its records are written here.
 */
export function withPaxHeader(pack: Pack, header: TarHeader): PlainHeader {
  const { extended, ...plain } = header;
  const { name, linkname } = plain;
  if (extended.size === 0 && name.isWellFormed() && (linkname ?? "").isWellFormed()) return plain;
  const records = new Map<string, string | Uint8Array>([...extended, ["path", name]]);
  if (linkname) records.set("linkpath", linkname);
  pack.push(extendedHeader(records));
  return { ...plain, name: "extended", ...(linkname ? { linkname: "extended" } : {}) };
}

const blockBytes = 512;

/** A complete `x` entry of the pax format: header, records and padding. */
function extendedHeader(records: TarHeader["extended"]): Buffer {
  const body = Buffer.concat([...records].map(([key, value]) => record(key, value)));
  const header = Buffer.alloc(blockBytes);
  const write = (field: string, offset: number) => header.write(field, offset);
  write("PaxHeader", 0);
  write("0000644", 100);
  write("0000000", 108);
  write("0000000", 116);
  write(body.length.toString(8).padStart(11, "0"), 124);
  write("00000000000", 136);
  write("        x", 148); // The checksum field counts as blanks; the type follows it.
  write("ustar", 257);
  write("00", 263);
  const sum = header.reduce((total, byte) => total + byte, 0);
  write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, body, Buffer.alloc((blockBytes - (body.length % blockBytes)) % blockBytes)]);
}

/** `LENGTH KEY=VALUE\n`, where the length includes its own digits. */
function record(key: string, value: string | Uint8Array): Buffer {
  const bytes = typeof value === "string" ? toBytes(value) : value;
  const rest = Buffer.concat([Buffer.from(` ${key}=`, "latin1"), bytes, Buffer.from("\n")]);
  let length = rest.length;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}
