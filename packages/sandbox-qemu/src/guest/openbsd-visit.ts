import { quoteWords } from "../ssh/quote.ts";
import { packScript } from "./pack-script.ts";
import type { VisitCommands } from "./visit-commands.ts";

/** The package's GNU tar: OpenBSD's own has neither long names nor a way to leave something out. */
export function openbsdVisit(loginUser: string): VisitCommands {
  const doas = loginUser === "root" ? [] : ["/usr/bin/doas", "-n", "--"];
  return {
    pack: (path, exclude, options) => {
      const shell = ["/bin/sh", "-c", packScript("/usr/local/bin/gtar", options), "obuilder"];
      return {
        phase: "copy",
        purpose: `read ${path}`,
        command: `exec ${quoteWords([...doas, ...shell, path, ...exclude])}`,
        failure: "BAD_SOURCE",
      };
    },
    asUser: undefined,
  };
}
