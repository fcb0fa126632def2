import { getuid } from "node:process";
import { isObError, ObError, run } from "@ob/core";

export interface AptRootOptions {
  readonly suite: string;
  /** Debian's name of the architecture. */
  readonly architecture: string;
  /** Packages in addition to apt and all essential packages. */
  readonly include: readonly string[];
  /** Paths that dpkg excludes, now and later in the guest; a leading `!` includes a path again. */
  readonly excludePaths: readonly string[];
  readonly aptOptions: readonly string[];
  readonly dpkgOptions: readonly string[];
  /** Shell script that runs after the installation, with the root directory as `$1`. */
  readonly customize: string;
  /** See `RecipeContext.sudoPrefix`. */
  readonly sudoPrefix: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/**
 * Installs a minimal Debian with apt from the host's mirror and packs it as a tar archive. Works as root, and for
 * other users in a user namespace, or with `sudoPrefix` on hosts without user namespaces.
 *
 * @param archive absolute path of the tar file to write.
 * @throws ObError `MISSING_TOOL`, `TOOL_FAILED` with apt's last lines, `NO_SPACE`, `UNSUPPORTED`, `CANCELLED`.
 */
export async function makeAptRoot(archive: string, options: AptRootOptions): Promise<void> {
  const { signal, suite, architecture, customize } = options;
  const mirrors = await hostMirrors(suite, signal);
  try {
    await run(
      [
        ...(await rootCommand(options)),
        "--variant=minbase",
        `--architectures=${architecture}`,
        "--format=tar",
        `--include=${options.include.join(",")}`,
        // With this hook the package usr-is-merged replaces usrmerge, which depends on all of Perl.
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        ...options.excludePaths.map((path) =>
          path.startsWith("!") ? `--dpkgopt=path-include=${path.slice(1)}` : `--dpkgopt=path-exclude=${path}`,
        ),
        ...options.dpkgOptions.map((option) => `--dpkgopt=${option}`),
        ...options.aptOptions.map((option) => `--aptopt=${option}`),
        `--customize-hook=${customize}`,
        suite,
        archive,
        ...mirrors,
      ],
      { signal },
    );
  } catch (error) {
    if (!isObError(error, "TOOL_FAILED")) throw error;
    // The command itself fills a screen and does not help the user.
    const output = error.message.slice(error.message.indexOf("\n") + 1);
    throw new ObError("TOOL_FAILED", `mmdebstrap could not install Debian ${suite}:\n${output}`, {
      hint: "Debian's packages come from the host's own apt mirror: see that `apt-get update` works, and that the package debian-archive-keyring is installed.",
      cause: error,
    });
  }
}

async function rootCommand({ sudoPrefix, signal }: AptRootOptions): Promise<readonly [string, ...string[]]> {
  if (getuid?.() === 0) return ["mmdebstrap", "--mode=root"];
  if (await hasUserNamespaces(signal)) return ["mmdebstrap", "--mode=unshare"];
  const [program, ...args] = sudoPrefix;
  if (program !== undefined) return [program, ...args, "mmdebstrap", "--mode=root"];
  throw new ObError("UNSUPPORTED", "Debian cannot be installed by this user without user namespaces.", {
    hint: "Run it as root, or enable them: install the package uidmap, a line for this user in /etc/subuid and /etc/subgid, and kernel.unprivileged_userns_clone=1 where that setting exists.",
  });
}

async function hasUserNamespaces(signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await run(["unshare", "--user", "--map-root-user", "--mount", "true"], { signal });
    await run(["sh", "-c", 'command -v newuidmap && grep -q "^$(id -un):" /etc/subuid'], { signal });
    return true;
  } catch (error) {
    if (isObError(error, "TOOL_FAILED", "MISSING_TOOL")) return false;
    throw error;
  }
}

const indexFormat = "$(LABEL)|$(REPO_URI)|$(CODENAME)";

/** See `debianMirrors`; runs the host's apt. */
export async function hostMirrors(
  suite: string,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  return debianMirrors(await indexTargets(signal), suite);
}

/** The host's package sources, one line each in `indexFormat`; empty on a host without apt. */
async function indexTargets(signal: AbortSignal | undefined): Promise<string> {
  try {
    const { stdout } = await run(
      ["apt-get", "indextargets", "--format", indexFormat, "Created-By: Packages"],
      { signal },
    );
    return stdout;
  } catch (error) {
    if (isObError(error, "TOOL_FAILED", "MISSING_TOOL")) return "";
    throw error;
  }
}

/**
 * The host's Debian mirrors as lines of a `sources.list` for `suite`. They are known to be reachable from this host,
 * unlike the public mirrors. Empty if the host is not a Debian; mmdebstrap then uses its defaults.
 */
export function debianMirrors(targets: string, suite: string): readonly string[] {
  const rows = targets.split("\n").map((line) => line.split("|"));
  const uriOf = (label: string): string | undefined => rows.find((row) => row[0] === label)?.[1];
  const main = uriOf("Debian");
  if (main === undefined) return [];
  const security = uriOf("Debian-Security");
  return [
    `deb ${main} ${suite} main`,
    `deb ${main} ${suite}-updates main`,
    ...(security === undefined ? [] : [`deb ${security} ${suite}-security main`]),
  ];
}
