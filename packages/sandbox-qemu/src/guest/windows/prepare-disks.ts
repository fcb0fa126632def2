import { encodePowershell } from "../../ssh/quote/powershell.ts";
import * as scripts from "./scripts.generated.ts";

/** @param formatted for each cache disk, in the order of the VM's disks, whether it has a file system. */
export function prepareDisks(formatted: readonly boolean[]): string {
  const flags = formatted.map((each) => (each ? "1" : "0")).join("");
  return `$formatted = '${flags}'\n${scripts.prepareDisks}\n`;
}

/** The command line for Cygwin's bash. Its standard input is closed, since PowerShell would wait for its end. */
export function prepareDisksLine(formatted: readonly boolean[]): string {
  const encoded = encodePowershell(prepareDisks(formatted));
  return `powershell -NoProfile -NonInteractive -OutputFormat Text -EncodedCommand ${encoded} </dev/null`;
}
