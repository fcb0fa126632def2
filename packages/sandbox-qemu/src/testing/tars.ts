import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The tar programs of this host: for each a directory for PATH in which it is `tar` and `gtar`. */
export function tarsHere(): readonly { readonly name: string; readonly directory: string }[] {
  const programs = [
    ["GNU tar", "/usr/bin/tar"],
    ["busybox", "/usr/bin/busybox"],
    ["busybox", "/bin/busybox"],
  ] as const;
  const found = new Map(programs.filter(([, path]) => existsSync(path)));
  return [...found].map(([name, path]) => {
    const directory = mkdtempSync(join(tmpdir(), "tar-"));
    const command = name === "busybox" ? `${path} tar` : path;
    for (const program of ["tar", "gtar"]) {
      writeFileSync(join(directory, program), `#!/bin/sh\nexec ${command} "$@"\n`);
      chmodSync(join(directory, program), 0o755);
    }
    execFileSync(join(directory, "tar"), ["--help"], { stdio: "ignore" });
    return { name, directory };
  });
}
