import { commands } from "../commands/registry.ts";
import { actionHelp, commandHelp, topHelp } from "./help.ts";

/**
 * The text of each `--help`, by the words before it, with blanks between them: that of `obuilder` itself by "", then of commands
 * and of their actions. bundle.mjs writes them into the bundle.
 *
 * @param columns the width to wrap at.
 */
export async function renderAllHelp(columns: number): Promise<Readonly<Record<string, string>>> {
  const texts: Record<string, string> = { "": await topHelp(columns) };
  for (const [name, { load }] of Object.entries(commands)) {
    const command = await load();
    texts[name] = await commandHelp(name, command, columns);
    for (const [own, action] of Object.entries(command.actions ?? {})) {
      const found = { name: own, action };
      for (const word of [own, ...(action.aliases ?? [])]) {
        texts[`${name} ${word}`] = await actionHelp(name, { command, found, columns });
      }
    }
  }
  return Object.fromEntries(Object.entries(texts).map(([words, text]) => [words, `${text}\n`]));
}
