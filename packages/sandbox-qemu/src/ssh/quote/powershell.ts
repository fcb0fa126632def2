/**
 * The value of PowerShell's `-EncodedCommand`: only letters, digits and `+/=`, which no shell in between changes.
 */
export function encodePowershell(script: string): string {
  return Buffer.from(script, "utf16le").toString("base64");
}
