import { encodePowershell } from "../../ssh/quote/powershell.ts";
import { diskSerial } from "../disk-serial.ts";
import * as scripts from "./scripts.generated.ts";

/** @param formatted for each cache disk, in the order of the VM's disks, whether it has a file system. */
export function prepareDisks(formatted: readonly boolean[]): string {
  const flags = formatted.map((each) => (each ? "1" : "0")).join("");
  const serials = formatted.map((_, index) => `'${diskSerial(index + 1)}'`).join(", ");
  return `$serials = @(${serials})\n$formatted = '${flags}'\n${scripts.prepareDisks}\n`;
}

/** The same for the argument of repeat-powershell.sh. */
export function encodedPrepareDisks(formatted: readonly boolean[]): string {
  return encodePowershell(prepareDisks(formatted));
}
