/** The names that an item of a spec can begin with. */
export const itemNames: ReadonlySet<string> = new Set([
  "arg",
  "build",
  "comment",
  "copy",
  "env",
  "from",
  "run",
  "shell",
  "user",
  "workdir",
]);

/** The names of the fields of `run` and `copy` and of their parts. */
export const fieldNames: ReadonlySet<string> = new Set([
  "buildkit_options",
  "cache",
  "dst",
  "exclude",
  "from",
  "network",
  "restart",
  "secrets",
  "shell",
  "src",
  "target",
]);

/** The fields whose values are lists. */
export const listFields: ReadonlySet<string> = new Set(["buildkit_options", "cache", "secrets"]);
