// A root directory of the newest Debian, made by mmdebstrap, and how programs are run in it. Nothing of this host is changed.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getuid } from "node:process";
import { call, mustCall, Stop } from "./environment.mjs";

export const suite = "trixie";
const mirror = "http://deb.debian.org/debian";

/**
 * Enters a root directory: in a mount namespace of its own, which ends with it, and not by chroot, in which passt and bubblewrap
 * could not change their own root. Arguments: the root, how many directories of the host it shows at their own places, these, and the command.
 */
const enter = `set -e
root=$1 count=$2
shift 2
mount --bind "$root" "$root"
for each in /proc /dev /sys; do mount --rbind "$each" "$root$each"; done
while [ "$count" -gt 0 ]; do
  mkdir -p "$root$1"
  mount --rbind "$1" "$root$1"
  shift
  count=$((count - 1))
done
cp /etc/resolv.conf "$root/etc/resolv.conf"
mkdir -p "$root/old"
cd "$root"
pivot_root . old
umount --lazy /old
cd /
exec "$@"`;

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
    mustCall("mmdebstrap", ["--quiet", "--variant=apt", include, suite, root, mirror], {
      what: `Making a root directory of Debian ${suite}`,
    });
    writeFileSync(join(directory, "enter.sh"), enter);
    return work({ root, script: join(directory, "enter.sh") });
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
export function callIn({ root, script }, { shown = [], command, env = process.env }) {
  const own = ["--mount", "--propagation", "private"];
  return call("unshare", [...own, "sh", script, root, String(shown.length), ...shown, ...command], { env });
}
