import { existsSync } from "node:fs";

/** The shells of the Bourne family on this host that can be a login shell. bash and dash are on every Debian; the others may be. */
export const installedShells: readonly string[] = [
  "/bin/bash",
  "/bin/dash",
  "/bin/mksh",
  "/bin/ksh93",
  "/bin/zsh",
].filter((shell) => existsSync(shell));

/** Those of other families. `bsd-csh` is the csh of the BSDs. */
export const otherShells: readonly string[] = [
  "/bin/tcsh",
  "/bin/bsd-csh",
  "/usr/bin/fish",
  "/usr/bin/rc",
].filter((shell) => existsSync(shell));
