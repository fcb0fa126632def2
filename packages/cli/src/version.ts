import { readPackageFile } from "./package-file.ts";

/** The version of this package, a line. */
export function version(): string {
  return `${packageVersion()}\n`;
}

/** The version of this package, of Node.js and of the host's kind, one object on a line. */
export function versionAsJson(): string {
  const { version: node, platform, arch } = process;
  return `${JSON.stringify({ version: packageVersion(), node: node.slice(1), platform, arch })}\n`;
}

function packageVersion(): string {
  const { version: number }: { readonly version: string } = JSON.parse(readPackageFile("package.json"));
  return number;
}
