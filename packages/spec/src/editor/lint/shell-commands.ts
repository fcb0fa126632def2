import { createWordReader, type Word } from "./shell-words.ts";

/** A program that a shell's text runs. Offsets are those of the text. */
export interface ShellCommand {
  /** The program and its arguments, without assignments, redirections, `sudo` and the like. */
  readonly words: readonly Word[];
  /** The name of the program, without its directory. */
  readonly program: string;
  /** True if it may not run: in `if`, in loops, after `||`. */
  readonly isConditional: boolean;
}

/** Reserved words before a command. The first ones begin something whose commands may not run. */
const beginners = new Set(["if", "while", "until", "for", "select"]);
const enders = new Set(["fi", "done"]);
const between = new Set(["then", "else", "elif", "do", "{", "}", "!"]);

/** Programs that run the program in their arguments. */
const wrappers = new Set(["sudo", "doas", "env", "exec", "time", "nice", "nohup", "eatmydata"]);

/**
 * The programs that a text runs in a POSIX shell. What is not certain is left out: commands in substitutions and functions, and all after
 * a here-document or a `case`.
 */
export function shellCommands(text: string): readonly ShellCommand[] {
  const reader = createWordReader(text);
  const found: ShellCommand[] = [];
  let depth = 0;
  let afterOr = false;
  let words: Word[] = [];
  let isCertain = true;
  const endCommand = (): void => {
    let start = 0;
    for (; isReserved(words[start]?.text ?? ""); start++) {
      const name = words[start]?.text ?? "";
      if (beginners.has(name)) depth++;
      if (enders.has(name)) depth--;
      if (name === "for" || name === "select") start = words.length;
    }
    const first = words[start]?.text;
    if (first === "case" || first === "function") isCertain = false;
    const [program, ...rest] = unwrapped(words.slice(start));
    words = [];
    if (program === undefined || program.isDynamic || !isCertain) return;
    found.push({
      words: [program, ...rest],
      program: programName(program.text),
      isConditional: depth > 0 || afterOr,
    });
  };
  for (let token = reader.next(); token !== undefined && isCertain; token = reader.next()) {
    if (token.kind === "word") words.push(token);
    else {
      endCommand();
      if (token.text === "<<") isCertain = false;
      // After `||` and up to the end of the list nothing is certain.
      if (token.text === "||") afterOr = true;
      else if (token.text === ";" || token.text === "\n" || token.text === "&") afterOr = false;
      // A function, or a subshell: its commands run, but not here or not at once.
      if (token.text === "(" || token.text === ")") isCertain = false;
    }
  }
  if (isCertain) endCommand();
  return found;
}

function isReserved(word: string): boolean {
  return beginners.has(word) || enders.has(word) || between.has(word);
}

/** The program itself: without assignments, and without what runs it. */
function unwrapped(words: readonly Word[]): readonly Word[] {
  let at = 0;
  for (let word = words[at]; word !== undefined; word = words[at]) {
    if (wrappers.has(programName(word.text))) at = afterOptions(words, at);
    else if (/^[A-Za-z_]\w*=/.test(word.text)) at++;
    else break;
  }
  return words.slice(at);
}

/** Where the options of a wrapper end. */
function afterOptions(words: readonly Word[], wrapper: number): number {
  const isSudo = programName(words[wrapper]?.text ?? "") === "sudo";
  const withValue = isSudo ? /^-[ugphCDrtT]$/ : /^-[unCS]$/;
  let at = wrapper + 1;
  while (words[at]?.text.startsWith("-") === true) at += withValue.test(words[at]?.text ?? "") ? 2 : 1;
  return at;
}

/** Without the directory. */
function programName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
