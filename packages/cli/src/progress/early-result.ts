import { commands } from "../commands/registry.ts";
import type { Ending } from "../output/ending.ts";
import { jsonLine } from "../output/printable.ts";
import { failureFacts } from "./result.ts";

/** The last line of `--progress=json` for a build that has failed before anything of it was shown. */
export function earlyResult(ending: Ending): string {
  return `${jsonLine({ type: "result", ...failureFacts(ending), saved: 0, cached: 0, milliseconds: 0 })}\n`;
}

/** True if the words ask a command that shows a build for `--progress=json`. The rest of the command line may be wrong. */
export async function asksForJson(argv: readonly string[]): Promise<boolean> {
  const end = argv.indexOf("--");
  const words = end === -1 ? argv : argv.slice(0, end);
  const asked = words.some((word, index) => {
    const [, flag = "", value = words[index + 1]] = /^(--p[a-z]*)(?:=(.*))?$/s.exec(word) ?? [];
    return flag !== "" && "--progress".startsWith(flag) && value === "json";
  });
  const name = words.find((word) => !word.startsWith("-"));
  if (!asked || name === undefined || !Object.hasOwn(commands, name)) return false;
  const option = (await commands[name]?.load())?.options["progress"];
  return option !== undefined && option.hidden !== true;
}
