/** The step of a layer for a narrow table: its heading without the directory that it runs in, which steps of a spec often have in common. */
export function stepText(heading: string | undefined, { whole }: { readonly whole: boolean }): string {
  if (heading === undefined) return "-";
  return whole ? heading : heading.replace(/^[^]*?: (?=\((?:run|copy) )/, "");
}
