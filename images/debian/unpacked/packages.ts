/** The image's packages in addition to Debian's essential packages. */
export const packages = [
  "?essential",
  "apt",
  "busybox-static",
  "e2fsprogs",
  "kmod",
  "mount",
  "openssh-server",
  "procps",
  "sudo",
  "xz-utils",
  "zstd",
] as const;

export { dpkgOptions, excludePaths, guestModules } from "../packages.ts";
