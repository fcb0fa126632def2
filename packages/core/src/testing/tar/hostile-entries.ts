import { paxEntry, type RawEntry, tarOf } from "./tar-blocks.ts";

/** An archive that a hostile guest may send for a directory, and what must happen. */
export interface HostileArchive {
  readonly what: string;
  readonly archive: Buffer;
  /** Part of the error's message, or the names that arrive. */
  readonly result: { readonly refused: string } | { readonly kept: readonly string[] };
}

export type Refused = (what: string, message: string, archive: Buffer) => HostileArchive;
export type Kept = (what: string, names: readonly string[], archive: Buffer) => HostileArchive;

export const root: RawEntry = { name: "./", flag: "5", mode: 0o755 };
export const directory = (name: string): RawEntry => ({ name: `./${name}/`, flag: "5", mode: 0o755 });
export const file = (name: string): RawEntry => ({ name: `./${name}`, body: "hostile" });
export const link = (name: string, linkname: string): RawEntry => ({
  name: `./${name}`,
  flag: "2",
  linkname,
});
export const twin = (name: string, linkname: string): RawEntry => ({
  name: `./${name}`,
  flag: "1",
  linkname,
});
export const pax = (...records: readonly (readonly [string, string | Buffer])[]): RawEntry =>
  paxEntry(records);
export const longName = (flag: "L" | "K", name: string): RawEntry => ({
  name: "././@LongLink",
  flag,
  body: `${name}\0`,
});

export const tree = (...entries: readonly RawEntry[]): Buffer => tarOf(root, file("first"), ...entries);
