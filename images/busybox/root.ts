import { chmod, link, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run } from "@ob/core";
import { withPrefix } from "@ob/images/toolkit";
import { guestFiles, kept, links } from "./contents.ts";

export interface TinyRootOptions {
  /** A line of `authorized_keys`. */
  readonly publicKey: string;
  /** See `fakerootPrefix`. */
  readonly asRoot: readonly string[];
  readonly signal: AbortSignal | undefined;
}

const programs = ["usr/bin", "usr/sbin"] as const;

/** Fills the guest's root from unpacked packages: keeps the programs in `kept` and links all others to busybox. */
export async function fillTinyRoot(
  root: string,
  { publicKey, asRoot, signal }: TinyRootOptions,
): Promise<void> {
  const at = (path: string): string => join(root, path);
  // No package is ever installed or removed in this guest.
  for (const path of ["var/lib/dpkg", "var/cache", "var/log", "etc/dpkg"]) {
    await rm(at(path), { recursive: true, force: true });
  }
  for (const path of programs) {
    for (const name of await readdir(at(path))) {
      if (!kept.includes(name) && name !== "dropbear") await rm(at(join(path, name)), { recursive: true });
    }
  }
  const busybox = at("usr/local/lib/obuilder/busybox");
  await mkdir(dirname(busybox), { recursive: true });
  await link(at("usr/bin/busybox"), busybox);
  const { stdout } = await run([busybox, "--list"], { signal });
  for (const applet of stdout.split("\n").filter((name) => !kept.includes(name))) {
    // Busybox's shell prefers its own applets to programs in PATH, so `sh` is bash.
    await symlink(applet === "sh" ? "bash" : "busybox", at(join("usr/bin", applet)));
  }
  for (const path of [
    "dev",
    "etc/dropbear",
    "mnt",
    "proc",
    "root/.ssh",
    "run",
    "sys",
    "tmp",
    "usr/local/sbin",
    "var/tmp",
  ]) {
    await mkdir(at(path), { recursive: true });
  }
  for (const { path, contents, mode } of await guestFiles()) {
    await mkdir(dirname(at(path)), { recursive: true });
    await writeFile(at(path), contents);
    await chmod(at(path), mode);
  }
  for (const [path, target] of links) {
    await rm(at(path), { force: true });
    await symlink(target, at(path));
  }
  await writeFile(at("root/.ssh/authorized_keys"), `${publicKey}\n`, { mode: 0o600 });
  await chmod(at("root/.ssh"), 0o700);
  for (const path of ["tmp", "var/tmp"]) await chmod(at(path), 0o1777);
  await run(withPrefix(asRoot, ["chown", "-R", "0:0", root]), { signal });
}
