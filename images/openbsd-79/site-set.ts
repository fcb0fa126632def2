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

// openbsd/src etc/rc starts sshd, then runs rc.firsttime, then rc.local. The scripts' own: usr.sbin/pkg_add/pkg_add.1 1.170 (-I
// fails instead of asking), usr.sbin/syspatch/syspatch.sh 1.168, libexec/reorder_kernel/reorder_kernel.sh 1.15 (kernel.SHA256).
const sources = [
  { source: "install.site", path: "install.site", mode: 0o755 },
  { source: "first-boot", path: "etc/obuilder/first-boot", mode: 0o755 },
  { source: "install-opam", path: "etc/obuilder/install-opam", mode: 0o755 },
  { source: "rc.local", path: "etc/rc.local", mode: 0o644 },
  { source: "rc.conf.local", path: "etc/rc.conf.local", mode: 0o644 },
  // openbsd/src share/man/man5/login.conf.5 1.73: a class' own file is read before login.conf.
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
