import { quoteWord } from "../../ssh/quote/posix.ts";
import { framedForCygwin } from "../framed.ts";
import { exitNotFound, pathTests } from "../tar-script.ts";
import type { PackOptions, AccessCommands } from "../access-commands.ts";
import { drivePath } from "./paths.ts";

/** For Cygwin's bash. Windows' own tar knows its links and junctions. */
function packScript(path: string, options: PackOptions = {}): string {
  const { isTree, isThere, tarFlag } = pathTests(options);
  return `PATH=/usr/bin:$PATH
path=$(cygpath -u ${quoteWord(drivePath(path))}) || exit 125
flag=
if ${isTree}; then
  cd -- "$path" || exit 125
  item=.
elif ${isThere}; then
  cd -- "\${path%/*}/" || exit 125
  item=./\${path##*/}
  flag=${tarFlag}
else
  exit ${exitNotFound}
fi
exec "$(cygpath -S)/tar.exe" -cf - $flag "$item"`;
}

/** The login user is an administrator. What is to be left out comes all the same, and is dropped by the reader. */
export function windowsAccess(): AccessCommands {
  return {
    pack: (path, _exclude, options) => ({
      phase: "copy",
      purpose: `read ${path}`,
      ...framedForCygwin(packScript(path, options)),
      failure: "BAD_SOURCE",
    }),
    asUser: undefined,
  };
}
