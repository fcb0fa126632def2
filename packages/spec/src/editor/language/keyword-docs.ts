/** What an editor says about the first word of a list. */
export interface KeywordDoc {
  /** The form of the list. */
  readonly form: string;
  /** A sentence or two in Markdown. */
  readonly text: string;
  /** What follows the name in a new list, with `$1`, `$2` for what is to be filled in. */
  readonly snippet: string;
}

/**
 * By the names of the lists around it, outermost first: `run.cache` is `(cache ...)` in `(run ...)`. A `*` is a list with a name
 * of the user's, such as a cache.
 */
export const keywordDocs: Readonly<Record<string, KeywordDoc>> = {
  from: {
    form: "(from NAME)",
    text: "Starts from the base image NAME of the store, or with `obuilder:NAME` from the layer with that name. After the nested builds, before all operations.",
    snippet: " $1",
  },
  build: {
    form: "(build NAME SPEC)",
    text: "A nested build, which `(copy (from (build NAME)) …)` copies from. Nested builds come first.",
    snippet: " $1\n ((from $2))",
  },
  arg: {
    form: "(arg NAME DEFAULT)",
    text: "A value that is given to the build, or else DEFAULT, which can be missing. `${NAME}` is replaced by it in what follows, and later commands have it in their environment. Before `from` it is for the base image and for nested builds.",
    snippet: " $1 $2",
  },
  run: {
    form: '(run FIELD... (shell "COMMAND"))',
    text: "Runs a command in the guest, in the `workdir`. Without `(network host)` it has no network. Makes a layer.",
    snippet: ' (shell "$1")',
  },
  copy: {
    form: "(copy (src PATH...) (dst PATH) FIELD...)",
    text: "Copies files of the source directory, or of a nested build, into the guest. Makes a layer.",
    snippet: " (src $1) (dst $2)",
  },
  workdir: {
    form: "(workdir DIR)",
    text: "The working directory of later commands, and the base of a relative `dst`. `/` by default. A relative DIR is below the one before it.",
    snippet: " $1",
  },
  shell: {
    form: "(shell PROGRAM ARG...)",
    text: "The program that later commands are the last argument of. By default the login shell of the guest's user.",
    snippet: " $1",
  },
  env: {
    form: "(env KEY VALUE)",
    text: "An environment variable of later commands. `$NAME` in VALUE is not expanded.",
    snippet: " $1 $2",
  },
  user: {
    form: "(user (uid N) (gid N)) or (user (name NAME))",
    text: "Runs later commands as that user, who also owns what is copied. Without one it is the image's login user.",
    snippet: " (uid $1) (gid $2)",
  },
  comment: {
    form: "(comment TEXT)",
    text: "A comment that appears in the Dockerfile. For others write `; TEXT`.",
    snippet: ' "$1"',
  },
  "run.shell": {
    form: '(shell "COMMAND")',
    text: "The command, as one string that the shell of the guest reads.",
    snippet: ' "$1"',
  },
  "run.network": {
    form: "(network host)",
    text: "Gives the command the host's network. Without it only the connection of the build itself works.",
    snippet: " host",
  },
  "run.cache": {
    form: "(cache (NAME (target PATH))...)",
    text: "Mounts persistent caches for this command. What is in them is in no layer and no id.",
    snippet: " ($1 (target $2))",
  },
  "run.secrets": {
    form: "(secrets (ID (target PATH))...)",
    text: "Puts secrets into files for this command only. They are part of the step's id.",
    snippet: " ($1 (target /run/secrets/$1))",
  },
  "run.restart": {
    form: "(restart allowed)",
    text: "Lets the guest restart during the command. Caches and secrets are refused beside it.",
    snippet: " allowed",
  },
  "run.cache.*.target": {
    form: "(target PATH)",
    text: "Where the cache is mounted. A relative PATH is below the `workdir`.",
    snippet: " $1",
  },
  "run.cache.*.buildkit_options": {
    form: "(buildkit_options ((sharing MODE)))",
    text: "`locked` makes other steps wait that use the cache with it; `shared` and `private` do not.",
    snippet: " ((sharing $1))",
  },
  "run.secrets.*.target": {
    form: "(target PATH)",
    text: "The file that has the secret. A relative PATH is below the `workdir`.",
    snippet: " $1",
  },
  "run.secrets.*.buildkit_options": {
    form: "(buildkit_options ((KEY VALUE)...))",
    text: "Mount options of the instruction `RUN` in the Dockerfile.",
    snippet: " (($1 $2))",
  },
  "copy.from": {
    form: "(from (build NAME))",
    text: "Copies from a nested build instead of the source directory.",
    snippet: " (build $1)",
  },
  "copy.from.build": {
    form: "(build NAME)",
    text: "The nested build to copy from.",
    snippet: " $1",
  },
  "copy.src": {
    form: "(src PATH...)",
    text: "Files and directories, from the root of the source directory or of the nested build. Names, not patterns; `..` is refused.",
    snippet: " $1",
  },
  "copy.dst": {
    form: "(dst PATH)",
    text: "With a `/` at its end a directory to copy into, otherwise the new name of the one source. A relative PATH is below the `workdir`.",
    snippet: " $1",
  },
  "copy.exclude": {
    form: "(exclude NAME...)",
    text: "Leaves out files and directories with these names, at any depth. For patterns use an ignore file.",
    snippet: " $1",
  },
  "user.uid": { form: "(uid N)", text: "The number of the user. `(gid N)` comes after it.", snippet: " $1" },
  "user.gid": { form: "(gid N)", text: "The number of the group.", snippet: " $1" },
  "user.name": { form: "(name NAME)", text: "The name of the user, as the guest knows it.", snippet: " $1" },
};

/** The names that a list in a list with these names can begin with. The empty name is a spec. */
export function keywordsIn(owner: string): readonly string[] {
  const prefix = owner === "" ? "" : `${owner}.`;
  return Object.keys(keywordDocs).flatMap((name) => {
    const rest = name.startsWith(prefix) ? name.slice(prefix.length) : "";
    return rest === "" || rest.includes(".") ? [] : [rest];
  });
}
