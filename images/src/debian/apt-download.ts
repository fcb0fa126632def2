import { access, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isObError, ObError, run } from "@ob/core";
import { hostMirrors } from "./apt-root.ts";
import { withPhase, type OnImageEvent } from "../build/phases.ts";

export interface AptDownloadOptions {
  readonly suite: string;
  /** Debian's name of the architecture; the host need not support it. */
  readonly architecture: string;
  /** Names of packages, or apt's patterns such as `?essential`. Their dependencies are included. */
  readonly packages: readonly string[];
  /** Names of additional packages. Their dependencies are included. */
  readonly more: readonly string[];
  /** The kernel metapackage. Only the kernel image that it depends on is downloaded, without further dependencies. */
  readonly kernelPackage: string;
  readonly onEvent: OnImageEvent;
  readonly signal: AbortSignal | undefined;
}

export interface AptDownload {
  /** Absolute paths of all packages, sorted by name. */
  readonly packages: readonly string[];
  /** Those of `packages` that only `more` required. */
  readonly more: readonly string[];
  readonly kernel: string;
  /** Lines of a `sources.list` for the guest. */
  readonly sources: readonly string[];
}

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * Downloads Debian packages of any architecture with the host's apt, with separate lists, status and cache in
 * `directory`. The packages come from the host's mirror; apt verifies them with Debian's keys.
 *
 * @param directory absolute path of an empty directory.
 * @throws ObError `MISSING_TOOL`, `TOOL_FAILED` with apt's last lines, `UNSUPPORTED` on a host without a Debian
 *   mirror, `NO_SPACE`, `CANCELLED`.
 */
export async function downloadPackages(directory: string, options: AptDownloadOptions): Promise<AptDownload> {
  const { signal, onEvent, kernelPackage } = options;
  const mirrors = await hostMirrors(options.suite, signal);
  if (mirrors.length === 0) {
    throw new ObError("UNSUPPORTED", "The host's apt has no Debian mirror.", {
      hint: "This image can be made on Debian. On another host, copy it from one: base-image/NAME.* of a store.",
    });
  }
  const apt = await configure(directory, options);
  const sources = await withPhase("Load the lists of Debian's packages", { onEvent }, () =>
    update(apt, { mirrors, suite: options.suite, signal }),
  );
  const [packages, kernel] = [join(directory, "packages"), join(directory, "kernel")];
  const base = await withPhase("Download the packages from the host's apt mirror", { onEvent }, async () => {
    await Promise.all([mkdir(join(packages, "partial"), { recursive: true }), mkdir(kernel)]);
    const only = ["--quiet", "--yes", "--download-only", "--no-install-recommends"];
    await run(["apt-get", ...only, "install", ...options.packages], { env: apt.env, signal });
    const debs = await debsIn(packages);
    if (options.more.length > 0) {
      await run(["apt-get", ...only, "install", ...options.packages, ...options.more], {
        env: apt.env,
        signal,
      });
    }
    const { stdout } = await run(["apt-cache", "show", "--no-all-versions", kernelPackage], {
      env: apt.env,
      signal,
    });
    const name = /^Depends: (linux-image-[^ ,]+)/m.exec(stdout)?.[1] ?? kernelPackage;
    await run(["apt-get", "--quiet", "download", name], { env: apt.env, cwd: kernel, signal });
    return debs;
  });
  const [image] = await debsIn(kernel);
  if (image === undefined) throw new ObError("TOOL_FAILED", `apt-get did not download ${kernelPackage}.`);
  const all = await debsIn(packages);
  return { packages: all, more: all.filter((deb) => !base.includes(deb)), kernel: image, sources };
}

interface Apt {
  readonly env: Readonly<Record<string, string>>;
  /** Absolute path of its `sources.list`. */
  readonly sourceList: string;
  /** Absolute path of the directory of its package lists. */
  readonly lists: string;
  /** Options of each line of the `sources.list`. */
  readonly lineOptions: string;
}

async function configure(
  directory: string,
  { architecture }: Pick<AptDownloadOptions, "architecture">,
): Promise<Apt> {
  const at = (name: string): string => join(directory, name);
  await mkdir(at("lists/partial"), { recursive: true });
  await writeFile(at("status"), "");
  const settings: readonly (readonly [key: string, value: string])[] = [
    ["APT::Architecture", architecture],
    ["APT::Architectures::", architecture],
    // The directory belongs to the current user, and apt's own user cannot enter it.
    ["APT::Sandbox::User", ""],
    ["Acquire::Languages", "none"],
    ["Dir::State", directory],
    ["Dir::State::lists", at("lists/")],
    ["Dir::State::status", at("status")],
    ["Dir::Cache", directory],
    ["Dir::Cache::archives", at("packages/")],
    ["Dir::Etc::sourcelist", at("sources.list")],
    ["Dir::Etc::sourceparts", "-"],
    ["Dir::Etc::preferencesparts", "-"],
  ];
  const lines = settings.map(([key, value]) => `${key} ${JSON.stringify(value)};\n`);
  // Without this, the architectures of the host's configuration would remain in the list.
  await writeFile(at("apt.conf"), ["#clear APT::Architectures;\n", ...lines].join(""));
  const known = await access(keyring).then(
    () => true,
    () => false,
  );
  return {
    env: { APT_CONFIG: at("apt.conf"), LC_ALL: "C" },
    sourceList: at("sources.list"),
    lists: at("lists"),
    lineOptions: `[arch=${architecture}${known ? ` signed-by=${keyring}` : ""}]`,
  };
}

/** Alternative names of a release on a mirror, the youngest release first. */
const aliases = ["stable", "oldstable"];

interface UpdateOptions {
  readonly mirrors: readonly string[];
  readonly suite: string;
  readonly signal: AbortSignal | undefined;
}

/** Loads the lists of as many mirrors as possible. @returns the lines of the guest's `sources.list`. */
async function update(apt: Apt, { mirrors, suite, signal }: UpdateOptions): Promise<readonly string[]> {
  const load = async (lines: readonly string[]): Promise<void> => {
    const text = lines.map((line) => `${line.replace(/^deb /, `deb ${apt.lineOptions} `)}\n`).join("");
    await writeFile(apt.sourceList, text);
    await run(["apt-get", "--quiet", "--error-on=any", "update"], { env: apt.env, signal });
  };
  // During its own update a mirror lacks the newest suites first; the main suite alone is a complete Debian. A cache
  // in front of a mirror can serve lists that do not match its signed release, but rarely under both names.
  const [release = ""] = mirrors;
  const ways: readonly (() => Promise<void>)[] = [
    () => load(mirrors),
    () => load([release]),
    ...aliases.map((alias) => async () => {
      await load([release.replace(` ${suite} `, ` ${alias} `)]);
      await assertCodename(apt, suite);
    }),
  ];
  let first: unknown;
  for (const way of ways) {
    try {
      await way();
      return mirrors;
    } catch (error) {
      if (!isObError(error, "TOOL_FAILED")) throw error;
      first ??= error;
    }
  }
  throw first;
}

/** An alias moves to the next release some day. */
async function assertCodename({ lists }: Apt, suite: string): Promise<void> {
  const releases = (await readdir(lists)).filter((name) => name.endsWith("Release"));
  for (const name of releases) {
    const codename = /^Codename: (.*)$/m.exec(await readFile(join(lists, name), "utf8"))?.[1];
    if (codename !== suite) throw new ObError("TOOL_FAILED", `The mirror has ${codename}, not ${suite}.`);
  }
}

async function debsIn(directory: string): Promise<readonly string[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".deb"));
  return names.toSorted().map((name) => join(directory, name));
}
