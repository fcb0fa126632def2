import { quoteWords } from "../../ssh/quote/posix.ts";
import { framable } from "../framed.ts";
import { tarScript } from "../tar-script.ts";
import type { AccessCommands } from "../access-commands.ts";

/** The package's GNU tar: OpenBSD's own has neither long names nor a way to leave something out. */
export function openbsdAccess(loginUser: string): AccessCommands {
  const doas = loginUser === "root" ? [] : ["/usr/bin/doas", "-n", "--"];
  const asRoot = (script: string, words: readonly string[]): string =>
    `exec ${quoteWords([...doas, "/bin/sh", "-c", script, "obuilder", ...words])}`;
  return {
    pack: (path, exclude, options) => ({
      phase: "copy",
      purpose: `read ${path}`,
      ...framable((script) => asRoot(script, [path, ...exclude]), tarScript("/usr/local/bin/gtar", options)),
      failure: "BAD_SOURCE",
    }),
    asUser: undefined,
  };
}
