import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { pack } from "tar-stream";
import type { GuestFile } from "@ob/images/toolkit";

export interface SiteSetOptions {
  readonly user: string;
  readonly packages: readonly string[];
  readonly ocaml: string | undefined;
}

const sources = [
  { source: "install.site", path: "install.site", mode: 0o755 },
  { source: "first-boot", path: "etc/obuilder/first-boot", mode: 0o755 },
  { source: "install-opam", path: "etc/obuilder/install-opam", mode: 0o755 },
  { source: "rc.local", path: "etc/rc.local", mode: 0o644 },
  { source: "rc.conf.local", path: "etc/rc.conf.local", mode: 0o644 },
  // login.conf(5) reads this file first.
  { source: "staff", path: "etc/login.conf.d/staff", mode: 0o644 },
] as const;

/** The files of our own set. The installer runs its `install.site` at the end. */
export async function siteFiles({ user, packages, ocaml }: SiteSetOptions): Promise<readonly GuestFile[]> {
  const values: Readonly<Record<string, string>> = {
    USER: user,
    OCAML: ocaml ?? "none",
    PACKAGES: packages.join(" "),
  };
  const files = sources.map(async ({ source, path, mode }) => ({
    path,
    mode,
    contents: (await readGuest(source)).replaceAll(
      /@([A-Z]+)@/g,
      (mark, name: string) => values[name] ?? mark,
    ),
  }));
  const doas = { path: "etc/doas.conf", mode: 0o600, contents: `permit nopass keepenv ${user}\n` };
  return [...(await Promise.all(files)), doas];
}

/** A set of these files, owned by root, in the format of the release's sets. */
export async function makeSet(files: readonly GuestFile[]): Promise<Uint8Array> {
  const archive = pack();
  for (const { path, mode, contents } of files) {
    archive.entry(
      { name: `./${path}`, mode, uid: 0, gid: 0, uname: "root", gname: "wheel", mtime: new Date(0) },
      contents,
    );
  }
  archive.finalize();
  return await promisify(gzip)(await buffer(archive), { level: 9 });
}

function readGuest(name: string): Promise<string> {
  return readFile(fileURLToPath(import.meta.resolve(`#openbsd-79/guest/${name}`)), "utf8");
}
