import { randomBytes } from "node:crypto";
import type { GuestFile } from "@ob/images/toolkit";
import { guestFiles, type GuestFilesOptions, guestLinks, readGuest } from "./guest-files.ts";
import type { Release } from "./releases.ts";
import * as scripts from "./scripts.generated.ts";

/** The differences between images by the guest's init. */
export interface Init {
  /** What an image's name has after the architecture. */
  readonly suffix: string;
  readonly summary: string;
  /** In addition to what every image has. */
  readonly additions?: {
    readonly packages: readonly string[];
    /** Modules that the kernel loads on demand. */
    readonly modules: readonly string[];
  };
  /** Words of the kernel's command line. */
  readonly commandLine: readonly string[];
  files(options: GuestFilesOptions): Promise<readonly GuestFile[]>;
  /** Symbolic links: path and target. */
  readonly links: readonly (readonly [path: string, target: string])[];
  /** Files that differ between images of one recipe. */
  uniqueFiles(): readonly GuestFile[];
  /** As `Recipe.expectations`, after those of every Debian image. */
  readonly expectations: string;
}

/** The release's packages for an image with this init. */
export function packagesOf(release: Release, { additions }: Init): readonly string[] {
  if (!additions) return release.packages;
  // Debian's own replacements for parts of systemd conflict with it.
  const others = release.packages.filter((name) => !name.startsWith("systemd-standalone-"));
  return [...others, ...additions.packages];
}

export const busyboxInit: Init = {
  suffix: "",
  summary: "with apt and busybox as its init; boots quickly",
  commandLine: [],
  files: guestFiles,
  links: guestLinks,
  uniqueFiles: () => [],
  expectations: "",
};

const home = "usr/local/lib/obuilder";
const units = "etc/systemd/system";

/** Files in `guest/`, with their paths in the guest. */
const sources = [
  { source: "grow-root", path: `${home}/grow-root`, mode: 0o755 },
  { source: "root-shell", path: `${home}/root-shell`, mode: 0o755 },
  { source: "systemd/sshd_config", path: "etc/ssh/sshd_config.d/obuilder.conf", mode: 0o644 },
  { source: "systemd/tmpfiles.conf", path: "etc/tmpfiles.d/tmp.conf", mode: 0o644 },
  { source: "systemd/obuilder-ready.service", path: `${units}/obuilder-ready.service`, mode: 0o644 },
  {
    source: "systemd/obuilder-root-shell.service",
    path: `${units}/obuilder-root-shell.service`,
    mode: 0o644,
  },
  { source: "systemd/obuilder-grow-root.service", path: `${units}/obuilder-grow-root.service`, mode: 0o644 },
] as const;

/**
 * Units that a cloud image starts by the clock: they would change the disk while a step runs, or hold dpkg's lock. In
 * Debian 13 `tmp.mount` keeps /tmp in memory, so that a layer would not have what a step wrote there.
 */
const masked = [
  ...["apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer"],
  ...["e2scrub_reap.service", "fstrim.timer", "logrotate.timer", "man-db.timer", "tmp.mount"],
];

/** Says that all that a boot of this systemd does is known, so that a guest can be reused without one. */
const reuseMarker: GuestFile = { path: `${home}/systemd`, contents: "", mode: 0o644 };

/** Has the boot start the service manager of the login user, which else each first login would wait for. */
const lingering = (user: string): GuestFile => ({
  path: `var/lib/systemd/linger/${user}`,
  contents: "",
  mode: 0o644,
});

/** As in a cloud image: systemd as init, udev, journald, D-Bus, cron, sessions by logind, and sshd by its unit. */
export const systemdInit: Init = {
  suffix: "-systemd",
  summary: "with apt and systemd, udev, journald and cron, as in a cloud image",
  additions: {
    packages: ["systemd", "systemd-sysv", "libpam-systemd", "udev", "dbus", "cron", "logrotate"],
    modules: ["autofs4"],
  },
  // The initrd has configured the network card by this name. The packages have done what systemd would do at the first boot, and
  // only then: a later boot would show other units than the first.
  commandLine: ["net.ifnames=0", "systemd.condition-needs-update=no"],
  files: async (options) => {
    // Not those of the other init: its scripts, and policy-rc.d, without which packages start their daemons.
    const kept = (await guestFiles(options)).filter(({ path }) => keptFiles.test(path));
    const own = sources.map(async ({ source, path, mode }) => ({
      path,
      mode,
      contents: await readGuest(source),
    }));
    return [...kept, ...(await Promise.all(own)), reuseMarker, lingering(options.user)];
  },
  links: [
    [`${home}/init`, "/usr/lib/systemd/systemd"],
    ["etc/mtab", "/proc/self/mounts"],
    [`${units}/default.target.wants/obuilder-ready.service`, `/${units}/obuilder-ready.service`],
    [`${units}/multi-user.target.wants/obuilder-root-shell.service`, `/${units}/obuilder-root-shell.service`],
    [`${units}/local-fs.target.wants/obuilder-grow-root.service`, `/${units}/obuilder-grow-root.service`],
    ...masked.map((unit) => [`${units}/${unit}`, "/dev/null"] as const),
  ],
  // Without it, each guest would be at its first boot: it would make one, and enable all units anew.
  uniqueFiles: () => [
    { path: "etc/machine-id", contents: `${randomBytes(16).toString("hex")}\n`, mode: 0o444 },
  ],
  expectations: `${scripts.systemdExpectations}\n`,
};

const keptFiles =
  /^etc\/(?:hostname|hosts|resolv\.conf|fstab|sudoers\.d\/.*|ssh\/sshd_config\.d\/release\.conf)$/;
