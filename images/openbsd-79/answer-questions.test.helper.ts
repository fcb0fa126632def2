import type { InstallerQuestion } from "./questions.ts";

/** The answer to a question. */
export interface Answered {
  readonly text: string;
  readonly answer: string | undefined;
  readonly from: "file" | "default" | "nowhere";
}

/**
 * Answers questions as the installer does (`_autorespond` in install.sub): with the first line whose key is in the
 * question, bounded by blanks or a question mark, ignoring case. Each line is used once.
 */
export function answerQuestions(
  conf: string,
  questions: readonly InstallerQuestion[],
): { readonly answered: readonly Answered[]; readonly unused: readonly string[] } {
  const lines = conf.split("\n").filter((line) => /^[^#=]*[^#=\s][^=]*=./.test(line));
  const answered = questions.map(({ text, default: usual }): Answered => {
    const index = lines.findIndex((line) => matches(text, keyOf(line)));
    if (index >= 0) {
      const [line = ""] = lines.splice(index, 1);
      return { text, answer: line.slice(line.indexOf("=") + 1).trim(), from: "file" };
    }
    return { text, answer: usual, from: usual === undefined ? "nowhere" : "default" };
  });
  return { answered, unused: lines };
}

const keyOf = (line: string): string => line.slice(0, line.indexOf("=")).trim();

function matches(question: string, key: string): boolean {
  const [text, part] = [question.toLowerCase(), key.toLowerCase()];
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
    const [before, after] = [text.charAt(at - 1), text.charAt(at + part.length)];
    if (/^[ \t]?$/.test(before) && /^[ \t?]?$/.test(after)) return true;
  }
  return false;
}
