/**
 * The value of PowerShell's `-EncodedCommand`: letters, digits and `+/=` only, so that no shell in between finds
 * anything to change.
 */
export function encodePowershell(script: string): string {
  return Buffer.from(script, "utf16le").toString("base64");
}
