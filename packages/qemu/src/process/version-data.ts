/** A version of QEMU. Without a patch level its first release is meant. */
export interface QemuRelease {
  readonly major: number;
  readonly minor: number;
  readonly patch?: number;
}

/** Releases from one on, up to but without another; without `before` all later ones. */
export interface QemuReleases {
  readonly from: QemuRelease;
  readonly before?: QemuRelease;
}

/** The oldest QEMU that VMs are started with: that of Debian 12, and the first with `-netdev stream`, which passt needs. */
export const oldestAccepted: QemuRelease = { major: 7, minor: 2 };

/**
 * QEMUs that save when a RISC-V timer is due. With others, what sleeps in a resumed guest may never wake up. QEMU 10.2 was the
 * first; Debian 13's 10.0.13 has it, too, and 10.1 is not known to.
 */
export const savesRiscvTimers: readonly QemuReleases[] = [
  { from: { major: 10, minor: 0, patch: 13 }, before: { major: 10, minor: 1 } },
  { from: { major: 10, minor: 2 } },
];

/** True for that release and later ones. */
export function isAtLeast(release: QemuRelease, wanted: QemuRelease): boolean {
  return compare(release, wanted) >= 0;
}

/** True if one of the ranges has the release. */
export function isAmong(release: QemuRelease, ranges: readonly QemuReleases[]): boolean {
  return ranges.some(
    ({ from, before }) => isAtLeast(release, from) && !(before && isAtLeast(release, before)),
  );
}

function compare(one: QemuRelease, other: QemuRelease): number {
  return one.major - other.major || one.minor - other.minor || (one.patch ?? 0) - (other.patch ?? 0);
}
