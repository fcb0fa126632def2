/** A function that returns the places of errors in a script's text, as `LINE:COLUMN TEXT`. */
export function powershellParser(): Promise<(text: string) => readonly string[]>;

/** The repository's PowerShell scripts, as paths from its root. */
export function powershellScripts(): readonly string[];
