/** Architectures with a machine, by Debian's names, which are those of `--qemu-guest-arch`. */
export const guestArchNames = ["amd64", "arm64", "armhf", "i386", "ppc64el", "riscv64", "s390x"] as const;
export type GuestArch = (typeof guestArchNames)[number];

/** The names of an architecture besides Debian's. */
export interface ArchNames {
  /** What `uname -m` prints, the usual one first. */
  readonly uname: readonly [string, ...string[]];
  /** The platform of an OCI image: Go's `GOARCH`, with the variant where the architecture alone is ambiguous. */
  readonly oci: OciArch;
  /** Node.js' `process.arch`. */
  readonly node: NodeJS.Architecture;
}

export interface OciArch {
  readonly architecture: string;
  readonly variant?: string;
}

export const archNames: Readonly<Record<GuestArch, ArchNames>> = {
  amd64: { uname: ["x86_64"], oci: { architecture: "amd64" }, node: "x64" },
  arm64: { uname: ["aarch64"], oci: { architecture: "arm64" }, node: "arm64" },
  // armv8l: the same programs on a 64-bit kernel.
  armhf: { uname: ["armv7l", "armv8l"], oci: { architecture: "arm", variant: "v7" }, node: "arm" },
  i386: { uname: ["i686", "i586", "i486"], oci: { architecture: "386" }, node: "ia32" },
  ppc64el: { uname: ["ppc64le"], oci: { architecture: "ppc64le" }, node: "ppc64" },
  riscv64: { uname: ["riscv64"], oci: { architecture: "riscv64" }, node: "riscv64" },
  s390x: { uname: ["s390x"], oci: { architecture: "s390x" }, node: "s390x" },
};

/** The architecture that Debian, OCI or `uname -m` calls by this name; undefined if there is no machine for it. */
export function guestArchOf(name: string): GuestArch | undefined {
  return guestArchNames.find((arch) => {
    const { uname, oci } = archNames[arch];
    return arch === name || oci.architecture === name || uname.includes(name);
  });
}

/** The architecture of guests that this host can run without emulation, if QEMU has an accelerator here. */
export function hostGuestArch(host: NodeJS.Architecture = process.arch): GuestArch | undefined {
  return guestArchNames.find((arch) => archNames[arch].node === host);
}
