import { quoteWords } from "../ssh/quote.ts";
import { framable } from "./framed.ts";
import { packScript } from "./pack-script.ts";
import type { VisitCommands } from "./visit-commands.ts";

/** The package's GNU tar: OpenBSD's own has neither long names nor a way to leave something out. */
export function openbsdVisit(loginUser: string): VisitCommands {
  const doas = loginUser === "root" ? [] : ["/usr/bin/doas", "-n", "--"];
  const asRoot = (script: string, words: readonly string[]): string =>
    `exec ${quoteWords([...doas, "/bin/sh", "-c", script, "obuilder", ...words])}`;
  return {
    pack: (path, exclude, options) => ({
      phase: "copy",
      purpose: `read ${path}`,
      ...framable((script) => asRoot(script, [path, ...exclude]), packScript("/usr/local/bin/gtar", options)),
      failure: "BAD_SOURCE",
    }),
    asUser: undefined,
  };
}
