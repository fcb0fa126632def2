import { quoteWord } from "../ssh/quote.ts";
import { cygwinCommand } from "../ssh/quote-cygwin.ts";
import { nothingThere } from "./pack-script.ts";
import type { VisitCommands } from "./visit-commands.ts";
import { drivePath } from "./windows-paths.ts";

/** For Cygwin's bash. Windows' own tar knows its links and junctions. */
function packScript(path: string): string {
  return `PATH=/usr/bin:$PATH
path=$(cygpath -u ${quoteWord(drivePath(path))}) || exit 125
if [ -d "$path" ] && [ ! -L "$path" ]; then
  cd -- "$path" || exit 125
  item=.
elif [ -e "$path" ] || [ -L "$path" ]; then
  cd -- "\${path%/*}/" || exit 125
  item=./\${path##*/}
else
  exit ${nothingThere}
fi
exec "$(cygpath -S)/tar.exe" -cf - "$item"`;
}

/** The login user is an administrator. What is to be left out comes all the same, and is dropped by the reader. */
export function windowsVisit(): VisitCommands {
  return {
    pack: (path) => ({
      phase: "copy",
      purpose: `read ${path}`,
      command: cygwinCommand(packScript(path)),
      failure: "BAD_SOURCE",
    }),
    asUser: undefined,
  };
}
