import type { BuildkitOption, CopyOp, Op, RunOp, Spec, User } from "./ast.ts";
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
  readonly user: User;
}

/**
 * A Dockerfile that does approximately what the spec does, in the original's form.
 *
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
  };
  const lines = stage(spec, undefined, context);
  return `${[...(windows ? ["#escape=`"] : []), ...lines].join("\n")}\n`;
}

function stage(spec: Spec, name: string | undefined, start: Context): readonly string[] {
  const lines: string[] = [];
  for (const build of spec.builds) {
    for (const line of stage(build.spec, build.name, start)) lines.push(line);
    lines.push("");
  }
  lines.push(name === undefined ? `FROM ${spec.from}` : `FROM ${spec.from} as ${name}`);
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
      return `WORKDIR ${op.directory}`;
    case "shell":
      return `SHELL [ ${op.arguments.map((argument) => `"${argument}"`).join(", ")} ]`;
    case "run":
      return `RUN ${mounts(op, context)}${wrapped(op.command, context)}`;
    case "copy":
      return copyInstruction(op, context);
    case "user":
      return "name" in op.user ? `USER ${op.user.name}` : `USER ${op.user.uid}:${op.user.gid}`;
    case "env":
      return `ENV ${op.key}="${op.value.replaceAll(/["\\`]/g, (found) => escaped(found, context))}"`;
  }
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
  return `COPY ${chown}${from}${op.sources.join(" ")} ${op.destination}`;
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
