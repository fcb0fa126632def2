import type { ShellCommand } from "../shell-commands.ts";
import type { Word } from "../shell-words.ts";

/** The arguments of a command that are not options. `withValue` matches the options whose value is the next word. */
export function operandsOf({ words }: ShellCommand, withValue = /^$/): readonly Word[] {
  const found: Word[] = [];
  for (let at = 1; at < words.length; at++) {
    const word = words[at];
    if (word === undefined) break;
    if (!word.text.startsWith("-") || word.text === "-") found.push(word);
    else if (withValue.test(word.text)) at++;
  }
  return found;
}

/** True if a command has one of the options. */
export function hasOption({ words }: ShellCommand, ...names: readonly string[]): boolean {
  return words.some(({ text }) => names.some((name) => text === name || text.startsWith(`${name}=`)));
}
