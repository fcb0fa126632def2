import type { GuestUser } from "@ob/core";
import { quoteWords } from "../../ssh/quote/posix.ts";
import { resolveUser, fail } from "./scripts.ts";
import { framable } from "../framed.ts";
import { tarScript } from "../tar-script.ts";
import type { AccessCommands } from "../access-commands.ts";

/** As root. Arguments: kind, value and gid of the user, then a program and its words. Standard input is the caller's. */
const runAsUser = `${fail}${resolveUser}
account "$1" "$2" "$3"
shift 3
cd -- "$home" 2>/dev/null || cd /
[ $# -gt 0 ] || set -- "$shell" -l
exec setpriv --reuid="$uid" --regid="$gid" $groups \
  env -i PATH="$PATH" HOME="$home" USER="$name" LOGNAME="$name" SHELL="$shell" TERM="\${TERM:-dumb}" "$@"`;

export function linuxAccess(loginUser: string): AccessCommands {
  const asRoot = (script: string, words: readonly string[]): string => {
    const shell = ["/bin/sh", "-c", script, "obuilder", ...words];
    return `exec ${quoteWords(loginUser === "root" ? shell : ["sudo", "-n", "--", ...shell])}`;
  };
  return {
    pack: (path, exclude, options) => ({
      phase: "copy",
      purpose: `read ${path}`,
      ...framable((script) => asRoot(script, [path, ...exclude]), tarScript("tar", options)),
      failure: "BAD_SOURCE",
    }),
    asUser: (user, words) => asRoot(runAsUser, [...userWords(user), ...words]),
  };
}

function userWords(user: GuestUser): readonly string[] {
  return "name" in user ? ["name", user.name, ""] : ["uid", String(user.uid), String(user.gid)];
}
