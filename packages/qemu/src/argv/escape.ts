/** A value in an option of QEMU: a comma ends the value unless it is doubled. */
export function escapeOptionValue(value: string): string {
  return value.replaceAll(",", ",,");
}
