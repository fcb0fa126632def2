import { readFileSync } from "node:fs";

/** The widest help, in characters. */
export const maxHelpColumns = 100;

/** The widths that the bundle has the help in: without a terminal, and in most terminals. */
export const renderedColumns: readonly number[] = [80, maxHelpColumns];

/** The name of the file in the bundle with the help of one width. */
export function helpFileName(columns: number): string {
  return `help-${columns}.json`;
}

/**
 * The help that a command line asks for with nothing else, as `renderAllHelp` has made it for the bundle: yargs takes longer
 * to make it than everything else together.
 *
 * @param directory where the files are: by default beside this one, which is so in the bundle only.
 * @returns undefined if it must be made: for other command lines, widths, and outside of the bundle.
 */
export function renderedHelp(
  argv: readonly string[],
  { columns, directory = import.meta.url }: { readonly columns: number; readonly directory?: URL | string },
): string | undefined {
  const width = Math.min(columns, maxHelpColumns);
  const names = argv.slice(0, -1);
  if (!renderedColumns.includes(width) || argv.at(-1) !== "--help") return undefined;
  const texts = read(new URL(helpFileName(width), directory));
  const text = texts[names.join(" ")];
  return typeof text === "string" ? text : undefined;
}

function read(file: URL): Readonly<Record<string, unknown>> {
  try {
    const texts: unknown = JSON.parse(readFileSync(file, "utf8"));
    return Object.assign(Object.create(null), texts);
  } catch {
    return {};
  }
}
