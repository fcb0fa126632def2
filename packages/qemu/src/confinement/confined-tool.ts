import { makeTemporaryDirectory } from "@ob/core";
import { type Bind, bwrapCommand } from "./bwrap-args.ts";
import { hostAbilities, isRoot } from "./host-abilities.ts";

/** The command that confines a program, as a prefix of its own; empty where this host does not permit it. */
export interface ConfinedTool extends AsyncDisposable {
  readonly command: readonly string[];
}

/** `confineTool` for a program that reads one file. @param file absolute path. */
export async function confineReader(file: string): Promise<ConfinedTool> {
  return await confineTool([{ kind: "read", source: file, target: file }]);
}

/**
 * Confines a program of the host that reads what a stranger has made. It sees nothing but `/usr`, libraries and the given files, and has
 * no network. Started by root it stays root, with the right to read the files of others as its only capability.
 *
 * @param binds what it sees besides, with absolute paths.
 */
export async function confineTool(binds: readonly Bind[]): Promise<ConfinedTool> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await makeTemporaryDirectory("tool")).path;
  const { abilities } = await hostAbilities(directory);
  const privileges = isRoot()
    ? ({ kind: "capabilities", setpriv: abilities?.setpriv ?? "", kept: ["dac_read_search"] } as const)
    : ({ kind: "none" } as const);
  const command = abilities
    ? bwrapCommand({ bwrap: abilities.bwrap, root: directory, binds, hostNetwork: false, privileges })
    : [];
  const owned = stack.move();
  return { command, [Symbol.asyncDispose]: async () => await owned.disposeAsync() };
}
