import { delimiter, dirname, join } from "node:path";
import { execa, type Options } from "execa";
import { repository } from "./workspace.ts";

const bin = join(repository, "node_modules", ".bin");

/**
 * The environment of a user: Node.js 24 first on PATH, and nothing of the npm or pnpm that has started these tests, for
 * another npm would take its settings for its own.
 */
function environment(): Record<string, string | undefined> {
  const ours = Object.keys(process.env).filter((name) =>
    /^(npm_(package|lifecycle|config_(prefix|user_?config|global_?config|local_prefix|global_prefix|user_agent))|NODE_(ENV|OPTIONS|PATH)|VITEST|INIT_CWD)/i.test(
      name,
    ),
  );
  return {
    ...Object.fromEntries(ours.map((name) => [name, undefined])),
    PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter),
    NO_COLOR: "1",
  };
}

/** Runs a program as a user would, and rejects with all that it printed unless it succeeds. */
export async function call(program: string, args: readonly string[], options: Options = {}): Promise<string> {
  const result = await execa(program, args, {
    env: environment(),
    all: true,
    stdin: "ignore",
    reject: false,
    ...options,
  });
  if (result.exitCode === 0) return String(result.stdout);
  const end = result.exitCode === undefined ? result.shortMessage : `ended with status ${result.exitCode}`;
  throw new Error(`${program} ${args.join(" ")} ${end}:\n${String(result.all)}`);
}

/** Runs a tool of the repository's. */
export async function callTool(
  name: string,
  args: readonly string[],
  options: Options = {},
): Promise<string> {
  return await call(join(bin, name), args, options);
}

/** Runs a tool of this package's. */
export async function callOwnTool(name: string, args: readonly string[]): Promise<string> {
  return await call(join(repository, "packaging", "node_modules", ".bin", name), args);
}
