import { quoteWords } from "../ssh/quote.ts";
import { nothingThere } from "./pack-script.ts";
import type { VisitCommands } from "./visit-commands.ts";

/** For Cygwin's bash. Argument: the path, on drive C. Windows' own tar knows its links and junctions. */
const packScript = `path=$(cygpath -u "C:$1") || exit 125
if [ -d "$path" ] && [ ! -L "$path" ]; then
  cd -- "$path" || exit 125
  item=.
elif [ -e "$path" ] || [ -L "$path" ]; then
  cd -- "\${path%/*}/" || exit 125
  item=./\${path##*/}
else
  exit ${nothingThere}
fi
exec "$(cygpath -u "$SYSTEMROOT")/System32/tar.exe" -cf - "$item"`;

/** The login user is an administrator. What is to be left out comes all the same, and is dropped by the reader. */
export function windowsVisit(): VisitCommands {
  return {
    pack: (path) => ({
      phase: "copy",
      purpose: `read ${path}`,
      command: `exec ${quoteWords(["bash", "-c", packScript, "obuilder", path])}`,
      failure: "BAD_SOURCE",
    }),
    asUser: undefined,
  };
}
