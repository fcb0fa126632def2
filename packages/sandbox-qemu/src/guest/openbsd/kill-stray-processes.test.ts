import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { installedShells } from "../../testing/installed-shells.ts";
import * as scripts from "./scripts.generated.ts";

/** Processes as OpenBSD's `ps -o pid= -o ppid= -o login= -o state= -o ucomm=` lists them. */
interface Processes {
  /** The login name of the script's own session. */
  readonly own: string;
  readonly listed: readonly string[];
}

/**
 * Runs the script with stand-ins for ps and kill, which never touch a real process, and returns what it has killed. Init starts
 * a getty again as soon as it is killed: here it keeps its id. An alias of a keyword keeps its header, as in bin/ps/keyword.c findvar.
 */
function killed(shell: string, { own, listed }: Processes): string {
  const standIns = `

kill() { shift; printf '%s\\n' "$*"; }
sleep() { :; }
ps() {
  case "$*" in *stat=*) echo "      STAT" ;; esac
  case "$*" in
    *login=*ucomm=*) cat <<'LIST'
${listed.join("\n")}
LIST
      ;;
    *login=*) echo ${own} ;;
    *) echo 1 ;;
  esac
}`;
  // The list is the same each time, so all that it kills comes back, in each of its rounds.
  return execFileSync(shell, ["-c", `${standIns}\n${scripts.killStrayProcesses}`, "x", "1 20"]).toString();
}

const gettys = ["100 1 root Is+ getty", "101 1 root Is+ getty"];
const rc = ["110 1 root S sh", "111 110 root R ld", "112 1 root I cron"];

describe.each(installedShells.filter((shell) => !shell.endsWith("zsh")))(
  "the processes that a step leaves behind on OpenBSD, in %s,",
  (shell) => {
    it("are killed, but not the gettys of init and what /etc/rc starts late", () => {
      const listed = ["20 1 root S sshd", ...gettys, ...rc, "200 1 opam S sleep", "201 1 opam Z sleep"];
      const rounds = killed(shell, { own: "opam", listed }).trimEnd().split("\n");
      expect(new Set(rounds)).toEqual(new Set(["200"]));
      expect(killed(shell, { own: "opam", listed: [...gettys, ...rc] })).toBe("");
    });

    it("are those of any user and session, for they keep the login name of theirs", () => {
      expect(killed(shell, { own: "opam", listed: ["200 1 opam Ss perl", "201 200 - S sh"] })).toMatch(
        /^200 201$/m,
      );
    });

    it("are killed where the login user is root, as init's gettys are not", () => {
      const listed = [...gettys, "200 1 root S sleep", "201 200 root S getty"];
      expect(killed(shell, { own: "root", listed })).toMatch(/^200 201$/m);
      expect(killed(shell, { own: "root", listed: gettys })).toBe("");
    });
  },
);
