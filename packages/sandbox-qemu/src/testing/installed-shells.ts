import { existsSync } from "node:fs";

/** The shells of this host that can be a login shell. bash and dash are on every Debian; the others may be. */
export const installedShells: readonly string[] = [
  "/bin/bash",
  "/bin/dash",
  "/bin/mksh",
  "/bin/ksh93",
  "/bin/zsh",
].filter((shell) => existsSync(shell));
