// A root directory of the newest Debian, made by mmdebstrap, and how programs are run in it. Nothing of this host is changed.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getuid } from "node:process";
import { call, mustCall, repository, Stop } from "./environment.mjs";

export const suite = "trixie";
const enter = join(repository, "scripts", "enter-root.sh");

/** True if root directories can be made and entered; if not, says that `what` is skipped. */
export function canHaveRoots(what) {
  if (getuid?.() === 0) return true;
  console.log(`\nSkipped: ${what}. Only root can make a root directory of Debian ${suite} for it.`);
  return false;
}

/** Makes a root directory with these packages, gives it to `work`, and removes it. Returns what `work` returns. */
export function withRoot(packages, work) {
  const directory = mkdtempSync(join(tmpdir(), "obuilder-trixie-"));
  try {
    const root = join(directory, "root");
    const include = `--include=${packages.join(",")}`;
    mustCall("mmdebstrap", ["--quiet", "--variant=apt", include, suite, root], {
      what: `Making a root directory of Debian ${suite}`,
    });
    return work({ root });
  } finally {
    assertUnmounted(directory);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What is mounted below a directory would be removed with it. */
function assertUnmounted(directory) {
  if (readFileSync("/proc/self/mountinfo", "utf8").includes(` ${directory}/`)) {
    throw new Stop(`Something is still mounted below ${directory}: it is not removed.`);
  }
}

/** Runs a command in a root directory, which shows `shown` of this host. Returns the exit status. */
export function callIn({ root }, { shown = [], command, env = process.env }) {
  const own = ["--mount", "--propagation", "private"];
  return call("unshare", [...own, "sh", enter, root, String(shown.length), ...shown, ...command], { env });
}
