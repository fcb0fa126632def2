/** @returns what a package.json of the package in `directory`, a path from the repository, must have from the root's. */
export function sharedMetadata(root: object, directory: string): Readonly<Record<string, unknown>>;
