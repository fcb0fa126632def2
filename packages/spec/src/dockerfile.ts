import { hasArgs } from "./args/expand-args.ts";
import type { ArgOp, BuildkitOption, CopyOp, Op, RunOp, Spec, User, UserTemplate } from "./ast.ts";
import { checkSpec } from "./check-arguments.ts";

/** How to write a Dockerfile. */
export interface DockerfileOptions {
  /** True to use BuildKit's `RUN --mount` for caches and secrets. Otherwise they are omitted. */
  readonly buildkit?: boolean | undefined;
  /**
   * The escape character: `\` for Unix, the default; a backquote for Windows, where `\` separates the names in a path.
   */
  readonly escape?: "unix" | "windows" | undefined;
}

interface Context {
  readonly buildkit: boolean;
  readonly escape: "\\" | "`";
  readonly user: User | UserTemplate;
  /** True if `${NAME}` in the spec's texts is a variable, as in a Dockerfile, and a backslash before it escapes it. */
  readonly hasArgs: boolean;
}

/**
 * A Dockerfile that does approximately what the spec does, in the original's form.
 *
 * The args before `from` of nested builds come first, too: a Dockerfile has one place for them.
 * `exclude`, `network` and `restart` have no counterpart and are omitted. For a user by name, a `--mount` has no `uid` (the original
 * fails there) and a `COPY` has no `--chown`. Values are not escaped, so text with a special meaning in a Dockerfile
 * keeps that meaning.
 */
export function toDockerfile(spec: Spec, options: DockerfileOptions = {}): string {
  checkSpec("toDockerfile", spec);
  const windows = options.escape === "windows";
  const context: Context = {
    buildkit: options.buildkit ?? false,
    escape: windows ? "`" : "\\",
    user: windows ? { name: "ContainerAdministrator" } : { uid: 0, gid: 0 },
    hasArgs: hasArgs(spec),
  };
  const args = globalArgs(spec).map((arg) => argInstruction(arg, context));
  const lines = [...args, ...stage(spec, undefined, context)];
  return `${[...(windows ? ["#escape=`"] : []), ...lines].join("\n")}\n`;
}

/** The args before `from` of the spec and its nested specs, each name once. */
function globalArgs(spec: Spec): readonly ArgOp[] {
  const found = [...(spec.args ?? []), ...spec.builds.flatMap((build) => globalArgs(build.spec))];
  return [...new Map(found.toReversed().map((arg) => [arg.name, arg])).values()].toReversed();
}

function stage(spec: Spec, name: string | undefined, start: Context): readonly string[] {
  const lines: string[] = [];
  for (const build of spec.builds) {
    for (const line of stage(build.spec, build.name, start)) lines.push(line);
    lines.push("");
  }
  lines.push(
    name === undefined ? `FROM ${words(spec.from, start)}` : `FROM ${words(spec.from, start)} as ${name}`,
  );
  let context = start;
  for (const op of spec.ops) {
    lines.push(instruction(op, context));
    if (op.op === "user") context = { ...context, user: op.user };
  }
  return lines;
}

function instruction(op: Op, context: Context): string {
  switch (op.op) {
    case "comment":
      return `# ${op.text}`;
    case "workdir":
      return `WORKDIR ${words(op.directory, context)}`;
    case "shell":
      return `SHELL [ ${op.arguments.map((argument) => `"${argument}"`).join(", ")} ]`;
    case "run":
      return `RUN ${mounts(op, context)}${wrapped(op.command, context)}`;
    case "copy":
      return copyInstruction(op, context);
    case "user":
      return "name" in op.user
        ? `USER ${words(op.user.name, context)}`
        : `USER ${op.user.uid}:${op.user.gid}`;
    case "env":
      return `ENV ${op.key}=${quoted(op.value, context)}`;
    case "arg":
      return argInstruction(op, context);
  }
}

function argInstruction({ name, default: value }: ArgOp, context: Context): string {
  return value === undefined ? `ARG ${name}` : `ARG ${name}=${quoted(value, context)}`;
}

/** A value in quotes. In a spec with args the backslashes before `${` are escapes already. */
function quoted(value: string, context: Context): string {
  const special = context.hasArgs ? /\\+(?=\$\{)|["\\`]/g : /["\\`]/g;
  const text = value.replaceAll(special, (found, at: number) => {
    const isEscape = context.hasArgs && found.startsWith("\\") && value.startsWith("${", at + found.length);
    return isEscape ? escapesOf(found, context) : escaped(found, context);
  });
  return `"${text}"`;
}

/** A text whose escapes before `${` are those of the Dockerfile. */
function words(text: string, context: Context): string {
  return context.hasArgs ? text.replaceAll(/\\+(?=\$\{)/g, (run) => escapesOf(run, context)) : text;
}

/** Backslashes before `${`: two stand for one, and one that is left escapes the `$`. */
function escapesOf(run: string, { escape }: Context): string {
  if (escape === "\\") return run;
  return "\\".repeat(run.length >> 1) + (run.length % 2 === 1 ? escape : "");
}

function mounts(op: RunOp, context: Context): string {
  if (!context.buildkit) return "";
  const secrets = op.secrets.map((secret) => mount("secret", { ...secret, name: secret.id }, context));
  const caches = op.caches.map((cache) => mount("cache", cache, context));
  return [...secrets, ...caches].map((option) => `${option} `).join("");
}

interface Mount {
  readonly name: string;
  readonly target: string;
  readonly buildkitOptions: readonly BuildkitOption[];
}

function mount(type: "cache" | "secret", what: Mount, context: Context): string {
  const owner: readonly BuildkitOption[] = "uid" in context.user ? [["uid", String(context.user.uid)]] : [];
  const options: readonly BuildkitOption[] = [
    ["type", type],
    ["id", what.name],
    ["target", what.target],
    ...owner,
    ...what.buildkitOptions,
  ];
  return `--mount=${options.map(([key, value]) => `${key}=${value}`).join(",")}`;
}

function copyInstruction(op: CopyOp, context: Context): string {
  const { user } = context;
  const owned = "uid" in user && !(user.uid === 0 && user.gid === 0);
  const chown = owned ? `--chown=${user.uid}:${user.gid} ` : "";
  const from = op.from.kind === "build" ? `--from=${op.from.name} ` : "";
  return `COPY ${chown}${from}${words(op.sources.join(" "), context)} ${words(op.destination, context)}`;
}

/** A command of several lines, each but the last ended by the escape character. */
function wrapped(command: string, context: Context): string {
  return command.split("\n").map(trimBlanks).join(` ${context.escape}\n    `);
}

/** Removes blanks as the original does. `String.prototype.trim` removes more characters. */
function trimBlanks(line: string): string {
  const blanks = " \t\n\f\r";
  let start = 0;
  let end = line.length;
  while (start < end && blanks.includes(line.charAt(start))) start++;
  while (end > start && blanks.includes(line.charAt(end - 1))) end--;
  return line.slice(start, end);
}

function escaped(found: string, context: Context): string {
  return found === '"' || found === context.escape ? context.escape + found : found;
}
