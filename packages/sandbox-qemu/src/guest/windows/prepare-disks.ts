import { encodePowershell } from "../../ssh/quote/powershell.ts";
import * as scripts from "./scripts.generated.ts";

/** @param formatted of each disk, in the order of the machine's disks. */
export function prepareDisks(formatted: readonly boolean[]): string {
  const flags = formatted.map((each) => (each ? "1" : "0")).join("");
  return `$formatted = '${flags}'\n${scripts.prepareDisks}\n`;
}

/** The script's line for Cygwin's bash. PowerShell would wait for the end of a standard input. */
export function prepareDisksLine(formatted: readonly boolean[]): string {
  const encoded = encodePowershell(prepareDisks(formatted));
  return `powershell -NoProfile -NonInteractive -OutputFormat Text -EncodedCommand ${encoded} </dev/null`;
}
